/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cli.h - shared by the commands. */
#ifndef KVMTUNE_CLI_H
#define KVMTUNE_CLI_H

#include <kvmtune/command.h>
#include <kvmtune/host_file_read.h>

/* Is the report to be JSON? Then it is on stdout after this, with any error in it. */
bool reports_json(struct invocation *in);

/* STATUS_DONE, or STATUS_USAGE where there are operands. */
enum exit_status no_operands(const struct invocation *in, struct err *e);

/* "ept=off ksm=off" into goals, which the caller frees. STATUS_DONE or STATUS_USAGE. */
enum exit_status parse_goals(const struct invocation *in, struct goal **ret, size_t *ret_count,
			     struct err *e);

/* The goals of `apply` and `audit`. */
struct goal_list {
	struct goal *goals;
	size_t count;
	struct host_file file; /* which some of them come from */
};
/*
 * Those of the command line; without any, those of the host file; with --file, both: the command line
 * wins. Options that only the file has are set in *in. STATUS_DONE or STATUS_USAGE. The caller frees ret.
 */
enum exit_status find_goals(struct invocation *in, struct goal_list *ret, struct err *e);
void goal_list_free(struct goal_list *l);

/* Appends further errors below a message, a line each. */
void also_lines(const struct style *style, const struct err *errors, size_t count, struct buf *ret);

/* The value of the setting that was meant; NULL: unknown. */
const char *meant_value(const struct setting *s, const char *typed);
/* The styles of stdout and stderr, before any option. */
void terminal_styles(struct style *out, struct style *err);

/* Names an option that was meant, if there is one: the hint of e. typed is without its dashes. */
void hint_option(const char *typed, struct err *e);

/* Runs a change (no goals: an undo) and reports it. */
enum exit_status run_change(struct invocation *in, const struct goal *goals, size_t count,
			    struct err *e);

#endif
