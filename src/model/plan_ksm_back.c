// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_ksm_back.c - undo of an earlier change of KSM.
 *
 * The undo acts of the old steps describe the earlier state: that is the target. The steps to it are made
 * from what the host is now, so it does not matter how far the change had come.
 */
#include <string.h>

#include <kvmtune/own_file.h>

#include "plan_common.h"
#include "plan_ksm.h"

static void take_unit(struct ksm_target *t, const struct act *back)
{
	size_t unit = ksm_unit_find(back->target);
	struct unit_target *u = &t->units[unit];

	if (unit >= KSM_UNIT_DRIVERS)
		return;
	if (back->kind == ACT_START_UNIT || back->kind == ACT_STOP_UNIT) {
		u->active = back->kind == ACT_START_UNIT ? YES : NO;
		return;
	}
	u->enabled = back->kind == ACT_ENABLE_UNIT ? YES : NO;
	u->runtime = back->runtime;
}

static void take_link(struct ksm_target *t, const struct act *back)
{
	size_t unit = ksm_link_unit(back->target, back->text);

	if (unit < KSM_UNIT_DRIVERS)
		*(ksm_is_mask(back->target, back->text) ? &t->units[unit].masked
							: &t->units[unit].enabled) =
			back->kind == ACT_MAKE_LINK ? YES : NO;
}

static void take_file(struct ksm_target *t, const struct act *back)
{
	t->file_known = true;
	t->file_run = back->kind == ACT_WRITE_FILE
			      ? ksm_run_value(own_tmpfiles_text(back->text, KSM_ATTRIBUTE))
			      : -1;
}

static void take_preset(struct ksm_target *t, const struct act *back)
{
	t->preset_known = true;
	t->preset_units = back->kind == ACT_WRITE_FILE ? ksm_preset_units(back->text) : 0;
}

static void take_back(struct ksm_target *t, const struct act *back)
{
	switch (back->kind) {
	case ACT_START_UNIT:
	case ACT_STOP_UNIT:
	case ACT_ENABLE_UNIT:
	case ACT_DISABLE_UNIT:
		take_unit(t, back);
		break;
	case ACT_MAKE_LINK:
	case ACT_REMOVE_LINK:
		take_link(t, back);
		break;
	case ACT_SET_RUN:
		/* The first one holds: it is the oldest. */
		if (t->run == RUN_AS_IS)
			t->run = atoi(back->text);
		break;
	default:
		if (plan_changes_file(back, OWN_TMPFILES))
			take_file(t, back);
		if (plan_changes_file(back, OWN_PRESET))
			take_preset(t, back);
	}
}

struct ksm_target ksm_target_of_past(const struct step *steps, size_t count)
{
	struct ksm_target t = { .run = RUN_AS_IS, .past = steps, .past_count = count };

	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		t.units[i] = (struct unit_target){ UNKNOWN, UNKNOWN, UNKNOWN, false };
	for (size_t i = 0; i < count; i++)
		take_back(&t, &steps[i].back);
	return t;
}

/* ---- questions about the past ---- */

static bool concerns_ksm(const struct step *s)
{
	switch (s->act.kind) {
	case ACT_SET_RUN:
	case ACT_START_UNIT:
	case ACT_STOP_UNIT:
	case ACT_ENABLE_UNIT:
	case ACT_DISABLE_UNIT:
	case ACT_MAKE_LINK:
	case ACT_REMOVE_LINK:
		return true;
	default:
		return plan_changes_file(&s->act, OWN_PRESET) ||
		       plan_changes_attribute_line(s, KSM_ATTRIBUTE);
	}
}

bool plan_touches_ksm(const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (concerns_ksm(&steps[i]))
			return true;
	return false;
}

/* By what they found: it was on. */
bool plan_turned_ksm_off(const struct step *steps, size_t count)
{
	const struct ksm_target past = ksm_target_of_past(steps, count);
	bool on = past.run == 1;

	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		on |= past.units[i].active == YES || past.units[i].enabled == YES;
	return on;
}

