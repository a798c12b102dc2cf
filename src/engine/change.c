// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/change.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <kvmtune/observe.h>
#include <kvmtune/port.h>

#include "change_wait.h"

struct flow {
	struct ports *p;
	const struct request *request;
	struct outcome *o;
	struct waiting waiting;
	const struct journal_entry *ksm_before; /* in o->journal; NULL: none */
	bool is_open;  /* an earlier change was interrupted, and comes first: nothing was planned */
	unsigned busy; /* settings (a bit each) that wait for the next load or boot */
	bool would_close; /* that one has reached its goal: a dry run plans as if it were closed */
};

/* ---- observe and plan ---- */

/* The parts of the host that the goals, or the steps to be undone, are about. */
static unsigned parts_of(const struct flow *f)
{
	const struct journal_entry *undoes = f->o->undoes;
	unsigned parts = f->o->is_undo ? HOST_MODULES | HOST_PARAMS : 0;

	if (undoes)
		parts |= past_parts(undoes->steps, undoes->step_count);
	return parts | goals_parts(f->request->goals, f->request->goal_count);
}

static bool wants_ksm_on(const struct request *request)
{
	for (size_t i = 0; i < request->goal_count; i++) {
		const struct goal *goal = &request->goals[i];

		if (goal->setting->id == SETTING_KSM && strcmp(goal->value, "on") == 0)
			return true;
	}
	return false;
}

/* `ksm on` brings back what the last change that turned KSM off had found. */
static void recall_ksm(struct flow *f)
{
	struct journal *j = &f->o->journal;

	f->ksm_before = NULL;
	if (!wants_ksm_on(f->request))
		return;
	for (size_t i = j->count; i-- > 0;) {
		struct journal_entry *entry = &j->entries[i];
		struct err ignored = { 0 };

		if (entry->undone || entry->undoes || entry->result != JOURNAL_DONE ||
		    journal_read_steps(j, entry, &ignored) < 0 ||
		    !plan_touches_ksm(entry->steps, entry->step_count))
			continue;
		if (plan_turned_ksm_off(entry->steps, entry->step_count)) {
			f->ksm_before = entry;
			return;
		}
		if (plan_turned_ksm_on(entry->steps, entry->step_count))
			return;
	}
}

/* What was begun before the last boot is not half done in the running kernel. */
static bool may_be_half_done(const struct flow *f, const struct journal_entry *entry)
{
	return entry && entry->result != JOURNAL_DONE && !journal_is_of_other_boot(f->p, entry);
}

static struct plan_options options_of(const struct flow *f)
{
	const struct journal_entry *before = f->ksm_before;

	return (struct plan_options){
		.again = f->request->command,
		.defer = f->request->defer,
		.busy = f->busy,
		.reserve_bytes = f->request->reserve_bytes,
		.watch_ms = f->request->watch_ms,
		.ksm_before = before ? before->steps : NULL,
		.ksm_before_count = before ? before->step_count : 0,
		.booted = f->o->undoes && journal_is_of_other_boot(f->p, f->o->undoes),
		.exact = may_be_half_done(f, f->o->undoes),
		.revive = may_be_half_done(f, journal_interrupted(&f->o->journal)),
	};
}

static int refuse(struct plan *plan, enum exit_status status, const char *id, const char *text,
		  const char *hint)
{
	err_set(&plan->refusal, -EPERM, "%s", text);
	err_status(&plan->refusal, status, id);
	plan->status = status;
	return err_hint(&plan->refusal, "%s", hint);
}

static void plan_for(const struct flow *f, const struct host *host, struct plan *ret)
{
	struct plan_options options = options_of(f);
	const struct journal_entry *undoes = f->o->undoes;

	if (undoes && undoes->lost.n) {
		*ret = (struct plan){ .status = STATUS_IMPOSSIBLE };
		refuse(ret, STATUS_IMPOSSIBLE, "unknown-step", undoes->lost.v[0],
		       "Undo it with the kvmtune version that made it. Skip that change:  kvmtune "
		       "undo --skip");
	} else if (undoes) {
		plan_back(host, undoes->steps, undoes->step_count, &options, ret);
	} else if (f->request->goal_count) {
		plan_build(host, f->request->goals, f->request->goal_count, &options, ret);
	} else {
		*ret = (struct plan){ 0 };
	}
}

