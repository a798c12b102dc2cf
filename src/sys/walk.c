// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walk.c - what openat2() does with RESOLVE_IN_ROOT, where the kernel has no such call: every name
 * of a path is opened by itself, and links are read and followed here. ".." leads to where we came
 * from, whatever is moved meanwhile; so there is no way above the root.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINKS_MAX 40 /* as the kernel has it (include/linux/namei.h:MAXSYMLINKS) */

struct walk {
	int root;
	int *dirs; /* opened on the way down from it */
	size_t depth;
	char *rest; /* of the path, still to be walked */
	int links;  /* followed by now */
	/* Links of others are refused in *e; NULL: followed as well. */
	struct ports *p;
	struct err *e;
};

static int here(const struct walk *w)
{
	return w->depth ? w->dirs[w->depth - 1] : w->root;
}

static void go_up(struct walk *w)
{
	if (w->depth)
		close(w->dirs[--w->depth]);
}

static void walk_end(struct walk *w)
{
	while (w->depth)
		go_up(w);
	free(w->dirs);
	free(w->rest);
}

/* Takes the first name off the rest. False: there is none. */
static bool next_name(struct walk *w, char *ret)
{
	const char *name = w->rest + strspn(w->rest, "/");
	size_t len = strcspn(name, "/");

	if (len > NAME_MAX)
		len = NAME_MAX + 1; /* for the kernel to refuse */
	memcpy(ret, name, len);
	ret[len] = '\0';
	memmove(w->rest, name + len, strlen(name + len) + 1);
	return len;
}

static int check_link(const struct walk *w, const char *name, const struct stat *st)
{
	if (sys_trusted_owner(w->p, st)) {
		if (sys_check_trusted(w->p, here(w), "its directory", w->e) == 0)
			return 0;
		err_wrap(w->e, "the link %s is not followed", name);
	} else {
		err_set(w->e, -EPERM,
			"the link %s is not followed: it is owned by another user (uid %u)", name,
			(unsigned)st->st_uid);
	}
	err_status(w->e, STATUS_REFUSED, "not-trusted");
	return err_hint(w->e,
			"Find out who made it. Remove it, or give the path that it points to.");
}

static int follow(struct walk *w, int link)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(link, "", target, sizeof(target) - 1);
	autofree char *before = w->rest;

	w->rest = NULL;
	if (n < 0)
		return -errno;
	if (++w->links > LINKS_MAX)
		return -ELOOP;
	target[n] = '\0';
	w->rest = xasprintf("%s%s", target, before);
	while (target[0] == '/' && w->depth)
		go_up(w);
	return 0;
}

/* One name further. 1: it is the last one, and no link to be followed. */
static int step(struct walk *w, const char *name, bool nofollow)
{
	bool last = !*w->rest;
	autoclose int fd = -1;
	struct stat st;

	if (strcmp(name, ".") == 0)
		return 0;
	if (strcmp(name, "..") == 0) {
		go_up(w);
		return 0;
	}
	fd = openat(here(w), name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode) && !(last && nofollow)) {
		if (w->e && check_link(w, name, &st) < 0)
			return w->e->code;
		return follow(w, fd);
	}
	if (last)
		return 1;
	if (!S_ISDIR(st.st_mode))
		return -ENOTDIR;
	array_push(w->dirs, w->depth) = fd;
	fd = -1;
	return 0;
}

static int walk(struct walk *w, int flags)
{
	char name[NAME_MAX + 2];
	int r = 0, fd;

	while (r == 0 && next_name(w, name))
		r = step(w, name, flags & O_NOFOLLOW);
	/* A link that is put in its place now is not followed. */
	fd = r < 0 ? -1 : openat(here(w), r ? name : ".", flags | O_NOFOLLOW | O_CLOEXEC);
	if (r >= 0)
		r = fd < 0 ? -errno : fd;
	walk_end(w);
	return r;
}

int sys_walk(int root, const char *path, int flags)
{
	struct walk w = { .root = root, .rest = xstrdup(path) };

	return walk(&w, flags);
}

int sys_walk_trusted(struct ports *p, const char *path, int flags, struct err *e)
{
	struct err refusal = { 0 };
	struct walk w = {
		.root = sys_of(p)->root_fd, .rest = xstrdup(path), .p = p, .e = &refusal
	};
	int fd = walk(&w, flags);

	if (fd < 0 && !refusal.code)
		return err_sys(e, fd, "cannot open %s", path);
	if (fd < 0)
		*e = refusal;
	return fd;
}
