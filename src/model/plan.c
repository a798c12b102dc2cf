// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/plan.h>

#include <string.h>

static const char *const act_names[ACT_KIND_COUNT] = {
	[ACT_NONE] = "none",
	[ACT_WRITE_FILE] = "write",
	[ACT_REMOVE_FILE] = "remove",
	[ACT_CONFIRM] = "confirm",
	[ACT_UNLOAD] = "unload",
	[ACT_LOAD] = "load",
	[ACT_RESTORE] = "restore",
	[ACT_CHECK_PARAMS] = "check_parameters",
	[ACT_CHECK_DEVICE] = "check_device",
	[ACT_CHECK_GUEST] = "check_guest",
};

const char *act_name(enum act_kind kind)
{
	return act_names[kind];
}

enum act_kind act_find(const char *name, bool *ret_found)
{
	for (size_t i = 0; i < ACT_KIND_COUNT; i++) {
		if (strcmp(act_names[i], name) != 0)
			continue;
		*ret_found = true;
		return (enum act_kind)i;
	}
	*ret_found = false;
	return ACT_NONE;
}

bool plan_reloads(const struct plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (plan->steps[i].act.kind == ACT_LOAD || plan->steps[i].act.kind == ACT_RESTORE)
			return true;
	return false;
}

/* A refusal speaks for the whole plan: nothing of it is done. */
static void drop_steps(struct plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++)
		step_free(&plan->steps[i]);
	plan->step_count = 0;
}

static enum exit_status plan_status(const struct plan *plan)
{
	if (plan->refusal.code)
		return plan->refusal.status;
	for (size_t i = 0; i < plan->change_count; i++)
		if (plan->changes[i].waits)
			return STATUS_PENDING;
	return STATUS_DONE;
}

static void finish(const struct host *host, struct plan *plan)
{
	plan->status = plan_status(plan);
	advise_plan(host, plan);
}

void plan_build(const struct host *host, const struct goal *goals, size_t count,
		const struct plan_options *options, struct plan *ret)
{
	*ret = (struct plan){ 0 };
	for (size_t i = 0; i < count; i++) {
		goals[i].setting->plan(host, &goals[i], options, ret);
		if (ret->refusal.code)
			break;
	}
	finish(host, ret);
}

static const struct setting *setting_of_module(const char *module)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (settings[i].module && strcmp(settings[i].module->module, module) == 0)
			return &settings[i];
	return NULL;
}

static bool is_file_act(const struct act *act)
{
	return act->kind == ACT_WRITE_FILE || act->kind == ACT_REMOVE_FILE;
}

void plan_back(const struct host *host, const struct step *steps, size_t count,
	       const struct plan_options *options, struct plan *ret)
{
	const struct act *file = NULL, *restore = NULL;
	const struct setting *setting = NULL;

	*ret = (struct plan){ 0 };
	for (size_t i = 0; i < count; i++) {
		if (is_file_act(&steps[i].back))
			file = &steps[i].back;
		else if (steps[i].back.kind == ACT_RESTORE)
			restore = &steps[i].back;
		if (!setting && steps[i].act.param && steps[i].act.target)
			setting = setting_of_module(steps[i].act.target);
	}
	if (setting)
		plan_module_back(host, setting, file, restore, options, ret);
	finish(host, ret);
}

static void act_free(struct act *act)
{
	free(act->target);
	free(act->text);
	free(act->param);
	for (size_t i = 0; i < act->expect_count; i++) {
		free(act->expects[i].param);
		free(act->expects[i].before);
		free(act->expects[i].after);
	}
	free(act->expects);
	*act = (struct act){ 0 };
}

void step_free(struct step *step)
{
	act_free(&step->act);
	act_free(&step->back);
	free(step->note);
	*step = (struct step){ 0 };
}

static void effect_free(struct effect *e)
{
	free(e->module);
	free(e->param);
	free(e->from);
	free(e->to);
	free(e->file);
}

void plan_free(struct plan *plan)
{
	drop_steps(plan);
	free(plan->steps);
	for (size_t i = 0; i < plan->effect_count; i++)
		effect_free(&plan->effects[i]);
	free(plan->effects);
	free(plan->changes);
	free(plan->advice);
	*plan = (struct plan){ 0 };
}

void act_target_text(const struct act *act, struct buf *ret)
{
	switch (act->kind) {
	case ACT_CONFIRM:
		buf_puts(ret, "next load");
		break;
	case ACT_CHECK_PARAMS:
		buf_puts(ret, "parameters");
		break;
	case ACT_CHECK_GUEST:
		buf_puts(ret, "test guest");
		break;
	default:
		buf_add_safe(ret, act->target ? act->target : "", 200);
	}
}

/* The lines of a configuration file that say something. */
static void file_detail(const char *text, struct buf *ret)
{
	while (*text) {
		size_t len = strcspn(text, "\n");
		autofree char *line = xstrndup(text, len);

		if (len && line[0] != '#') {
			if (ret->len)
				buf_puts(ret, "; ");
			buf_add_safe(ret, line, 200);
		}
		text += len + (text[len] == '\n');
	}
}

void act_detail_text(const struct act *act, struct buf *ret)
{
	switch (act->kind) {
	case ACT_WRITE_FILE:
		file_detail(act->text, ret);
		break;
	case ACT_REMOVE_FILE:
		buf_puts(ret, "nothing is left to say there");
		break;
	case ACT_CONFIRM:
		buf_printf(ret, "%s=%d wins over all other options", act->param, act->value);
		break;
	case ACT_LOAD:
		if (act->text)
			buf_printf(ret, "with %s", act->text);
		else
			buf_printf(ret, "%s=%d, as configured", act->param, act->value);
		break;
	case ACT_RESTORE:
		buf_printf(ret, "with %s, all as before", act->text ?: "");
		break;
	case ACT_CHECK_PARAMS:
		buf_printf(ret, "%s %s, all others as planned", act->param, on_off(act->value));
		break;
	case ACT_CHECK_DEVICE:
		buf_printf(ret, "uid %u, gid %u, mode %04o", act->device.uid, act->device.gid,
			   act->device.mode);
		break;
	case ACT_CHECK_GUEST:
		buf_puts(ret, "runs and computes the right result");
		break;
	default:
		break;
	}
}
