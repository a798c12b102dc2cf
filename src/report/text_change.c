// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text_change.c - changes, dry runs and audits, for people.
 */
#include <string.h>

#include "state.h"
#include "table.h"

/* Does it change only the next load or boot? */
static bool is_about_next(const struct change *c)
{
	bool same = c->next && c->brings_next && strcmp(c->next, c->brings_next) == 0;

	return c->waits || (change_is_so_now(c) && !same);
}

static void change_line(FILE *out, const struct style *style, const struct outcome *o,
			const struct change *c, bool done)
{
	bool module = c->setting->kind == KIND_MODULE;
	autofree char *label = xasprintf("%s: ", c->setting->name);
	autofree char *when = xasprintf("next %s", setting_next_when(c->setting));
	const char *unknown = module ? "by default" : "unknown";
	const char *next = c->next ?: unknown, *then = c->brings_next ?: unknown;
	autobuf b = { 0 };

	if (c->already) {
		buf_printf(&b, "%s already", c->value);
	} else if (!c->now && module && plan_reloads(&o->plan)) {
		buf_printf(&b, "not loaded -> %s", c->value);
	} else if (!c->now) {
		buf_printf(&b, "%s %s -> %s", when, next, then);
	} else if (is_about_next(c)) {
		buf_printf(&b, "%s now; %s %s -> %s", c->now, when, next, then);
	} else {
		buf_printf(&b, "%s -> %s%s", c->now, c->value, done ? ", " : "");
		buf_mark(&b, MEANS_GOOD, done ? "done" : "");
	}
	put_paragraph(out, style, label, b.data);
}

