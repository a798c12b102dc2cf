// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/change.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <kvmtune/observe.h>
#include <kvmtune/port.h>

#define WAIT_PAUSE_MS 100
#define WAIT_LOOK_MS  2000 /* how often to look who it is, while the count stays the same */

struct flow {
	struct ports *p;
	const struct request *request;
	struct outcome *o;
	int64_t started;
	const struct journal_entry *ksm_before; /* in o->journal; NULL: none */
};

/* ---- waiting ---- */

static int64_t waited(const struct flow *f)
{
	return f->p->system.monotonic_ms(f->p) - f->started;
}

static bool may_wait(const struct flow *f)
{
	const struct request *r = f->request;

	return !r->dry_run && r->wait_ms != WAIT_NOT && waited(f) < r->wait_ms &&
	       !f->p->system.interrupted(f->p);
}

static void tell_waiting(struct flow *f, const struct kvm_users *users, const char *lock_holder)
{
	if (f->request->waiting)
		f->request->waiting(f->request->arg, users, lock_holder, waited(f));
	f->p->system.sleep_ms(f->p, WAIT_PAUSE_MS);
}

static int total_refcnt(struct ports *p)
{
	int total = 0;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		int n = settings[i].module ? observe_refcnt(p, settings[i].module->module) : 0;

		total += n > 0 ? n : 0;
	}
	return total;
}

/* Until nobody uses KVM any more, or the time is over. */
static void wait_for_kvm(struct flow *f)
{
	struct kvm_users *users = &f->o->before.users;
	int64_t looked = waited(f);
	int last = total_refcnt(f->p), now = last;
	struct err ignored = { 0 };

	while (now > 0 && may_wait(f)) {
		tell_waiting(f, users, NULL);
		now = total_refcnt(f->p);
		if (now == last && waited(f) - looked < WAIT_LOOK_MS)
			continue;
		looked = waited(f);
		last = now;
		kvm_users_free(users);
		if (now > 0)
			observe_users(f->p, users, &ignored);
	}
}

/* ---- lock ---- */

static int lock_error(struct outcome *o, const struct buf *holder)
{
	if (o->err.code != -EWOULDBLOCK)
		return o->err.code;
	err_set(&o->err, -EWOULDBLOCK, "another kvmtune is at work: %s",
		holder->len ? buf_text(holder) : "it did not say what");
	err_status(&o->err, STATUS_REFUSED, "locked");
	return err_hint(&o->err, "Wait for it with --wait, or try again later.");
}

/* Only root changes anything; everybody else learns from the plan why not. */
static int take_lock(struct flow *f)
{
	autofree char *who = xasprintf("kvmtune %s, PID %d\n", f->request->command, (int)getpid());
	struct ports *p = f->p;
	int r;

	if (f->request->dry_run || !p->system.is_root(p))
		return 0;
	for (;;) {
		autobuf holder = { 0 };

		r = p->file.lock(p, LOCK_FILE, who, &holder, &f->o->err);
		if (r != -EWOULDBLOCK || !may_wait(f))
			return r < 0 ? lock_error(f->o, &holder) : 0;
		f->o->err = (struct err){ 0 };
		tell_waiting(f, NULL, buf_text(&holder));
	}
}

/* ---- observe and plan ---- */

/* What of the host the goals are about, or the steps that are taken back. */
static unsigned parts_of(const struct flow *f)
{
	const struct journal_entry *undoes = f->o->undoes;
	unsigned parts = f->o->is_undo ? HOST_MODULES | HOST_PARAMS : 0;

	if (undoes && plan_touches_ksm(undoes->steps, undoes->step_count))
		parts |= HOST_KSM | HOST_KSM_USERS;
	return parts | goals_parts(f->request->goals, f->request->goal_count);
}

