// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_ksm_steps.c - the steps that lead KSM and its services to a target.
 *
 * The order matters. Merging stops first, so that nothing more is merged while the services go; and
 * that step's way back is the last one when all is taken back, after the services, which write
 * `run` when they start and stop. ksmtuned, which writes every minute, stops before ksm.
 */
#include <string.h>

#include "plan_common.h"
#include "plan_ksm.h"

void ksm_work_begin(struct ksm_work *w, const struct host *host, const struct plan_options *options,
		    struct plan *plan)
{
	*w = (struct ksm_work){ .host = host,
				.k = &host->ksm,
				.options = options,
				.plan = plan,
				.first_step = plan->step_count };
	w->target.run = RUN_AS_IS;
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		w->target.units[i].enabled = w->target.units[i].active = UNKNOWN;
	w->live = !host->image && w->k->manager == MANAGER_THERE && !options->defer;
}

void ksm_work_end(struct ksm_work *w)
{
	ksm_target_free(&w->target);
}

struct change *ksm_add_change(struct ksm_work *w, const char *value)
{
	struct change *c = &array_push(w->plan->changes, w->plan->change_count);

	w->change = w->plan->change_count - 1;
	*c = (struct change){ .setting = &settings[SETTING_KSM],
			      .value = value,
			      .now = ksm_now(w->k),
			      .next = ksm_next(w->k, NULL) };
	return c;
}

bool ksm_has_steps(const struct ksm_work *w)
{
	return w->plan->step_count > w->first_step;
}

/* ---- run ---- */

static char *run_text(int run)
{
	return xasprintf("%d", run);
}

static struct act run_act(int run)
{
	return (struct act){ .kind = ACT_SET_RUN,
			     .target = xstrdup(KSM_RUN_FILE),
			     .text = run_text(run) };
}

/* Is something of the running services to change? */
static bool stops_or_starts(const struct ksm_work *w, enum tri active)
{
	for (size_t i = 0; w->live && i < KSM_UNIT_DRIVERS; i++)
		if (w->target.units[i].active == active &&
		    unit_is_active(&w->k->units[i]) != (active == YES))
			return true;
	return false;
}

bool ksm_run_changes(const struct ksm_work *w)
{
	if (w->target.run == RUN_AS_IS)
		return false;
	/* Where it says 2 already, but something is still merged, it has to be written anew. */
	return w->target.run != w->k->run || (w->target.run == 2 && ksm_anything_merged(w->k));
}

/*
 * Merging stops, and `run` comes back to what it was when all is taken back. Not needed where it
 * is 0 and stays so until the end: stopped services leave 0.
 */
static bool needs_opening(const struct ksm_work *w)
{
	if (!w->live || w->k->run < 0)
		return false;
	if (stops_or_starts(w, NO))
		return true;
	return w->k->run != 0 && (stops_or_starts(w, YES) || ksm_run_changes(w));
}

static void add_opening_step(struct ksm_work *w)
{
	struct step *s = plan_add_step(w->plan);

	s->act = run_act(0);
	s->back = run_act(w->k->run);
}

static char *unmerge_note(const struct ksm_work *w)
{
	const struct memory_facts *m = &w->host->memory;
	struct buf b = { 0 };

	if (!ksm_anything_merged(w->k))
		return NULL;
	buf_puts(&b, "needs up to ");
	size_text(ksm_need_bytes(w->k), &b);
	buf_puts(&b, "; ");
	size_text(m->available_bytes, &b);
	buf_puts(&b, " available");
	return buf_steal(&b);
}

uint64_t ksm_reserve(const struct ksm_work *w)
{
	uint64_t reserve = w->options->reserve_bytes;
	uint64_t least = memory_least_reserve(&w->host->memory);

	if (reserve == RESERVE_DEFAULT)
		return memory_default_reserve(&w->host->memory);
	return reserve > least ? reserve : least;
}

static void add_watch_step(struct ksm_work *w)
{
	struct step *s;

	if (!w->live || w->target.run != 2 || !ksm_anything_merged(w->k) ||
	    w->options->watch_ms <= 0)
		return;
	s = plan_add_step(w->plan);
	s->act = (struct act){ .kind = ACT_WATCH_MEMORY, .watch_ms = w->options->watch_ms };
}

/* The last word: services write `run` while they stop and start. */
static void add_run_step(struct ksm_work *w, bool opened)
{
	bool moved = stops_or_starts(w, NO) || stops_or_starts(w, YES);
	struct step *s;

	if (!w->live || w->target.run == RUN_AS_IS || (!moved && opened && w->target.run == 0) ||
	    (!moved && !ksm_run_changes(w)))
		return;
	s = plan_add_step(w->plan);
	s->act = run_act(w->target.run);
	if (!opened && w->k->run >= 0)
		s->back = run_act(w->k->run);
	if (w->target.run == 2) {
		s->act.reserve_bytes = ksm_reserve(w);
		s->note = unmerge_note(w);
	} else if (moved && w->target.run == 0) {
		s->note = xstrdup("the services may have written it while they stopped");
	}
}

