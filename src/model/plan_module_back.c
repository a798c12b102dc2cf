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

/* The value of a parameter among those that were expected before the change. */
static enum tri expected_before(const struct act *act, const char *param)
{
	for (size_t i = 0; i < act->expect_count; i++)
		if (strcmp(act->expects[i].param, param) == 0)
			return param_bool(act->expects[i].before);
	return UNKNOWN;
}

static enum tri wanted_value(const struct act *act, const char *param)
{
	for (size_t i = 0; i < act->wanted_count; i++)
		if (strcmp(act->wanted[i].param, param) == 0)
			return act->wanted[i].value;
	return UNKNOWN;
}

static const struct act *find_restore(const char *module, const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct act *back = &steps[i].back;

		if (back->kind == ACT_RESTORE && strcmp(back->target, module) == 0)
			return back;
	}
	return NULL;
}

enum tri steps_value_before(const char *module, const char *param, const struct step *steps,
			    size_t count)
{
	const struct act *restore = find_restore(module, steps, count);
	enum tri before = restore ? wanted_value(restore, param) : UNKNOWN;

	if (restore && before == UNKNOWN)
		before = expected_before(restore, param);
	for (size_t i = 0; i < count && before == UNKNOWN; i++) {
		const struct act *act = &steps[i].act;

		if (act->kind == ACT_CONFIRM && strcmp(act->target, module) == 0)
			before = expected_before(act, param);
	}
	return before;
}