static bool wants_ksm_on(const struct request *r)
{
	for (size_t i = 0; i < r->goal_count; i++)
		if (r->goals[i].setting->id == SETTING_KSM && strcmp(r->goals[i].value, "on") == 0)
			return true;
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

static void plan_for(const struct flow *f, const struct host *host, struct plan *ret)
{
	const struct request *r = f->request;
	const struct journal_entry *undoes = f->o->undoes;
	const struct journal_entry *before = f->ksm_before;
	struct plan_options options = { .again = r->command,
					.defer = r->defer,
					.reserve_bytes = r->reserve_bytes,
					.watch_ms = r->watch_ms,
					.ksm_before = before ? before->steps : NULL,
					.ksm_before_count = before ? before->step_count : 0,
					.exact = undoes && undoes->result != JOURNAL_DONE,
					.revive = journal_interrupted(&f->o->journal) != NULL };

	if (!f->o->is_undo)
		plan_build(host, r->goals, r->goal_count, &options, ret);
	else if (f->o->undoes)
		plan_back(host, f->o->undoes->steps, f->o->undoes->step_count, &options, ret);
	else
		*ret = (struct plan){ 0 };
}

static int refuse(struct outcome *o, enum exit_status status, const char *id, const char *text,
		  const char *hint)
{
	err_set(&o->plan.refusal, -EPERM, "%s", text);
	err_status(&o->plan.refusal, status, id);
	o->plan.status = status;
	return err_hint(&o->plan.refusal, "%s", hint);
}

/* An interrupted change must be taken back before anything else is changed. */
static void check_interrupted(struct outcome *o)
{
	const struct journal_entry *open = journal_interrupted(&o->journal);
	autofree char *text = NULL;

	if (!open || o->is_undo)
		return;
	text = xasprintf("an earlier change (%s) did not end: the host may be in between",
			 open->command);
	refuse(o, STATUS_STUCK, "interrupted", text,
	       "Look at it:  kvmtune status        Take it back:  kvmtune undo");
}

static bool undo_needs_root(const struct flow *f)
{
	return f->o->undoes && !f->o->plan.refusal.code && !f->o->before.root && !f->p->image;
}

static int observe_and_plan(struct flow *f)
{
	struct outcome *o = f->o;

	if (journal_load(f->p, &o->journal, &o->err) < 0)
		return o->err.code;
	o->undoes = o->is_undo ? journal_undoable(&o->journal) : NULL;
	if (o->undoes && journal_read_steps(&o->journal, o->undoes, &o->err) < 0)
		return o->err.code;
	if (host_observe(f->p, parts_of(f), &o->before, &o->err) < 0)
		return o->err.code;
	recall_ksm(f);
	plan_for(f, &o->before, &o->plan);
	check_interrupted(o);
	if (undo_needs_root(f))
		refuse(o, STATUS_IMPOSSIBLE, "not-root", "this needs root",
		       "Run it again with sudo.");
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

/* Observes and plans until nothing stands in the way, or until there is nothing to wait for. */
static int plan_when_free(struct flow *f)
{
	int r = observe_and_plan(f);

	while (r == 0 && is_in_use(&f->o->plan.refusal) && may_wait(f)) {
		wait_for_kvm(f);
		if (!may_wait(f) && total_refcnt(f->p) > 0)
			break;
		forget(f->o);
		r = observe_and_plan(f);
	}
	return r;
}

/* ---- apply and prove ---- */

static void prove(struct flow *f)
{
	struct outcome *o = f->o;
	struct err e = { 0 };
	unsigned parts = parts_of(f);

	/* An undo is about all parameters, a change about those of its goals: all were just checked. */
	host_observe(f->p, o->is_undo ? parts : parts & ~HOST_PARAMS, &o->after, &e);
	plan_for(f, &o->after, &o->leftover);
	if (!o->leftover.step_count)
		return;
	err_set(&o->err, -ESTALE,
		"all steps were done, but now the host differs again: something else changed it");
	err_hint(&o->err, "Look at it:  kvmtune status        Take it back:  kvmtune undo");
	o->status = STATUS_FAILED;
}

static void take_failure(struct outcome *o)
{
	const struct apply_report *r = &o->report;

	o->err = r->err;
	o->status = r->stuck || r->one_way ? STATUS_STUCK : r->err.status;
	if (r->one_way) {
		err_status(&o->err, STATUS_STUCK, "stuck");
		err_wrap(&o->err, "the undo did not come to its end; what it has restored stays");
		if (!o->err.hint[0])
			err_hint(&o->err, "Go on with:  kvmtune undo");
	}
	if (!r->stuck)
		return;
	err_status(&o->err, STATUS_STUCK, "stuck");
	err_wrap(&o->err, "the change failed and so did the way back (%s); it failed first because",
		 r->back_err.text);
	err_hint(&o->err, "%s",
		 r->back_err.hint[0] ? r->back_err.hint : "Go on with:  kvmtune undo");
}

static void apply_and_prove(struct flow *f)
{
	struct outcome *o = f->o;
	struct apply_what what = { .command = f->request->command,
				   .undoes = o->undoes ? o->undoes->id : 0,
				   .progress = f->request->progress,
				   .arg = f->request->arg };

	if (apply_plan(f->p, &o->before, &o->plan, &o->journal, &what, &o->report, &o->err) < 0) {
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
	/* An undo with nothing left to do is still written down as done. */
	return !f->request->dry_run && (f->o->plan.step_count || f->o->undoes);
}

static void change_once(struct flow *f)
{
	struct outcome *o = f->o;

	if (plan_when_free(f) < 0) {
		o->status = o->err.status;
		return;
	}
	o->status = o->plan.status;
	if (o->plan.refusal.code)
		o->err = o->plan.refusal;
	else if (has_work(f))
		apply_and_prove(f);
}

void change_run(struct ports *p, const struct request *request, struct outcome *ret)
{
	struct flow f = { .p = p, .request = request, .o = ret };

	*ret = (struct outcome){ .is_undo = request->goal_count == 0 };
	f.started = p->system.monotonic_ms(p);
	if (take_lock(&f) < 0) {
		ret->status = ret->err.status;
		return;
	}
	change_once(&f);
	/* Somebody was faster between the check and the removal: with --wait, wait for him too. */
	while (ret->applied && ret->report.walked_back && is_in_use(&ret->err) && may_wait(&f)) {
		forget(ret);
		ret->err = (struct err){ 0 };
		change_once(&f);
	}
}

void outcome_free(struct outcome *o)
{
	forget(o);
}
