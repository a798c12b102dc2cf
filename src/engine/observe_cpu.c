// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_cpu.c - VT-x and EPT, SVM and NPT, by all that can be asked without changing anything.
 *
 * EPT is not in CPUID. It shows in the VMX capability registers, which need the msr driver and
 * root; in /proc/cpuinfo; and in the parameter of the loaded module, which is the final truth when
 * it reads Y. AMD's NPT is a flag that the kernel shows in /proc/cpuinfo, and goes by itself. Each
 * source may only add what it really proves: see the notes at each.
 */
#include "observe_cpu.h"

#include <stdio.h>
#include <string.h>

#include <kvmtune/cpu.h>
#include <kvmtune/port.h>

#define CPUINFO "/proc/cpuinfo"

static bool bit(uint64_t value, unsigned n)
{
	return value >> n & 1;
}

static void set_fact(struct fact *f, enum tri value, const char *source)
{
	/* What the better source overrules is no evidence any more. */
	if (f->value != value)
		strv_free(&f->source);
	f->value = value;
	strv_add(&f->source, source);
}

/*
 * The kernel takes vmx off its flags where the firmware switched it off (feat_ctl.c, 5.6+). That it
 * is there proves something only of a kernel that does so: one with a line of "vmx flags".
 */
static void enabled_by_cpuinfo(const char *cpuinfo, struct module_facts *m)
{
	enum tri vmx = cpu_info_has(cpuinfo, "flags", "vmx");
	bool by_feat_ctl = cpu_info_has(cpuinfo, "vmx flags", "vnmi") != UNKNOWN;

	if (m->virt.value != YES)
		return;
	if (vmx == NO || (vmx == YES && by_feat_ctl))
		set_fact(&m->enabled, vmx, CPUINFO);
}

static void enabled_by_msr(struct ports *p, struct module_facts *m)
{
	uint64_t control;

	/* Not locked is not off: the kernel sets and locks it by itself. */
	if (p->cpu.read_msr(p, 0, MSR_FEATURE_CONTROL, &control) < 0 || !bit(control, 0))
		return;
	if (!bit(control, 1) && !bit(control, 2))
		set_fact(&m->enabled, NO, "MSR 3Ah");
}

/* The flags show ept whether KVM can use it or not; that they lack it proves that it is not there. */
static void ept_by_cpuinfo(const char *cpuinfo, struct module_facts *m)
{
	enum tri ept = cpu_info_has(cpuinfo, "vmx flags", "ept");

	if (ept == UNKNOWN)
		ept = cpu_info_has(cpuinfo, "flags", "ept");
	if (ept == UNKNOWN || m->enabled.value == NO)
		return;
	set_fact(&m->paging, ept, CPUINFO);
	if (ept == NO)
		set_fact(&m->usable, NO, CPUINFO);
}

static void ept_by_msr(struct ports *p, struct module_facts *m)
{
	uint64_t ctls, ctls2 = 0, cap = 0;
	bool ept;

	if (p->cpu.read_msr(p, 0, MSR_VMX_PROCBASED_CTLS, &ctls) < 0)
		return;
	if (bit(ctls, 63) && p->cpu.read_msr(p, 0, MSR_VMX_SECONDARY_CTLS, &ctls2) < 0)
		return;
	ept = bit(ctls2, 33);
	set_fact(&m->paging, ept ? YES : NO, "MSR 48Bh");
	if (!ept)
		set_fact(&m->usable, NO, "MSR 48Bh");
	else if (p->cpu.read_msr(p, 0, MSR_VMX_EPT_VPID_CAP, &cap) == 0)
		set_fact(&m->usable, cpu_ept_is_usable(cap) ? YES : NO, "MSR 48Ch");
}

/* Y proves all; N proves nothing: it may be what was asked for. */
static void paging_by_module(const struct module_setting *ms, struct module_facts *m)
{
	autofree char *source = NULL;

	if (m->now != YES)
		return;
	source = xasprintf("/sys/module/%s/parameters/%s", ms->module, ms->param);
	set_fact(&m->paging, YES, source);
	set_fact(&m->usable, YES, source);
	if (m->enabled.value != YES)
		set_fact(&m->enabled, YES, source);
}

/* A loaded module is proof that VT-x (SVM) can be used; it does not load without. */
static void enabled_by_module(const struct module_setting *ms, struct module_facts *m)
{
	autofree char *source = xasprintf("/sys/module/%s", ms->module);

	if (m->state != MODULE_STATE_LOADED)
		return;
	if (m->virt.value != YES)
		set_fact(&m->virt, YES, source);
	if (m->enabled.value != YES)
		set_fact(&m->enabled, YES, source);
}

static void observe_intel(struct ports *p, struct module_facts *m)
{
	autobuf cpuinfo = { 0 };

	p->file.read_head(p, CPUINFO, 16384, &cpuinfo);
	enabled_by_cpuinfo(buf_text(&cpuinfo), m);
	enabled_by_msr(p, m);
	ept_by_cpuinfo(buf_text(&cpuinfo), m);
	ept_by_msr(p, m);
}

/*
 * Linux takes svm off its flags where the firmware switched it off since 6.7 only, and kvm_amd does
 * not load without the flag, whyever it is not there. That it is there proves nothing.
 */
static void svm_by_cpuinfo(const char *cpuinfo, struct module_facts *m)
{
	if (m->virt.value == YES && cpu_info_has(cpuinfo, "flags", "svm") == NO)
		set_fact(&m->enabled, NO, CPUINFO);
}

/* svm.c:is_disabled, which decides whether kvm_amd loads, looks at this bit and no other. */
static void svm_by_msr(struct ports *p, struct module_facts *m)
{
	uint64_t vm_cr;

	if (m->virt.value != YES || m->enabled.value == NO ||
	    p->cpu.read_msr(p, 0, MSR_VM_CR, &vm_cr) < 0)
		return;
	set_fact(&m->enabled, bit(vm_cr, 4) ? NO : YES, "MSR C0010114h");
}

/* svm.c:svm_hardware_setup asks for this very flag, and for nothing else. */
static void npt_by_cpuinfo(const char *cpuinfo, struct module_facts *m)
{
	enum tri npt = cpu_info_has(cpuinfo, "flags", "npt");

	if (npt == UNKNOWN || m->enabled.value == NO)
		return;
	set_fact(&m->paging, npt, CPUINFO);
	set_fact(&m->usable, npt, CPUINFO);
}

static void observe_amd(struct ports *p, struct module_facts *m)
{
	autobuf cpuinfo = { 0 };

	p->file.read_head(p, CPUINFO, 16384, &cpuinfo);
	svm_by_cpuinfo(buf_text(&cpuinfo), m);
	svm_by_msr(p, m);
	npt_by_cpuinfo(buf_text(&cpuinfo), m);
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

void observe_hardware(struct ports *p, struct host *h, const struct module_setting *ms,
		      struct module_facts *m)
{
	enum tri virt = cpu_virt(&h->cpu, ms->kind);

	m->virt.value = m->enabled.value = m->paging.value = m->usable.value = UNKNOWN;
	if (p->image)
		return;
	if (virt != UNKNOWN)
		set_fact(&m->virt, virt, "CPUID");
	if (virt == NO && m->state != MODULE_STATE_LOADED) {
		nothing_there(m);
		return;
	}
	if (ms->kind == VIRT_SVM)
		observe_amd(p, m);
	else
		observe_intel(p, m);
	usable_by_enabled(m);
	enabled_by_module(ms, m);
	paging_by_module(ms, m);
}