/* A shorter verb than act_name() where the target shows the rest. */
static const char *verb_of(enum act_kind kind)
{
	switch (kind) {
	case ACT_CHECK_PARAMS:
	case ACT_CHECK_DEVICE:
	case ACT_CHECK_GUEST:
		return "check";
	case ACT_SET_RUN:
	case ACT_SET_ATTRIBUTE:
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
	table_row(t, number, state, verb_of(s->act.kind), buf_text(&target), buf_text(&detail));
	table_mark(t, 1, meaning_of(state), 0);
}

static void steps(FILE *out, const struct style *style, const struct outcome *o)
{
	struct table *t = table_new(">", "", "", "", "", NULL);

	for (size_t i = 0; i < o->plan.step_count; i++)
		step_row(t, o, i);
	fputc('\n', out);
	table_print(t, out, style, "  ");
	fputc('\n', out);
}

static void effects(FILE *out, const struct style *style, const struct plan *plan)
{
	for (size_t i = 0; i < plan->effect_count; i++) {
		const struct effect *f = &plan->effects[i];
		autobuf b = { 0 };

		buf_printf(&b, "the reload also applies %s %s=", f->module, f->param);
		buf_add_safe(&b, f->to, 40);
		buf_puts(&b, " of ");
		if (f->line) {
			buf_add_safe(&b, f->file, 200);
			buf_printf(&b, ":%u", f->line);
		} else {
			buf_puts(&b, "the kernel command line");
		}
		buf_printf(&b, "; %s is ", f->param);
		buf_add_safe(&b, f->from, 40);
		buf_puts(&b, " now");
		put_paragraph(out, style, "also: ", b.data);
	}
}

static void waiting_note(FILE *out, const struct style *style, const struct outcome *o,
			 const struct change *c)
{
	bool not_loaded =
		c->setting->kind == KIND_MODULE && !c->now && !c->already && !o->before.image;

	if (c->deferred.code) {
		autobuf b = { 0 };

		buf_printf(&b, "%s applies at the next %s: ", c->setting->name,
			   setting_next_when(c->setting));
		buf_add_safe(&b, c->deferred.text, sizeof(c->deferred.text));
		put_paragraph(out, style, "waits: ", b.data);
		return;
	}
	if (not_loaded && !plan_reloads(&o->plan))
		put_paragraph(out, style, "",
			      "The module is not loaded: this applies at its next load.");
	else if (c->waits && c->setting->kind != KIND_MODULE)
		put_paragraph(out, style, "saved: ",
			      "applies at the next boot; the running kernel and services are left "
			      "alone");
	else if (c->waits)
		put_paragraph(out, style, "saved: ",
			      "applies when the module is loaded next (reload or boot); the "
			      "running module is left alone");
}

/* Did it change something now that a user may want to undo? */
static bool changed_at_once(const struct outcome *o)
{
	for (size_t i = 0; i < o->plan.change_count; i++) {
		const struct change *c = &o->plan.changes[i];

		if (c->setting->kind != KIND_MODULE && !c->already && !c->waits)
			return true;
	}
	return false;
}

static void done_note(FILE *out, const struct style *style, const struct outcome *o)
{
	bool away = o->report.away_ms >= 0;
	autobuf b = { 0 };

	if (!o->applied || o->report.failed)
		return;
	if (away)
		buf_printf(&b, "KVM was away for %lld ms.", (long long)o->report.away_ms);
	if (!o->is_undo && !o->before.image && (away || changed_at_once(o)))
		buf_join(&b, " ", "Undo it:  kvmtune undo");
	if (b.len)
		put_paragraph(out, style, "", b.data);
}

static void after_notes(FILE *out, const struct style *style, const struct outcome *o)
{
	for (size_t i = 0; i < o->plan.change_count; i++)
		waiting_note(out, style, o, &o->plan.changes[i]);
	done_note(out, style, o);
}

/* Steps that cannot be undone. */
static void lost(FILE *out, const struct style *style, const struct plan *plan)
{
	for (size_t i = 0; i < plan->lost.n; i++)
		put_paragraph(out, style, "not undone: ", plan->lost.v[i]);
}

static void remarks(FILE *out, const struct style *style, const struct outcome *o)
{
	if (!o->applied)
		return;
	for (size_t i = 0; i < o->report.remarks.n; i++)
		put_paragraph(out, style, "also: ", o->report.remarks.v[i]);
}

static bool has_image_changes(const struct journal *j)
{
	for (size_t i = 0; i < j->count; i++)
		if (!journal_is_for(j, &j->entries[i]) && !j->entries[i].undone)
			return true;
	return false;
}

/* The past change that is undone. */
static void past_line(FILE *out, const struct style *style, const struct outcome *o)
{
	autofree char *command = o->undoes ? safe_text(o->undoes->command, 200) : NULL;
	autofree char *text =
		o->undoes ? xasprintf("kvmtune %s (change %d)", command, o->undoes->id) : NULL;

	if (text)
		put_paragraph(out, style, o->skips ? "keep: " : "undo: ", text);
	else if (o->is_undo)
		put_paragraph(
			out, style, "",
			has_image_changes(&o->journal)
				? "No change of this host is left to undo. Changes in the build "
				  "of its image stay:  kvmtune undo --list"
				: "No change is left to undo.");
}

/* The end of an earlier change that was interrupted. */
static void recovery_line(FILE *out, const struct style *style, const struct outcome *o)
{
	static const char *const texts[] = {
		[RECOVERY_FIRST] = "it is rolled back first",
		[RECOVERY_FAILED] = "it has to be rolled back first",
		[RECOVERY_ROLLED_BACK] = "it was rolled back first",
		[RECOVERY_CLOSED] = "it had reached its goal, and is closed as done",
	};
	autofree char *command = o->recovered ? safe_text(o->recovered, 200) : NULL, *text = NULL;

	if (o->recovery == RECOVERY_NONE)
		return;
	text = xasprintf("kvmtune %s; %s", command, texts[o->recovery]);
	put_paragraph(out, style, "interrupted: ", text);
}

static bool refused_without_plan(const struct outcome *o)
{
	return o->plan.refusal.code && !o->plan.step_count;
}

/* The steps that an undo would have undone. */
static void what_stays(FILE *out, const struct style *style, const struct journal_entry *entry)
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
		fputs("Its steps stay:\n", out);
	else
		fputs("Its steps are unknown.\n", out);
	table_print(t, out, style, "  ");
}

static void text_skip(FILE *out, const struct style *style, const struct outcome *o, bool dry_run)
{
	if (o->err.code)
		return;
	if (!style->quiet || dry_run)
		past_line(out, style, o);
	if (o->undoes && !style->quiet)
		what_stays(out, style, o->undoes);
	if (o->undoes && dry_run)
		fputs("Nothing was changed.\n", out);
	else if (o->undoes && !style->quiet)
		put_paragraph(out, style, "",
			      "The next `kvmtune undo` undoes the change before it.");
}

void text_change(FILE *out, const struct style *style, const struct outcome *o, bool dry_run)
{
	bool done = o->applied && !o->err.code;
	bool show_steps = o->plan.step_count &&
			  (dry_run || style->verbose || (o->applied && o->report.failed));

	recovery_line(out, style, o);
	if (o->skips) {
		text_skip(out, style, o, dry_run);
		return;
	}
	if (refused_without_plan(o) || (o->err.code && !dry_run && !o->applied))
		return;
	if (!style->quiet || dry_run) {
		past_line(out, style, o);
		for (size_t i = 0; i < o->plan.change_count; i++)
			change_line(out, style, o, &o->plan.changes[i], done);
	}
	if (show_steps)
		steps(out, style, o);
	lost(out, style, &o->plan);
	if (dry_run && !o->plan.refusal.code)
		fputs("Nothing was changed.\n", out);
	if (o->recovery == RECOVERY_FIRST)
		fputs("Your change is planned after that.\n", out);
	if (style->quiet)
		return;
	effects(out, style, &o->plan);
	text_unseen(out, style, &o->before);
	remarks(out, style, o);
	for (size_t i = 0; dry_run && i < o->plan.change_count; i++)
		if (o->plan.changes[i].deferred.code)
			waiting_note(out, style, o, &o->plan.changes[i]);
	if (!dry_run && !o->err.code)
		after_notes(out, style, o);
	if (!o->plan.refusal.code && (dry_run || done))
		text_advice(out, style, &o->before, o->plan.advice, o->plan.advice_count);
}

