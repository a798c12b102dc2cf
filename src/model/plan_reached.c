// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_reached.c - is a host where an interrupted change wanted to bring it?
 *
 * A change that was killed behind its last step has nothing left to do but to say so.
 */
#include <kvmtune/plan.h>

#include <stdlib.h>
#include <string.h>

#include <kvmtune/boot.h>
#include <kvmtune/own_file.h>

static const char *text_now(const struct host *h, const char *path)
{
	if (strcmp(path, OWN_PRESET) == 0)
		return h->ksm.own_preset;
	return strcmp(path, OWN_TMPFILES) == 0 ? h->own_tmpfiles : h->own_conf;
}

static bool module_is_as_wanted(const struct host *h, const struct act *act)
{
	enum module_id id = module_find(act->target);
	const struct module_facts *m;

	if (id == MODULE_COUNT)
		return false;
	m = &h->modules[id];
	for (size_t i = 0; i < act->wanted_count; i++) {
		const struct wanted *w = &act->wanted[i];
		const char *now = module_param(m, w->param);

		if (!now || (w->value != UNKNOWN && param_bool(now) != w->value))
			return false;
	}
	return m->state == MODULE_STATE_LOADED;
}

static bool unit_is_as_wanted(const struct host *h, const struct act *act)
{
	size_t unit = ksm_unit_find(act->target);

	if (unit >= KSM_UNIT_DRIVERS)
		return false;
	return act->kind == ACT_STOP_UNIT ? unit_rests(&h->ksm.units[unit])
					  : unit_is_active(&h->ksm.units[unit]);
}

static bool has_link(const struct host *h, const struct act *act)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++) {
		const struct ksm_unit *u = &h->ksm.units[i];

		for (size_t k = 0; k < u->link_count; k++)
			if (strcmp(u->links[k].path, act->target) == 0)
				return true;
	}
	return false;
}

static bool run_is_as_wanted(const struct host *h, const struct act *act)
{
	return h->ksm.run == atoi(act->text) && (h->ksm.run != 2 || !ksm_anything_merged(&h->ksm));
}

static bool attribute_is_as_wanted(const struct host *h, const struct act *act)
{
	const struct setting *s = setting_of_attribute(act->target);
	const char *now = s ? h->attributes[s->id].now : NULL;

	return now && strcmp(now, act->text) == 0;
}

static bool act_is_done(const struct host *h, const struct act *act)
{
	switch (act->kind) {
	case ACT_WRITE_FILE:
		return same_file_text(text_now(h, act->target), act->text);
	case ACT_REMOVE_FILE:
		return !text_now(h, act->target);
	case ACT_LOAD:
	case ACT_CHECK_PARAMS:
		return module_is_as_wanted(h, act);
	case ACT_CHECK_DEVICE:
		return h->device.exists && device_same(&h->device, &act->device);
	case ACT_START_UNIT:
	case ACT_STOP_UNIT:
		return unit_is_as_wanted(h, act);
	case ACT_MAKE_LINK:
		return has_link(h, act);
	case ACT_REMOVE_LINK:
		return !has_link(h, act);
	case ACT_SET_RUN:
		return run_is_as_wanted(h, act);
	case ACT_SET_ATTRIBUTE:
		return attribute_is_as_wanted(h, act);
	case ACT_RESTORE:
	case ACT_ENABLE_UNIT:
	case ACT_DISABLE_UNIT:
		return false;
	default:
		return true;
	}
}

/* A later step overrides it: some changes write `run` twice. */
static bool is_overtaken(const struct step *steps, size_t count, size_t i)
{
	for (size_t k = i + 1; k < count; k++)
		if (steps[i].act.kind == ACT_SET_RUN && steps[k].act.kind == ACT_SET_RUN)
			return true;
	return false;
}

bool plan_is_reached(const struct host *host, const struct step *steps, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!is_overtaken(steps, count, i) && !act_is_done(host, &steps[i].act))
			return false;
	return count > 0;
}
