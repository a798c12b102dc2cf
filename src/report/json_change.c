// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * json_change.c - changes, dry runs and audits, for programs.
 */
#include <string.h>

#include "json.h"
#include "state.h"

/* The values that a planned change would lead to. */
static const char *planned(const struct change *c)
{
	return c->waits && !c->deferred.code ? c->now : c->brings_now;
}

static bool does_change(const struct outcome *o, const struct change *c)
{
	return !o->plan.refusal.code && !c->already && o->plan.step_count;
}

/* Where it is wanted: a member only if that is in a file. */
static void put_wanted(struct json_object *j, const struct change *c)
{
	struct json_object *source;

	json_put_text(j, "wanted", c->value);
	if (!c->file)
		return;
	source = json_object_new_object();
	json_put_text(source, "file", c->file);
	json_put_int(source, "line", c->line);
	json_put(j, "wanted_source", source);
}

static struct json_object *change_object(const struct outcome *o, const struct change *c,
					 bool dry_run)
{
	struct json_object *j = json_object_new_object();
	struct setting_state after = { c->now, c->next };
	bool changed = does_change(o, c) && (dry_run || (o->applied && !o->report.failed));

	if (o->applied && o->after.parts)
		after = setting_state(&o->after, c->setting);
	else if (changed)
		after = (struct setting_state){ planned(c), c->brings_next };
	put_wanted(j, c);
	json_put_text(j, "state", goal_state_name(change_state(c)));
	json_put_text(j, "before", c->now);
	json_put_text(j, "after", after.now);
	json_put_text(j, "next_before", c->next);
	json_put_text(j, "next_after", after.next);
	json_put_text(j, "next_when", setting_next_when(c->setting));
	json_put_bool(j, "changed", changed);
	json_put(j, "deferred", json_error(&c->deferred));
	json_put(j, "refusal", json_error(&c->impossible));
	return j;
}

static struct json_object *changes_object(const struct outcome *o, bool dry_run)
{
	struct json_object *j = json_object_new_object();

	for (size_t i = 0; i < o->plan.change_count; i++)
		json_put(j, o->plan.changes[i].setting->name,
			 change_object(o, &o->plan.changes[i], dry_run));
	return j;
}

static bool changes_anything(const struct outcome *o, bool dry_run)
{
	if (o->plan.refusal.code || !o->plan.step_count)
		return false;
	return dry_run ||
	       (o->applied && (!o->report.failed || o->report.stuck || o->report.one_way));
}

static struct json_object *also_list(const struct plan *plan)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < plan->also_count; i++)
		json_object_array_add(list, json_error(&plan->also[i]));
	return list;
}

static const char *step_state(const struct outcome *o, size_t i)
{
	if (!o->applied)
		return "planned";
	if (!o->report.failed)
		return "done";
	if (i == o->report.done)
		return "failed";
	return i < o->report.done ? o->report.rolled_back ? "rolled_back" : "done" : "not_done";
}

static struct json_object *step_object(const struct step *s, const char *state)
{
	struct json_object *o = json_object_new_object();
	autobuf detail = { 0 }, back = { 0 };

	act_detail_text(&s->act, &detail);
	act_detail_text(&s->back, &back);
	json_put_text(o, "act", act_name(s->act.kind));
	json_put_text(o, "target", s->act.target);
	json_put_text(o, "detail", buf_text(&detail));
	json_put_text(o, "note", s->note);
	json_put_text(o, "undo", s->back.kind == ACT_NONE ? NULL : act_name(s->back.kind));
	json_put_text(o, "undo_detail", back.len ? back.data : NULL);
	json_put_text(o, "state", state);
	return o;
}

static struct json_object *steps_list(const struct outcome *o)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < o->plan.step_count; i++)
		json_object_array_add(list, step_object(&o->plan.steps[i], step_state(o, i)));
	return list;
}

static struct json_object *leftover_list(const struct plan *plan)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < plan->step_count; i++)
		json_object_array_add(list, step_object(&plan->steps[i], "planned"));
	return list;
}

static struct json_object *effects_list(const struct plan *plan)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < plan->effect_count; i++) {
		const struct effect *f = &plan->effects[i];
		struct json_object *o = json_object_new_object();

		json_put_text(o, "module", f->module);
		json_put_text(o, "parameter", f->param);
		json_put_text(o, "from", f->from);
		json_put_text(o, "to", f->to);
		json_put_text(o, "file", f->file);
		json_put(o, "line", f->line ? json_object_new_int((int)f->line) : NULL);
		json_object_array_add(list, o);
	}
	return list;
}

static const char *result_name(const struct outcome *o, bool dry_run)
{
	if (o->plan.refusal.code)
		return "refused";
	if (o->skips && !o->err.code)
		return !o->undoes ? "already" : dry_run ? "planned" : "skipped";
	if (o->err.code)
		return o->report.stuck ? "stuck" : "failed";
	if (dry_run)
		return "planned";
	if (o->status == STATUS_PENDING)
		return "saved";
	return o->applied && o->report.done ? "done" : "already";
}

