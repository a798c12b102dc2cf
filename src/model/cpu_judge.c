// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpu_judge.c - what a processor can do for KVM, from the evidence that there is: the way through
 * the evidence, and what is the same on all processors.
 *
 * Each source may only add what it really proves: see the notes at each. When EPT is there and
 * usable is in cpu_intel.c, NPT in cpu_amd.c.
 */
#include "cpu_internal.h"

#include <stdarg.h>
#include <string.h>

/* CPUID leaves. */
#define FEATURES     1
#define EXT_FEATURES 0x80000001u

const struct cpu_cap_name cpu_cap_names[CAP_COUNT] = {
	[CAP_HYPERVISOR] = { "hypervisor", "Runs under a hypervisor", true, true },
	[CAP_VMX] = { "vmx", "VT-x (VMX)", true, false },
	[CAP_VMX_ENABLED] = { "vmx-enabled", "VT-x enabled", true, false },
	[CAP_EPT] = { "ept", "Extended page tables (EPT)", true, false },
	[CAP_EPT_USABLE] = { "ept-usable", "EPT usable by KVM", true, false },
	[CAP_EPT_WALK_4] = { "ept-4level", "4-level EPT", true, false },
	[CAP_EPT_WALK_5] = { "ept-5level", "5-level EPT", true, false },
	[CAP_EPT_WB] = { "ept-wb", "Write-back EPT structures", true, false },
	[CAP_EPT_2MB] = { "ept-2mb", "2 MiB pages in EPT", true, false },
	[CAP_EPT_1GB] = { "ept-1gb", "1 GiB pages in EPT", true, false },
	[CAP_EPT_AD] = { "ept-ad", "EPT accessed and dirty bits", true, false },
	[CAP_EPT_EXECUTE_ONLY] = { "ept-execute-only", "Execute-only pages in EPT", true, false },
	[CAP_EPT_MODE_BASED_EXEC] = { "ept-mode-based-exec", "Mode-based execute control", true,
				      false },
	[CAP_INVEPT] = { "invept", "INVEPT", true, false },
	[CAP_INVEPT_SINGLE] = { "invept-single", "INVEPT single-context", true, false },
	[CAP_INVEPT_GLOBAL] = { "invept-global", "INVEPT all-context", true, false },
	[CAP_VPID] = { "vpid", "Virtual processor IDs (VPID)", true, false },
	[CAP_UNRESTRICTED_GUEST] = { "unrestricted-guest", "Unrestricted guest", true, false },
	[CAP_PML] = { "pml", "Page-modification logging (PML)", true, false },
	[CAP_PAUSE_LOOP_EXITING] = { "pause-loop-exiting", "PAUSE-loop exiting", true, false },
	[CAP_APICV] = { "apicv", "APIC virtualization (APICv)", true, false },
	[CAP_SHADOW_VMCS] = { "shadow-vmcs", "Shadow VMCS", true, false },
	[CAP_SVM] = { "svm", "AMD-V (SVM)", false, true },
	[CAP_SVM_ENABLED] = { "svm-enabled", "AMD-V enabled", false, true },
	[CAP_NPT] = { "npt", "Nested page tables (NPT)", false, true },
	[CAP_NPT_USABLE] = { "npt-usable", "NPT usable by KVM", false, true },
	[CAP_NRIPS] = { "nrips", "Next RIP saved (NRIPS)", false, true },
	[CAP_AVIC] = { "avic", "Virtual interrupts (AVIC)", false, true },
	[CAP_VGIF] = { "vgif", "Virtual interrupt flag (VGIF)", false, true },
};

enum cpu_cap_id cpu_cap_find(const char *name)
{
	enum cpu_cap_id id = 0;

	while (id < CAP_COUNT && strcmp(cpu_cap_names[id].name, name) != 0)
		id++;
	return id;
}

/* ---- the value of a capability, and why ---- */

void cap_set(struct cpu_judgement *j, enum cpu_cap_id id, enum tri value, const char *source)
{
	struct cpu_cap *c = &j->caps[id];

	if (c->value != value) {
		strv_free(&c->source);
		free(c->why);
		c->why = NULL;
	}
	c->value = value;
	if (!strv_has(&c->source, source))
		strv_add(&c->source, source);
}

void cap_explain(struct cpu_judgement *j, enum cpu_cap_id id, const char *fmt, ...)
{
	struct buf why = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&why, fmt, ap);
	va_end(ap);
	free(j->caps[id].why);
	j->caps[id].why = buf_steal(&why);
}

void cap_follow(struct cpu_judgement *j, enum cpu_cap_id id, enum cpu_cap_id other)
{
	const char *source;

	strv_foreach (source, &j->caps[other].source)
		cap_set(j, id, cap_value(j, other), source);
}

