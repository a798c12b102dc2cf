// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_ksm_users.c - whose pages are merged, and what limits of memory they are under.
 *
 * An unmerged page is charged to the cgroup of its process, and a cgroup that is full has
 * the kernel kill somebody in it (mm/memcontrol.c): so each limit above such a process counts.
 */
#include <kvmtune/port.h>
#include <kvmtune/proc_text.h>

#include <errno.h>
#include <string.h>

#include "observe_ksm.h"
#include "unread.h"

#define LINE_MAX_BYTES 64 /* of a number in a file of a cgroup */

#define ROOM_CHAINS 4096

/* A cgroup that was looked at; without a limit: limit_bytes 0. */
struct looked_at {
	struct cgroup_room room;
	size_t next; /* in its chain, counted from 1; 0: it is the last */
};

/* A process that may have merged pages. */
struct found {
	int pid;
	bool known; /* pages */
	uint64_t pages;
	bool any_known, any;
};

struct walk {
	struct ports *p;
	struct host *h;
	bool zero_pages; /* this host has pages merged with the zero page */
	struct found *found;
	size_t found_count;
	bool told_mergeable; /* by a process at least: this kernel tells */
	uint64_t mergeable;  /* processes with such memory, or that did not tell */
	struct looked_at *rooms;
	size_t room_count;
	size_t chains[ROOM_CHAINS]; /* rooms by their paths: there may be one for each process */
};

/* A process or a cgroup that is gone by now has no pages; who is not root does not unmerge. */
static int note_unread(struct walk *w, const char *path, int r)
{
	bool gone = r == -ESRCH || r == -ENODEV;
	bool hidden = (r == -EACCES || r == -EPERM) && !w->h->root;

	return gone || hidden ? r : unread_note(&w->h->ksm.users_unread, path, r);
}

/*
 * Likewise, of a file that decides how much memory is needed where. One that a process can hold up
 * says no more than whether it has zero pages: for that nobody else is kept from unmerging.
 */
static int noted_of(struct walk *w, const struct process_view *v, enum proc_file file)
{
	autofree char *path = xasprintf("/proc/%d/%s", v->pid, proc_file_names[file]);
	int r = v->files[file].error;

	return r == -ETIMEDOUT && proc_can_be_held_up(file) ? r : note_unread(w, path, r);
}