static int refuse_not_root(struct outcome *o)
{
	return refuse(&o->plan, STATUS_IMPOSSIBLE, "not-root", "this needs root",
		      "Run it again with sudo.");
}

/* Chooses the change to undo, and reads its steps. */
static int choose(struct flow *f)
{
	struct outcome *o = f->o;
	const struct journal_entry *open = journal_interrupted(&o->journal);

	o->is_undo = !f->request->goal_count;
	if (!o->is_undo)
		return 0;
	if (journal_check_whole(&o->journal, &o->err) < 0 ||
	    (open && journal_check_version(open, &o->err) < 0))
		return o->err.code;
	o->undoes = journal_undoable(&o->journal);
	return o->undoes ? journal_read_steps(&o->journal, o->undoes, &o->err) : 0;
}

static bool past_needs_root(const struct flow *f)
{
	const struct outcome *o = f->o;

	return o->undoes && !o->plan.refusal.code && !o->before.root && !f->p->image;
}

/*
 * A file that is written anew loses its other names. In an image that is right: copies by cp -al or
 * rsync --link-dest share their files until one is changed.
 */
static int check_own_file(struct ports *p, const char *path, struct err *e)
{
	struct file_stat st;

	if (p->file.check_own(p, path, e) < 0)
		return e->code;
	if (p->image || p->file.stat(p, path, &st) < 0 || st.links < 2)
		return 0;
	err_set(e, -EMLINK, "%s has %u hard links; a change would separate it from the others",
		path, st.links);
	err_status(e, STATUS_REFUSED, "not-trusted");
	return err_hint(e, "Replace it with a copy (cp -a, mv), then run the command again.");
}

/* The journal looks after itself. */
static int check_own_files(struct ports *p, struct err *e)
{
	if (check_own_file(p, OWN_CONF_FILE, e) < 0)
		return e->code;
	if (check_own_file(p, OWN_TMPFILES, e) < 0)
		return e->code;
	return check_own_file(p, OWN_PRESET, e);
}

static int step_writable(struct ports *p, const struct act *act)
{
	if (act->kind != ACT_WRITE_FILE && act->kind != ACT_REMOVE_FILE)
		return 0;
	return p->file.writable(p, act->target);
}

/* The journal, then each file that a step writes. */
static void check_writable(struct flow *f)
{
	struct outcome *o = f->o;
	const char *path = NULL;
	autofree char *text = NULL;
	int r;

	if (o->plan.refusal.code || (!o->plan.step_count && !o->undoes))
		return;
	r = state_writable(f->p, &path);
	for (size_t i = 0; i < o->plan.step_count && (r == 0 || r == -ENOENT); i++) {
		path = o->plan.steps[i].act.target;
		r = step_writable(f->p, &o->plan.steps[i].act);
	}
	if (r == 0 || r == -ENOENT)
		return;
	text = xasprintf("%s cannot be written: %s", path, strerror(-r));
	refuse(&o->plan, STATUS_IMPOSSIBLE, "read-only-config", text, plan_unwritable_hint(r));
}

static int observe_and_plan(struct flow *f)
{
	struct outcome *o = f->o;

	if (journal_load(f->p, &o->journal, &o->err) < 0 || check_own_files(f->p, &o->err) < 0)
		return o->err.code;
	/* Who does not take the lock, as for a dry run, would take what is half done for interrupted. */
	if (o->journal.at_work)
		return refuse_locked(&o->err, o->journal.at_work);
	f->is_open = f->request->goal_count && !f->would_close && journal_interrupted(&o->journal);
	if (f->is_open)
		return 0;
	if (choose(f) < 0)
		return o->err.code;
	if (host_observe(f->p, parts_of(f), &o->before, &o->err) < 0)
		return o->err.code;
	recall_ksm(f);
	plan_for(f, &o->before, &o->plan);
	if (o->plan.asks_reload) {
		observe_reload(f->p, &o->before);
		plan_free(&o->plan);
		plan_for(f, &o->before, &o->plan);
	}
	if (past_needs_root(f))
		refuse_not_root(o);
	check_writable(f);
	return 0;
}

