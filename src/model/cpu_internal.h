/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpu_internal.h - between the files that judge a processor.
 */
#ifndef KVMTUNE_CPU_INTERNAL_H
#define KVMTUNE_CPU_INTERNAL_H

#include <kvmtune/cpu.h>

#define CPUINFO_FLAGS	  "/proc/cpuinfo flags"
#define CPUINFO_VMX_FLAGS "/proc/cpuinfo vmx flags"

/* What the logical processors do not have in common, a sentence each; appended. */
void cpu_find_differences(const struct cpu_evidence *e, struct strv *ret);

#endif
