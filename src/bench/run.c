// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * run.c - runs a load under each variant, see bench_run.h.
 */
#include <kvmtune/bench_run.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include <kvmtune/observe.h>
#include <kvmtune/port.h>

#include "host_usage.h"

#define LOOK_MS	       200  /* between two looks while a run goes on */
#define GUESTS_GONE_MS 5000 /* so long a guest may take to end behind its load */
#define BUSY	       0.25 /* share of the host */
#define ERRORS_SHOWN   2000
#define CLEANUP_MS     60000 /* so long --cleanup may take once the bench is to end */

struct session {
	struct ports *p;
	const struct bench_work *work;
	struct bench *b;
	struct host_usage usage;
	struct strv guests_before;	  /* PIDs, as text */
	int64_t started;		  /* by the clock */
	int64_t made_ms;		  /* from then to the end of the last run */
	unsigned runs_made, runs_planned; /* in this session */
};

static int64_t elapsed_ms(const struct session *s)
{
	return s->p->system.monotonic_ms(s->p) - s->started;
}

static int interrupted(const struct session *s, struct err *e)
{
	if (!s->p->system.interrupted(s->p))
		return 0;
	s->b->notes |= NOTE_STOPPED;
	return err_set(e, -EINTR, "stopped by a signal");
}

/* ---- guests that the load leaves ---- */

static void list_guests(struct session *s, struct strv *ret_pids, struct buf *ret_names)
{
	struct kvm_users users = { 0 };
	struct err ignored = { 0 };

	if (observe_users(s->p, &users, &ignored) < 0)
		return;
	for (size_t i = 0; i < users.count; i++) {
		const struct kvm_user *u = &users.users[i];
		autofree char *pid = xasprintf("%d", u->pid);

		if (!user_has_guest(u) || strv_has(&s->guests_before, pid))
			continue;
		strv_add(ret_pids, pid);
		if (!ret_names)
			continue;
		buf_printf(ret_names, "%s%s (PID %s", ret_names->len ? ", " : "",
			   u->guest ?: u->comm ?: "a process", pid);
		buf_puts(ret_names, ")");
	}
	kvm_users_free(&users);
}

/* A guest may still be ending when its load has. */
static int check_guests(struct session *s, struct err *e)
{
	int64_t start = elapsed_ms(s);

	for (;;) {
		autostrv pids = { 0 };
		autobuf names = { 0 };

		list_guests(s, &pids, &names);
		if (!pids.n)
			return 0;
		if (interrupted(s, e) < 0)
			return e->code;
		if (elapsed_ms(s) - start > GUESTS_GONE_MS) {
			s->b->notes |= NOTE_GUESTS;
			err_set(e, -EBUSY, "the load left guests running: %s", buf_text(&names));
			return err_hint(e, "Have the load, or --cleanup, end the guests it "
					   "starts.");
		}
		s->p->system.sleep_ms(s->p, LOOK_MS);
	}
}

/* ---- one command ---- */

static int start_failed(const char *name, int error, struct err *e)
{
	err_set(e, -ECHILD, "%s cannot be started: %s", name, strerror(error));
	if (error == ENOEXEC)
		err_hint(e, "A script needs a first line like #!/bin/sh.");
	return e->code;
}

/* The end of what it printed to stderr, for people. */
static char *last_errors(const struct buf *errors)
{
	size_t skip = errors->len > ERRORS_SHOWN ? errors->len - ERRORS_SHOWN : 0;
	autofree char *copy = xstrdup(buf_text(errors) + skip);
	struct buf shown = { 0 };
	char *line, *rest = copy;

	while ((line = strsep(&rest, "\n"))) {
		if (!*line)
			continue;
		buf_puts(&shown, "  ");
		buf_add_safe(&shown, line, ERRORS_SHOWN);
		buf_puts(&shown, "\n");
	}
	return buf_steal(&shown);
}

static int check_end(const char *name, const struct load_result *result, const struct buf *errors,
		     struct err *e)
{
	if (result->error)
		return start_failed(name, result->error, e);
	if (!result->status)
		return 0;
	if (result->status > 128)
		err_set(e, -ECHILD, "%s was ended by signal %d", name, result->status - 128);
	else
		err_set(e, -ECHILD, "%s failed with exit status %d", name, result->status);
	e->detail = errors->len ? last_errors(errors) : NULL;
	return e->code;
}

