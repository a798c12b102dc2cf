// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_ksm_refuse.c - why KSM cannot be changed, or not now; and the way out.
 */
#include <string.h>

#include "plan_common.h"
#include "plan_ksm.h"

bool ksm_refuse_impossible(struct ksm_work *w)
{
	autobuf text = { 0 };

	if (w->host->image)
		return false;
	if (!w->k->present)
		return plan_refuse(w->plan, STATUS_IMPOSSIBLE, "no-ksm",
				   "this kernel has no same-page merging (" KSM_DIR
				   " is not there)",
				   "There is nothing to turn on or off.");
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

	if (!unit_is_masked(&w->k->units[unit]) || (t->enabled != YES && t->active != YES))
		return false;
	text = xasprintf("%s is masked: somebody made sure that it does not start", name);
	hint = xasprintf("If that is over:  systemctl unmask %s", name);
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
	text = xasprintf("%s is generated at each boot (from an init script), and would start "
			 "again",
			 name);
	hint = xasprintf("Disable the script first:  update-rc.d %.*s disable   or   chkconfig "
			 "%.*s off",
			 (int)strcspn(name, "."), name, (int)strcspn(name, "."), name);
	return plan_refuse(w->plan, STATUS_REFUSED, "unit-generated", text, hint);
}

/* One that no journal would be believed to bring back. */
static bool refuse_odd_link(struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];
	autobuf text = { 0 };

	for (size_t i = 0; i < u->link_count; i++) {
		if (w->k->manager == MANAGER_THERE || w->target.units[unit].enabled != NO ||
		    ksm_is_unit_link(u->links[i].path, u->links[i].target))
			continue;
		buf_add_safe(&text, u->links[i].path, 200);
		buf_puts(&text, " leads to ");
		buf_add_safe(&text, u->links[i].target, 200);
		buf_puts(&text,
			 ", where no unit files of packages are: it could not be brought back");
		return plan_refuse(w->plan, STATUS_REFUSED, "unit-link", text.data,
				   "Remove that link by hand, then run the same command again.");
	}
	return false;
}

bool ksm_refuse_target(struct ksm_work *w)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		if (refuse_masked(w, i) || refuse_generated(w, i) || refuse_odd_link(w, i))
			return true;
	return false;
}

static bool plans(const struct ksm_work *w, enum act_kind a, enum act_kind b)
{
	for (size_t i = w->first_step; i < w->plan->step_count; i++)
		if (w->plan->steps[i].act.kind == a || w->plan->steps[i].act.kind == b)
			return true;
	return false;
}

static bool refuse_read_only_sysfs(struct ksm_work *w)
{
	autofree char *text = NULL;

	if (!plans(w, ACT_SET_RUN, ACT_SET_RUN) || !w->k->writable)
		return false;
	text = xasprintf(KSM_RUN_FILE " cannot be written: %s", strerror(-w->k->writable));
	return plan_refuse(w->plan, STATUS_IMPOSSIBLE, "read-only-sysfs", text,
			   "In a container, run kvmtune on the host itself.");
}

static bool refuse_unit_files(struct ksm_work *w)
{
	if (!plans(w, ACT_ENABLE_UNIT, ACT_DISABLE_UNIT) &&
	    !plans(w, ACT_MAKE_LINK, ACT_REMOVE_LINK) && !plans(w, ACT_WRITE_FILE, ACT_REMOVE_FILE))
		return false;
	return plan_refuse_nixos(w->host, w->plan, "/etc/systemd",
				 "Set hardware.ksm.enable in the system's configuration and "
				 "rebuild.") ||
	       plan_refuse_unwritable(w->plan, UNIT_LINKS_DIR, w->k->units_writable);
}

bool ksm_refuse_rights(struct ksm_work *w)
{
	if (!ksm_has_steps(w))
		return false;
	return plan_refuse_not_root(w->host, w->plan) || refuse_read_only_sysfs(w) ||
	       refuse_unit_files(w);
}

static bool refuse_host_memory(struct ksm_work *w, uint64_t need)
{
	const struct memory_facts *m = &w->host->memory;
	uint64_t reserve = ksm_reserve(w);
	autobuf text = { 0 };

	if (memory_suffices(m, need, reserve))
		return false;
	buf_puts(&text, "too little memory: to take all merged pages apart may need ");
	memory_shortage_text(m, need, reserve, &text);
	return plan_refuse(w->plan, STATUS_REFUSED, "memory", text.data,
			   "Stop merging but keep what is merged:  kvmtune ksm off        Keep "
			   "less free:  --reserve SIZE");
}

static bool refuse_room(struct ksm_work *w, const struct cgroup_room *room)
{
	uint64_t need = room->merged_pages * w->k->page_bytes;
	uint64_t free_bytes = room_free_bytes(room);
	autobuf text = { 0 };

	if (need <= free_bytes)
		return false;
	buf_puts(&text, "too little memory for ");
	buf_add_safe(&text, room->guest ?: "a process with merged pages", 60);
	buf_puts(&text, ": its pages may need ");
	size_text(need, &text);
	buf_puts(&text, " more, but the limit of its cgroup ");
	buf_add_safe(&text, room->path, 200);
	buf_puts(&text, " leaves ");
	size_text(free_bytes, &text);
	return plan_refuse(w->plan, STATUS_REFUSED, "cgroup-memory", text.data,
			   "Raise that limit (MemoryMax=), or keep what is merged:  kvmtune ksm "
			   "off");
}

/* Only where pages are to be taken apart. */
bool ksm_refuse_memory(struct ksm_work *w)
{
	uint64_t need = ksm_need_bytes(w->k);

	if (!w->live || w->target.run != 2 || !ksm_run_changes(w) || !need)
		return false;
	if (!w->host->memory.known)
		return plan_refuse(w->plan, STATUS_REFUSED, "unknown-memory",
				   "how much memory is available cannot be told (/proc/meminfo)",
				   "Stop merging but keep what is merged:  kvmtune ksm off");
	if (refuse_host_memory(w, need))
		return true;
	for (size_t i = 0; i < w->k->room_count; i++)
		if (refuse_room(w, &w->k->rooms[i]))
			return true;
	return false;
}