/* By what they did. */
bool plan_turned_ksm_on(const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct act *act = &steps[i].act;

		if (act->kind == ACT_START_UNIT || act->kind == ACT_ENABLE_UNIT ||
		    act->kind == ACT_MAKE_LINK ||
		    (act->kind == ACT_SET_RUN && strcmp(act->text, "1") == 0))
			return true;
	}
	return false;
}

/* ---- undo ---- */

/* What KSM was, in the words of its setting. */
static const char *value_of(const struct ksm_target *t)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		if (t->units[i].active == YES || t->units[i].enabled == YES)
			return "on";
	return t->run == 1 ? "on" : t->run == 2 ? "unmerged" : "off";
}

/* As ksm_now() will find it; what the change of the past left alone stays as it is. */
static const char *brings_now(const struct ksm_work *w)
{
	const struct ksm_target *t = &w->target;
	enum tri tuned = t->units[KSM_UNIT_KSMTUNED].active;
	enum tri ksm = t->units[KSM_UNIT_KSM].active;
	int run = t->run != RUN_AS_IS ? t->run : ksm == UNKNOWN ? w->k->run : ksm == YES;

	/* ksm.service writes 1 when it starts, and 0 when it stops. */
	if (run == 1 || tuned == YES ||
	    (tuned == UNKNOWN && unit_is_active(&w->k->units[KSM_UNIT_KSMTUNED])))
		return "on";
	return run == 2 || ksm_nothing_merged(w->k) ? "unmerged" : "off";
}

/* The same for ksm_next(). */
static const char *brings_next(const struct ksm_work *w)
{
	const struct ksm_target *t = &w->target;
	bool changes = t->file_known;

	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++) {
		const struct unit_target *u = &t->units[i];

		changes |= u->enabled != UNKNOWN || u->masked != UNKNOWN;
		if ((u->enabled == YES && !u->runtime) || u->masked == NO ||
		    (u->enabled == UNKNOWN && u->masked != YES && ksm_unit_starts(w->k, i) == YES))
			return "on";
	}
	if (!changes)
		return ksm_next(w->k, NULL);
	if (t->file_known && t->file_run >= 0)
		return t->file_run == 1 ? "on" : "off";
	return ksm_run_value(w->k->writers.tmpfiles_others) == 1 ? "on" : "off";
}

/* A service whose package was removed since. */
static void tell_gone(struct ksm_work *w)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++) {
		const struct unit_target *t = &w->target.units[i];

		if (!w->k->units[i].exists && (t->enabled == YES || t->active == YES))
			strv_addf(&w->plan->lost,
				  "%s is not installed any more: it is neither enabled nor started "
				  "again",
				  ksm_unit_names[i]);
	}
}

void plan_ksm_back(const struct host *host, const struct step *steps, size_t count,
		   const struct plan_options *options, struct plan *plan)
{
	struct ksm_work w;
	struct change *c;

	if (!plan_touches_ksm(steps, count))
		return;
	ksm_work_begin(&w, host, options, plan);
	w.target = ksm_target_of_past(steps, count);
	w.target.back = true;
	if (ksm_refuse_impossible(&w))
		return;
	tell_gone(&w);
	c = plan_add_change(plan, host, &settings[SETTING_KSM], value_of(&w.target));
	c->brings_now = brings_now(&w);
	c->brings_next = brings_next(&w);
	ksm_add_steps(&w);
	c->waits = !host->image && !w.live && ksm_running_differs(&w);
	c->already = !ksm_has_steps(&w) && !c->waits;
	if (!ksm_refuse_target(&w) && !ksm_refuse_jobs(&w) && !ksm_refuse_rights(&w))
		ksm_refuse_memory(&w);
}

unsigned ksm_past_parts(const struct step *steps, size_t count)
{
	return plan_touches_ksm(steps, count) ? HOST_KSM | HOST_KSM_USERS | HOST_KSM_UNITS : 0;
}