/* ---- services ---- */

static void add_unit_step(struct ksm_work *w, size_t unit, enum act_kind kind, enum act_kind back)
{
	const struct ksm_unit *u = &w->k->units[unit];
	const char *name = ksm_unit_names[unit];
	struct step *s = plan_add_step(w->plan);
	bool runtime = kind == ACT_ENABLE_UNIT ? w->target.units[unit].runtime : unit_is_runtime(u);

	s->act = (struct act){ .kind = kind, .target = xstrdup(name), .runtime = runtime };
	s->back = (struct act){ .kind = back, .target = xstrdup(name), .runtime = runtime };
}

static void add_link_step(struct ksm_work *w, const struct unit_link *link, bool make)
{
	struct step *s = plan_add_step(w->plan);

	s->act = (struct act){ .kind = make ? ACT_MAKE_LINK : ACT_REMOVE_LINK,
			       .target = xstrdup(link->path),
			       .text = xstrdup(link->target) };
	s->back = (struct act){ .kind = make ? ACT_REMOVE_LINK : ACT_MAKE_LINK,
				.target = xstrdup(link->path),
				.text = xstrdup(link->target) };
}

static bool has_link(const struct ksm_unit *u, const char *path)
{
	for (size_t i = 0; i < u->link_count; i++)
		if (strcmp(u->links[i].path, path) == 0)
			return true;
	return false;
}

/* The very links that a change of the past removed. False: it removed none of this unit. */
static bool add_past_links(struct ksm_work *w, size_t unit)
{
	bool any = false;

	for (size_t i = 0; i < w->target.past_count; i++) {
		const struct act *back = &w->target.past[i].back;
		struct unit_link link = { .path = back->target, .target = back->text };

		if (back->kind != ACT_MAKE_LINK || ksm_unit_find(last_part(link.target)) != unit)
			continue;
		any = true;
		if (!has_link(&w->k->units[unit], link.path))
			add_link_step(w, &link, true);
	}
	return any;
}

/* As `systemctl --root` does, where there is nobody to ask. */
static void add_link_steps(struct ksm_work *w, size_t unit, bool enable)
{
	const struct ksm_unit *u = &w->k->units[unit];

	if (enable && add_past_links(w, unit))
		return;
	for (size_t i = 0; enable && i < u->install_count; i++)
		if (!has_link(u, u->install[i].path))
			add_link_step(w, &u->install[i], true);
	for (size_t i = 0; !enable && i < u->link_count; i++)
		add_link_step(w, &u->links[i], false);
}

static void add_enable_step(struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];
	enum tri want = w->target.units[unit].enabled;
	bool enable = want == YES;

	if (want == UNKNOWN || !u->exists)
		return;
	if (w->k->manager != MANAGER_THERE)
		add_link_steps(w, unit, enable);
	else if (unit_is_enabled(u) != enable)
		add_unit_step(w, unit, enable ? ACT_ENABLE_UNIT : ACT_DISABLE_UNIT,
			      enable ? ACT_DISABLE_UNIT : ACT_ENABLE_UNIT);
}

/*
 * systemd reads its files once for all units: after the last of them, and when they are taken back,
 * last first, after what is then the last.
 */
static void add_enable_steps(struct ksm_work *w)
{
	struct plan *plan = w->plan;
	size_t first = plan->step_count;

	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		add_enable_step(w, i);
	if (w->k->manager != MANAGER_THERE || plan->step_count == first)
		return;
	plan->steps[plan->step_count - 1].act.reload = true;
	plan->steps[first].back.reload = true;
}

static void add_active_step(struct ksm_work *w, size_t unit, enum tri active)
{
	const struct ksm_unit *u = &w->k->units[unit];
	bool start = active == YES;

	if (!w->live || w->target.units[unit].active != active || unit_is_active(u) == start)
		return;
	add_unit_step(w, unit, start ? ACT_START_UNIT : ACT_STOP_UNIT,
		      start ? ACT_STOP_UNIT : ACT_START_UNIT);
}

/* ---- all ---- */

static bool file_changes(const struct ksm_work *w)
{
	const char *now = w->k->own_tmpfiles, *want = w->target.file;

	if (!w->target.file_known || (!now && !want))
		return false;
	return !now || !want || strcmp(now, want) != 0;
}

void ksm_add_steps(struct ksm_work *w)
{
	bool opened = needs_opening(w);

	if (file_changes(w))
		plan_add_file_step(w->plan, OWN_TMPFILES, w->target.file, w->k->own_tmpfiles);
	if (opened)
		add_opening_step(w);
	add_enable_steps(w);
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		add_active_step(w, i, NO);
	/* ksmtuned needs ksm: the other way round. */
	for (size_t i = KSM_UNIT_DRIVERS; i-- > 0;)
		add_active_step(w, i, YES);
	add_run_step(w, opened);
	add_watch_step(w);
}