static void read_processes(struct walk *w, const int *pids, size_t count, unsigned files,
			   process_sink sink)
{
	struct err e = { 0 };
	int r = w->p->process.read(w->p, pids, count, files, sink, w, &e);

	/* A signal ends the walk: the change is over, or has not begun. */
	if (r < 0 && r != -EINTR)
		unread_note(&w->h->ksm.users_unread, "/proc", r);
	if (r < 0)
		strv_addf(&w->h->unseen, "the processes with merged pages (%s)", e.text);
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

	if (note_unread(w, path, w->p->file.read_head(w->p, path, LINE_MAX_BYTES, &line)) < 0)
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
	const char *text = u->process.cgroups ?: "";
	autofree char *path = group_of(text, "memory");
	const struct memory_files *files = path ? &version1 : &unified;

	if (!path)
		path = group_of(text, "");
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

/* Not there before Linux 5.19, and empty for the threads of the kernel. 0 or a negative errno. */
static int merging_pages(struct walk *w, const struct process_view *v, uint64_t *ret)
{
	autofree char *line = xstrdup(v->files[PROC_KSM_MERGING_PAGES].text ?: "");
	int r = noted_of(w, v, PROC_KSM_MERGING_PAGES);

	if (r < 0)
		return r;
	return *line ? parse_u64(chomp(line), ret) : -ENODATA;
}

/* Those with pages, and those of which only ksm_stat can tell. */
static bool take_merging(void *arg, const struct process_view *v)
{
	struct walk *w = arg;
	struct ksm_facts *k = &w->h->ksm;
	struct found found = { .pid = v->pid };
	int r = merging_pages(w, v, &found.pages);

	found.known = r == 0;
	k->users_hidden += r == -EACCES || r == -EPERM;
	k->users_known |= found.known;
	if (r == -ENOENT || (found.known && (found.pages || w->zero_pages)))
		array_push(w->found, w->found_count) = found;
	return true;
}

static int compare_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static struct found *found_of(struct walk *w, int pid)
{
	struct found key = { .pid = pid };

	return w->found_count ? bsearch(&key, w->found, w->found_count, sizeof(key), compare_found)
			      : NULL;
}

static bool take_stat(void *arg, const struct process_view *v)
{
	struct walk *w = arg;
	struct ksm_facts *k = &w->h->ksm;
	struct found *found = found_of(w, v->pid);
	const char *stat = v->files[PROC_KSM_STAT].text;
	uint64_t zero = 0, any;
	int r = found ? noted_of(w, v, PROC_KSM_STAT) : -ESRCH;

	if (r < 0 || !stat) {
		if (found && !found->known)
			k->users_hidden += r == -EACCES || r == -EPERM;
		return true;
	}
	if (!found->known)
		found->known = ksm_read_stat(stat, "ksm_merging_pages", &found->pages);
	k->users_known |= found->known;
	if (ksm_read_stat(stat, "ksm_zero_pages", &zero))
		found->pages += zero;
	found->any_known = ksm_read_stat(stat, "ksm_merge_any", &any);
	found->any = found->any_known && any;
	return true;
}

static char *text_of(const struct process_view *v, enum proc_file file)
{
	return xstrdup(v->files[file].text ?: "");
}

static void describe(struct kvm_user *u, const struct process_view *v)
{
	autofree char *comm = text_of(v, PROC_COMM);
	autobuf cmdline = { 0 };

	u->pid = v->pid;
	u->answer = v->answer;
	proc_effective_uid(v->files[PROC_STATUS].text ?: "", &u->uid);
	u->user = xasprintf("%u", u->uid);
	u->comm = xstrndup(comm, strcspn(comm, "\n"));
	buf_add(&cmdline, v->files[PROC_CMDLINE].text ?: "", v->files[PROC_CMDLINE].len);
	strv_add_words(&u->args, &cmdline);
	u->cgroups = text_of(v, PROC_CGROUP);
	u->cgroup = proc_unit_cgroup(u->cgroups);
	user_describe(u);
}

static bool take_user(void *arg, const struct process_view *v)
{
	struct walk *w = arg;
	struct ksm_facts *k = &w->h->ksm;
	const struct found *found = found_of(w, v->pid);
	struct ksm_user *u;

	if (!found)
		return true;
	noted_of(w, v, PROC_CGROUP);
	u = &array_push(k->users, k->user_count);
	u->merged_pages = found->pages;
	u->any_known = found->any_known;
	u->merge_any = found->any;
	describe(&u->process, v);
	unanswered_note(&k->users_unanswered, v->pid, v->answer);
	return true;
}

static bool look_for_ksmd(void *arg, const struct process_view *v)
{
	struct walk *w = arg;
	struct ksm_facts *k = &w->h->ksm;
	uint64_t ticks;

	if (v->files[PROC_STAT].error || !proc_ksmd_ticks(v->files[PROC_STAT].text, &ticks))
		return true;
	k->ksmd_ticks = ticks;
	k->ksmd_pid = v->pid;
	return false;
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

static bool count_mergeable(void *arg, const struct process_view *v)
{
	struct walk *w = arg;
	const char *stat = v->files[PROC_KSM_STAT].text;
	uint64_t mergeable = 1;

	/* One that is gone is not in the way, one that cannot be read may be. */
	if (v->files[PROC_KSM_STAT].error == -ENOENT || v->files[PROC_KSM_STAT].error == -ESRCH)
		return true;
	/* Threads of the kernel have no memory of their own to tell of. */
	if (stat && !*stat)
		return true;
	w->told_mergeable |= stat && ksm_read_stat(stat, "ksm_mergeable", &mergeable);
	w->mergeable += mergeable;
	return true;
}

/*
 * The counters are pruned while ksmd runs: with run=0 and all owners dead they stay. That no process
 * has a count of its own is no proof: a child shares the pages of its parent uncounted (ksm_fork()). Only
 * kernels that tell which processes have mergeable memory at all do.
 */
static bool counters_are_stale(struct walk *w)
{
	const struct ksm_facts *k = &w->h->ksm;

	if (k->run != 0 || !ksm_anything_merged(k) || !k->users_known || k->users_hidden ||
	    w->found_count)
		return false;
	read_processes(w, NULL, 0, 1 << PROC_KSM_STAT, count_mergeable);
	return w->told_mergeable && !w->mergeable && !k->users_unread.count;
}

static void keep_those_with_pages(struct walk *w)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->found_count; i++)
		if (w->found[i].known && w->found[i].pages)
			w->found[kept++] = w->found[i];
	w->found_count = kept;
}

static void read_found(struct walk *w, unsigned files, process_sink sink)
{
	autofree int *pids = NULL;
	size_t count = 0;

	if (!w->found_count)
		return;
	qsort(w->found, w->found_count, sizeof(*w->found), compare_found);
	for (size_t i = 0; i < w->found_count; i++)
		array_push(pids, count) = w->found[i].pid;
	read_processes(w, pids, count, files, sink);
}

void observe_ksm_users(struct ports *p, struct host *h)
{
	struct ksm_facts *k = &h->ksm;
	struct walk w = { .p = p, .h = h };

	w.zero_pages = ksm_counted(k->counters, k->counter_count, "ksm_zero_pages") > 0;
	read_processes(&w, NULL, 0, 1 << PROC_STAT, look_for_ksmd);
	if (any_merged(k))
		read_processes(&w, NULL, 0, 1 << PROC_KSM_MERGING_PAGES, take_merging);
	read_found(&w, 1 << PROC_KSM_STAT, take_stat);
	keep_those_with_pages(&w);
	k->stale = counters_are_stale(&w);
	read_found(&w, 1 << PROC_COMM | 1 << PROC_STATUS | 1 << PROC_CGROUP | 1 << PROC_CMDLINE,
		   take_user);
	free(w.found);
	unanswered_tell(&k->users_unanswered, "processes with merged pages", &h->unseen);
	if (k->user_count)
		qsort(k->users, k->user_count, sizeof(*k->users), compare_users);
	for (size_t i = 0; i < k->user_count; i++)
		add_to_rooms(&w, &k->users[i]);
	keep_limited_rooms(&w);
}