static void forget(struct outcome *o)
{
	host_free(&o->before);
	host_free(&o->after);
	journal_free(&o->journal);
	plan_free(&o->plan);
	plan_free(&o->leftover);
	apply_report_free(&o->report);
	o->undoes = NULL;
	o->applied = false;
}

static bool is_in_use(const struct err *e)
{
	return e->code && strcmp(e->id, "in-use") == 0;
}

/*
 * Observes and plans under the lock, until nothing stands in the way or the time is over. Waits for
 * KVM without the lock, so that other changes can be made meanwhile.
 */
static int plan_when_free(struct flow *f)
{
	struct outcome *o = f->o;

	for (;;) {
		if (wait_for_lock(&f->waiting, &o->err) < 0 || observe_and_plan(f) < 0)
			return o->err.code;
		if (!is_in_use(&o->plan.refusal) || !may_wait(&f->waiting))
			return 0;
		f->p->file.unlock(f->p);
		wait_for_kvm(&f->waiting, &o->before.users);
		if (!may_wait(&f->waiting) && kvm_is_used(f->p))
			return 0;
		forget(o);
	}
}

/* ---- apply and prove ---- */

static unsigned deferred_settings(const struct plan *plan)
{
	unsigned settings_deferred = 0;

	for (size_t i = 0; i < plan->change_count; i++)
		if (plan->changes[i].deferred.code)
			settings_deferred |= 1u << plan->changes[i].setting->id;
	return settings_deferred;
}

/* Observes the host anew and plans for it. */
static int look_again(struct flow *f, struct err *e)
{
	struct outcome *o = f->o;
	unsigned parts = parts_of(f);

	/* A guest that has ended meanwhile does not make a plan that waits for it incomplete. */
	f->busy = deferred_settings(&o->plan);
	err_clear(e);
	host_free(&o->after);
	plan_free(&o->leftover);
	/* An undo is about all parameters, a change about those of its goals: all were just checked. */
	if (host_observe(f->p, o->is_undo ? parts : parts & ~HOST_PARAMS, &o->after, e) < 0)
		return e->code;
	plan_for(f, &o->after, &o->leftover);
	/* What cannot be read is no difference. */
	if (strcmp(o->leftover.refusal.id, "unknown-state") == 0)
		*e = o->leftover.refusal;
	return e->code;
}

/* Nothing left to do: that is the proof. */
static bool is_proved(const struct outcome *o)
{
	/* A refusal without steps: it is so now, but something that came meanwhile wins at the next load. */
	return !o->leftover.step_count && !o->leftover.refusal.code;
}

static void prove(struct flow *f)
{
	struct outcome *o = f->o;
	struct err unread;
	int r = look_again(f, &unread);

	/* What is gone at the second look was a file that could not be read just then. */
	if (r < 0 || !is_proved(o))
		r = look_again(f, &unread);
	if (r == 0 && is_proved(o))
		return;
	if (r < 0)
		err_set(&o->err, r, "the change could not be verified: %s", unread.text);
	else
		err_set(&o->err, -ESTALE, "the change could not be verified: %s",
			o->leftover.step_count
				? "something else has changed the host since the last step"
				: o->leftover.refusal.text);
	o->status = STATUS_STUCK;
	err_status(&o->err, o->status, "not-verified");
	err_hint(&o->err, "All steps were done. Check:  kvmtune status        Undo:  kvmtune undo");
}

