// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_cgroup - any text as the files of two processes with merged pages and of their cgroups, looked
 * at through ports: cgroup, ksm_stat, ksm_merging_pages, stat, and the limit and use of each group.
 *
 * What must hold: no path leads out of /proc/PID and /sys/fs/cgroup, each group is counted once, and
 * a group that is listed has a limit.
 */
#include "engine/observe_ksm.h"
#include "fuzz.h"

#include <errno.h>
#include <kvmtune/port.h>

#include "../lib/process_files.h"

enum text_id { CGROUP, KSM_STAT, MERGING, STAT, LIMIT, USED, CMDLINE, TEXT_COUNT };
static char *texts[TEXT_COUNT];

static bool leads_out(const char *path)
{
	return strstr(path, "/../") || ends_with(path, "/..");
}

static const char *text_of(const char *path)
{
	static const char *const names[TEXT_COUNT] = { "cgroup", "ksm_stat", "ksm_merging_pages",
						       "stat",	 NULL,	     NULL,
						       "cmdline" };
	bool group = starts_with(path, "/sys/fs/cgroup/");

	must(!leads_out(path));
	must(group || starts_with(path, "/proc/1/") || starts_with(path, "/proc/2/"));
	if (group && (ends_with(path, "/memory.max") || ends_with(path, ".limit_in_bytes")))
		return texts[LIMIT];
	if (group)
		return texts[USED];
	for (size_t i = 0; i < TEXT_COUNT; i++)
		if (names[i] && strcmp(last_part(path), names[i]) == 0)
			return texts[i];
	return NULL;
}

static int read_head(struct ports *p, const char *path, size_t size, struct buf *ret)
{
	const char *text = text_of(path);

	(void)p;
	if (!text)
		return -ENOENT;
	/* An empty text is a file that is not there, or may not be read. */
	if (!*text)
		return path[6] == '1' ? -ENOENT : -EACCES;
	buf_add(ret, text, strnlen(text, size));
	return 0;
}

static int list(struct ports *p, const char *path, struct strv *ret)
{
	(void)p;
	must(strcmp(path, "/proc") == 0);
	strv_add(ret, "1");
	strv_add(ret, "self");
	strv_add(ret, "2");
	return 0;
}

static void check(const struct ksm_facts *k)
{
	for (size_t i = 0; i < k->room_count; i++) {
		const struct cgroup_room *room = &k->rooms[i];

		must(room->path[0] == '/' && room->limit_bytes && room->guest);
		must(room_free_bytes(room) <= room->limit_bytes);
		for (size_t n = 0; n < i; n++)
			must(strcmp(k->rooms[n].path, room->path) != 0);
	}
	must(k->user_count <= 2 && (k->users_known || !k->user_count));
	for (size_t i = 0; i < k->user_count; i++)
		must(k->users[i].merged_pages && k->users[i].process.program);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ports p = { .file.read_head = read_head,
			   .file.list = list,
			   .process.read = process_files_read };
	struct parts parts = parts_of(data, size);
	struct host h = { 0 };

	for (size_t i = 0; i < TEXT_COUNT; i++)
		texts[i] = take_text(&parts);
	observe_ksm_users(&p, &h);
	check(&h.ksm);
	host_free(&h);
	for (size_t i = 0; i < TEXT_COUNT; i++)
		free(texts[i]);
	return 0;
}