const struct act *work_find_restore(const struct work *w, const struct step *steps, size_t count)
{
	return find_restore(w->module->name, steps, count);
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
static enum tri value_to_have(const struct work *w, const struct want *x, enum tri before,
			      const struct plan_options *options)
{
	enum tri configured = next_value(w, &w->next, x);
	bool decided = options->booted && configured != UNKNOWN;

	if (before != UNKNOWN && !decided)
		return before;
	return configured != UNKNOWN ? configured : x->is->now;
}

/* Options with which the module gets the old values, or NULL where the configuration says so. */
static char *options_back(const struct work *w)
{
	struct buf b = { 0 };
	autofree char *configured = modconf_options(&w->next, w->module->name);
	bool differs = false;

	if (configured)
		buf_puts(&b, configured);
	for (size_t i = 0; i < w->want_count; i++) {
		const struct want *x = &w->wants[i];

		if (x->value == UNKNOWN || next_value(w, &w->next, x) == x->value)
			continue;
		buf_join(&b, " ", x->row->name);
		buf_printf(&b, "=%d", x->value);
		differs = true;
	}
	if (differs)
		return buf_steal(&b);
	buf_free(&b);
	return NULL;
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

	w->reload = (away || work_reload_needed(w)) && !work_defers(w, options);
	/* Options that are given are loaded with as they are: no install line is asked. */
	if (w->reload && (refuse_bad_option(w) || (!with && refuse_install_line(w))))
		return;
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
	for (size_t i = 0; i < restore->wanted_count; i++) {
		const struct wanted *x = &restore->wanted[i];
		const char *now = module_param(m, x->param);

		if (!now || param_bool(now) != x->value)
			return true;
	}
	return false;
}

/* From any state in between, the module missing among them. */
static void back_from_interrupted(struct work *w, const struct act *restore,
				  const struct plan_options *options)
{
	bool lost = w->m->state != MODULE_STATE_LOADED;

	w->reload = (lost || differs_from(w->m, restore)) && !work_defers(w, options);
	work_add_file_steps(w);
	if (w->reload)
		work_add_restore_steps(w, restore);
	else if (!lost && device_differs(&restore->device, &w->host->device))
		work_add_device_check(w, &restore->device);
}

/* What the running kernel cannot have again. */
static void note_lost(const struct work *w, const struct act *restore)
{
	if (w->m->state == MODULE_STATE_ABSENT && restore)
		strv_addf(&w->plan->lost,
			  "module %s is no longer installed for the running kernel: only its "
			  "options were undone",
			  w->module->name);
	for (size_t i = 0; w->m->state == MODULE_STATE_BUILTIN && i < w->want_count; i++) {
		const struct want *x = &w->wants[i];

		if (x->is->now != x->value)
			strv_addf(&w->plan->lost,
				  "%s is built into the running kernel: %s stays %s regardless of "
				  "its option",
				  w->module->name, x->row->name, on_off(x->is->now));
	}
}

/* KVM is away, and nothing can bring it back. */
static bool refuse_gone(struct work *w, const struct act *restore,
			const struct plan_options *options)
{
	autofree char *text = NULL;

	if (!restore || !options->exact || options->defer == DEFER_ALL ||
	    w->m->state != MODULE_STATE_ABSENT)
		return false;
	text = xasprintf("the interrupted change removed module %s, which is no longer installed "
			 "for the running kernel %s",
			 w->module->name, w->host->id.kernel);
	return plan_refuse(w->plan, STATUS_IMPOSSIBLE, "no-module", text,
			   "Install the kernel's modules again, or boot another kernel. Then:  "
			   "kvmtune undo        Skip this change:  kvmtune undo --skip");
}

static void plan_live(struct work *w, const struct act *restore, const struct plan_options *options)
{
	bool away = restore && options->exact && w->m->state != MODULE_STATE_LOADED;

	if (restore && options->exact)
		back_from_interrupted(w, restore, options);
	else
		back_from_done(w, restore, options);
	note_lost(w, restore);
	for (size_t i = 0; i < w->want_count; i++) {
		struct change *c = plan_find_change(w->plan, w->wants[i].setting);

		c->waits = !w->reload && (want_needs_reload(w, &w->wants[i]) || away);
		if (c->waits)
			c->deferred = w->busy;
	}
}

static void add_change(struct work *w, const struct want *x)
{
	enum tri value = w->host->image ? next_value(w, &w->next, x) : x->value;

	if (!plan_find_change(w->plan, x->setting))
		plan_add_change(w->plan, w->host, x->setting, value_name(value) ?: "default");
}

static void plan_module_back(struct work *w, const struct step *steps, size_t count,
			     const struct plan_options *options)
{
	const struct act *restore = work_find_restore(w, steps, count);
	size_t first = w->plan->step_count;

	for (size_t i = 0; i < w->want_count; i++) {
		struct want *x = &w->wants[i];

		x->value = value_to_have(
			w, x, steps_value_before(w->module->name, x->row->name, steps, count),
			options);
	}
	if (refuse_unclear(w) || refuse_gone(w, restore, options))
		return;
	for (size_t i = 0; i < w->want_count; i++)
		add_change(w, &w->wants[i]);
	if (w->host->image)
		work_add_file_steps(w);
	else
		plan_live(w, restore, options);
	for (size_t i = 0; i < w->want_count; i++) {
		struct change *c = plan_find_change(w->plan, w->wants[i].setting);

		c->already = w->plan->step_count == first && !c->waits;
	}
	work_note_brings(w);
	if (w->plan->step_count == first || refuse_rights(w) || !w->reload)
		return;
	if (w->m->state == MODULE_STATE_LOADED)
		refuse_reload(w);
	else
		refuse_other_module(w);
}

/* ---- whose steps are they? ---- */

static bool names_param(const struct act *act, const char *module, const char *param)
{
	if (!act->target || strcmp(act->target, module) != 0)
		return false;
	for (size_t i = 0; i < act->wanted_count; i++)
		if (strcmp(act->wanted[i].param, param) == 0)
			return true;
	return false;
}

/* By what they did, to this parameter or to its option in our file: what leads back may be forged. */
static bool concern(enum module_id module, const char *param, const struct step *steps,
		    size_t count)
{
	const char *name = kvm_modules[module].name, *ours, *before;

	for (size_t i = 0; i < count; i++)
		if (names_param(&steps[i].act, name, param))
			return true;
	return plan_file_texts(steps, count, OWN_CONF_FILE, &ours, &before) &&
	       own_conf_value(ours, name, param) != own_conf_value(before, name, param);
}

static bool is_own(const struct setting *s, enum module_id module, const struct step *steps,
		   size_t count)
{
	return s->params[module] && !s->other_name &&
	       concern(module, s->params[module]->name, steps, count);
}

unsigned module_past_parts(const struct step *steps, size_t count)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		for (size_t k = 0; k < MODULE_COUNT; k++)
			if (is_own(&settings[i], (enum module_id)k, steps, count))
				return setting_kinds[KIND_MODULE].parts;
	return 0;
}

void plan_modules_back(const struct host *host, const struct step *steps, size_t count,
		       const struct plan_options *options, struct plan *plan)
{
	for (size_t i = 0; i < MODULE_COUNT; i++) {
		struct work w;

		work_begin(&w, host, (enum module_id)i, plan);
		w.again = options->again ?: "undo";
		for (size_t k = 0; k < SETTING_COUNT; k++)
			if (is_own(&settings[k], (enum module_id)i, steps, count))
				work_add_want(&w, &settings[k], UNKNOWN);
		if (w.want_count) {
			find_file(&w, steps, count);
			plan_module_back(&w, steps, count, options);
		}
		work_end(&w);
	}
}
