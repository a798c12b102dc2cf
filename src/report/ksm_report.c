// SPDX-License-Identifier: GPL-2.0-or-later
#include "ksm_report.h"

#include <string.h>

/* Is there a unit of which neither systemd nor its files said whether it starts at boot? */
static bool any_unknown(const struct ksm_facts *k)
{
	for (size_t i = 0; i < KSM_UNIT_COUNT; i++)
		if (k->units[i].exists && !k->units[i].state.file[0])
			return true;
	return false;
}

static bool driver_is_enabled(const struct ksm_facts *k)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		if (ksm_unit_starts(k, i) == YES)
			return true;
	return false;
}

const char *ksm_next_known(const struct ksm_facts *k, struct strv *ret_who)
{
	const char *next = ksm_next(k, ret_who);
	bool on = next && strcmp(next, "on") == 0;

	/* What is known may be enough to say "on"; it is not to say "off". */
	if (k->unread.count ? driver_is_enabled(k)
			    : k->manager != MANAGER_DEAD || !any_unknown(k) || !next || on)
		return next;
	strv_free(ret_who);
	return NULL;
}

bool ksm_merged_known(const struct ksm_facts *k)
{
	uint64_t ignored;

	return k->page_bytes && ksm_counter(k, "pages_sharing", &ignored);
}

bool ksm_users_known(const struct ksm_facts *k)
{
	return k->users_known || (ksm_merged_known(k) && !ksm_anything_merged(k));
}

/* Is a cgroup this one, or below it? */
static bool is_within(const char *cgroup, const char *above)
{
	size_t len = strlen(above);

	while (len && above[len - 1] == '/')
		len--;
	return strncmp(cgroup, above, len) == 0 && (!cgroup[len] || cgroup[len] == '/');
}

const struct cgroup_room *ksm_tightest_room(const struct ksm_facts *k, const struct ksm_user *u)
{
	const struct cgroup_room *found = NULL;

	for (size_t i = 0; u->process.cgroup && i < k->room_count; i++) {
		const struct cgroup_room *room = &k->rooms[i];

		if (is_within(u->process.cgroup, room->path) &&
		    (!found || room_free_bytes(room) < room_free_bytes(found)))
			found = room;
	}
	return found;
}

const char *ksm_next_text(const struct ksm_facts *k, struct buf *ret_who)
{
	autostrv who = { 0 };
	const char *next = ksm_next_known(k, &who);

	for (size_t i = 0; i < who.n; i++)
		buf_join(ret_who, ", ", who.v[i]);
	return next;
}
