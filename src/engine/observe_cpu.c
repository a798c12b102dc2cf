// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_cpu.c - VT-x and EPT, SVM and NPT, by all that can be asked quickly and without changing
 * anything.
 *
 * What a source proves is said in src/model/cpu_intel.c and cpu_amd.c; here is which sources are
 * asked, and which of them is believed where they differ: a later one is the better one, and the
 * parameter of the loaded module is the final truth when it reads Y.
 */
#include "observe_cpu.h"

#include <kvmtune/port.h>

#include <string.h>

#define CPUINFO "/proc/cpuinfo"

static void set_fact(struct fact *f, enum tri value, const char *source)
{
	/* What the better source overrules is no evidence any more. */
	if (f->value != value)
		strv_free(&f->source);
	f->value = value;
	strv_add(&f->source, source);
}

/* Y proves all; N proves nothing: it may be what was asked for. */
static void paging_by_module(const struct kvm_module *module, enum tri now, struct module_facts *m)
{
	autofree char *source = NULL;

	if (now != YES)
		return;
	source = xasprintf("/sys/module/%s/parameters/%s", module->name, module->param);
	set_fact(&m->paging, YES, source);
	set_fact(&m->usable, YES, source);
	if (m->enabled.value != YES)
		set_fact(&m->enabled, YES, source);
}

/* A loaded module is proof that VT-x (SVM) can be used; it does not load without. */
static void enabled_by_module(const struct kvm_module *module, struct module_facts *m)
{
	autofree char *source = xasprintf("/sys/module/%s", module->name);

	if (m->state != MODULE_STATE_LOADED)
		return;
	if (m->virt.value != YES)
		set_fact(&m->virt, YES, source);
	if (m->enabled.value != YES)
		set_fact(&m->enabled, YES, source);
}

/* Where a source knows: without EPT (NPT) there is none to use. */
static void set_paging(struct module_facts *m, enum tri paging, const char *source)
{
	if (paging == UNKNOWN)
		return;
	set_fact(&m->paging, paging, source);
	if (paging == NO)
		set_fact(&m->usable, NO, source);
}

static void observe_intel(const struct cpu_evidence *e, struct module_facts *m)
{
	enum tri enabled = m->virt.value == YES ? cpu_vmx_enabled_by_info(e) : UNKNOWN;
	enum tri usable = cpu_ept_by_msr(e) == YES ? cpu_ept_usable_by_msr(e) : UNKNOWN;

	if (enabled != UNKNOWN)
		set_fact(&m->enabled, enabled, CPUINFO);
	/* What the firmware allows is still up to the kernel. */
	if (cpu_vmx_enabled_by_msr(e) == NO)
		set_fact(&m->enabled, NO, "MSR 3Ah");
	/* Where VT-x is off, the kernel shows no word of it. */
	if (m->enabled.value != NO)
		set_paging(m, cpu_ept_by_info(e), CPUINFO);
	set_paging(m, cpu_ept_by_msr(e), "MSR 48Bh");
	if (usable != UNKNOWN)
		set_fact(&m->usable, usable, "MSR 48Ch");
}

static void observe_amd(const struct cpu_evidence *e, struct module_facts *m)
{
	bool svm = m->virt.value == YES;
	enum tri npt = cpu_npt_by_info(e);

	if (svm && cpu_svm_enabled_by_info(e) == NO)
		set_fact(&m->enabled, NO, CPUINFO);
	else if (svm && cpu_svm_enabled_by_msr(e) != UNKNOWN)
		set_fact(&m->enabled, cpu_svm_enabled_by_msr(e), "MSR C0010114h");
	if (m->enabled.value == NO)
		return;
	set_paging(m, npt, CPUINFO);
	/* KVM uses it wherever it is. */
	if (npt == YES)
		set_fact(&m->usable, YES, CPUINFO);
}

#define KERNEL_LOG "kernel log"

