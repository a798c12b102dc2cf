// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text_change.c - changes, dry runs and audits, for people.
 */
#include <string.h>

#include "state.h"
#include "table.h"

/* Is it only about the next load or boot? */
static bool is_about_next(const struct change *c)
{
	return c->waits || (change_is_so_now(c) && !(c->next && strcmp(c->next, c->value) == 0));
}

static void change_line(FILE *out, const struct style *style, const struct outcome *o,
			const struct change *c, bool done)
{
	bool module = c->setting->kind == KIND_MODULE;
	autofree char *when = xasprintf("next %s", setting_next_when(c->setting));
	const char *next = c->next ?: module ? "by default" : "unknown";

	print_heading(out, style, c->setting->name);
	if (c->already)
		fprintf(out, ": %s already\n", c->value);
	else if (!c->now && module && plan_reloads(&o->plan))
		fprintf(out, ": not loaded -> %s\n", c->value);
	else if (!c->now)
		fprintf(out, ": %s %s -> %s\n", when, next, c->value);
	else if (is_about_next(c))
		fprintf(out, ": %s now; %s %s -> %s\n", c->now, when, next, c->value);
	else
		fprintf(out, ": %s -> %s%s\n", c->now, c->value, done ? ", done" : "");
}

/* For people, what is done is enough where the target says the rest. */
static const char *verb_of(enum act_kind kind)
{
	switch (kind) {
	case ACT_CHECK_PARAMS:
	case ACT_CHECK_DEVICE:
	case ACT_CHECK_GUEST:
		return "check";
	case ACT_SET_RUN:
		return "write";
	case ACT_WATCH_MEMORY:
		return "watch";
	default:
		return act_name(kind);
	}
}

static void step_row(struct table *t, const struct outcome *o, size_t i)
{
	const struct step *s = &o->plan.steps[i];
	autofree char *number = xasprintf("%zu", i + 1);
	autobuf target = { 0 }, detail = { 0 };
	const char *state = "";

	act_target_text(&s->act, &target);
	act_detail_text(&s->act, &detail);
	if (s->note)
		buf_join(&detail, "; ", s->note);
	if (o->applied && o->report.failed)
		state = i < o->report.done ? "done" : i == o->report.done ? "FAILED" : "not done";
	table_row(t, number, verb_of(s->act.kind), buf_text(&target), buf_text(&detail), state);
}

static void steps(FILE *out, const struct outcome *o)
{
	struct table *t = table_new("", "", "", "", "", NULL);

	for (size_t i = 0; i < o->plan.step_count; i++)
		step_row(t, o, i);
	fputc('\n', out);
	table_print(t, out, "  ");
	fputc('\n', out);
}

static void effects(FILE *out, const struct plan *plan)
{
	for (size_t i = 0; i < plan->effect_count; i++) {
		const struct effect *f = &plan->effects[i];
		autobuf b = { 0 };

		buf_printf(&b, "The reload also applies %s %s=", f->module, f->param);
		buf_add_safe(&b, f->to, 40);
		buf_puts(&b, " of ");
		if (f->line) {
			buf_add_safe(&b, f->file, 200);
			buf_printf(&b, ":%u", f->line);
		} else {
			buf_puts(&b, "the kernel command line");
		}
		buf_puts(&b, ", which is not in force now (");
		buf_add_safe(&b, f->from, 40);
		buf_puts(&b, ").");
		print_wrapped(out, "also: ", b.data);
	}
}

static void waiting_note(FILE *out, const struct outcome *o, const struct change *c)
{
	bool not_loaded =
		c->setting->kind == KIND_MODULE && !c->now && !c->already && !o->before.image;

	if (not_loaded && !plan_reloads(&o->plan)) {
		fputs("The module is not loaded: this takes effect when it is loaded next.\n", out);
		return;
	}
	if (!c->waits)
		return;
	if (c->setting->kind != KIND_MODULE)
		fputs("Saved; the running kernel and services are left alone until the next "
		      "boot.\n",
		      out);
	else
		fputs("Saved; the running module is left alone until it is loaded next (reload or "
		      "boot).\n",
		      out);
}

/* Was something changed now that one may want to take back? */
static bool changed_ksm(const struct outcome *o)
{
	for (size_t i = 0; i < o->plan.change_count; i++) {
		const struct change *c = &o->plan.changes[i];

		if (c->setting->kind != KIND_MODULE && !c->already && !c->waits)
			return true;
	}
	return false;
}

static void done_note(FILE *out, const struct outcome *o)
{
	bool away = o->report.away_ms >= 0;

	if (!o->applied || o->report.failed)
		return;
	if (away)
		fprintf(out, "KVM was away for %lld ms.%s", (long long)o->report.away_ms,
			o->is_undo ? "\n" : " ");
	if (!o->is_undo && !o->before.image && (away || changed_ksm(o)))
		fputs("Take it back:  kvmtune undo\n", out);
}

static void after_notes(FILE *out, const struct outcome *o)
{
	for (size_t i = 0; i < o->plan.change_count; i++)
		waiting_note(out, o, &o->plan.changes[i]);
	done_note(out, o);
}

/* What an undo has to leave. */
static void lost(FILE *out, const struct plan *plan)
{
	for (size_t i = 0; i < plan->lost.n; i++)
		print_wrapped(out, "not undone: ", plan->lost.v[i]);
}

static void remarks(FILE *out, const struct outcome *o)
{
	if (!o->applied)
		return;
	for (size_t i = 0; i < o->report.remarks.n; i++)
		print_wrapped(out, "also: ", o->report.remarks.v[i]);
}

