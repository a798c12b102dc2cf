/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_run.h - runs a load under the variants of a bench, in drawn order, and measures.
 *
 * How a host gets from one variant to another is the caller's: this calls switch_to(), and never
 * restores. Functions return 0 or a negative errno, with *e filled.
 */
#ifndef KVMTUNE_BENCH_RUN_H
#define KVMTUNE_BENCH_RUN_H

#include <kvmtune/bench.h>

struct ports;

struct bench_progress {
	unsigned block, position; /* block 0: a warm-up run */
	const char *variant;
	int64_t elapsed_ms; /* since the bench began */
	int64_t left_ms;    /* about; -1: not known yet */
};

struct bench_work {
	char *const *load, *const *prepare, *const *cleanup; /* with their arguments; NULL: none */
	struct bench_score score;			     /* where the bench has one */
	struct bench_limits limits;
	unsigned warmups; /* runs of each variant that are thrown away */
	int (*switch_to)(void *arg, size_t variant, struct err *e);
	/* Called after each run, to write it down. */
	int (*keep)(void *arg, const struct bench *b, struct err *e);
	/* Called a few times a second while a run goes on. */
	void (*progress)(void *arg, const struct bench_progress *progress);
	void *arg;
};

/*
 * Makes the runs that are missing in *b, whose variants, load and seed are filled in, and adds them;
 * whole blocks that are there already are kept, others made anew. -EINTR: stopped by a signal;
 * -ECHILD: the load failed; -EBUSY: it left guests running. *ret_stop: why it ended by itself.
 */
int bench_measure(struct ports *p, const struct bench_work *work, struct bench *b,
		  enum bench_stop *ret_stop, struct err *e);

#endif
