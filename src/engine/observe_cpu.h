/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe_cpu.h - what the processor can do for KVM, with the evidence.
 */
#ifndef KVMTUNE_OBSERVE_CPU_H
#define KVMTUNE_OBSERVE_CPU_H

#include <kvmtune/cpu.h>
#include <kvmtune/host.h>

struct ports;

/* Fills virt, enabled, paging and usable of m, after its state and parameters are known. */
void observe_hardware(struct ports *p, struct host *h, enum module_id id, struct module_facts *m);

/*
 * What is quick to read: the beginning of /proc/cpuinfo, and the registers of the first logical CPU.
 * What cannot be read is left out. ret is freed by cpu_evidence_free().
 */
void observe_brief_evidence(struct ports *p, enum virt_kind kind, struct cpu_evidence *ret);

#endif
