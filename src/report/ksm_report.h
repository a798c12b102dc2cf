/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ksm_report.h - what the reports on KSM share, for people and for programs.
 */
#ifndef KVMTUNE_KSM_REPORT_H
#define KVMTUNE_KSM_REPORT_H

#include <kvmtune/host.h>

#include "table.h"

/* ksm_next_known(), and its sources, joined with commas. */
const char *ksm_next_text(const struct ksm_facts *k, struct buf *ret_who);

/* Do the kernel's counters show how much is merged? */
bool ksm_merged_known(const struct ksm_facts *k);
/* Is it known which processes have merged pages? Also where none has. */
bool ksm_users_known(const struct ksm_facts *k);

/* The cgroup above a process with the least room below its limit; NULL: none has a limit. */
const struct cgroup_room *ksm_tightest_room(const struct ksm_facts *k, const struct ksm_user *u);

/* The rows of `status`. */
void ksm_status_rows(struct table *t, const struct host *h);
/* All of `kvmtune ksm`. */
void text_ksm(FILE *out, const struct style *style, const struct host *h);

/* "name=value ..." of a module or of KSM, wrapped, below a heading; without any it prints nothing. */
void text_params(FILE *out, const struct style *style, const char *heading,
		 const struct param *params, size_t count);

#endif
