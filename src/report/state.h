/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * state.h - the state of a setting in reports: the same for every kind.
 */
#ifndef KVMTUNE_STATE_H
#define KVMTUNE_STATE_H

#include <kvmtune/report.h>

/* A setting's values in its own words, and where each is known from. */
struct state_report {
	const char *now, *next; /* NULL: unknown */
	struct strv now_source, next_source;
	/*
	 * The next boot, where the boot loader's files make it another than the next load. A source and
	 * no value: it depends on the boot entry.
	 */
	const char *next_boot;
	struct strv next_boot_source;
};
void state_report(const struct host *h, const struct setting *s, struct state_report *ret);
void state_report_free(struct state_report *r);

/* Is it one that undo --all has still to undo? In a dry run the first one is planned. */
bool is_left_by(const struct undo_report *r, const struct journal_entry *entry);

#endif
