// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_ksm_jobs.c - what runs: the services of KSM stopped and started, and what has to do with them.
 *
 * Each job is about one unit. What a service needs is started before it, by a step of its own; where
 * a unit of somebody else would have to stop, nothing is done.
 */
#include <string.h>

#include "plan_common.h"
#include "plan_ksm.h"

bool ksm_stops(const struct ksm_work *w, size_t unit)
{
	return w->live && w->target.units[unit].active == NO && !unit_rests(&w->k->units[unit]);
}

bool ksm_starts(const struct ksm_work *w, size_t unit)
{
	return w->live && !w->k->other_init && w->target.units[unit].active == YES &&
	       w->k->units[unit].exists && !unit_is_up(&w->k->units[unit]);
}

bool ksm_running_differs(const struct ksm_work *w)
{
	if (w->target.run != RUN_AS_IS && w->target.run != w->k->run)
		return true;
	for (size_t i = 0; w->k->manager == MANAGER_THERE && i < KSM_UNIT_DRIVERS; i++) {
		const struct ksm_unit *u = &w->k->units[i];
		enum tri want = w->target.units[i].active;

		if (u->exists && want != UNKNOWN && unit_is_up(u) != (want == YES))
			return true;
	}
	return false;
}

/* ---- steps ---- */

static struct act job_act(enum act_kind kind, const char *unit)
{
	return (struct act){ .kind = kind, .target = xstrdup(unit) };
}

static struct step *add_job(struct ksm_work *w, const char *unit, bool start)
{
	struct step *s = plan_add_step(w->plan);

	s->act = job_act(start ? ACT_START_UNIT : ACT_STOP_UNIT, unit);
	s->back = job_act(start ? ACT_STOP_UNIT : ACT_START_UNIT, unit);
	return s;
}

/* A rollback does not start one that was being stopped anyway. */
static void add_stop(struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];
	struct step *s = add_job(w, ksm_unit_names[unit], false);

	if (unit_is_up(u) && strcmp(u->state.active, "active") == 0)
		return;
	s->note = xasprintf(unit_is_up(u) ? "it is being started (%s)"
					  : "it is being stopped (%s): waits for its end",
			    u->state.active);
	if (unit_is_up(u))
		return;
	free(s->back.target);
	s->back = (struct act){ 0 };
}

static const struct unit_need *find_need(const struct ksm_work *w, const char *name)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++) {
		const struct ksm_unit *u = &w->k->units[i];

		for (size_t n = 0; n < u->need_count; n++)
			if (strcmp(u->needs[n].name, name) == 0)
				return &u->needs[n];
	}
	return NULL;
}

static bool has_job(const struct ksm_work *w, enum act_kind kind, const char *name)
{
	for (size_t i = w->first_step; i < w->plan->step_count; i++) {
		const struct act *act = &w->plan->steps[i].act;

		if (act->kind == kind && strcmp(act->target, name) == 0)
			return true;
	}
	return false;
}

/* By a unit that is not stopped before it. */
static bool is_used(const struct ksm_work *w, const struct unit_need *need)
{
	const char *user;

	strv_foreach (user, &need->users)
		if (!has_job(w, ACT_STOP_UNIT, user))
			return true;
	return false;
}

/* What a change of the past has started along with a service. */
static void add_stop_along(struct ksm_work *w, const char *name)
{
	const struct unit_need *need = find_need(w, name);
	struct step *s;

	if (need && !need->active)
		return;
	if (!need || is_used(w, need)) {
		strv_addf(&w->plan->lost,
			  need ? "%s was started with the KSM services and keeps running: other "
				 "units need it now"
			       : "%s was started with the KSM services and keeps running: they no "
				 "longer need it",
			  name);
		return;
	}
	s = add_job(w, name, false);
	s->note = xstrdup("it was started with the KSM services");
}

/* The last one started is stopped first. */
static void add_stops_along(struct ksm_work *w)
{
	for (size_t i = w->target.past_count; w->live && w->target.back && i-- > 0;) {
		const struct act *back = &w->target.past[i].back;

		if (back->kind == ACT_STOP_UNIT && !ksm_is_driver(back->target))
			add_stop_along(w, back->target);
	}
}

void ksm_add_stop_steps(struct ksm_work *w)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		if (ksm_stops(w, i))
			add_stop(w, i);
	add_stops_along(w);
}

static void add_start(struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];
	const char *name = ksm_unit_names[unit];

	for (size_t i = 0; i < u->need_count; i++) {
		const struct unit_need *need = &u->needs[i];

		if (need->active || (need->soft && !w->target.wants) ||
		    has_job(w, ACT_START_UNIT, need->name))
			continue;
		add_job(w, need->name, true)->note =
			xasprintf("%s %s it", name, need->soft ? "wants" : "needs");
	}
	if (!has_job(w, ACT_START_UNIT, name))
		add_job(w, name, true);
}

/* ksmtuned needs ksm: the other way round. */
void ksm_add_start_steps(struct ksm_work *w)
{
	for (size_t i = KSM_UNIT_DRIVERS; i-- > 0;)
		if (ksm_starts(w, i))
			add_start(w, i);
}

/* ---- what is kept for later ---- */

