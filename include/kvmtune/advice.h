/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * advice.h - what a user should know before and after a change, each with its source.
 *
 * Advice never stops anything; --quiet silences it. The ids are stable: scripts may read them in
 * JSON, and the man page lists them.
 */
#ifndef KVMTUNE_ADVICE_H
#define KVMTUNE_ADVICE_H

#include <stddef.h>

struct host;
struct plan;

enum advice_id {
	ADVICE_SHADOW_PAGING_HOLES,
	ADVICE_EPT_OFF_SLOWER,
	ADVICE_EPT_OFF_CENTOS7_CPUS,
	ADVICE_EPT_OFF_OVMF_SMP,
	ADVICE_EPT_OFF_NESTED,
	ADVICE_EPT_OFF_TDX,
	ADVICE_EPT_OFF_L1TF,
	ADVICE_NPT_OFF_SLOWER,
	ADVICE_NPT_OFF_NESTED,
	ADVICE_NPT_OFF_SEV,
	ADVICE_NESTED_OFF_GUESTS,
	ADVICE_NESTED_OFF_HOLES,
	ADVICE_NESTED_ON_HOLES,
	ADVICE_OTHER_KVM_MODULE,
	ADVICE_BOOT_ENTRIES,
	ADVICE_KVM_CONTAINERS,
	ADVICE_LIBVIRT_CACHE,
	ADVICE_KSM_OFF_GAIN,
	ADVICE_KSM_OFF_MEMORY,
	ADVICE_KSM_ON_SIDE_CHANNEL,
	ADVICE_KSM_NO_PROFIT,
	ADVICE_THP_RUNNING_GUESTS,
	ADVICE_COUNT
};

struct advice {
	const char *name;   /* stable: "ept-off-slower" */
	const char *text;   /* one or two sentences; see advice_text() */
	const char *source; /* where that is known from */
};

extern const struct advice advices[ADVICE_COUNT];

/* The text, with what it says of this host in particular. Never NULL; to be freed. */
char *advice_text(enum advice_id id, const struct host *host);

/* Adds to the plan all advice that applies to it on this host. Pure. */
void advise_plan(const struct host *host, struct plan *plan);
/* Advice for the present state of the host, appended to a list that the caller frees. Pure. */
void advise_host(const struct host *host, enum advice_id **ret, size_t *ret_count);

#endif
