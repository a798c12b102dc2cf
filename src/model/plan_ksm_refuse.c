// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_ksm_refuse.c - why KSM cannot be changed, or not now; and the way out.
 */
#include <string.h>

#include "plan_common.h"
#include "plan_ksm.h"

/* Off it is in any case. */
static bool refuse_no_ksm(struct ksm_work *w)
{
	struct change *c = plan_find_change(w->plan, &settings[SETTING_KSM]);

	if (c && strcmp(c->value, "on") != 0) {
		c->already = true;
		return true;
	}
	plan_refuse(w->plan, STATUS_IMPOSSIBLE, "no-ksm",
		    "this kernel has no same-page merging (" KSM_DIR " is absent)",
		    "There is nothing to turn on or off.");
	if (c)
		c->impossible = w->plan->refusal;
	return true;
}

bool ksm_refuse_impossible(struct ksm_work *w)
{
	autobuf text = { 0 };

	if (w->host->image)
		return false;
	if (!w->k->present)
		return refuse_no_ksm(w);
	if (w->k->manager != MANAGER_DEAD)
		return false;
	buf_puts(&text, "systemd cannot be asked about the services that drive KSM: ");
	buf_add_safe(&text, w->k->manager_error ?: "it does not answer", 300);
	return plan_refuse(w->plan, STATUS_FAILED, "no-bus", text.data,
			   "Look at it:  systemctl status dbus        Then run the same command "
			   "again.");
}

static bool refuse_masked(struct ksm_work *w, size_t unit)
{
	const struct unit_target *t = &w->target.units[unit];
	const char *name = ksm_unit_names[unit];
	autofree char *text = NULL, *hint = NULL;

	/* Its links are made again, masked or not: they were there before. */
	if (t->masked == NO || !unit_is_masked(&w->k->units[unit]) ||
	    (w->target.back && t->active != YES) || (t->enabled != YES && t->active != YES))
		return false;
	text = xasprintf("%s is masked, so it cannot start", name);
	hint = xasprintf("To allow it again:  systemctl unmask %s", name);
	return plan_refuse(w->plan, STATUS_REFUSED, "unit-masked", text, hint);
}

/* Made at boot from an init script: systemd has no links that could be taken away. */
static bool refuse_generated(struct ksm_work *w, size_t unit)
{
	const char *name = ksm_unit_names[unit];
	autofree char *text = NULL, *hint = NULL;

	if (w->target.units[unit].enabled != NO ||
	    strcmp(w->k->units[unit].state.file, "generated") != 0)
		return false;
	text = xasprintf("%s is generated from an init script at each boot and would start again",
			 name);
	hint = xasprintf("Disable the script first:  update-rc.d %.*s disable   or   chkconfig "
			 "%.*s off",
			 (int)strcspn(name, "."), name, (int)strcspn(name, "."), name);
	return plan_refuse(w->plan, STATUS_REFUSED, "unit-generated", text, hint);
}

/* Something wants it at boot, and a mask would do harm, or cannot be made. */
static bool refuse_wanted(struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];
	const char *name = ksm_unit_names[unit];
	const struct boot_cause *c = w->target.back ? NULL : ksm_foreign_cause(w, unit);
	bool off = w->target.run != 1 && w->target.run != RUN_AS_IS;
	autobuf text = { 0 };

	for (size_t i = 0; !w->target.back && i < u->boot.n && !c; i++)
		if (!u->boot.v[i].by && u->boot.v[i].early)
			c = &u->boot.v[i];
	/* Without systemd there are no masks; nothing there ends what a script turns on later. */
	if (!c || (w->k->other_init ? !off
				    : w->target.units[unit].enabled != NO ||
					      (c->by && !c->hard && !u->in_links_dir)))
		return false;
	buf_printf(&text, "%s would start again at boot: ", name);
	if (c->by) {
		buf_add_safe(&text, c->by, 200);
		buf_printf(&text, " %s it (", c->hard ? "requires" : "wants");
	} else {
		buf_puts(&text, "a preset enables it (");
	}
	buf_add_safe(&text, c->where, 200);
	buf_puts(&text, ")");
	return plan_refuse(w->plan, STATUS_REFUSED, "unit-wanted", text.data,
			   "Remove that first, then run the same command again.");
}

static bool refuse_link(struct ksm_work *w, const char *text)
{
	return plan_refuse(w->plan, STATUS_REFUSED, "unit-link", text,
			   "Remove that link by hand, then run the same command again.");
}

/* One that no journal would be believed to bring back. */
static bool refuse_odd_link(struct ksm_work *w)
{
	for (size_t i = w->first_step; i < w->plan->step_count; i++) {
		const struct act *act = &w->plan->steps[i].act;
		autobuf text = { 0 };

		if ((act->kind != ACT_REMOVE_LINK && act->kind != ACT_MAKE_LINK) ||
		    ksm_is_unit_link(act->target, act->text))
			continue;
		buf_add_safe(&text, act->target, 200);
		buf_puts(&text, " points to ");
		buf_add_safe(&text, act->text, 200);
		buf_puts(&text, ": kvmtune could not restore this link, so it does not remove it");
		return refuse_link(w, text.data);
	}
	return false;
}