/* A register says so, or the kernel, which has looked at it. */
static bool said_of_firmware(const struct module_facts *m)
{
	const char *source;

	strv_foreach (source, &m->enabled.source)
		if (starts_with(source, "MSR ") || strcmp(source, KERNEL_LOG) == 0)
			return true;
	return false;
}

/* Not where a register says it already: the log may be long. */
static void ask_kernel_log(struct ports *p, const struct host *h, enum virt_kind kind,
			   struct module_facts *m)
{
	autobuf log = { 0 };

	if (m->enabled.value != NO || said_of_firmware(m) || !h->root ||
	    p->system.kernel_log(p, &log) < 0)
		return;
	if (cpu_log_blames_firmware(buf_text(&log), kind == VIRT_SVM))
		set_fact(&m->enabled, NO, KERNEL_LOG);
}

/* Is there nothing that was not looked at, and could be the cause as well? */
static bool no_other_cause(const struct host *h, const struct kvm_module *module,
			   const struct module_facts *m)
{
	return h->kernel_words && (module->kind != VIRT_VMX || m->state != MODULE_STATE_UNKNOWN);
}

/* The firmware is blamed where a register or the log says so, or where no other cause is left. */
static enum virt_off find_off_by(const struct host *h, const struct kvm_module *module,
				 const struct module_facts *m)
{
	/* By name, and by number: word * 32 + bit (arch/x86/include/asm/cpufeatures.h). */
	static const char *const vmx[] = { "vmx", "133" }, *const svm[] = { "svm", "194" };

	if (h->xen)
		return VIRT_OFF_XEN;
	/* A kernel without kvm_intel locks the register itself (feat_ctl.c). */
	if (m->state == MODULE_STATE_ABSENT && module->kind == VIRT_VMX)
		return VIRT_OFF_NO_MODULE;
	if (said_of_firmware(m))
		return VIRT_OFF_FIRMWARE;
	if (h->kernel_words && modconf_kernel_list_has(h->kernel_words, "clearcpuid",
						       module->kind == VIRT_SVM ? svm : vmx, 2))
		return VIRT_OFF_CLEARCPUID;
	if (h->cpu.hypervisor == YES)
		return VIRT_OFF_HYPERVISOR;
	return no_other_cause(h, module, m) ? VIRT_OFF_FIRMWARE : VIRT_OFF_UNKNOWN;
}

/* Whatever the registers have: without VT-x (SVM) the module does not load. */
static void usable_by_enabled(struct module_facts *m)
{
	const char *source;

	if (m->enabled.value != NO)
		return;
	strv_free(&m->usable.source);
	strv_foreach (source, &m->enabled.source)
		set_fact(&m->usable, NO, source);
}

static void nothing_there(struct module_facts *m)
{
	set_fact(&m->enabled, NO, "CPUID");
	set_fact(&m->paging, NO, "CPUID");
	set_fact(&m->usable, NO, "CPUID");
}

void observe_hardware(struct ports *p, struct host *h, enum module_id id, struct module_facts *m)
{
	const struct kvm_module *module = &kvm_modules[id];
	enum tri virt = cpu_virt(&h->cpu, module->kind);
	struct cpu_evidence e;

	m->virt.value = m->enabled.value = m->paging.value = m->usable.value = UNKNOWN;
	if (p->image)
		return;
	if (virt != UNKNOWN)
		set_fact(&m->virt, virt, "CPUID");
	if (virt == NO && m->state != MODULE_STATE_LOADED) {
		nothing_there(m);
		return;
	}
	observe_brief_evidence(p, module->kind, &e);
	if (module->kind == VIRT_SVM)
		observe_amd(&e, m);
	else
		observe_intel(&e, m);
	cpu_evidence_free(&e);
	ask_kernel_log(p, h, module->kind, m);
	if (m->enabled.value == NO)
		m->off_by = find_off_by(h, module, m);
	usable_by_enabled(m);
	enabled_by_module(module, m);
	paging_by_module(module, m->of[setting_of_param(id, module->param)->id].now, m);
}
