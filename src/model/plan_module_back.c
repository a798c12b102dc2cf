// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_module_back.c - undo of a past change of a module parameter.
 *
 * A change that was done is undone as a new change: our option as it was, the parameter as it was,
 * everything else as configured today. An interrupted one is rolled back to exactly what was there
 * before, with the options and values that the journal kept.
 */
#include "plan_common.h"
#include "plan_module.h"

#include <kvmtune/own_file.h>
#include <string.h>

/* What the steps of a past change tell about the module. */
struct past {
	const struct act *restore; /* NULL: the change did not reload the module */
	enum tri before; /* the running module's value before the change; UNKNOWN: not loaded */
};

static struct past past_of(const struct work *w, const struct step *steps, size_t count)
{
	struct past past = { .restore = work_find_restore(w, steps, count), .before = UNKNOWN };

	if (past.restore)
		past.before = past.restore->value;
	for (size_t i = 0; i < count && past.before == UNKNOWN; i++) {
		const struct act *act = &steps[i].act;
		bool ours = act->kind == ACT_CONFIRM && strcmp(act->target, w->ms->module) == 0;

		for (size_t k = 0; ours && k < act->expect_count; k++)
			if (strcmp(act->expects[k].param, w->ms->param) == 0)
				past.before = param_bool(act->expects[k].before);
	}
	return past;
}

/* Today's text of our file without what the change wrote; w->next with it. */
static void find_file(struct work *w, const struct step *steps, size_t count)
{
	const char *today = w->host->own_conf, *ours = NULL, *before = NULL;
	bool found = plan_file_texts(steps, count, OWN_CONF_FILE, &ours, &before);

	if (found)
		w->file_text = own_file_undone(OWN_CONF_FILE, today, ours, before);
	w->file_changes = found && !same_file_text(today, w->file_text);
	modconf_with_file(&w->host->conf, OWN_CONF_FILE, found ? w->file_text : today, &w->next);
}

/*
 * The value that the running module must have. A boot ends what was in force before the change: the
 * configuration decides since then.
 */
static enum tri value_wanted(const struct work *w, const struct past *past,
			     const struct plan_options *options)
{
	enum tri configured = next_value(w, &w->next);
	bool decided = options->booted && configured != UNKNOWN;

	if (past->before != UNKNOWN && !decided)
		return past->before;
	return configured != UNKNOWN ? configured : w->m->now;
}

/* Options with which the module gets the old value, or NULL where the configuration says so. */
static char *options_back(const struct work *w)
{
	struct buf b = { 0 };
	autofree char *configured = NULL;

	if (next_value(w, &w->next) == w->want)
		return NULL;
	configured = modconf_options(&w->next, w->ms->module);
	if (configured)
		buf_puts(&b, configured);
	buf_join(&b, " ", w->ms->param);
	buf_printf(&b, "=%d", w->want);
	return buf_steal(&b);
}

static bool device_differs(const struct device_facts *want, const struct device_facts *now)
{
	return want->exists && !device_same(now, want);
}

/* A module that is not loaded stays so, unless an interrupted undo has removed it. */
static void back_from_done(struct work *w, const struct act *restore,
			   const struct plan_options *options)
{
	autofree char *with = options_back(w);
	bool revive = restore && options->revive;
	bool away = w->m->state == MODULE_STATE_LOADABLE && revive;

	w->reload = (away || work_reload_needed(w)) && !options->defer;
	work_add_file_steps(w);
	if (w->reload && away)
		work_add_load_steps(w, with, &restore->device);
	else if (w->reload)
		work_add_reload_steps(w, with);
	else if (revive && !away && device_differs(&restore->device, &w->host->device))
		work_add_device_check(w, &restore->device);
}

static bool differs_from(const struct module_facts *m, const struct act *restore)
{
	for (size_t i = 0; i < restore->expect_count; i++) {
		const struct expect *x = &restore->expects[i];
		const char *now = module_param(m, x->param);

		if (!now || !param_same(now, x->before))
			return true;
	}
	return m->now != restore->value;
}

/* From any state in between, the module missing among them. */
static void back_from_interrupted(struct work *w, const struct act *restore, bool defer)
{
	bool lost = w->m->state != MODULE_STATE_LOADED;

	w->reload = (lost || differs_from(w->m, restore)) && !defer;
	work_add_file_steps(w);
	if (w->reload)
		work_add_restore_steps(w, restore);
	else if (!lost && device_differs(&restore->device, &w->host->device))
		work_add_device_check(w, &restore->device);
}

/* What the running kernel cannot have again. */
static void note_lost(const struct work *w, const struct past *past)
{
	if (w->m->state == MODULE_STATE_ABSENT && past->restore)
		strv_addf(
			&w->plan->lost,
			"the running kernel has no module %s any more: only its option was undone",
			w->ms->module);
	if (w->m->state == MODULE_STATE_BUILTIN && w->m->now != w->want)
		strv_addf(&w->plan->lost,
			  "%s is built into the running kernel: %s stays %s, whatever its option "
			  "says",
			  w->ms->module, w->ms->param, on_off(w->m->now));
}

/* KVM is away, and nothing can bring it back. */
static bool refuse_gone(struct work *w, const struct past *past, const struct plan_options *options)
{
	autofree char *text = NULL;

	if (!past->restore || !options->exact || options->defer ||
	    w->m->state != MODULE_STATE_ABSENT)
		return false;
	text = xasprintf("the interrupted change removed %s, and the running kernel %s has no such "
			 "module any more",
			 w->ms->module, w->host->id.kernel);
	return plan_refuse(
		w->plan, STATUS_IMPOSSIBLE, "no-module", text,
		"Install the kernel's modules again, or boot another kernel; then: kvmtune "
		"undo        Leave this change as it is:  kvmtune undo --skip");
}

static void plan_live(struct work *w, const struct past *past, const struct plan_options *options)
{
	size_t i = w->plan->change_count;
	bool away = past->restore && options->exact && w->m->state != MODULE_STATE_LOADED;

	work_add_change(w, on_off(w->want));
	if (past->restore && options->exact)
		back_from_interrupted(w, past->restore, options->defer);
	else
		back_from_done(w, past->restore, options);
	note_lost(w, past);
	w->plan->changes[i].waits = !w->reload && (work_reload_needed(w) || away);
}

void plan_module_back(const struct host *host, const struct setting *setting,
		      const struct step *steps, size_t count, const struct plan_options *options,
		      struct plan *plan)
{
	size_t first = plan->step_count;
	struct past past;
	struct work w;

	work_begin(&w, host, setting, plan);
	w.again = options->again ?: "undo";
	past = past_of(&w, steps, count);
	find_file(&w, steps, count);
	w.want = value_wanted(&w, &past, options);
	if (refuse_unclear(&w) || refuse_gone(&w, &past, options)) {
		work_end(&w);
		return;
	}
	if (host->image) {
		work_add_change(&w, on_off(next_value(&w, &w.next)));
		work_add_file_steps(&w);
	} else {
		plan_live(&w, &past, options);
	}
	if (plan->step_count == first)
		plan->changes[plan->change_count - 1].already =
			!plan->changes[plan->change_count - 1].waits;
	else if (!refuse_rights(&w) && w.reload && w.m->state == MODULE_STATE_LOADED)
		refuse_reload(&w);
	work_end(&w);
}
