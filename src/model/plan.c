// SPDX-License-Identifier: GPL-2.0-or-later
#include "plan_common.h"

#include <string.h>

#include "plan_attribute.h"
#include "plan_ksm.h"
#include "plan_module.h"

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
	[ACT_ENABLE_UNIT] = "enable",
	[ACT_DISABLE_UNIT] = "disable",
	[ACT_START_UNIT] = "start",
	[ACT_STOP_UNIT] = "stop",
	[ACT_MAKE_LINK] = "link",
	[ACT_REMOVE_LINK] = "unlink",
	[ACT_SET_RUN] = "set_run",
	[ACT_SET_ATTRIBUTE] = "set_attribute",
	[ACT_WATCH_MEMORY] = "watch_memory",
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

bool defer_find(const char *word, enum defer *ret)
{
	static const char *const words[] = {
		[DEFER_NO] = "no", [DEFER_ALL] = "yes", [DEFER_IF_BUSY] = "if-busy"
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i], word) != 0)
			continue;
		*ret = (enum defer)i;
		return true;
	}
	return false;
}

/* Of KSM: what is unmerged is off, too. */
static bool is_as_wanted(const char *state, const char *wanted)
{
	return state && wanted &&
	       (strcmp(state, wanted) == 0 ||
		(strcmp(wanted, "off") == 0 && strcmp(state, "unmerged") == 0));
}

bool change_is_so_now(const struct change *c)
{
	return is_as_wanted(c->now, c->value);
}

bool change_is_saved(const struct change *c)
{
	return !c->already && c->now && !change_is_so_now(c) &&
	       is_as_wanted(c->next, c->brings_next);
}

enum goal_state change_state(const struct change *c)
{
	if (c->impossible.code)
		return GOAL_REFUSED;
	if (c->already && c->next)
		return GOAL_OK;
	/* A service may still be active that does nothing any more: a change stops it. */
	if (change_is_so_now(c) && is_as_wanted(c->next, c->brings_next))
		return GOAL_OK;
	if (change_is_saved(c))
		return GOAL_PENDING;
	if ((c->now && !is_as_wanted(c->now, c->value)) ||
	    (c->next && !is_as_wanted(c->next, c->brings_next)))
		return GOAL_DIFFERS;
	return GOAL_UNKNOWN;
}

