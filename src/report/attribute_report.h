/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attribute_report.h - settings that are a word in sysfs, for people.
 */
#ifndef KVMTUNE_ATTRIBUTE_REPORT_H
#define KVMTUNE_ATTRIBUTE_REPORT_H

#include "table.h"

/* The rows of status. */
void attribute_status_rows(struct table *t, const struct style *style, const struct host *h);
/* One setting, and the programs that write it at boot. */
void text_attribute(FILE *out, const struct style *style, const struct host *h,
		    const struct setting *s);

#endif
