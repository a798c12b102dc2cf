// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_ksm.c - plans for `ksm on`, `off` and `unmerged`.
 */
#include <errno.h>
#include <string.h>

#include "plan_common.h"
#include "plan_ksm.h"

/* ---- off, unmerged ---- */

/* A line of somebody else that turns KSM on at boot: ours comes before it. */
static void target_file_off(struct ksm_work *w)
{
	w->target.file_known = true;
	w->target.file_run = ksm_run_value(w->k->writers.tmpfiles_others) == 1 ? 0 : -1;
}

/* What would start it again at boot is kept from it by a mask; presets, by a file of ours. */
static void target_boot_off(struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];

	if (ksm_foreign_cause(w, unit))
		w->target.units[unit].masked = YES;
	for (size_t i = 0; i < u->boot.n; i++)
		if (!u->boot.v[i].by)
			w->target.preset_units |= 1u << unit;
}

static void target_off(struct ksm_work *w, bool unmerged)
{
	const char *now = ksm_now(w->k);
	bool unmerged_now = now && strcmp(now, "unmerged") == 0;
	bool driven = false;

	if (w->k->other_init) {
		w->target.run = unmerged && !unmerged_now ? 2 : w->k->run == 2 ? 2 : 0;
		return;
	}
	target_file_off(w);
	w->target.preset_known = true;
	w->target.preset_units = ksm_preset_units(w->k->own_preset);
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++) {
		w->target.units[i] =
			(struct unit_target){ .enabled = NO, .active = NO, .masked = UNKNOWN };
		target_boot_off(w, i);
		driven |= unit_is_active(&w->k->units[i]);
	}
	if (unmerged)
		w->target.run = unmerged_now ? w->k->run : 2;
	/* 2 stops merging, too; but a service that stops leaves who knows what. */
	else if (w->k->run != 2 || driven)
		w->target.run = 0;
}

/* ---- on ---- */

static bool boots_on(const struct ksm_work *w)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++) {
		enum tri want = w->target.units[i].enabled;

		if (want == YES && !w->target.units[i].runtime)
			return true;
	}
	return ksm_run_value(w->k->writers.tmpfiles_others) == 1;
}

static bool can_enable(const struct ksm_unit *u)
{
	const char *state = u->state.file;

	return strcmp(state, "static") != 0 && strcmp(state, "generated") != 0 &&
	       strcmp(state, "transient") != 0 && *state;
}

/* The services as they were when KSM was turned off, or else all that exist. */
static void target_units_on(struct ksm_work *w)
{
	const struct plan_options *o = w->options;
	struct ksm_target past = { 0 };

	if (o->ksm_before)
		past = ksm_target_of_past(o->ksm_before, o->ksm_before_count);
	w->target.wants = !o->ksm_before;
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++) {
		struct unit_target *t = &w->target.units[i];

		if (!w->k->units[i].exists)
			continue;
		*t = o->ksm_before ? past.units[i]
				   : (struct unit_target){ .enabled = YES,
							   .active = YES,
							   .masked = UNKNOWN };
		/* Nothing is turned off by turning KSM on; and what has no [Install] stays as it is. */
		t->enabled = t->enabled == YES && can_enable(&w->k->units[i]) ? YES : UNKNOWN;
		t->active = t->active == YES ? YES : UNKNOWN;
		t->masked = t->masked == NO ? NO : UNKNOWN;
	}
	w->target.preset_known = past.preset_known;
	w->target.preset_units = past.preset_units;
	w->target.past = o->ksm_before;
	w->target.past_count = o->ksm_before ? o->ksm_before_count : 0;
}

static bool starts_ksmtuned(const struct ksm_work *w)
{
	return w->target.units[KSM_UNIT_KSMTUNED].active == YES;
}