/* Which change of the past is taken back. */
static void past_line(FILE *out, const struct outcome *o)
{
	autofree char *command = o->undoes ? safe_text(o->undoes->command, 200) : NULL;

	if (o->undoes && o->skips)
		fprintf(out, "leaving as it is: kvmtune %s (change %d)\n", command, o->undoes->id);
	else if (o->undoes)
		fprintf(out, "taking back: kvmtune %s (change %d)\n", command, o->undoes->id);
	else if (o->is_undo)
		fputs("There is nothing to take back.\n", out);
}

/* What became of an earlier change that was interrupted. */
static void recovery_line(FILE *out, const struct outcome *o)
{
	static const char *const texts[] = {
		[RECOVERY_FIRST] = "is rolled back first",
		[RECOVERY_FAILED] = "has to be rolled back first",
		[RECOVERY_ROLLED_BACK] = "was rolled back first",
		[RECOVERY_CLOSED] = "had reached its goal, and is closed as done",
	};
	autofree char *command = o->recovered ? safe_text(o->recovered, 200) : NULL;

	if (o->recovery != RECOVERY_NONE)
		fprintf(out, "An earlier change (kvmtune %s) was interrupted: it %s.\n", command,
			texts[o->recovery]);
}

static bool refused_without_plan(const struct outcome *o)
{
	return o->plan.refusal.code && !o->plan.step_count;
}

/* What an undo would have taken back stays. */
static void what_stays(FILE *out, const struct journal_entry *entry)
{
	struct table *t = table_new("", "", "", NULL);

	for (size_t i = 0; i < entry->step_count; i++) {
		const struct step *s = &entry->steps[i];
		autobuf target = { 0 }, detail = { 0 };

		if (s->back.kind == ACT_NONE)
			continue;
		act_target_text(&s->act, &target);
		act_detail_text(&s->act, &detail);
		table_row(t, verb_of(s->act.kind), buf_text(&target), buf_text(&detail));
	}
	if (table_rows(t))
		fputs("What it did, as far as it came, stays:\n", out);
	else
		fputs("Nothing is known of what it did.\n", out);
	table_print(t, out, "  ");
}

static void text_skip(FILE *out, const struct style *style, const struct outcome *o, bool dry_run)
{
	if (o->err.code)
		return;
	if (!style->quiet || dry_run)
		past_line(out, o);
	if (o->undoes && !style->quiet)
		what_stays(out, o->undoes);
	if (o->undoes && dry_run)
		fputs("Nothing was changed.\n", out);
	else if (o->undoes && !style->quiet)
		fputs("The next undo takes back the change before it.\n", out);
}

void text_change(FILE *out, const struct style *style, const struct outcome *o, bool dry_run)
{
	bool done = o->applied && !o->err.code;
	bool show_steps = o->plan.step_count &&
			  (dry_run || style->verbose || (o->applied && o->report.failed));

	recovery_line(out, o);
	if (o->skips) {
		text_skip(out, style, o, dry_run);
		return;
	}
	if (refused_without_plan(o) || (o->err.code && !dry_run && !o->applied))
		return;
	if (!style->quiet || dry_run) {
		past_line(out, o);
		for (size_t i = 0; i < o->plan.change_count; i++)
			change_line(out, style, o, &o->plan.changes[i], done);
	}
	if (show_steps)
		steps(out, o);
	lost(out, &o->plan);
	if (dry_run && !o->plan.refusal.code)
		fputs("Nothing was changed.\n", out);
	if (o->recovery == RECOVERY_FIRST)
		fputs("The plan for what you asked is made after that.\n", out);
	if (style->quiet)
		return;
	effects(out, &o->plan);
	text_unseen(out, &o->before);
	remarks(out, o);
	if (!dry_run && !o->err.code)
		after_notes(out, o);
	if (!o->plan.refusal.code && (dry_run || done))
		text_advice(out, &o->before, o->plan.advice, o->plan.advice_count);
}

/* ---- audit ---- */

static const char *audit_word(const struct change *c)
{
	enum goal_state state = change_state(c);

	return state == GOAL_DIFFERS   ? "DIFFERS"
	       : state == GOAL_REFUSED ? "not here"
				       : goal_state_name(state);
}

static void audit_row(struct table *t, const struct host *h, const struct change *c)
{
	autofree char *now = xasprintf("now %s", c->now ?: "unknown");
	autofree char *next =
		xasprintf("next %s %s", setting_next_when(c->setting), c->next ?: "unknown");
	autofree char *want = xasprintf("%s=%s", c->setting->name, c->value);
	autobuf source = { 0 };
	struct state_report r;

	if (c->impossible.code) {
		table_row(t, want, audit_word(c), "", "", c->impossible.text);
		return;
	}
	state_report(h, c->setting, &r);
	for (size_t i = 0; i < r.next_source.n; i++)
		buf_join(&source, ", ", r.next_source.v[i]);
	table_row(t, want, audit_word(c), now, next, buf_text(&source));
	state_report_free(&r);
}

/* The way out of what differs for good. */
static void audit_hints(FILE *out, const struct plan *plan)
{
	for (size_t i = 0; i < plan->change_count; i++)
		if (plan->changes[i].impossible.hint[0])
			print_wrapped(out, "note: ", plan->changes[i].impossible.hint);
}

void text_audit(FILE *out, const struct style *style, const struct host *host,
		const struct plan *plan, const struct journal *journal)
{
	struct table *t = table_new("", "", "", "", "", NULL);

	text_open_change(out, journal);
	/* Quiet: the exit status says it; only what is not as wanted is worth a line. */
	for (size_t i = 0; i < plan->change_count; i++)
		if (!style->quiet || !plan->changes[i].already)
			audit_row(t, host, &plan->changes[i]);
	table_print(t, out, "");
	if (style->quiet)
		return;
	audit_hints(out, plan);
	text_unseen(out, host);
}
