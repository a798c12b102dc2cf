// SPDX-License-Identifier: GPL-2.0-or-later
#include "plan_common.h"

#include <errno.h>
#include <string.h>

#include <kvmtune/own_file.h>

struct step *plan_add_step(struct plan *plan)
{
	return &array_push(plan->steps, plan->step_count);
}

static struct act file_act(const char *path, const char *text)
{
	if (!text)
		return (struct act){ .kind = ACT_REMOVE_FILE, .target = xstrdup(path) };
	return (struct act){
		.kind = ACT_WRITE_FILE, .target = xstrdup(path), .text = xstrdup(text), .mode = 0644
	};
}

bool plan_changes_file(const struct act *act, const char *path)
{
	return (act->kind == ACT_WRITE_FILE || act->kind == ACT_REMOVE_FILE) &&
	       strcmp(act->target, path) == 0;
}

static struct step *find_file_step(const struct plan *plan, const char *path)
{
	for (size_t i = 0; i < plan->step_count; i++)
		if (plan_changes_file(&plan->steps[i].act, path))
			return &plan->steps[i];
	return NULL;
}

static const char *file_text(const struct act *act)
{
	return act->kind == ACT_WRITE_FILE ? act->text : NULL;
}

const char *plan_file_text(const struct plan *plan, const char *path, const char *now)
{
	const struct step *s = find_file_step(plan, path);

	return s ? file_text(&s->act) : now;
}

bool plan_file_texts(const struct step *steps, size_t count, const char *path,
		     const char **ret_ours, const char **ret_before)
{
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		if (!plan_changes_file(&steps[i].act, path) ||
		    !plan_changes_file(&steps[i].back, path))
			continue;
		if (!found)
			*ret_before = file_text(&steps[i].back);
		*ret_ours = file_text(&steps[i].act);
		found = true;
	}
	return found;
}

void plan_add_file_step(struct plan *plan, const char *path, const char *text, const char *before)
{
	struct step *s = find_file_step(plan, path);

	if (s) {
		act_free(&s->act);
		s->act = file_act(path, text);
		return;
	}
	s = plan_add_step(plan);
	s->act = file_act(path, text);
	s->back = file_act(path, before);
}

void plan_keep_attribute(struct plan *plan, const struct host *host, const struct attribute *a,
			 const char *want)
{
	const char *now = plan_file_text(plan, OWN_TMPFILES, host->own_tmpfiles);
	autofree char *text = own_tmpfiles_edit(now, a, want);

	if (strcmp(now ?: "", text ?: "") != 0)
		plan_add_file_step(plan, OWN_TMPFILES, text, host->own_tmpfiles);
}

bool plan_changes_attribute_line(const struct step *s, const struct attribute *a)
{
	return plan_changes_file(&s->act, OWN_TMPFILES) &&
	       own_tmpfiles_text(file_text(&s->act), a) !=
		       own_tmpfiles_text(file_text(&s->back), a);
}

struct change *plan_find_change(const struct plan *plan, const struct setting *s)
{
	for (size_t i = 0; i < plan->change_count; i++)
		if (plan->changes[i].setting == s)
			return &plan->changes[i];
	return NULL;
}

struct change *plan_add_change(struct plan *plan, const struct host *host, const struct setting *s,
			       const char *value)
{
	const struct setting_state state = setting_state(host, s);
	struct change *c = &array_push(plan->changes, plan->change_count);

	*c = (struct change){ .setting = s,
			      .value = value,
			      .now = state.now,
			      .next = state.next,
			      .brings_now = value,
			      .brings_next = value };
	return c;
}

/* Every reason once, and the first of them decides. */
bool plan_refuse(struct plan *plan, enum exit_status status, const char *id, const char *text,
		 const char *hint)
{
	struct err e = { 0 };

	err_set(&e, -EPERM, "%s", text);
	err_status(&e, status, id);
	err_hint(&e, "%s", hint);
	if (!plan->refusal.code)
		plan->refusal = e;
	else if (strcmp(plan->refusal.id, id) != 0 || strcmp(plan->refusal.text, e.text) != 0)
		array_push(plan->also, plan->also_count) = e;
	return true;
}

bool plan_refuse_not_root(const struct host *host, struct plan *plan)
{
	if (host->root || host->image)
		return false;
	return plan_refuse(plan, STATUS_IMPOSSIBLE, "not-root", "this needs root",
			   "Run it again with sudo.");
}

bool plan_refuse_nixos(const struct host *host, struct plan *plan, const char *dir,
		       const char *hint)
{
	autofree char *text = xasprintf("this is NixOS: %s is generated", dir);

	return host->nixos && plan_refuse(plan, STATUS_IMPOSSIBLE, "generated-config", text, hint);
}

const char *plan_unwritable_hint(int code)
{
	return code == -EPERM ? "It has the attribute i or a (lsattr). Remove that with chattr."
			      : "On an immutable system, change its image instead.";
}

bool plan_refuse_unwritable(struct plan *plan, const char *dir, int code)
{
	autofree char *text = NULL;

	if (!code || code == -ENOENT)
		return false;
	text = xasprintf("%s cannot be written: %s", dir, strerror(-code));
	return plan_refuse(plan, STATUS_IMPOSSIBLE, "read-only-config", text,
			   plan_unwritable_hint(code));
}

bool plan_refuse_tmpfiles(const struct host *host, struct plan *plan)
{
	return plan_refuse_nixos(host, plan, "/etc/tmpfiles.d",
				 "Set systemd.tmpfiles.rules in the system's configuration and "
				 "rebuild.") ||
	       plan_refuse_unwritable(plan, "/etc/tmpfiles.d", host->tmpfiles_writable);
}

bool plan_refuse_sysfs(struct plan *plan, const char *path, int code)
{
	autofree char *text = NULL;

	if (!code)
		return false;
	text = xasprintf("%s cannot be written: %s", path, strerror(-code));
	return plan_refuse(plan, STATUS_IMPOSSIBLE, "read-only-sysfs", text,
			   "In a container, run kvmtune on the host itself.");
}