static void keep(struct ksm_work *w, struct act back)
{
	array_push(w->plan->kept, w->plan->kept_count) = (struct step){ .back = back };
}

void ksm_keep_running_state(struct ksm_work *w)
{
	if (w->live || w->host->image)
		return;
	if (w->k->run >= 0 && w->target.run != RUN_AS_IS && w->target.run != w->k->run)
		keep(w, (struct act){ .kind = ACT_SET_RUN,
				      .target = xstrdup(KSM_RUN_FILE),
				      .text = xasprintf("%d", w->k->run) });
	for (size_t i = 0; w->k->manager == MANAGER_THERE && i < KSM_UNIT_DRIVERS; i++) {
		const struct ksm_unit *u = &w->k->units[i];
		enum tri want = w->target.units[i].active;

		if (u->exists && want != UNKNOWN && unit_is_up(u) != (want == YES))
			keep(w, job_act(unit_is_up(u) ? ACT_START_UNIT : ACT_STOP_UNIT,
					ksm_unit_names[i]));
	}
}

/* ---- refusals ---- */

#define NAMED_MAX 5

/* Without those of our own services that are stopped, too. */
static void name_others(const struct ksm_work *w, const struct strv *units, struct buf *ret)
{
	size_t count = 0;
	const char *name;

	strv_foreach (name, units) {
		size_t own = ksm_unit_find(name);

		if (own < KSM_UNIT_DRIVERS && w->target.units[own].active == NO)
			continue;
		if (count++ < NAMED_MAX) {
			buf_join(ret, ", ", "");
			buf_add_safe(ret, name, 100);
		}
	}
	if (count > NAMED_MAX)
		buf_printf(ret, " and %zu more", count - NAMED_MAX);
}

static bool refuse_stop(struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];
	const char *name = ksm_unit_names[unit];
	autofree char *text = NULL, *hint = NULL;
	autobuf others = { 0 };

	if (!ksm_stops(w, unit))
		return false;
	name_others(w, &u->stops, &others);
	if (others.len) {
		text = xasprintf("stopping %s would also stop other units: %s", name, others.data);
		hint = xasprintf("Stop them first, or remove their dependency on %s. Save for the "
				 "next boot only:  --defer",
				 name);
		return plan_refuse(w->plan, STATUS_REFUSED, "stops-others", text, hint);
	}
	if (!u->state.no_stop)
		return false;
	text = xasprintf("%s cannot be stopped manually (RefuseManualStop=)", name);
	hint = xasprintf(
		"Look at it:  systemctl cat %s        Save for the next boot only:  --defer", name);
	return plan_refuse(w->plan, STATUS_REFUSED, "unit-not-stoppable", text, hint);
}

static bool refuse_unstartable(struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];
	const char *load = u->state.load, *name = ksm_unit_names[unit], *why = NULL;
	autofree char *text = NULL, *hint = NULL;
	autobuf missing = { 0 };

	name_others(w, &u->missing, &missing);
	if (u->state.no_start)
		why = "it refuses manual starts (RefuseManualStart=)";
	else if (strcmp(load, "loaded") != 0 &&
		 (w->target.units[unit].masked != NO || strcmp(load, "masked") != 0))
		why = load;
	else if (!missing.len)
		return false;
	text = why ? xasprintf("%s cannot be started: %s", name, why)
		   : xasprintf("%s cannot be started: it needs %s", name, missing.data);
	hint = xasprintf("Look at it:  systemctl status %s        systemd-analyze verify %s", name,
			 name);
	return plan_refuse(w->plan, STATUS_REFUSED, "unit-not-startable", text, hint);
}

static bool refuse_start(struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];
	autofree char *text = NULL;
	autobuf others = { 0 };

	if (!ksm_starts(w, unit))
		return false;
	name_others(w, &u->conflicts, &others);
	if (!others.len)
		return refuse_unstartable(w, unit);
	text = xasprintf("starting %s would stop other units, which conflict with it or its "
			 "dependencies: %s",
			 ksm_unit_names[unit], others.data);
	return plan_refuse(w->plan, STATUS_REFUSED, "stops-others", text,
			   "Stop them first. Save for the next boot only:  --defer");
}

bool ksm_refuse_jobs(struct ksm_work *w)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		if (refuse_stop(w, i) || refuse_start(w, i))
			return true;
	return false;
}

bool ksm_refuse_revived(struct ksm_work *w)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++) {
		const char *name = ksm_unit_names[i];
		autofree char *text = NULL, *hint = NULL;
		autobuf others = { 0 };

		if (w->target.units[i].active != NO || w->target.units[i].masked == YES ||
		    unit_is_masked(&w->k->units[i]))
			continue;
		name_others(w, &w->k->units[i].revived_by, &others);
		if (!others.len)
			continue;
		text = xasprintf("%s would be started again by %s: the change would not last", name,
				 others.data);
		hint = xasprintf("Stop and disable those units first, then run the same command "
				 "again. Check:  systemctl show -p UpheldBy,TriggeredBy %s",
				 name);
		return plan_refuse(w->plan, STATUS_REFUSED, "starts-again", text, hint);
	}
	return false;
}