static void add_application(struct json_object *o, const struct outcome *outcome)
{
	const struct apply_report *r = &outcome->report;

	if (!outcome->applied)
		return;
	json_put_bool(o, "rolled_back", r->rolled_back);
	json_put(o, "kvm_away_ms", r->away_ms < 0 ? NULL : json_object_new_int64(r->away_ms));
	json_put(o, "remarks", json_strv(&r->remarks));
	json_put(o, "leftover", leftover_list(&outcome->leftover));
}

/* The end of an earlier change that was interrupted; null: there was none. */
static struct json_object *recovery_object(const struct outcome *o)
{
	static const char *const names[] = {
		[RECOVERY_FIRST] = "planned",
		[RECOVERY_FAILED] = "failed",
		[RECOVERY_ROLLED_BACK] = "rolled_back",
		[RECOVERY_CLOSED] = "closed",
	};
	struct json_object *j;

	if (o->recovery == RECOVERY_NONE)
		return NULL;
	j = json_object_new_object();
	json_put_text(j, "command", o->recovered);
	json_put_text(j, "result", names[o->recovery]);
	return j;
}

static struct json_object *outcome_document(const struct outcome *outcome, const char *command,
					    bool dry_run)
{
	struct json_object *o = json_document("change");

	json_put(o, "host", json_host_object(&outcome->before));
	json_put_text(o, "command", command);
	json_put_bool(o, "dry_run", dry_run);
	json_put_int(o, "exit_status", outcome->status);
	json_put_text(o, "result", result_name(outcome, dry_run));
	if (outcome->is_undo)
		json_put(o, "undoes",
			 outcome->undoes ? json_object_new_int(outcome->undoes->id) : NULL);
	if (outcome->is_undo)
		json_put_bool(o, "skips", outcome->skips);
	json_put(o, "recovered", recovery_object(outcome));
	json_put_bool(o, "changed", changes_anything(outcome, dry_run));
	json_put(o, "settings", changes_object(outcome, dry_run));
	json_put(o, "steps", steps_list(outcome));
	json_put(o, "effects", effects_list(&outcome->plan));
	json_put(o, "lost", json_strv(&outcome->plan.lost));
	json_put(o, "refusal", json_error(&outcome->plan.refusal));
	json_put(o, "also_refused", also_list(&outcome->plan));
	json_put(o, "error", json_error(&outcome->err));
	json_put(o, "users", json_users_list(&outcome->before.users));
	json_put(o, "not_seen", json_strv(&outcome->before.unseen));
	if (outcome->before.parts & HOST_KSM) {
		json_put(o, "ksm", json_ksm_object(&outcome->before));
		json_put(o, "memory", json_memory_object(&outcome->before));
	}
	json_put(o, "advice",
		 json_advice(&outcome->before, outcome->plan.advice, outcome->plan.advice_count));
	add_application(o, outcome);
	return o;
}

int json_change(FILE *out, const struct outcome *outcome, const char *command, bool dry_run)
{
	return json_print(out, outcome_document(outcome, command, dry_run));
}

int json_undos(FILE *out, const struct undo_report *r)
{
	struct json_object *o = json_document("undos"), *list = json_object_new_array();
	bool changed = false;

	for (size_t i = 0; i < r->count; i++) {
		json_object_array_add(list, outcome_document(&r->undos[i], r->command, r->dry_run));
		changed |= changes_anything(&r->undos[i], r->dry_run);
	}
	json_put(o, "host", json_host_object(&r->undos[0].before));
	json_put_text(o, "command", r->command);
	json_put_bool(o, "dry_run", r->dry_run);
	json_put_int(o, "exit_status", r->status);
	json_put_bool(o, "changed", changed);
	json_put(o, "undos", list);
	json_put(o, "left", json_left_list(r));
	json_put(o, "error", json_error(&r->undos[r->count - 1].err));
	return json_print(out, o);
}

static struct json_object *audit_object(const struct host *host, const struct change *c)
{
	struct json_object *o = json_object_new_object();

	put_wanted(o, c);
	json_put_text(o, "state", goal_state_name(change_state(c)));
	json_put_state(o, host, c->setting);
	json_put(o, "refusal", json_error(&c->impossible));
	return o;
}

int json_audit(FILE *out, const struct host *host, const struct plan *plan,
	       const struct journal *journal, enum exit_status status)
{
	struct json_object *o = json_document("audit"), *list = json_object_new_object();

	json_put(o, "host", json_host_object(host));
	json_put_int(o, "exit_status", status);
	for (size_t i = 0; i < plan->change_count; i++)
		json_put(list, plan->changes[i].setting->name,
			 audit_object(host, &plan->changes[i]));
	json_put(o, "settings", list);
	json_put_open_change(o, journal);
	json_put(o, "not_seen", json_strv(&host->unseen));
	return json_print(out, o);
}