static void take_failure(struct outcome *o)
{
	const struct apply_report *r = &o->report;

	o->err = r->err;
	o->status = r->stuck || r->one_way ? STATUS_STUCK : r->err.status;
	if (r->one_way) {
		err_status(&o->err, STATUS_STUCK, "stuck");
		err_wrap(&o->err, "the %s did not finish; the parts it restored stay",
			 o->is_undo ? "undo" : "change");
		if (!o->err.hint[0])
			err_hint(&o->err, "Continue:  kvmtune undo");
	}
	if (!r->stuck)
		return;
	err_status(&o->err, STATUS_STUCK, "stuck");
	err_wrap(&o->err, "rollback failed: %s. First error", r->back_err.text);
	err_hint(&o->err, "%s", r->back_err.hint[0] ? r->back_err.hint : "Continue:  kvmtune undo");
}

/* Who was killed while he wrote a file has left a part of it beside it: nobody reads it, but it stays. */
static void sweep_after(struct ports *p, const struct journal_entry *past)
{
	for (size_t i = 0; past && i < past->step_count; i++) {
		const struct act *act = &past->steps[i].act;

		if (act->kind == ACT_WRITE_FILE || act->kind == ACT_REMOVE_FILE ||
		    act->kind == ACT_MAKE_LINK || act->kind == ACT_REMOVE_LINK)
			p->file.sweep(p, act->target);
	}
}

static int apply(struct flow *f)
{
	struct outcome *o = f->o;
	const struct apply_what what = { .command = f->request->command,
					 .undoes = o->undoes ? o->undoes->id : 0,
					 .progress = f->request->progress,
					 .arg = f->request->arg };

	/* Up to here nothing was done: a signal ends the command as it ends any other. */
	f->p->system.catch_signals(f->p);
	if (journal_interrupted(&o->journal))
		sweep_after(f->p, o->undoes);
	return apply_plan(f->p, &o->before, &o->plan, &o->journal, &what, &o->report, &o->err);
}

static void apply_and_prove(struct flow *f)
{
	struct outcome *o = f->o;

	if (apply(f) < 0) {
		o->status = STATUS_FAILED;
		return;
	}
	o->applied = true;
	if (o->report.failed)
		take_failure(o);
	else
		prove(f);
}

static bool has_work(const struct flow *f)
{
	const struct outcome *o = f->o;

	/* An undo that has nothing left to do is still written down as done. */
	return !f->request->dry_run && (o->plan.step_count || o->undoes);
}

static void change_once(struct flow *f)
{
	struct outcome *o = f->o;

	if (plan_when_free(f) < 0) {
		o->status = o->err.status;
		return;
	}
	if (f->is_open)
		return;
	o->status = o->plan.status;
	if (o->plan.refusal.code)
		o->err = o->plan.refusal;
	else if (has_work(f))
		apply_and_prove(f);
}

/* ---- leave the last change as it is ---- */

/* The change that undo would come to next: also one of whose records nothing is left. */
static const struct journal_entry *skippable(const struct journal *j)
{
	return journal_undoable(j) ?: journal_interrupted(j);
}

static int skip(struct flow *f)
{
	struct outcome *o = f->o;
	struct err ignored = { 0 };

	o->is_undo = o->skips = true;
	if (wait_for_lock(&f->waiting, &o->err) < 0 || journal_load(f->p, &o->journal, &o->err) < 0)
		return o->err.code;
	if (o->journal.at_work)
		return refuse_locked(&o->err, o->journal.at_work);
	o->undoes = skippable(&o->journal);
	if (!o->undoes)
		return 0;
	/* Only for the report. */
	journal_read_steps(&o->journal, o->undoes, &ignored);
	if (!f->p->system.is_root(f->p) && !f->p->image)
		refuse_not_root(o);
	check_writable(f);
	if (o->plan.refusal.code) {
		o->err = o->plan.refusal;
		return o->err.code;
	}
	if (f->request->dry_run)
		return 0;
	return journal_skip(f->p, &o->journal, f->request->command, o->undoes->id, &o->err);
}

/* ---- an earlier change that was interrupted ---- */

/*
 * Has the host reached its goal? Then only the end of its record was missing. An undo is not closed, but
 * gone on with.
 */
