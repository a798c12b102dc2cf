// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_module.c - plans for settings that are bool parameters of a kvm vendor module: one for each module.
 *
 * Such a parameter can only be changed by a line in modprobe.d and a reload of the module. The
 * order of the checks is the order of what helps the user most: first what this host can never
 * do, then what is already so, then what would not last, who may do it, and what is unsafe now.
 */
#include "plan_common.h"
#include "plan_module.h"

#include <errno.h>
#include <string.h>

void work_begin(struct work *w, const struct host *host, enum module_id module, struct plan *plan)
{
	*w = (struct work){ .host = host,
			    .id = module,
			    .module = &kvm_modules[module],
			    .m = &host->modules[module],
			    .plan = plan,
			    .own_conf = plan_file_text(plan, OWN_CONF_FILE, host->own_conf) };
}

void work_end(struct work *w)
{
	modconf_free(&w->next);
	free(w->file_text);
	free(w->asked);
}

void work_add_want(struct work *w, const struct setting *s, enum tri value)
{
	w->wants[w->want_count++] = (struct want){
		.setting = s,
		.row = s->params[w->id],
		.is = &w->m->of[s->id],
		.value = value,
	};
}

const struct want *work_find_want(const struct work *w, const char *param)
{
	for (size_t i = 0; i < w->want_count; i++)
		if (strcmp(w->wants[i].row->name, param) == 0)
			return &w->wants[i];
	return NULL;
}

bool want_needs_reload(const struct work *w, const struct want *x)
{
	return w->m->state == MODULE_STATE_LOADED && x->value != UNKNOWN && x->is->now != x->value;
}

bool work_reload_needed(const struct work *w)
{
	for (size_t i = 0; i < w->want_count; i++)
		if (want_needs_reload(w, &w->wants[i]))
			return true;
	return false;
}

static bool is_named_busy(const struct work *w, const struct plan_options *options)
{
	for (size_t i = 0; i < w->want_count; i++)
		if (options->busy & 1u << w->wants[i].setting->id)
			return true;
	return false;
}

bool work_defers(struct work *w, const struct plan_options *options)
{
	if (options->defer != DEFER_IF_BUSY)
		return options->defer == DEFER_ALL;
	if (w->m->state != MODULE_STATE_LOADED)
		return false;
	if (!work_is_busy(w, &w->busy) && is_named_busy(w, options)) {
		err_set(&w->busy, -EBUSY, "KVM was in use when %s was to be removed",
			w->module->name);
		err_status(&w->busy, STATUS_REFUSED, "in-use");
	}
	/* It waits by itself: nothing is to be typed. */
	w->busy.hint[0] = '\0';
	return w->busy.code;
}

static bool is_already(const struct work *w, const struct want *x)
{
	if (w->m->state == MODULE_STATE_BUILTIN)
		return x->is->now == x->value;
	return x->is->next == x->value && !want_needs_reload(w, x);
}

/* In an image all of its modules must have it. */
static void note_already(const struct work *w, const struct want *x, bool is_first)
{
	struct change *c = plan_find_change(w->plan, x->setting);

	c->already = is_already(w, x) && (is_first || c->already);
}

static bool refuse_any_impossible(struct work *w)
{
	bool refused = false;

	for (size_t i = 0; i < w->want_count; i++)
		refused |= refuse_impossible(w, &w->wants[i]);
	return refused;
}

static bool refuse_any_builtin(struct work *w)
{
	bool refused = false;

	for (size_t i = 0; w->m->state == MODULE_STATE_BUILTIN && i < w->want_count; i++)
		if (!is_already(w, &w->wants[i]))
			refused |= refuse_builtin(w, &w->wants[i]);
	return refused;
}

static bool all_already(const struct work *w)
{
	for (size_t i = 0; i < w->want_count; i++)
		if (!is_already(w, &w->wants[i]))
			return false;
	return true;
}

void work_note_brings(const struct work *w)
{
	bool runs = w->m->state == MODULE_STATE_LOADED || w->reload;

	for (size_t i = 0; i < w->want_count; i++) {
		const struct want *x = &w->wants[i];
		struct change *c = plan_find_change(w->plan, x->setting);

		c->brings_now =
			runs && !w->host->image && !c->waits ? value_name(x->value) : c->now;
		c->brings_next = value_name(next_value(w, &w->next, x));
	}
}

static void plan_wants(struct work *w, const struct plan_options *options)
{
	if (refuse_any_impossible(w) || refuse_unclear(w))
		return;
	for (size_t i = 0; i < w->want_count; i++)
		note_already(w, &w->wants[i],
			     w->id == setting_module(w->host, w->wants[i].setting));
	if (all_already(w) || refuse_any_builtin(w))
		return;
	w->reload = work_reload_needed(w) && !w->host->image && !work_defers(w, options);
	for (size_t i = 0; i < w->want_count; i++) {
		struct change *c = plan_find_change(w->plan, w->wants[i].setting);

		c->waits = !w->host->image && !w->reload && want_needs_reload(w, &w->wants[i]);
		if (c->waits)
			c->deferred = w->busy;
	}
	if (refuse_lost_file(w) || refuse_install_line(w))
		return;
	work_add_file_steps(w);
	if (w->reload)
		work_add_reload_steps(w, NULL);
	work_note_brings(w);
	if (!refuse_rights(w) && w->reload)
		refuse_reload(w);
}

static bool is_about(const struct host *host, const struct setting *s, enum module_id module)
{
	return s->params[module] && (host->image || setting_module(host, s) == module);
}

static void plan_one_module(const struct host *host, enum module_id module,
			    const struct plan_options *options, struct plan *plan)
{
	struct work w;
	autofree char *again = NULL;

	work_begin(&w, host, module, plan);
	for (size_t i = 0; i < plan->change_count; i++) {
		const struct change *c = &plan->changes[i];

		if (!is_about(host, c->setting, module))
			continue;
		if (!again)
			again = xasprintf("%s %s", c->setting->name, c->value);
		work_add_want(&w, c->setting, param_bool(c->value));
	}
	w.again = options->again ?: again;
	if (w.want_count)
		plan_wants(&w, options);
	work_end(&w);
}

void plan_modules(const struct host *host, const struct plan_options *options, struct plan *plan)
{
	for (size_t i = 0; i < MODULE_COUNT; i++)
		plan_one_module(host, (enum module_id)i, options, plan);
}

unsigned module_goal_parts(const struct goal *goal)
{
	return setting_kinds[goal->setting->kind].parts;
}