static void target_on(struct ksm_work *w)
{
	const char *now = ksm_now(w->k);
	bool on_now = now && strcmp(now, "on") == 0;
	const char *next = ksm_next(w->k, NULL);
	bool on_next = next && strcmp(next, "on") == 0;

	if (w->k->other_init) {
		w->target.run = on_now ? RUN_AS_IS : 1;
		return;
	}
	if (!on_now || !on_next)
		target_units_on(w);
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++) {
		if (on_next)
			w->target.units[i].enabled = UNKNOWN;
		if (on_now)
			w->target.units[i].active = UNKNOWN;
	}
	/* ksmtuned decides by itself when there is something to merge for. */
	if (!on_now && !starts_ksmtuned(w))
		w->target.run = 1;
	if (on_next)
		return;
	w->target.file_known = true;
	w->target.file_run = boots_on(w) ? -1 : 1;
}

/* ---- others ---- */

/* Would this one undo what is asked for, at boot or whenever it likes? */
static bool contradicts(const struct attribute_writer *writer, bool on)
{
	if (writer->ours || writer->tmpfiles || writer->may)
		return false;
	return !writer->value || (ksm_run_value(writer->value) == 1) != on;
}

static bool refuse_driven(struct ksm_work *w, bool on)
{
	for (size_t i = 0; i < w->k->writers.n; i++) {
		const struct attribute_writer *writer = &w->k->writers.v[i];
		autobuf text = { 0 };

		if (!contradicts(writer, on))
			continue;
		if (plan_refuse_nixos(w->host, w->plan, "/etc/systemd",
				      "Set hardware.ksm.enable in the system's configuration and "
				      "rebuild."))
			return true;
		buf_add_safe(&text, writer->who, 80);
		buf_puts(&text, !writer->value ? " turns KSM on and off by a policy of its own"
				: on	       ? " turns KSM off"
					       : " turns KSM on");
		buf_puts(&text, " (");
		buf_add_safe(&text, writer->where, 200);
		buf_puts(&text, "): the change would not last");
		return plan_refuse(w->plan, STATUS_REFUSED, "ksm-driven", text.data,
				   "Change it there first, then run the same command again.");
	}
	return false;
}

/* ---- all ---- */

/* With too little memory merging stops now, and the pages are unmerged by the next boot. */
static void defer_unmerging(struct ksm_work *w, struct change *c)
{
	if (w->options->defer != DEFER_IF_BUSY || w->target.run != 2)
		return;
	if (!ksm_memory_is_short(w, &c->deferred) && w->options->busy & 1u << SETTING_KSM) {
		err_set(&c->deferred, -ENOMEM, "not enough memory to unmerge");
		err_status(&c->deferred, STATUS_REFUSED, "memory");
	}
	if (!c->deferred.code)
		return;
	c->deferred.hint[0] = '\0';
	c->brings_now = "off";
	w->target.run = RUN_AS_IS;
	target_off(w, false);
}

static void plan_goal(struct ksm_work *w, struct change *c)
{
	const char *value = c->value;
	bool on = strcmp(value, "on") == 0;

	if (!on)
		c->brings_next = "off";
	if (strcmp(value, "off") == 0 && ksm_nothing_merged(w->k))
		c->brings_now = "unmerged";

	if (ksm_refuse_impossible(w))
		return;
	if (on)
		target_on(w);
	else
		target_off(w, strcmp(value, "unmerged") == 0);
	if (!on)
		defer_unmerging(w, c);
	ksm_add_steps(w);
	c->waits = c->deferred.code || (!w->host->image && !w->live && !change_is_so_now(c));
	if (refuse_driven(w, on) || ksm_refuse_target(w) || (!on && ksm_refuse_revived(w)) ||
	    ksm_refuse_jobs(w))
		return;
	c->already = !ksm_has_steps(w) && !c->waits;
	if (!ksm_refuse_rights(w))
		ksm_refuse_memory(w);
}

void plan_ksm(const struct host *host, const struct plan_options *options, struct plan *plan)
{
	struct change *c = plan_find_change(plan, &settings[SETTING_KSM]);
	struct ksm_work w;

	if (!c)
		return;
	ksm_work_begin(&w, host, options, plan);
	plan_goal(&w, c);
}

/* Whose pages are merged matters only where they are unmerged; to look at all of /proc costs. */
unsigned ksm_goal_parts(const struct goal *goal)
{
	unsigned parts = HOST_KSM | HOST_KSM_UNITS;

	return strcmp(goal->value, "unmerged") == 0 ? parts | HOST_KSM_USERS : parts;
}
