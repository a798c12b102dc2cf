// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpu_amd.c - when SVM may be used, when NPT is there, and when KVM uses it.
 *
 * All of it is in CPUID, but for what the firmware allows: that is in one register.
 */
#include "cpu_internal.h"

#define SVM_FEATURES 0x8000000au

/* ---- what one source proves ---- */

/*
 * Linux takes svm off its flags where the firmware switched it off since 6.7 only, and kvm_amd does
 * not load without the flag, whyever it is not there. That it is there proves nothing.
 */
enum tri cpu_svm_enabled_by_info(const struct cpu_evidence *e)
{
	return cpu_info_has(e->cpuinfo, FLAGS, "svm") == NO ? NO : UNKNOWN;
}

/* svm.c:is_disabled (kvm_is_svm_supported), which decides whether kvm_amd loads, asks this bit alone. */
enum tri cpu_svm_enabled_by_msr(const struct cpu_evidence *e)
{
	uint64_t control;

	return cpu_msr(e, MSR_VM_CR, &control) ? tri_of(!bit(control, 4)) : UNKNOWN;
}

/* svm.c:svm_hardware_setup asks for the kernel's flag, which may have been taken away, and no more. */
enum tri cpu_npt_by_info(const struct cpu_evidence *e)
{
	return cpu_info_has(e->cpuinfo, FLAGS, "npt");
}

/* ---- the judgement ---- */

static void svm_enabled_by_info(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	if (cpu_svm_enabled_by_info(e) != NO)
		return;
	cap_set(j, CAP_SVM_ENABLED, NO, CPUINFO_FLAGS);
	cap_explain(j, CAP_SVM_ENABLED,
		    "the processor has AMD-V, but the kernel does not offer it: disabled in "
		    "firmware, or hidden by clearcpuid= on the kernel command line");
}

static void svm_enabled_by_msr(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	enum tri enabled = cpu_svm_enabled_by_msr(e);

	if (enabled == NO || (enabled == YES && cap_value(j, CAP_SVM_ENABLED) != NO))
		cap_set(j, CAP_SVM_ENABLED, enabled, "MSR C0010114h");
	if (enabled == NO)
		cap_explain(j, CAP_SVM_ENABLED, "disabled in firmware (MSR C0010114h)");
}

static void judge_svm_enabled(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	svm_enabled_by_info(e, j);
	svm_enabled_by_msr(e, j);
	if (e->svm_module_loaded)
		cap_set(j, CAP_SVM_ENABLED, YES, "/sys/module/kvm_amd");
	if (cap_value(j, CAP_SVM_ENABLED) == UNKNOWN)
		cap_explain(j, CAP_SVM_ENABLED, "CPUID does not show what the firmware allows");
}

static void judge_svm_features(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	static const struct {
		enum cpu_cap_id cap;
		unsigned bit;
		const char *word, *source;
	} features[] = {
		{ CAP_NPT, 0, "npt", "CPUID 8000000Ah EDX[0]" },
		{ CAP_NRIPS, 3, "nrip_save", "CPUID 8000000Ah EDX[3]" },
		{ CAP_AVIC, 13, "avic", "CPUID 8000000Ah EDX[13]" },
		{ CAP_VGIF, 16, "vgif", "CPUID 8000000Ah EDX[16]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		cap_set_by_cpuid(j, e, features[i].cap, SVM_FEATURES, EDX, features[i].bit,
				 features[i].source);
		if (cap_value(j, features[i].cap) == UNKNOWN)
			cap_set_by_info(j, e, features[i].cap, FLAGS, features[i].word, false);
	}
}

static void npt_by_module(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	static const enum cpu_cap_id proved[] = { CAP_SVM, CAP_SVM_ENABLED, CAP_NPT,
						  CAP_NPT_USABLE };

	for (size_t i = 0; e->module_npt == YES && i < ARRAY_SIZE(proved); i++)
		cap_set(j, proved[i], YES, "/sys/module/kvm_amd/parameters/npt");
}

/* By clearcpuid=npt, for example. */
static bool npt_is_hidden(const struct cpu_evidence *e)
{
	return cpu_info_has(e->cpuinfo, FLAGS, "svm") == YES && cpu_npt_by_info(e) == NO;
}

/* KVM uses NPT wherever it is, and the kernel offers it. */
static void judge_npt_usable(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	enum tri npt = cap_value(j, CAP_NPT);

	if (npt != NO && cap_value(j, CAP_SVM_ENABLED) == NO) {
		cap_follow(j, CAP_NPT_USABLE, CAP_SVM_ENABLED);
		cap_explain(j, CAP_NPT_USABLE, "AMD-V is disabled");
	} else if (npt == YES && npt_is_hidden(e)) {
		cap_set(j, CAP_NPT_USABLE, NO, CPUINFO_FLAGS);
		cap_explain(j, CAP_NPT_USABLE,
			    "the processor has NPT, but the kernel does not offer it: clearcpuid= "
			    "on its command line");
	} else if (npt != UNKNOWN) {
		cap_follow(j, CAP_NPT_USABLE, CAP_NPT);
	}
	if (npt == NO)
		cap_explain(j, CAP_NPT_USABLE, "the processor has no NPT");
	npt_by_module(e, j);
}

void cpu_judge_amd(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	uint32_t r[CPUID_REGISTERS];

	npt_by_module(e, j);
	if (cap_value(j, CAP_SVM) == NO) {
		for (enum cpu_cap_id id = CAP_SVM_ENABLED; id <= CAP_VGIF; id++)
			cap_follow(j, id, CAP_SVM);
		return;
	}
	judge_svm_enabled(e, j);
	judge_svm_features(e, j);
	judge_npt_usable(e, j);
	if (cap_value(j, CAP_SVM) == YES && cpuid_valid(cpu_first(e), SVM_FEATURES, r))
		j->asids = r[EBX];
	for (enum cpu_cap_id id = CAP_NPT; id <= CAP_VGIF; id++)
		if (cap_value(j, id) == UNKNOWN)
			cap_explain(j, id, "CPUID 8000000Ah is not known");
}
