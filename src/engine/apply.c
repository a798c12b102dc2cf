// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/apply.h>
#include <kvmtune/port.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "act.h"

struct run {
	struct act_context c;
	const struct plan *plan;
	int id; /* of the journal entry */
};

static const char *signal_text(int number)
{
	return strsignal(number) ?: "a signal";
}

static int check_interrupted(struct ports *p, struct err *e)
{
	int number = p->system.interrupted(p);

	if (!number)
		return 0;
	return err_set(e, -EINTR, "stopped by a signal (%s)", signal_text(number));
}

/* Every option that was edited since the module was loaded may be why it does not load now. */
static void blame(const struct plan *plan, struct err *e)
{
	size_t len = strlen(e->text);

	for (size_t i = 0; i < plan->effect_count; i++) {
		const struct effect *f = &plan->effects[i];
		autobuf text = { 0 };

		buf_puts(&text, i ? ", " : "; likely cause: ");
		buf_printf(&text, "%s=", f->param);
		buf_add_safe(&text, f->to, 40);
		buf_puts(&text, " of ");
		buf_add_safe(&text, f->file, 200);
		if (f->line)
			buf_printf(&text, ":%u", f->line);
		snprintf(e->text + len, sizeof(e->text) - len, "%s", text.data);
		len = strlen(e->text);
	}
}

/* Does an earlier step load KVM that was not loaded? Then there is no rollback any more. */
static bool is_one_way(const struct plan *plan, size_t before)
{
	for (size_t i = 0; i < before; i++) {
		const struct step *s = &plan->steps[i];
		bool loads = s->act.kind == ACT_LOAD || s->act.kind == ACT_RESTORE;

		if (loads && s->back.kind == ACT_NONE)
			return true;
	}
	return false;
}

/* A signal stops a change between two steps; but what has brought KVM back goes on to its end. */
static bool may_stop(const struct plan *plan, size_t i)
{
	return !plan->steps[i].urgent && !is_one_way(plan, i);
}

static int do_step(struct run *r, size_t i, struct err *e)
{
	const struct step *s = &r->plan->steps[i];
	int result;

	if (may_stop(r->plan, i) && check_interrupted(r->c.ports, e) < 0)
		return e->code;
	if (act_check_unchanged(&r->c, s, e) < 0)
		return e->code;
	result = act_do(&r->c, &s->act, e);
	if (result < 0 && s->act.kind == ACT_LOAD)
		blame(r->plan, e);
	return result;
}

/* Rolls back the steps before `count`, last first; continues if one fails. */
static void roll_back(struct run *r, size_t count)
{
	struct apply_report *report = r->c.report;

	while (count-- > 0) {
		struct err e = { 0 };

		if (act_roll_back(&r->c, &r->plan->steps[count], &e) >= 0 || report->stuck)
			continue;
		report->stuck = true;
		report->back_err = e;
	}
	report->rolled_back = !report->stuck;
}

/* A removal that failed has removed nothing; any other act may have been done in part. */
static size_t first_to_roll_back(const struct run *r, size_t failed)
{
	return r->plan->steps[failed].act.kind == ACT_UNLOAD ? failed : failed + 1;
}

static void fail(struct run *r, size_t i)
{
	struct apply_report *report = r->c.report;

	report->failed = true;
	report->one_way = is_one_way(r->plan, i + 1);
	if (!report->one_way)
		roll_back(r, first_to_roll_back(r, i));
}

static enum journal_result result_of(const struct apply_report *report)
{
	if (!report->failed)
		return JOURNAL_DONE;
	return report->stuck || report->one_way ? JOURNAL_STUCK : JOURNAL_ROLLED_BACK;
}

/* The host is right by now; only the memory of it is not. */
static void end_journal(struct run *r)
{
	struct err e = { 0 };

	if (journal_end(r->c.ports, r->id, result_of(r->c.report), &e) < 0)
		strv_addf(&r->c.report->remarks,
			  "the journal could not record the end of the change (%s): the next "
			  "command will treat it as interrupted",
			  e.text);
}

/* The journal has what is done, and behind it what is only kept for an undo. */
static int begin_journal(struct run *r, const struct journal *journal, struct err *e)
{
	const struct plan *plan = r->plan;
	autofree struct step *steps =
		xcalloc(plan->step_count + plan->kept_count + 1, sizeof(*steps));
	const struct journal_change change = { .command = r->c.what->command,
					       .undoes = r->c.what->undoes,
					       .steps = steps,
					       .step_count = plan->step_count + plan->kept_count };

	for (size_t i = 0; i < plan->step_count; i++)
		steps[i] = plan->steps[i];
	for (size_t i = 0; i < plan->kept_count; i++)
		steps[plan->step_count + i] = plan->kept[i];
	return journal_begin(r->c.ports, journal, &change, &r->id, e);
}

int apply_plan(struct ports *p, const struct host *before, const struct plan *plan,
	       const struct journal *journal, const struct apply_what *what,
	       struct apply_report *ret, struct err *e)
{
	struct run run = { .plan = plan };
	size_t i;

	*ret = (struct apply_report){ .away_ms = -1 };
	run.c = (struct act_context){
		.ports = p, .before = before, .report = ret, .what = what, .unloaded_at = -1
	};
	if (begin_journal(&run, journal, e) < 0)
		return e->code;
	out_of_memory_status(STATUS_STUCK);
	for (i = 0; i < plan->step_count; i++) {
		if (do_step(&run, i, &ret->err) < 0) {
			fail(&run, i);
			break;
		}
		ret->done++;
	}
	end_journal(&run);
	if (ret->rolled_back)
		out_of_memory_status(STATUS_FAILED);
	return 0;
}

void apply_report_free(struct apply_report *r)
{
	strv_free(&r->remarks);
	*r = (struct apply_report){ 0 };
}
