// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_ksm_users.c - whose pages are merged, and what limits of memory they are under.
 *
 * A page that is taken apart is charged to the cgroup of its process, and a cgroup that is full has
 * the kernel kill somebody in it (mm/memcontrol.c): so each limit above such a process counts.
 */
#include <kvmtune/port.h>
#include <kvmtune/proc_text.h>

#include <errno.h>
#include <string.h>

#include "observe_ksm.h"
#include "unread.h"

/* One read() of a file of a process; longer command lines are cut. */
#define TEXT_MAX       16384
#define LINE_MAX_BYTES 64 /* of a number in a file of a cgroup */

#define ROOM_CHAINS 4096

/* A cgroup that was looked at; without a limit: limit_bytes 0. */
struct looked_at {
	struct cgroup_room room;
	size_t next; /* in its chain, counted from 1; 0: it is the last */
};

struct walk {
	struct ports *p;
	struct host *h;
	bool zero_pages; /* this host has pages merged with the zero page */
	struct looked_at *rooms;
	size_t room_count;
	size_t chains[ROOM_CHAINS]; /* rooms by their paths: there may be one for each process */
};

/* A process or a cgroup that is gone by now has no pages; who is not root does not unmerge. */
static int noted(struct walk *w, const char *path, int r)
{
	bool gone = r == -ESRCH || r == -ENODEV;
	bool hidden = (r == -EACCES || r == -EPERM) && !w->h->root;

	return gone || hidden ? r : unread_note(&w->h->ksm.users_unread, path, r);
}

static int read_of(struct walk *w, const char *pid, const char *file, struct buf *ret)
{
	autofree char *path = xasprintf("/proc/%s/%s", pid, file);

	return w->p->file.read_head(w->p, path, TEXT_MAX, ret);
}

/* What decides how much memory is needed where. */
static int read_noted(struct walk *w, const char *pid, const char *file, struct buf *ret)
{
	autofree char *path = xasprintf("/proc/%s/%s", pid, file);

	return noted(w, path, w->p->file.read_head(w->p, path, TEXT_MAX, ret));
}

/* ---- cgroups ---- */

/* Paths from /proc/PID/cgroup: one with ".." is of a group outside of this name space. */
static bool is_sane_path(const char *path)
{
	return path[0] == '/' && !strstr(path, "/../") &&
	       !(strlen(path) >= 3 && strcmp(path + strlen(path) - 3, "/..") == 0);
}

/* The path of this controller's group; NULL: none, or an odd one. */
static char *group_of(const char *text, const char *controller)
{
	char *path = proc_cgroup(text, controller);

	if (path && is_sane_path(path))
		return path;
	free(path);
	return NULL;
}

struct memory_files {
	const char *root, *limit, *used;
};

static const struct memory_files unified = { "/sys/fs/cgroup", "memory.max", "memory.current" };
static const struct memory_files version1 = { "/sys/fs/cgroup/memory", "memory.limit_in_bytes",
					      "memory.usage_in_bytes" };

static bool read_bytes(struct walk *w, const struct memory_files *files, const char *group,
		       const char *file, uint64_t *ret)
{
	const char *below = strcmp(group, "/") == 0 ? "" : group;
	autofree char *path = xasprintf("%s%s/%s", files->root, below, file);
	autobuf line = { 0 };

	if (noted(w, path, w->p->file.read_head(w->p, path, LINE_MAX_BYTES, &line)) < 0)
		return false;
	return line.len && parse_u64(chomp(line.data), ret) == 0;
}

/* "max" is no number. Version 1 says LONG_MAX, down to a whole page, where there is no limit. */
static void read_room(struct walk *w, const struct memory_files *files, struct cgroup_room *room)
{
	const uint64_t no_limit = INT64_MAX - 65535;
	uint64_t limit, used;

	if (read_bytes(w, files, room->path, files->limit, &limit) && limit < no_limit &&
	    read_bytes(w, files, room->path, files->used, &used)) {
		room->limit_bytes = limit ? limit : 1;
		room->used_bytes = used;
	}
}

/* FNV-1a. */
static size_t *chain_of(struct walk *w, const char *path)
{
	uint32_t hash = 2166136261;

	for (; *path; path++)
		hash = (hash ^ (unsigned char)*path) * 16777619;
	return &w->chains[hash % ROOM_CHAINS];
}

static struct cgroup_room *room_of(struct walk *w, const struct memory_files *files,
				   const char *path)
{
	size_t *first = chain_of(w, path);
	struct looked_at *new;

	for (size_t i = *first; i; i = w->rooms[i - 1].next)
		if (strcmp(w->rooms[i - 1].room.path, path) == 0)
			return &w->rooms[i - 1].room;
	new = &array_push(w->rooms, w->room_count);
	new->room.path = xstrdup(path);
	new->next = *first;
	*first = w->room_count;
	read_room(w, files, &new->room);
	return &new->room;
}

static void add_to_room(struct cgroup_room *room, const struct ksm_user *u)
{
	room->merged_pages += u->merged_pages;
	/* The users come with most pages first. */
	if (!room->guest)
		room->guest = xstrdup(u->process.guest ? u->process.guest : u->process.program);
}