void cap_set_by_info(struct cpu_judgement *j, const struct cpu_evidence *e, enum cpu_cap_id id,
		     const char *key, const char *word, bool absence_proves)
{
	enum tri has = cpu_info_has(e->cpuinfo, key, word);

	if (has == YES || (has == NO && absence_proves))
		cap_set(j, id, has, strcmp(key, FLAGS) == 0 ? CPUINFO_FLAGS : CPUINFO_VMX_FLAGS);
}

/* ---- what CPUID shows ---- */

const struct cpuid_cpu *cpu_first(const struct cpu_evidence *e)
{
	static const struct cpuid_cpu none;

	return e->cpuid.count ? &e->cpuid.cpus[0] : &none;
}

void cap_set_by_cpuid(struct cpu_judgement *j, const struct cpu_evidence *e, enum cpu_cap_id id,
		      uint32_t leaf, enum cpuid_register reg, unsigned n, const char *source)
{
	enum tri value = cpuid_bit(cpu_first(e), leaf, reg, n);

	if (value != UNKNOWN)
		cap_set(j, id, value, source);
}

static void identify(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	const struct cpuid_cpu *c = cpu_first(e);
	struct cpu_id *id = &j->id;

	cpuid_vendor(c, id->vendor, sizeof(id->vendor));
	cpuid_brand(c, id->brand, sizeof(id->brand));
	cpuid_hypervisor(c, id->hypervisor_name, sizeof(id->hypervisor_name));
	cpuid_signature(c, &id->family, &id->model, &id->stepping);
	cap_set_by_cpuid(j, e, CAP_HYPERVISOR, FEATURES, ECX, 31, "CPUID 1 ECX[31]");
	if (cap_value(j, CAP_HYPERVISOR) == UNKNOWN)
		cap_set_by_info(j, e, CAP_HYPERVISOR, FLAGS, "hypervisor", true);
}

bool cpu_is_amd(const struct cpu_id *id)
{
	return strcmp(id->vendor, "AuthenticAMD") == 0 || strcmp(id->vendor, "HygonGenuine") == 0;
}

/* Old processors have no extended leaves, nor do dumps of them; SVM began with AMD's family 15. */
static bool is_too_old_for_svm(const struct cpu_evidence *e, const struct cpu_id *id)
{
	uint32_t r[CPUID_REGISTERS];

	if (!*id->vendor || cpuid_get(cpu_first(e), 0x80000000, 0, r))
		return false;
	return id->family < 15 || !cpu_is_amd(id);
}

static void judge_presence(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	enum cpu_cap_id own;

	cap_set_by_cpuid(j, e, CAP_VMX, FEATURES, ECX, 5, "CPUID 1 ECX[5]");
	cap_set_by_cpuid(j, e, CAP_SVM, EXT_FEATURES, ECX, 2, "CPUID 80000001h ECX[2]");
	if (cap_value(j, CAP_SVM) == UNKNOWN && is_too_old_for_svm(e, &j->id))
		cap_set(j, CAP_SVM, NO, "CPUID 0");
	/* The kernel takes away what the firmware switched off: that a word is not there proves nothing. */
	if (cap_value(j, CAP_VMX) == UNKNOWN)
		cap_set_by_info(j, e, CAP_VMX, FLAGS, "vmx", false);
	if (cap_value(j, CAP_SVM) == UNKNOWN)
		cap_set_by_info(j, e, CAP_SVM, FLAGS, "svm", false);
	/* The modules do not load without. */
	if (e->vmx_module_loaded)
		cap_set(j, CAP_VMX, YES, "/sys/module/kvm_intel");
	if (e->svm_module_loaded)
		cap_set(j, CAP_SVM, YES, "/sys/module/kvm_amd");
	own = cpu_is_amd(&j->id) ? CAP_SVM : CAP_VMX;
	if (cap_value(j, own) == NO && cap_value(j, CAP_HYPERVISOR) == YES)
		cap_explain(j, own, "the hypervisor that this runs under does not pass it on");
	j->id.vmx = cap_value(j, CAP_VMX);
	j->id.svm = cap_value(j, CAP_SVM);
	j->id.hypervisor = cap_value(j, CAP_HYPERVISOR);
}

/* ---- all ---- */

void cpu_judge(const struct cpu_evidence *e, struct cpu_judgement *ret)
{
	struct cpu_judgement j = { .cpu_count = e->cpuid.count };

	for (enum cpu_cap_id id = 0; id < CAP_COUNT; id++)
		j.caps[id].value = UNKNOWN;
	identify(e, &j);
	judge_presence(e, &j);
	cpu_judge_intel(e, &j);
	cpu_judge_amd(e, &j);
	cpu_find_differences(e, &j.differences);
	*ret = j;
}

void cpu_judgement_free(struct cpu_judgement *j)
{
	for (enum cpu_cap_id id = 0; id < CAP_COUNT; id++) {
		strv_free(&j->caps[id].source);
		free(j->caps[id].why);
	}
	strv_free(&j->differences);
	*j = (struct cpu_judgement){ 0 };
}
