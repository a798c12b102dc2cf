/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * apply.h - does the steps of a plan, and rolls back when one fails.
 *
 * All steps are in the journal, on disk, before the first is done. A failure, or a signal between
 * two steps, rolls the done steps back, last first. Nothing is decided here: the plan has
 * every act and its undo.
 */
#ifndef KVMTUNE_APPLY_H
#define KVMTUNE_APPLY_H

#include <kvmtune/journal.h>

struct apply_report {
	size_t done; /* steps done; all of them unless failed */
	bool failed;
	struct err err;	  /* why the step number `done` failed */
	bool rolled_back; /* the host is as it was before */
	bool one_way; /* KVM was not loaded before: the steps that loaded it are not rolled back */
	bool stuck;   /* rollback failed: see back_err */
	struct err back_err;
	int64_t away_ms;     /* how long the module was away; -1: it was not */
	struct strv remarks; /* what else happened, for people */
};

/* How far a step that takes long has come. */
struct progress {
	enum act_kind kind; /* ACT_SET_RUN: bytes unmerged; ACT_WATCH_MEMORY: milliseconds */
	uint64_t done, total;
	int64_t elapsed_ms;
};

/* The command, and the receiver of its progress. */
struct apply_what {
	const char *command; /* for the journal, as is undoes */
	int undoes;	     /* the journal entry that is undone; 0: none */
	void (*progress)(void *arg, const struct progress *progress); /* NULL: nobody to tell */
	void *arg;
};

/*
 * Applies a plan that is not refused. 0 also when it failed and was rolled back: see ret. Negative
 * only where the journal could not be begun, so that nothing was touched.
 */
int apply_plan(struct ports *p, const struct host *before, const struct plan *plan,
	       const struct journal *journal, const struct apply_what *what,
	       struct apply_report *ret, struct err *e);

void apply_report_free(struct apply_report *r);

#endif