/* From the group of a process up to the root, which has a limit in a container's own view. */
static void add_to_rooms(struct walk *w, const struct ksm_user *u)
{
	autofree char *pid = xasprintf("%d", u->process.pid);
	autobuf text = { 0 };
	autofree char *path = NULL;
	const struct memory_files *files = &version1;

	if (read_noted(w, pid, "cgroup", &text) < 0)
		return;
	path = group_of(buf_text(&text), "memory");
	if (!path) {
		files = &unified;
		path = group_of(buf_text(&text), "");
	}
	while (path && *path) {
		char *slash = strrchr(path, '/');

		add_to_room(room_of(w, files, path), u);
		if (slash[1] == '\0')
			return;
		slash[slash == path] = '\0';
	}
}

static void keep_limited_rooms(struct walk *w)
{
	struct ksm_facts *k = &w->h->ksm;

	for (size_t i = 0; i < w->room_count; i++) {
		struct cgroup_room *room = &w->rooms[i].room;

		if (room->limit_bytes) {
			array_push(k->rooms, k->room_count) = *room;
		} else {
			free(room->path);
			free(room->guest);
		}
	}
	free(w->rooms);
}

/* ---- processes ---- */

static void read_process(struct walk *w, const char *pid, struct kvm_user *u)
{
	autofree char *dir = xasprintf("/proc/%s", pid);
	struct file_stat st = { 0 };
	autobuf comm = { 0 };
	autobuf cmdline = { 0 };
	autobuf cgroup = { 0 };

	/* What of these cannot be read stays unknown. */
	read_of(w, pid, "comm", &comm);
	read_of(w, pid, "cmdline", &cmdline);
	read_of(w, pid, "cgroup", &cgroup);
	w->p->file.stat(w->p, dir, &st);
	u->uid = st.uid;
	u->user = xasprintf("%u", st.uid);
	u->comm = xstrndup(buf_text(&comm), strcspn(buf_text(&comm), "\n"));
	strv_add_words(&u->args, &cmdline);
	u->cgroup = proc_unit_cgroup(buf_text(&cgroup));
	user_describe(u);
}

static void add_user(struct walk *w, const char *pid, int number, uint64_t pages, const char *stat)
{
	struct ksm_facts *k = &w->h->ksm;
	struct ksm_user *u = &array_push(k->users, k->user_count);
	uint64_t any;

	u->merged_pages = pages;
	u->any_known = ksm_read_stat(stat, "ksm_merge_any", &any);
	u->merge_any = u->any_known && any;
	u->process.pid = number;
	read_process(w, pid, &u->process);
}

/* Not there before Linux 5.19, and empty for the threads of the kernel. */
static int merging_pages(struct walk *w, const char *pid, uint64_t *ret)
{
	autobuf text = { 0 };
	int r = read_noted(w, pid, "ksm_merging_pages", &text);

	if (r < 0)
		return r;
	return text.len ? parse_u64(chomp(text.data), ret) : -ENODATA;
}

static void look_at_process(struct walk *w, const char *pid, int number)
{
	struct ksm_facts *k = &w->h->ksm;
	autobuf stat = { 0 };
	uint64_t pages = 0, zero = 0;
	int r = merging_pages(w, pid, &pages);
	bool known = r == 0;

	if (r == -ENOENT || (known && (pages || w->zero_pages))) {
		r = read_noted(w, pid, "ksm_stat", &stat);
		if (!known)
			known = ksm_read_stat(buf_text(&stat), "ksm_merging_pages", &pages);
		ksm_read_stat(buf_text(&stat), "ksm_zero_pages", &zero);
	}
	k->users_hidden += !known && (r == -EACCES || r == -EPERM);
	k->users_known |= known;
	if (known && (pages || zero))
		add_user(w, pid, number, pages + zero, buf_text(&stat));
}

static bool look_for_ksmd(struct walk *w, const char *pid)
{
	struct ksm_facts *k = &w->h->ksm;
	autobuf stat = { 0 };

	return read_of(w, pid, "stat", &stat) == 0 &&
	       proc_ksmd_ticks(buf_text(&stat), &k->ksmd_ticks) &&
	       parse_int(pid, &k->ksmd_pid) == 0;
}

static int compare_users(const void *a, const void *b)
{
	const struct ksm_user *x = a, *y = b;

	if (x->merged_pages != y->merged_pages)
		return x->merged_pages < y->merged_pages ? 1 : -1;
	return (x->process.pid > y->process.pid) - (x->process.pid < y->process.pid);
}

/* No process needs to be asked where nothing is merged. */
static bool any_merged(const struct ksm_facts *k)
{
	uint64_t ignored;

	return !ksm_counter(k, "pages_sharing", &ignored) || ksm_anything_merged(k);
}

void observe_ksm_users(struct ports *p, struct host *h)
{
	struct ksm_facts *k = &h->ksm;
	struct walk w = { .p = p, .h = h };
	bool merged = any_merged(k), ksmd = false;
	autostrv names = { 0 };
	const char *name;

	w.zero_pages = ksm_counted(k->counters, k->counter_count, "ksm_zero_pages") > 0;
	p->file.list(p, "/proc", &names);
	strv_foreach (name, &names) {
		int pid;

		if (parse_int(name, &pid) < 0 || pid <= 0)
			continue;
		ksmd = ksmd || look_for_ksmd(&w, name);
		if (merged)
			look_at_process(&w, name, pid);
		else if (ksmd)
			break;
	}
	if (k->user_count)
		qsort(k->users, k->user_count, sizeof(*k->users), compare_users);
	for (size_t i = 0; i < k->user_count; i++)
		add_to_rooms(&w, &k->users[i]);
	keep_limited_rooms(&w);
}
