// SPDX-License-Identifier: GPL-2.0-or-later
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base.h"
#include "judge.h"
#include "programs.h"
#include "reset.h"

#define OWN_CONF "/etc/modprobe.d/zz-kvmtune.conf"

/* ---- what it is judged by -------------------------------------------------------------------- */

/* The first line that a run without faults has added to the journal. */
static void note_plan(struct trial *t)
{
	const struct item *before = host_find(&t->before, JOURNAL);
	const struct item *after = host_find(&t->goal, JOURNAL);

	t->journal_len = before ? before->len : 0;
	t->plan = must(
		strdup(after && after->len > t->journal_len ? after->text + t->journal_len : ""));
	t->plan[strcspn(t->plan, "\n")] = '\0';
}

bool trial_prepare(struct trial *t)
{
	struct run run = { 0 };

	if (t->after && kvmtune(t->after) != 0)
		return false;
	t->is_undo = strncmp(t->command, "undo", 4) == 0;
	t->merged = is_merged();
	if (kvmtune("status") != 0 || file_says(OUT_FILE, "did not end"))
		return false;
	host_look(&t->before);
	if (!is_image())
		note_load(&t->before);
	traced_run(&run, t->command);
	if (run.status != 0) {
		printf("# without a fault: wait status %#x\n", run.status);
		print_file(ERR_FILE);
		return false;
	}
	host_look(&t->goal);
	note_plan(t);
	t->goal_merged = is_merged();
	t->points = run.points;
	t->count = run.point_count;
	run.points = NULL;
	run_free(&run);
	if (!host_differences(&t->before, &t->goal)) {
		printf("# it changes nothing\n");
		return false;
	}
	return reset(&t->before, t->merged);
}

/* ---- the verdict ----------------------------------------------------------------------------- */

struct judging {
	struct trial *t;
	const struct run *run;
	char why[256];
	struct host now; /* that is told of */
};

