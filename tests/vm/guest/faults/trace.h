/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace.h - a run of kvmtune under observation: all of its calls are noted, or one of them fails
 *
 *	struct run run = { 0 };					all are noted, in run.points
 *	struct run run = { .at = &point, .fault = F_IO };	that one fails
 *
 *	traced_run(&run, "ept off");	returns when the command and its children have ended
 *	...
 *	run_free(&run);			frees the points; who wants to keep them sets run.points to NULL
 *
 * The caller owns what `at` and `same_plan` point to, and keeps it while the command runs.
 *
 * A seccomp filter stops the command only at the calls of the one name. They count from the first
 * instruction of the program's own file on, where a breakpoint is: before that it is the loader's.
 */
#ifndef FAULTS_TRACE_H
#define FAULTS_TRACE_H

#include <stdbool.h>
#include <stddef.h>

#include "calls.h"

struct point {
	unsigned process; /* 0: the command, 1...: its children in turn */
	long number;	  /* of the call */
	unsigned nth;	  /* of this number in this process, from 1 on */
	unsigned faults;  /* as fault_mask() has it */
	enum phase { BEFORE_CHANGE, IN_CHANGE, PROOF } phase;
};

struct run {
	const struct point *at; /* NULL: all are noted, none fails */
	enum fault fault;
	const char *same_plan; /* NULL, or: what follows this line of the journal is known */
	size_t journal_len;    /* of what was there before that line */

	struct point *points; /* in their order, if all are noted */
	size_t point_count;
	bool hit;   /* it came to that call */
	bool hung;  /* it did not end by itself, and was killed */
	bool same;  /* it has written same_plan, and was killed */
	int status; /* of the command itself, as wait() has it */
};

void traced_run(struct run *run, const char *command);
void run_free(struct run *run);

/* As a user names it: PROCESS:NAME:N. */
void print_point(const struct point *point);

#endif
