// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_module.c - plans for settings that are bool parameters of a kvm vendor module.
 *
 * Such a parameter can only be changed by a line in modprobe.d and a reload of the module. The
 * order of the checks is the order of what helps the user most: first what this host can never
 * do, then what is already so, then what would not last, who may do it, and what is unsafe now.
 */
#include "plan_common.h"
#include "plan_module.h"

#include <string.h>

void work_begin(struct work *w, const struct host *host, const struct setting *setting,
		struct plan *plan)
{
	*w = (struct work){ .host = host,
			    .setting = setting,
			    .ms = setting->module,
			    .m = &host->modules[setting->id],
			    .plan = plan,
			    .own_conf = plan_file_text(plan, OWN_CONF_FILE, host->own_conf) };
}

void work_end(struct work *w)
{
	modconf_free(&w->next);
	free(w->file_text);
	free(w->asked);
}

struct change *work_add_change(struct work *w, const char *value)
{
	struct change *c = &array_push(w->plan->changes, w->plan->change_count);

	*c = (struct change){
		.setting = w->setting,
		.value = value,
		.now = value_name(w->m->now),
		.next = value_name(w->m->next),
	};
	return c;
}

bool work_reload_needed(const struct work *w)
{
	return w->m->state == MODULE_STATE_LOADED && w->m->now != w->want;
}

const struct act *work_find_restore(const struct work *w, const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct act *back = &steps[i].back;

		if (back->kind == ACT_RESTORE && strcmp(back->target, w->ms->module) == 0)
			return back;
	}
	return NULL;
}

static bool already_so(const struct work *w)
{
	if (w->m->state == MODULE_STATE_BUILTIN)
		return w->m->now == w->want;
	return w->m->next == w->want && !work_reload_needed(w);
}

static void plan_goal(struct work *w, const struct goal *goal, const struct plan_options *options)
{
	struct change *c;

	if (refuse_impossible(w) || refuse_unclear(w))
		return;
	c = work_add_change(w, goal->value);
	c->already = already_so(w);
	if (c->already || (w->m->state == MODULE_STATE_BUILTIN && refuse_builtin(w)))
		return;
	w->reload = work_reload_needed(w) && !options->defer && !w->host->image;
	c->waits = !w->host->image && !w->reload && work_reload_needed(w);
	if (refuse_lost_file(w) || refuse_install_line(w))
		return;
	work_add_file_steps(w);
	if (w->reload)
		work_add_reload_steps(w, NULL);
	if (!refuse_rights(w) && w->reload)
		refuse_reload(w);
}

void plan_module_setting(const struct host *host, const struct goal *goal,
			 const struct plan_options *options, struct plan *plan)
{
	autofree char *again = xasprintf("%s %s", goal->setting->name, goal->value);
	struct work w;

	work_begin(&w, host, goal->setting, plan);
	w.want = param_bool(goal->value);
	w.again = options->again ?: again;
	plan_goal(&w, goal, options);
	work_end(&w);
}