/* systemd knows of a link where nobody puts any: in a directory of packages, for example. */
static bool refuse_hidden_link(struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];
	autofree char *text = NULL;

	if (w->target.back || w->target.units[unit].enabled != NO || !unit_is_enabled(u) ||
	    u->link_count || w->target.units[unit].masked == YES)
		return false;
	text = xasprintf("systemd reports %s as enabled, but it has no link in " UNIT_LINKS_DIR
			 " or " RUNTIME_LINKS_DIR,
			 ksm_unit_names[unit]);
	return refuse_link(w, text);
}

bool ksm_refuse_target(struct ksm_work *w)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		if (refuse_masked(w, i) || refuse_generated(w, i) || refuse_wanted(w, i) ||
		    refuse_hidden_link(w, i))
			return true;
	return refuse_odd_link(w);
}

static bool sets_run(const struct ksm_work *w)
{
	for (size_t i = w->first_step; i < w->plan->step_count; i++)
		if (w->plan->steps[i].act.kind == ACT_SET_RUN)
			return true;
	return false;
}

static bool refuse_read_only_sysfs(struct ksm_work *w)
{
	return sets_run(w) && plan_refuse_sysfs(w->plan, KSM_RUN_FILE, w->k->writable);
}

/* Why files cannot be made or removed where this act does it; 0: they can. */
static int unwritable(const struct host *h, const struct act *act, const char **ret_dir)
{
	const struct ksm_facts *k = &h->ksm;

	switch (act->kind) {
	case ACT_WRITE_FILE:
	case ACT_REMOVE_FILE:
		if (strcmp(act->target, OWN_PRESET) == 0) {
			*ret_dir = "/etc/systemd/system-preset";
			return k->presets_writable;
		}
		*ret_dir = "/etc/tmpfiles.d";
		return h->tmpfiles_writable;
	case ACT_MAKE_LINK:
	case ACT_REMOVE_LINK:
		*ret_dir = starts_with(act->target, RUNTIME_LINKS_DIR) ? RUNTIME_LINKS_DIR
								       : UNIT_LINKS_DIR;
		return starts_with(*ret_dir, "/run") ? k->runtime_writable : k->units_writable;
	default:
		*ret_dir = NULL;
		return 0;
	}
}

static bool refuse_files(struct ksm_work *w)
{
	for (size_t i = w->first_step; i < w->plan->step_count; i++) {
		const char *dir;
		int code = unwritable(w->host, &w->plan->steps[i].act, &dir);

		if (dir && (plan_refuse_nixos(w->host, w->plan, "/etc/systemd",
					      "Set hardware.ksm.enable in the system's "
					      "configuration and rebuild.") ||
			    plan_refuse_unwritable(w->plan, dir, code)))
			return true;
	}
	return false;
}

bool ksm_refuse_rights(struct ksm_work *w)
{
	if (!ksm_has_steps(w))
		return false;
	return plan_refuse_not_root(w->host, w->plan) || refuse_read_only_sysfs(w) ||
	       refuse_files(w);
}

static bool refuse_host_memory(struct ksm_work *w, uint64_t need)
{
	const struct memory_facts *m = &w->host->memory;
	uint64_t reserve = ksm_reserve(w);
	autobuf text = { 0 };

	if (memory_suffices(m, need, reserve))
		return false;
	if (!m->known)
		return plan_refuse(w->plan, STATUS_REFUSED, "unknown-memory", MEMORY_UNKNOWN_TEXT,
				   "Stop merging and keep merged pages:  kvmtune ksm off");
	buf_puts(&text, "not enough memory to unmerge: needs up to ");
	memory_shortage_text(m, need, reserve, &text);
	return plan_refuse(w->plan, STATUS_REFUSED, "memory", text.data,
			   "Stop merging and keep merged pages:  kvmtune ksm off        Reserve "
			   "less:  --reserve SIZE");
}

static bool refuse_room(struct ksm_work *w, const struct cgroup_room *room)
{
	uint64_t need = room->merged_pages * w->k->page_bytes;
	uint64_t free_bytes = room_free_bytes(room);
	autobuf text = { 0 };

	if (need <= free_bytes)
		return false;
	buf_puts(&text, "not enough memory to unmerge ");
	buf_add_safe(&text, room->guest ?: "a process with merged pages", 60);
	buf_puts(&text, ": needs up to ");
	size_text(need, &text);
	buf_puts(&text, ", but the limit of its cgroup ");
	buf_add_safe(&text, room->path, 200);
	buf_puts(&text, " leaves ");
	size_text(free_bytes, &text);
	return plan_refuse(w->plan, STATUS_REFUSED, "cgroup-memory", text.data,
			   "Raise that limit (MemoryMax=), or keep merged pages:  kvmtune ksm off");
}

/* Only for unmerging. */
bool ksm_refuse_memory(struct ksm_work *w)
{
	/* Stale counters are cleared by the same write, which needs no memory then. */
	if (!w->live || w->target.run != 2 || !ksm_run_changes(w) || w->k->stale)
		return false;
	if (refuse_host_memory(w, ksm_need_bytes(w->k)))
		return true;
	for (size_t i = 0; i < w->k->room_count; i++)
		if (refuse_room(w, &w->k->rooms[i]))
			return true;
	return false;
}

bool ksm_memory_is_short(struct ksm_work *w, struct err *ret)
{
	struct plan aside = { 0 }, *plan = w->plan;
	bool is_short;

	w->plan = &aside;
	is_short = ksm_refuse_memory(w);
	w->plan = plan;
	*ret = aside.refusal;
	plan_free(&aside);
	return is_short;
}
