/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpu_internal.h - between the files that judge a processor.
 *
 * cpu_judge.c asks what CPUID shows of any processor; cpu_intel.c and cpu_amd.c have the rules of
 * VT-x and EPT, of SVM and NPT; cpu_differences.c compares the logical processors.
 */
#ifndef KVMTUNE_CPU_INTERNAL_H
#define KVMTUNE_CPU_INTERNAL_H

#include <kvmtune/cpu.h>

/* Lines of /proc/cpuinfo, and how they are named as sources. */
#define FLAGS		  "flags"
#define VMX_FLAGS	  "vmx flags"
#define CPUINFO_FLAGS	  "/proc/cpuinfo flags"
#define CPUINFO_VMX_FLAGS "/proc/cpuinfo vmx flags"

static inline bool bit(uint64_t value, unsigned n)
{
	return value >> n & 1;
}

static inline enum tri tri_of(bool value)
{
	return value ? YES : NO;
}

/* With no registers where none are known. */
const struct cpuid_cpu *cpu_first(const struct cpu_evidence *e);

static inline enum tri cap_value(const struct cpu_judgement *j, enum cpu_cap_id id)
{
	return j->caps[id].value;
}

/* A better source adds itself where it agrees; what it overrules is no evidence any more. */
void cap_set(struct cpu_judgement *j, enum cpu_cap_id id, enum tri value, const char *source);
/* By one bit of CPUID, or by a word of /proc/cpuinfo; by neither where it is not known. */
void cap_set_by_cpuid(struct cpu_judgement *j, const struct cpu_evidence *e, enum cpu_cap_id id,
		      uint32_t leaf, enum cpuid_register reg, unsigned n, const char *source);
void cap_set_by_info(struct cpu_judgement *j, const struct cpu_evidence *e, enum cpu_cap_id id,
		     const char *key, const char *word, bool absence_proves);
/* The same as another capability that this one rests on, for the same reasons. */
void cap_follow(struct cpu_judgement *j, enum cpu_cap_id id, enum cpu_cap_id other);
/* A further sentence, in place of an earlier one. */
void cap_explain(struct cpu_judgement *j, enum cpu_cap_id id, const char *fmt, ...) PRINTF(3, 4);

/* All that rests on VT-x, on SVM; whether these are there is known by then. */
void cpu_judge_intel(const struct cpu_evidence *e, struct cpu_judgement *j);
void cpu_judge_amd(const struct cpu_evidence *e, struct cpu_judgement *j);

/* What the logical processors do not have in common, a sentence each; appended. */
void cpu_find_differences(const struct cpu_evidence *e, struct strv *ret);

#endif
