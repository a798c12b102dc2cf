// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * json_change.c - changes, dry runs and audits, for programs.
 */
#include <string.h>

#include "json.h"
#include "mention.h"

/* "on" and "off" are true and false, as the module's parameter is. */
static void put_switch(struct json_object *o, const char *key, const char *value)
{
	json_put_tri(o, key, value ? param_bool(value) : UNKNOWN);
}

static struct json_object *change_object(const struct change *c)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "setting", c->setting->name);
	json_put_text(o, "value", c->value);
	if (c->setting->module) {
		put_switch(o, "now", c->now);
		put_switch(o, "next_load", c->next);
	} else {
		json_put_text(o, "now", c->now);
		json_put_text(o, "next_boot", c->next);
	}
	json_put_bool(o, "already", c->already);
	json_put_bool(o, "waits", c->waits);
	return o;
}

static struct json_object *changes_list(const struct plan *plan)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < plan->change_count; i++)
		json_object_array_add(list, change_object(&plan->changes[i]));
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
	return i < o->report.done ? o->report.walked_back ? "taken_back" : "done" : "not_done";
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
	json_put_text(o, "way_back", s->back.kind == ACT_NONE ? NULL : act_name(s->back.kind));
	json_put_text(o, "way_back_detail", back.len ? back.data : NULL);
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
	json_put_bool(o, "walked_back", r->walked_back);
	json_put(o, "kvm_away_ms", r->away_ms < 0 ? NULL : json_object_new_int64(r->away_ms));
	json_put(o, "remarks", json_strv(&r->remarks));
	json_put(o, "leftover", leftover_list(&outcome->leftover));
}

int json_change(FILE *out, const struct outcome *outcome, const char *command, bool dry_run)
{
	struct json_object *o = json_document("change");

	json_put_text(o, "command", command);
	json_put_bool(o, "dry_run", dry_run);
	json_put_int(o, "exit_status", outcome->status);
	json_put_text(o, "result", result_name(outcome, dry_run));
	if (outcome->is_undo)
		json_put(o, "undoes",
			 outcome->undoes ? json_object_new_int(outcome->undoes->id) : NULL);
	if (outcome->is_undo)
		json_put_bool(o, "skips", outcome->skips);
	json_put(o, "changes", changes_list(&outcome->plan));
	json_put(o, "steps", steps_list(outcome));
	json_put(o, "effects", effects_list(&outcome->plan));
	json_put(o, "lost", json_strv(&outcome->plan.lost));
	json_put(o, "refusal", json_error(&outcome->plan.refusal));
	json_put(o, "error", json_error(&outcome->err));
	json_put(o, "users", json_users_list(&outcome->before.users));
	json_put(o, "not_seen", json_strv(&outcome->before.unseen));
	if (outcome->before.parts & HOST_KSM) {
		json_put(o, "ksm", json_ksm_object(&outcome->before));
		json_put(o, "memory", json_memory_object(&outcome->before));
	}
	json_put(o, "advice", json_advice(outcome->plan.advice, outcome->plan.advice_count));
	add_application(o, outcome);
	return json_print(out, o);
}

static struct json_object *audit_object(const struct host *host, const struct change *c)
{
	struct json_object *o = change_object(c);
	autobuf source = { 0 };

	setting_next_source(host, c->setting, &source);
	json_put_text(o, c->setting->module ? "next_load_source" : "next_boot_source",
		      buf_text(&source));
	json_put_bool(o, "differs", !c->already);
	json_put_bool(o, "saved", change_is_saved(c));
	return o;
}

int json_audit(FILE *out, const struct host *host, const struct plan *plan, enum exit_status status)
{
	struct json_object *o = json_document("audit"), *list = json_object_new_array();

	for (size_t i = 0; i < plan->change_count; i++)
		json_object_array_add(list, audit_object(host, &plan->changes[i]));
	json_put(o, "settings", list);
	json_put_bool(o, "drift", status == STATUS_DRIFT || status == STATUS_PENDING);
	json_put_int(o, "exit_status", status);
	json_put(o, "refusal", json_error(&plan->refusal));
	return json_print(out, o);
}
