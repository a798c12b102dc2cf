// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_module_back.c - the way back from a change of the past.
 *
 * A change that was done is taken back as a new change: our file as it was, the parameter as it
 * was, everything else as configured today. One that was interrupted is taken back to exactly what
 * was before, with the options and values that the journal kept.
 */
#include "plan_common.h"
#include "plan_module.h"

#include <string.h>

static const struct act *find_own_conf(const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (plan_changes_file(&steps[i].back, OWN_CONF_FILE))
			return &steps[i].back;
	return NULL;
}

/* Our file as it was before; w->next with it. */
static void find_old_file(struct work *w, const struct act *file)
{
	const char *now = w->host->own_conf;
	const char *old = file ? file->text : now;

	modconf_with_file(&w->host->conf, OWN_CONF_FILE, old, &w->next);
	if ((!now && !old) || (now && old && strcmp(now, old) == 0))
		return;
	w->file_text = old ? xstrdup(old) : NULL;
	w->file_changes = true;
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

/* A module that is not loaded stays so, unless an undo that was interrupted took it out. */
static void back_from_done(struct work *w, const struct act *restore,
			   const struct plan_options *options)
{
	autofree char *with = options_back(w);
	bool away = w->m->state == MODULE_STATE_LOADABLE && options->revive;

	w->reload = (away || work_reload_needed(w)) && !options->defer;
	work_add_file_steps(w);
	if (w->reload && away)
		work_add_load_steps(w, with, &restore->device);
	else if (w->reload)
		work_add_reload_steps(w, with);
	else if (options->revive && !away && device_differs(&restore->device, &w->host->device))
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

static void plan_way_back(struct work *w, const struct act *restore,
			  const struct plan_options *options)
{
	struct change *c;

	if (!restore || w->host->image) {
		c = work_add_change(w, on_off(next_value(w, &w->next)));
		work_add_file_steps(w);
	} else {
		c = work_add_change(w, on_off(w->want));
		if (options->exact)
			back_from_interrupted(w, restore, options->defer);
		else
			back_from_done(w, restore, options);
		c->waits = options->defer && w->m->now != w->want;
	}
	/* The list may have moved, but it is this change's. */
	c = &w->plan->changes[w->plan->change_count - 1];
	c->already = !w->plan->step_count && !c->waits;
}

void plan_module_back(const struct host *host, const struct setting *setting,
		      const struct step *steps, size_t count, const struct plan_options *options,
		      struct plan *plan)
{
	const struct act *restore;
	struct work w;

	work_begin(&w, host, setting, plan);
	restore = work_find_restore(&w, steps, count);
	w.again = options->again ?: "undo";
	w.want = restore ? restore->value : host->modules[setting->id].now;
	find_old_file(&w, find_own_conf(steps, count));
	if (!refuse_unclear(&w)) {
		plan_way_back(&w, restore, options);
		if (plan->step_count && !refuse_rights(&w) && w.reload &&
		    w.m->state == MODULE_STATE_LOADED)
			refuse_reload(&w);
	}
	work_end(&w);
}