static bool is_reached(struct flow *f, const struct journal *j, const struct journal_entry *open)
{
	struct host host = { 0 };
	struct err ignored = { 0 };
	bool reached;

	if (open->undoes || open->result != JOURNAL_OPEN || open->skips ||
	    journal_read_steps(j, open, &ignored) < 0 || open->lost.n)
		return false;
	reached = host_observe(f->p, past_parts(open->steps, open->step_count), &host, &ignored) ==
			  0 &&
		  plan_is_reached(&host, open->steps, open->step_count);
	host_free(&host);
	return reached;
}

static bool close_reached(struct flow *f)
{
	const struct journal *j = &f->o->journal;
	const struct journal_entry *open = journal_interrupted(j);
	struct err ignored = { 0 };

	if (!is_reached(f, j, open))
		return false;
	f->would_close = f->request->dry_run;
	if (f->would_close)
		return true;
	sweep_after(f->p, open);
	return journal_end(f->p, open->id, JOURNAL_DONE, &ignored) == 0;
}

static void forget_all(struct outcome *o)
{
	forget(o);
	free(o->recovered);
	o->recovered = NULL;
}

/* The rollback is an undo: what it comes to is the outcome where it does not end well. */
static int roll_back(struct flow *f)
{
	struct request request = *f->request;
	struct outcome past = { 0 };
	struct flow g = { .p = f->p, .request = &request, .o = &past, .waiting = f->waiting };

	request.goals = NULL;
	request.goal_count = 0;
	request.command = "undo";
	request.defer = DEFER_NO;
	change_once(&g);
	if (past.err.code || request.dry_run) {
		past.recovered = f->o->recovered;
		past.recovery = past.err.code ? RECOVERY_FAILED : RECOVERY_FIRST;
		*f->o = past;
		return -1;
	}
	f->p->file.unlock(f->p);
	forget_all(&past);
	return 0;
}

/*
 * What was interrupted is closed as done, or rolled back, before anything else is changed. Negative:
 * the outcome is complete.
 */
static int recover(struct flow *f)
{
	struct outcome *o = f->o;
	bool closed;

	free(o->recovered);
	o->recovered = xstrdup(journal_interrupted(&o->journal)->command);
	closed = close_reached(f);
	f->p->file.unlock(f->p);
	forget(o);
	f->is_open = false;
	if (!closed && roll_back(f) < 0)
		return -1;
	o->recovery = closed ? RECOVERY_CLOSED : RECOVERY_ROLLED_BACK;
	return 0;
}

static int change_from_rest(struct flow *f)
{
	for (change_once(f); f->is_open; change_once(f))
		if (recover(f) < 0)
			return -1;
	return 0;
}

/* With --defer=if-busy: the same once more, and what turned out to be busy waits. True: do that. */
static bool must_defer_now(struct flow *f)
{
	const struct outcome *o = f->o;
	bool memory = strcmp(o->err.id, "memory") == 0 || strcmp(o->err.id, "cgroup-memory") == 0;

	if (f->request->defer != DEFER_IF_BUSY || !o->applied || !o->report.rolled_back ||
	    (!is_in_use(&o->err) && !memory))
		return false;
	f->busy = deferred_settings(&o->plan);
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (settings[i].kind == (memory ? KIND_KSM : KIND_MODULE))
			f->busy |= 1u << i;
	return true;
}

void change_run(struct ports *p, const struct request *request, struct outcome *ret)
{
	struct flow f = { .p = p, .request = request, .o = ret, .waiting = wait_begin(p, request) };

	*ret = (struct outcome){ 0 };
	if (request->skip) {
		ret->status = skip(&f) < 0 ? ret->err.status : STATUS_DONE;
		return;
	}
	if (change_from_rest(&f) < 0)
		return;
	/* Somebody was faster between the check and the removal: with --wait, wait for him too. */
	while (ret->applied && ret->report.rolled_back && is_in_use(&ret->err) &&
	       may_wait(&f.waiting)) {
		forget(ret);
		err_clear(&ret->err);
		p->file.unlock(p);
		if (change_from_rest(&f) < 0)
			return;
	}
	if (!must_defer_now(&f))
		return;
	forget(ret);
	err_clear(&ret->err);
	p->file.unlock(p);
	change_from_rest(&f);
}

void outcome_free(struct outcome *o)
{
	forget_all(o);
}