static enum verdict broken(struct judging *j, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static enum verdict broken(struct judging *j, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(j->why, sizeof(j->why), format, args);
	va_end(args);
	return BROKEN;
}

static bool is_as(struct judging *j, const struct host *want)
{
	host_free(&j->now);
	return host_settled(want, &j->now);
}

/*
 * `status` must succeed; does it tell of an interrupted change? Below 0: it fails. What it says of
 * the host as it was before, trial_prepare() has asked.
 */
static int says_interrupted(struct judging *j)
{
	int status;

	if (host_is_identical(&j->now, &j->t->before) && !j->t->tell)
		return 0;
	status = kvmtune("status");
	if (j->t->tell)
		print_file(OUT_FILE);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return -1;
	return file_says(OUT_FILE, "did not end");
}

static enum verdict judge_undo(struct judging *j)
{
	const struct host *back = j->t->is_undo ? &j->t->goal : &j->t->before;
	int status = kvmtune("undo");

	if (j->t->tell) {
		printf("# undo: status %d\n", WEXITSTATUS(status));
		print_file(ERR_FILE);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return broken(j, "undo ended with %#x", status);
	if (!is_as(j, back))
		return broken(j, "undo did not lead back");
	if (says_interrupted(j) != 0)
		return broken(j, "after undo status is not content");
	return UNDONE;
}

/* It ended too early to tell: by a kill, or for want of memory. */
static enum verdict judge_killed(struct judging *j)
{
	bool before = is_as(j, &j->t->before), goal = !before && is_as(j, &j->t->goal);
	int interrupted = says_interrupted(j);

	if (interrupted < 0)
		return broken(j, "status fails");
	if (interrupted)
		return judge_undo(j);
	if (before || goal)
		return before ? BEFORE : AFTER;
	return broken(j, "killed in between, and status does not tell");
}

static enum verdict judge_before(struct judging *j)
{
	int interrupted;

	if (!is_as(j, &j->t->before))
		return broken(j, "it says %d, but the host is not as it was",
			      WEXITSTATUS(j->run->status));
	interrupted = says_interrupted(j);
	if (interrupted < 0)
		return broken(j, "status fails");
	return interrupted ? judge_undo(j) : BEFORE;
}

static enum verdict judge_stuck(struct judging *j)
{
	int interrupted = says_interrupted(j);

	if (interrupted < 0)
		return broken(j, "status fails");
	if (!interrupted && !is_as(j, &j->t->goal))
		return broken(j, "it says 6, but status does not tell");
	return judge_undo(j);
}

/*
 * Where a file of modprobe.d could not be read, an option may stand in ours that is not needed
 * else: that is the only difference. Then the command has nothing more to do, and undo leads back.
 */
static enum verdict judge_other_way(struct judging *j)
{
	struct host there = j->now;
	bool fits = host_differences(&there, &j->t->goal) == 1 && host_find(&there, OWN_CONF) &&
		    !j->t->is_undo;

	j->now = (struct host){ 0 };
	fits = fits && kvmtune(j->t->command) == 0 && is_as(j, &there);
	host_free(&there);
	if (!fits)
		return broken(j, "it says 0, but the host is not at the goal");
	return judge_undo(j) == UNDONE ? AFTER : BROKEN;
}

static enum verdict judge_by_status(struct judging *j, int status)
{
	switch (status) {
	case 0:
		if (is_merged() != j->t->goal_merged)
			return broken(j, "it says 0, but pages are not as at the goal");
		return is_as(j, &j->t->goal) ? AFTER : judge_other_way(j);
	case 2: /* a root directory that cannot be opened */
		if (!is_image())
			return broken(j, "it says 2");
		return judge_before(j);
	case 1:
	case 3:
	case 4:
		return judge_before(j);
	case 6:
		return judge_stuck(j);
	default:
		return broken(j, "it says %d", status);
	}
}

static enum verdict judge(struct judging *j)
{
	const struct run *r = j->run;
	bool killed = WIFSIGNALED(r->status);

	if (r->hung)
		return broken(j, "it hung");
	if (is_locked())
		return broken(j, "the lock is held");
	if (r->same)
		return is_as(j, &j->t->before) ? SAME_PLAN
					       : broken(j, "altered before the journal");
	if (killed && r->at->process == 0 && r->fault >= F_KILL_ENTRY)
		return judge_killed(j);
	/* glibc's malloc() itself fails so where its first brk() does, before main() is anywhere. */
	if (killed && WTERMSIG(r->status) == SIGSEGV && r->at->number == SYS_brk)
		return judge_killed(j);
	if (!WIFEXITED(r->status))
		return broken(j, "it was ended by signal %d", WTERMSIG(r->status));
	return judge_by_status(j, WEXITSTATUS(r->status));
}

/* ---- one fault ------------------------------------------------------------------------------- */

static void tell_broken(struct judging *j)
{
	struct trial *t = j->t;
	const struct host *want = t->is_undo ? &t->goal : &t->before;

	printf("broken: %s\n# again: faults %s%s%s one \"%s\" ", j->why,
	       t->after ? "--after \"" : "", t->after ? t->after : "", t->after ? "\"" : "",
	       t->command);
	print_point(j->run->at);
	printf(" %s\n", faults[j->run->fault].name);
	if (j->now.count)
		host_print_differences(&j->now, want);
	print_file(FIRST_FILE);
	fflush(stdout);
}

bool trial_try(struct trial *t, const struct point *at, enum fault fault)
{
	struct run run = { .at = at, .fault = fault, .journal_len = t->journal_len };
	struct judging j = { .t = t, .run = &run };
	enum verdict verdict;
	bool good;

	if (at->phase == BEFORE_CHANGE && fault < F_KILL_ENTRY && !t->tell)
		run.same_plan = t->plan;
	traced_run(&run, t->command);
	rename(ERR_FILE, FIRST_FILE);
	if (t->tell) {
		printf("# wait status %#x\n", run.status);
		print_file(OUT_FILE);
		print_file(FIRST_FILE);
	}
	verdict = run.hit || run.hung ? judge(&j) : NOT_REACHED;
	if (verdict == BROKEN)
		tell_broken(&j);
	t->tally[fault][verdict]++;
	host_free(&j.now);
	good = reset(&t->before, t->merged);
	run_free(&run);
	return good;
}