static void tell(const struct session *s, const struct bench_run *run)
{
	struct bench_progress progress = { .block = run->block,
					   .position = run->position,
					   .variant = s->b->variants.v[run->variant],
					   .elapsed_ms = elapsed_ms(s),
					   .left_ms = -1 };

	if (s->runs_made && s->runs_planned > s->runs_made)
		progress.left_ms =
			s->made_ms * s->runs_planned / s->runs_made - progress.elapsed_ms;
	if (s->runs_made && progress.left_ms < 0)
		progress.left_ms = 0;
	if (s->work->progress)
		s->work->progress(s->work->arg, &progress);
}

enum errand { PREPARE, LOAD, CLEANUP, LAST_CLEANUP };

/* Is there a reason not to go on? The last cleanup is run whatever happened, but not for ever. */
static int check_going(struct session *s, enum errand errand, int64_t begun, struct err *e)
{
	if (errand != LAST_CLEANUP)
		return interrupted(s, e);
	if (elapsed_ms(s) - begun < CLEANUP_MS)
		return 0;
	return err_set(e, -ETIMEDOUT, "--cleanup did not end");
}

/* Runs a command to its end. */
static int run_command(struct session *s, enum errand errand, char *const *argv,
		       const struct bench_run *run, struct load_result *ret, struct buf *ret_output,
		       struct err *e)
{
	struct ports *p = s->p;
	int64_t begun = elapsed_ms(s);
	autobuf errors = { 0 };
	int r;

	if (check_going(s, errand, begun, e) < 0 ||
	    p->load.begin(p, argv, s->b->variants.v[run->variant], e) < 0)
		return e->code;
	while ((r = p->load.wait(p, LOOK_MS, ret, ret_output, &errors, e)) == 1) {
		if (check_going(s, errand, begun, e) < 0) {
			p->load.stop(p);
			return e->code;
		}
		if (errand == LOAD)
			host_usage_look(&s->usage);
		tell(s, run);
	}
	if (r < 0)
		return r;
	if (check_end(argv[0], ret, &errors, e) < 0)
		s->b->notes |= NOTE_FAILED;
	return e->code;
}

static int run_beside(struct session *s, enum errand errand, const struct bench_run *run,
		      struct err *e)
{
	char *const *argv = errand == PREPARE ? s->work->prepare : s->work->cleanup;
	struct load_result result;
	autobuf output = { 0 };

	return argv ? run_command(s, errand, argv, run, &result, &output, e) : 0;
}

/* ---- one run ---- */

static void take_result(const struct load_result *result, double *values)
{
	values[METRIC_WALL] = result->wall_seconds;
	values[METRIC_USER] = result->user_seconds;
	values[METRIC_SYSTEM] = result->system_seconds;
	values[METRIC_MINOR_FAULTS] = (double)result->minor_faults;
	values[METRIC_MAJOR_FAULTS] = (double)result->major_faults;
	values[METRIC_PEAK_MEMORY] = (double)result->peak_bytes;
}

static int measure_load(struct session *s, struct bench_run *run, struct err *e)
{
	struct load_result result;
	autobuf output = { 0 };

	host_usage_begin(&s->usage);
	if (run_command(s, LOAD, s->work->load, run, &result, &output, e) < 0)
		return e->code;
	host_usage_end(&s->usage, result.wall_seconds, run->values);
	take_result(&result, run->values);
	if (!s->b->has_score)
		return 0;
	if (bench_find_score(&s->work->score, buf_text(&output), &run->values[METRIC_SCORE], e) < 0)
		s->b->notes |= NOTE_FAILED;
	return e->code;
}

/* A run that did not come to its end is not kept. */
static int measure_and_keep(struct session *s, struct bench_run *run, struct err *e)
{
	if (run_beside(s, PREPARE, run, e) < 0 || measure_load(s, run, e) < 0)
		return e->code;
	*bench_add_run(s->b) = *run;
	s->runs_made++;
	s->made_ms = elapsed_ms(s);
	return s->work->keep ? s->work->keep(s->work->arg, s->b, e) : 0;
}