/* ---- undo --all ---- */

void text_left(FILE *out, const struct style *style, const struct undo_report *r)
{
	for (size_t i = r->journal->count; i-- > 0;) {
		const struct journal_entry *entry = &r->journal->entries[i];
		autofree char *command = safe_text(entry->command, 200);
		autofree char *text = xasprintf("kvmtune %s (change %d)", command, entry->id);

		if (is_left_by(r, entry))
			put_paragraph(out, style, r->dry_run ? "then: " : "not undone: ", text);
	}
}

/* ---- audit ---- */

static const char *audit_word(const struct change *c)
{
	enum goal_state state = change_state(c);

	return state == GOAL_DIFFERS   ? "DIFFERS"
	       : state == GOAL_REFUSED ? "not here"
				       : goal_state_name(state);
}

/* "off, now and at the next load" */
static char *audit_state(const struct change *c)
{
	const char *now = c->now ?: "unknown", *next = c->next ?: "unknown";
	const char *when = setting_next_when(c->setting);

	return strcmp(now, next) == 0 ? xasprintf("%s, now and at the next %s", now, when)
				      : xasprintf("%s; %s at the next %s", now, next, when);
}

static void audit_row(struct table *t, const struct host *h, const struct change *c)
{
	autofree char *want = xasprintf("%s=%s", c->setting->name, c->value);
	autofree char *state = audit_state(c);
	const char *word = audit_word(c);
	autobuf source = { 0 };
	struct state_report r;

	state_report(h, c->setting, &r);
	for (size_t i = 0; i < r.next_source.n; i++)
		buf_join(&source, ", ", r.next_source.v[i]);
	if (c->impossible.code)
		table_row(t, want, word, c->impossible.text, "");
	else
		table_row(t, want, word, state, buf_text(&source));
	table_mark(t, 0, MEANS_LABEL, 0);
	table_mark(t, 1, meaning_of(word), 0);
	table_mark(t, 3, MEANS_ASIDE, 0);
	state_report_free(&r);
}

/* How to resolve what kvmtune cannot change. */
static void audit_hints(FILE *out, const struct style *style, const struct plan *plan)
{
	for (size_t i = 0; i < plan->change_count; i++)
		if (plan->changes[i].impossible.hint[0])
			put_paragraph(out, style, "note: ", plan->changes[i].impossible.hint);
}

/* Which file wants it. */
static void audit_wanted(FILE *out, const struct style *style, const struct change *c)
{
	autobuf text = { 0 };

	if (!c->file)
		return;
	buf_printf(&text, "%s=%s is wanted by ", c->setting->name, c->value);
	buf_add_safe(&text, c->file, 200);
	buf_printf(&text, ":%u", c->line);
	put_paragraph(out, style, "note: ", text.data);
}

/* A note if the boot loader's files give another value than the next load. */
static void audit_next_boot(FILE *out, const struct style *style, const struct host *h,
			    const struct change *c)
{
	struct state_report r;
	autobuf text = { 0 };

	state_report(h, c->setting, &r);
	if (!c->impossible.code && r.next_boot_source.n) {
		buf_printf(&text, "at the next boot %s %s%s (", c->setting->name,
			   r.next_boot ? "is " : "depends on the boot entry", r.next_boot ?: "");
		buf_add_safe(&text, r.next_boot_source.v[0], 200);
		buf_puts(&text, ")");
		put_paragraph(out, style, "note: ", text.data);
	}
	state_report_free(&r);
}

void text_audit(FILE *out, const struct style *style, const struct host *host,
		const struct plan *plan, const struct journal *journal)
{
	struct table *t = table_new("", "", "", "", NULL);

	text_open_change(out, style, journal);
	/* Quiet prints only what is not as wanted: the exit status shows the rest. */
	for (size_t i = 0; i < plan->change_count; i++)
		if (!style->quiet || !plan->changes[i].already)
			audit_row(t, host, &plan->changes[i]);
	table_print(t, out, style, "");
	if (style->quiet)
		return;
	audit_hints(out, style, plan);
	for (size_t i = 0; style->verbose && i < plan->change_count; i++)
		audit_wanted(out, style, &plan->changes[i]);
	for (size_t i = 0; i < plan->change_count; i++)
		audit_next_boot(out, style, host, &plan->changes[i]);
	text_unseen(out, style, host);
}