const char *goal_state_name(enum goal_state s)
{
	static const char *const names[] = {
		[GOAL_OK] = "ok",	    [GOAL_PENDING] = "pending", [GOAL_REFUSED] = "refused",
		[GOAL_UNKNOWN] = "unknown", [GOAL_DIFFERS] = "differs",
	};

	return names[s];
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

/* ---- the kinds of settings ---- */

/* In the order of their steps. */
static const struct {
	/* Plans all changes of this kind that the plan has. */
	void (*plan)(const struct host *host, const struct plan_options *options,
		     struct plan *plan);
	/* Adds and plans the changes that undo these earlier steps. */
	void (*back)(const struct host *host, const struct step *steps, size_t count,
		     const struct plan_options *options, struct plan *plan);
	unsigned (*parts)(const struct goal *goal);
	unsigned (*past_parts)(const struct step *steps, size_t count);
} kinds[KIND_COUNT] = {
	[KIND_MODULE] = { plan_modules, plan_modules_back, module_goal_parts, module_past_parts },
	[KIND_ATTRIBUTE] = { plan_attributes, plan_attributes_back, attribute_goal_parts,
			     attribute_past_parts },
	[KIND_KSM] = { plan_ksm, plan_ksm_back, ksm_goal_parts, ksm_past_parts },
};

unsigned goals_parts(const struct goal *goals, size_t count)
{
	unsigned parts = 0;

	for (size_t i = 0; i < count; i++)
		parts |= kinds[goals[i].setting->kind].parts(&goals[i]);
	return parts;
}

unsigned past_parts(const struct step *steps, size_t count)
{
	unsigned parts = 0;

	for (size_t i = 0; i < KIND_COUNT; i++)
		parts |= kinds[i].past_parts(steps, count);
	return parts;
}

void plan_build(const struct host *host, const struct goal *goals, size_t count,
		const struct plan_options *options, struct plan *ret)
{
	*ret = (struct plan){ 0 };
	for (size_t i = 0; i < count; i++) {
		struct change *c = plan_add_change(ret, host, goals[i].setting, goals[i].value);

		c->file = goals[i].file;
		c->line = goals[i].line;
	}
	for (size_t i = 0; i < KIND_COUNT; i++)
		kinds[i].plan(host, options, ret);
	finish(host, ret);
}

void plan_back(const struct host *host, const struct step *steps, size_t count,
	       const struct plan_options *options, struct plan *ret)
{
	*ret = (struct plan){ 0 };
	for (size_t i = 0; i < KIND_COUNT; i++)
		kinds[i].back(host, steps, count, options, ret);
	finish(host, ret);
}

void act_free(struct act *act)
{
	free(act->target);
	free(act->text);
	for (size_t i = 0; i < act->wanted_count; i++)
		free(act->wanted[i].param);
	free(act->wanted);
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
	for (size_t i = 0; i < plan->kept_count; i++)
		step_free(&plan->kept[i]);
	free(plan->kept);
	strv_free(&plan->lost);
	for (size_t i = 0; i < plan->effect_count; i++)
		effect_free(&plan->effects[i]);
	free(plan->effects);
	free(plan->also);
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
	case ACT_WATCH_MEMORY:
		buf_puts(ret, "memory");
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

/* Words of modprobe.d may be among them. */
static void options_detail(const char *options, struct buf *ret)
{
	buf_puts(ret, "with ");
	buf_add_safe(ret, options, 1000);
}

/* "ept=0 nested=0", or "ept off, nested off". */
static void wanted_text(const struct act *act, const char *between, struct buf *ret)
{
	bool words = between[0] == ' ';

	for (size_t i = 0; i < act->wanted_count; i++) {
		const struct wanted *w = &act->wanted[i];

		if (i)
			buf_puts(ret, words ? ", " : " ");
		buf_add_safe(ret, w->param, 40);
		if (words)
			buf_printf(ret, " %s",
				   w->value == UNKNOWN ? "unchanged" : on_off(w->value));
		else if (w->value == UNKNOWN)
			buf_puts(ret, " by default");
		else
			buf_printf(ret, "=%d", w->value);
	}
}

static void configured_detail(const struct act *act, struct buf *ret)
{
	wanted_text(act, "=", ret);
	buf_puts(ret, ", as configured");
}

/* What the kernel does when this is written to run (mm/ksm.c:run_store). */
static const char *run_meaning(const char *value)
{
	static const char *const meanings[] = { "merging stops; merged pages stay",
						"merging starts", "all merged pages are unmerged" };

	if (value[0] < '0' || value[0] > '2' || value[1])
		return "";
	return meanings[value[0] - '0'];
}

static void run_detail(const struct act *act, const char *text, struct buf *ret)
{
	buf_add_safe(ret, text, 20);
	buf_join(ret, ": ", run_meaning(text));
	if (!act->reserve_bytes)
		return;
	buf_puts(ret, ", keeping ");
	size_text(act->reserve_bytes, ret);
	buf_puts(ret, " free");
}

/* A link beside the unit files is another name. */
static const char *unlink_meaning(const char *path, const char *leads_to)
{
	bool runtime = starts_with(path, RUNTIME_LINKS_DIR "/");

	if (ksm_is_mask(path, leads_to))
		return "its mask";
	const char *name = path + strlen(runtime ? RUNTIME_LINKS_DIR "/" : UNIT_LINKS_DIR "/");

	if (!strchr(name, '/'))
		return "an alias of it";
	return runtime ? "starts it until the next boot" : "starts it at boot";
}

static void ksm_detail(const struct act *act, struct buf *ret)
{
	const char *text = act->text ? act->text : "";

	switch (act->kind) {
	case ACT_MAKE_LINK:
		buf_puts(ret, ksm_is_mask(act->target, text) ? "masks it: to " : "to ");
		buf_add_safe(ret, text, 200);
		break;
	case ACT_REMOVE_LINK:
		buf_puts(ret, unlink_meaning(act->target, text));
		break;
	case ACT_SET_RUN:
		run_detail(act, text, ret);
		break;
	case ACT_SET_ATTRIBUTE:
		buf_add_safe(ret, text, 20);
		break;
	case ACT_WATCH_MEMORY:
		buf_printf(ret, "%lld s; rolled back if the host starts to swap",
			   (long long)(act->watch_ms / 1000 + (act->watch_ms % 1000 > 0)));
		break;
	default:
		break;
	}
}

void act_detail_text(const struct act *act, struct buf *ret)
{
	switch (act->kind) {
	case ACT_WRITE_FILE:
		file_detail(act->text, ret);
		break;
	case ACT_REMOVE_FILE:
		buf_puts(ret, "nothing else is in it");
		break;
	case ACT_CONFIRM:
		wanted_text(act, "=", ret);
		buf_puts(ret, act->wanted_count > 1 ? " take" : " takes");
		buf_puts(ret, " precedence over all other options");
		break;
	case ACT_LOAD:
		if (act->text)
			options_detail(act->text, ret);
		else
			configured_detail(act, ret);
		break;
	case ACT_RESTORE:
		options_detail(act->text ?: "", ret);
		buf_puts(ret, ", all as before");
		break;
	case ACT_CHECK_PARAMS:
		wanted_text(act, " ", ret);
		buf_puts(ret, ", all others as planned");
		break;
	case ACT_CHECK_DEVICE:
		buf_printf(ret, "uid %u, gid %u, mode %04o", act->device.uid, act->device.gid,
			   act->device.mode);
		if (act->device.acl_size)
			buf_puts(ret, ", and its ACL");
		break;
	case ACT_CHECK_GUEST:
		buf_puts(ret, "runs and computes the right result");
		break;
	default:
		ksm_detail(act, ret);
	}
}
