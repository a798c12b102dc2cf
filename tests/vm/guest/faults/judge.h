/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * judge.h - a command that is tried with one fault after the other, and what comes of it
 *
 *	struct trial trial = { .command = "ept off" };
 *	trial_prepare(&trial);				runs it without a fault, notes its calls
 *	trial_try(&trial, &trial.points[i], F_IO);	as often as is wanted
 *
 * Verdicts are counted in the tally; of a broken one it is printed why, and how to have it again.
 * The caller sets the first three fields, whose texts stay its own; the rest is the trial's, for as
 * long as the program runs.
 */
#ifndef FAULTS_JUDGE_H
#define FAULTS_JUDGE_H

#include <stdbool.h>
#include <stddef.h>

#include "calls.h"
#include "host.h"
#include "trace.h"

/* How the host was left; see the head of main.c. */
enum verdict { BEFORE, SAME_PLAN, AFTER, UNDONE, BROKEN, NOT_REACHED, VERDICTS };

struct trial {
	const char *command;
	const char *after; /* NULL: nothing is done first */
	bool tell;	   /* print all that is said, and leave nothing out */

	bool is_undo;
	bool merged; /* there are pages for it to unmerge */
	bool goal_merged;
	struct host before, goal;
	struct point *points; /* all of its calls */
	size_t count;
	size_t journal_len; /* before */
	char *plan;	    /* as a run without faults writes it */
	unsigned tally[FAULTS][VERDICTS];
};

/* False: it cannot be tried on this host. */
bool trial_prepare(struct trial *t);

/* False: the host cannot be put back. */
bool trial_try(struct trial *t, const struct point *at, enum fault fault);

#endif
