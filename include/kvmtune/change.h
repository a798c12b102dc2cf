/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * change.h - the whole way of a change: lock, observe, plan, apply, prove.
 *
 *	struct outcome o;
 *	change_run(&ports, &request, &o);    o.status is the exit status, o.err the message
 *	report...(&o);
 *	outcome_free(&o);
 */
#ifndef KVMTUNE_CHANGE_H
#define KVMTUNE_CHANGE_H

#include <kvmtune/apply.h>

#define WATCH_DEFAULT 10000

struct request {
	const char *command;	  /* what the user asked for, for journal and lock: "ept off" */
	const struct goal *goals; /* none: undo the last change */
	size_t goal_count;
	bool skip; /* without goals: leave the last change as it is, so that undo goes on before it */
	bool dry_run;
	enum defer defer;
	int64_t wait_ms;	/* WAIT_NOT, WAIT_FOREVER, or at most so long */
	uint64_t reserve_bytes; /* RESERVE_DEFAULT */
	int64_t watch_ms;	/* how long to watch for swapping after unmerging; WATCH_DEFAULT */
	/*
	 * Told while we wait: what for (the holder of the lock, or NULL for KVM in use) and for how
	 * long by now. May be NULL.
	 */
	void (*waiting)(void *arg, const struct kvm_users *users, const char *lock_holder,
			int64_t waited_ms);
	/* Told while a step that takes long goes on. May be NULL. */
	void (*progress)(void *arg, const struct progress *progress);
	void *arg;
};

/* The result of an earlier interrupted change, handled before this one. */
enum recovery {
	RECOVERY_NONE,	 /* there was none */
	RECOVERY_FIRST,	 /* a dry run: the plan is that of its rollback, which comes first */
	RECOVERY_FAILED, /* it could not be rolled back: the outcome is that of the rollback */
	RECOVERY_ROLLED_BACK,
	RECOVERY_CLOSED, /* the host had reached its goal */
};

struct outcome {
	enum recovery recovery;
	char *recovered;	   /* the command of that change; NULL with RECOVERY_NONE */
	struct host before, after; /* after: as far as something was applied */
	struct journal journal;	   /* as it was before */
	const struct journal_entry *undoes; /* in journal; NULL: no undo, or nothing to undo */
	bool is_undo;
	bool skips; /* it is left as it is, and not undone any more */
	struct plan plan;
	bool applied; /* report and leftover are filled */
	struct apply_report report;
	struct plan leftover; /* planned again afterwards: empty is the proof */
	enum exit_status status;
	struct err err; /* code 0: nothing went wrong */
};

void change_run(struct ports *p, const struct request *request, struct outcome *ret);
void outcome_free(struct outcome *o);

#endif
