// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_ksm_steps.c - the steps that lead KSM and its services to a target.
 *
 * The order matters. Merging stops first, so that no more pages are merged while the services stop.
 * The undo of that step is the last one in a rollback, after the services, which write `run` when
 * they start and stop. ksmtuned, which writes every minute, stops before ksm.
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
		w->target.units[i] = (struct unit_target){ UNKNOWN, UNKNOWN, UNKNOWN, false };
	w->live = !host->image && options->defer != DEFER_ALL &&
		  (w->k->manager == MANAGER_THERE || w->k->other_init);
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

static bool any_stops(const struct ksm_work *w)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		if (ksm_stops(w, i))
			return true;
	return false;
}

static bool any_starts(const struct ksm_work *w)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		if (ksm_starts(w, i))
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
 * Merging stops, and `run` comes back to what it was when all is rolled back. Not needed where it
 * is 0 and stays so until the end: stopped services leave 0.
 */
static bool needs_opening(const struct ksm_work *w)
{
	if (!w->live || w->k->run < 0)
		return false;
	if (any_stops(w))
		return true;
	return w->k->run != 0 && (any_starts(w) || ksm_run_changes(w));
}

#define NOT_SAVED "now only: without systemd nothing is saved for the next boot"

static void add_opening_step(struct ksm_work *w)
{
	struct step *s = plan_add_step(w->plan);

	s->act = run_act(0);
	s->back = run_act(w->k->run);
	if (w->k->other_init)
		s->note = xstrdup(NOT_SAVED);
}

static char *unmerge_note(const struct ksm_work *w)
{
	const struct memory_facts *m = &w->host->memory;
	struct buf b = { 0 };

	if (!ksm_anything_merged(w->k))
		return NULL;
	if (w->k->stale)
		return xstrdup("no process has merged pages: only the counters are cleared");
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

	if (!w->live || w->target.run != 2 || !ksm_anything_merged(w->k) || w->k->stale ||
	    w->options->watch_ms <= 0)
		return;
	s = plan_add_step(w->plan);
	s->act = (struct act){ .kind = ACT_WATCH_MEMORY, .watch_ms = w->options->watch_ms };
}

/* Last, because services write `run` while they stop and start. */
static void add_run_step(struct ksm_work *w, bool opened)
{
	bool moved = any_stops(w) || any_starts(w);
	struct step *s;

	if (!w->live || w->target.run == RUN_AS_IS || (!moved && opened && w->target.run == 0) ||
	    (!moved && !ksm_run_changes(w)))
		return;
	s = plan_add_step(w->plan);
	s->act = run_act(w->target.run);
	if (!opened && w->k->run >= 0)
		s->back = run_act(w->k->run);
	if (w->target.run == 2) {
		s->act.reserve_bytes = w->k->stale ? 0 : ksm_reserve(w);
		s->note = unmerge_note(w);
	} else if (w->k->other_init) {
		s->note = xstrdup(NOT_SAVED);
	} else if (moved && w->target.run == 0) {
		s->note = xstrdup("the services may have written it while they stopped");
	}
}

/* ---- all ---- */

static void add_file_step(struct ksm_work *w)
{
	int run = w->target.file_run;

	if (w->target.file_known)
		plan_keep_attribute(w->plan, w->host, KSM_ATTRIBUTE,
				    run < 0 ? NULL : KSM_ATTRIBUTE->texts[run]);
}

static void add_preset_step(struct ksm_work *w)
{
	const char *now = w->k->own_preset;
	autofree char *want = NULL;

	if (!w->target.preset_known)
		return;
	want = ksm_preset_edit(now, w->target.preset_units);
	if (strcmp(now ?: "", want ?: "") != 0)
		plan_add_file_step(w->plan, OWN_PRESET, want, now);
}

void ksm_add_steps(struct ksm_work *w)
{
	bool opened = needs_opening(w);

	add_file_step(w);
	add_preset_step(w);
	if (opened)
		add_opening_step(w);
	ksm_add_link_steps(w);
	ksm_add_stop_steps(w);
	ksm_add_start_steps(w);
	add_run_step(w, opened);
	add_watch_step(w);
	ksm_keep_running_state(w);
}