static int make_run(struct session *s, unsigned block, unsigned position, unsigned variant,
		    struct err *e)
{
	struct bench_run run = { .block = block, .position = position, .variant = variant };

	for (size_t i = 0; i < METRIC_COUNT; i++)
		run.values[i] = NAN;
	tell(s, &run);
	if (interrupted(s, e) < 0 || s->work->switch_to(s->work->arg, variant, e) < 0)
		return e->code;
	if (measure_and_keep(s, &run, e) < 0) {
		struct err ignored = { 0 };

		/* What the load has begun may hold KVM: without this the host could not be brought back. */
		run_beside(s, LAST_CLEANUP, &run, &ignored);
		free(ignored.detail);
		return e->code;
	}
	return run_beside(s, CLEANUP, &run, e) < 0 ? e->code : check_guests(s, e);
}

/* ---- the bench ---- */

static int warm_up(struct session *s, struct err *e)
{
	for (unsigned i = 0; i < s->work->warmups; i++)
		for (unsigned v = 0; v < s->b->variants.n; v++)
			if (make_run(s, 0, v, v, e) < 0)
				return e->code;
	return 0;
}

static int make_block(struct session *s, unsigned block, struct err *e)
{
	unsigned order[BENCH_VARIANTS_MAX];

	bench_order(s->b->seed, block, s->b->variants.n, order);
	for (unsigned i = 0; i < s->b->variants.n; i++)
		if (make_run(s, block, i, order[i], e) < 0)
			return e->code;
	return 0;
}

static int decide(struct session *s, size_t blocks, enum bench_stop *ret, struct err *e)
{
	const struct bench_limits *limits = &s->work->limits;
	struct bench_judgement judgement = { 0 };
	bool look = bench_is_look(limits, blocks);

	if (look && bench_judge(s->b, 1, &judgement, e) < 0)
		return e->code;
	*ret = bench_next(limits, blocks, elapsed_ms(s), look ? &judgement : NULL);
	bench_judgement_free(&judgement);
	return 0;
}

/* Runs of a block that was not finished would be in another place of the host's drift. */
static void drop_unfinished(struct bench *b)
{
	size_t blocks = bench_blocks(b), kept = 0;

	for (size_t i = 0; i < b->run_count; i++)
		if (b->runs[i].block <= blocks)
			b->runs[kept++] = b->runs[i];
	b->run_count = kept;
}

static int make_all(struct session *s, enum bench_stop *ret, struct err *e)
{
	size_t blocks;

	drop_unfinished(s->b);
	blocks = bench_blocks(s->b);
	if (blocks && (decide(s, blocks, ret, e) < 0 || *ret != BENCH_GO_ON))
		return e->code;
	s->runs_planned =
		(unsigned)((s->work->warmups + s->b->planned - blocks) * s->b->variants.n);
	if (warm_up(s, e) < 0)
		return e->code;
	while (*ret == BENCH_GO_ON) {
		if (blocks >= BENCH_BLOCKS_MAX)
			return 0;
		if (make_block(s, (unsigned)++blocks, e) < 0 || decide(s, blocks, ret, e) < 0)
			return e->code;
	}
	if (*ret == BENCH_NO_TIME)
		s->b->notes |= NOTE_BUDGET;
	return 0;
}

int bench_measure(struct ports *p, const struct bench_work *work, struct bench *b,
		  enum bench_stop *ret_stop, struct err *e)
{
	struct session s = { .p = p, .work = work, .b = b };
	int r;

	*ret_stop = BENCH_GO_ON;
	s.started = p->system.monotonic_ms(p);
	p->system.catch_signals(p);
	if (host_clock_changes(p))
		b->notes |= NOTE_GOVERNOR;
	if (host_load(p) > BUSY)
		b->notes |= NOTE_BUSY;
	list_guests(&s, &s.guests_before, NULL);
	host_usage_open(p, &s.usage);
	r = make_all(&s, ret_stop, e);
	host_usage_close(&s.usage);
	strv_free(&s.guests_before);
	return r;
}
