// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * write.c - files below the root: replaced whole or not at all, and on disk when it is said so.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *way_out(int error)
{
	switch (error) {
	case -ENOSPC:
	case -EDQUOT:
		return "Free some space there (df, quota), then run the command again.";
	case -EROFS:
		return "That file system is read-only. Mount it writable, then run the command "
		       "again.";
	case -EPERM:
		return "If it has the attribute i or a (lsattr), remove that with chattr.";
	default:
		return "";
	}
}

/* "cannot write /etc/x: No space left on device", and what to do about it. */
static int cannot(struct err *e, int error, const char *what, const char *path)
{
	err_sys(e, error, "cannot %s %s", what, path);
	return err_hint(e, "%s", way_out(error));
}

static int sync_dir(int dir)
{
	/* Some file systems cannot sync a directory; then there is nothing to wait for. */
	if (fsync(dir) < 0 && errno != EINVAL)
		return -errno;
	return 0;
}

/* Makes what is missing of it. A descriptor or a negative errno. */
static int open_dir(struct ports *p, const char *path, struct err *e)
{
	autofree char *parent = NULL;
	autoclose int above = -1;
	char *slash;
	int fd = sys_walk_trusted(p, path, O_RDONLY | O_DIRECTORY, e);

	if (fd != -ENOENT || !path[1])
		return fd;
	err_clear(e);
	parent = xstrdup(path);
	slash = strrchr(parent, '/');
	*slash = '\0';
	above = open_dir(p, *parent ? parent : "/", e);
	if (above < 0)
		return above;
	if (mkdirat(above, slash + 1, 0755) < 0 && errno != EEXIST)
		return cannot(e, -errno, "make the directory", path);
	sync_dir(above);
	return sys_walk_trusted(p, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, e);
}

int sys_open_parent(struct ports *p, const char *path, const char **ret_name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	autofree char *dir = xstrndup(path, (size_t)(slash - path));
	autoclose int fd = open_dir(p, dir, e);
	int found = fd;

	if (fd < 0)
		return fd;
	if (sys_check_trusted(p, fd, dir, e) < 0 || sys_check_not_live(p, fd, dir, e) < 0)
		return e->code;
	*ret_name = slash + 1;
	fd = -1;
	return found;
}

int sys_write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

/* A text for a file, and what else the file gets. */
struct content {
	const char *text;
	size_t len;
	unsigned mode; /* whatever the umask is */
	int old; /* the file whose mode, owner and other attributes it gets instead; -1: none */
};

static int fill(int fd, const struct content *c, const char *path, struct err *e)
{
	int r = sys_write_all(fd, c->text, c->len);

	if (r == 0 && c->old >= 0 && sys_copy_attributes(c->old, fd, e) < 0)
		return err_wrap(e, "cannot write %s", path);
	if (r == 0 && ((c->old < 0 && fchmod(fd, c->mode) < 0) || fsync(fd) < 0))
		r = -errno;
	return r < 0 ? cannot(e, r, "write", path) : 0;
}

/* A name that modprobe and libkmod pass over: a leading dot, not ending in .conf. */
static void temporary_name(const char *name, char *ret, size_t size)
{
	snprintf(ret, size, ".%.200s.kvmtune-new", name);
}

static int create_temporary(int dir, const char *temporary)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	int fd = openat(dir, temporary, flags, 0600);

	/* Left over from a run that was killed: we hold the lock, so nobody writes it now. */
	if (fd < 0 && errno == EEXIST && unlinkat(dir, temporary, 0) == 0)
		fd = openat(dir, temporary, flags, 0600);
	return fd < 0 ? -errno : fd;
}

static int replace_in(int dir, const char *name, const struct content *c, const char *path,
		      struct err *e)
{
	char temporary[256];
	autoclose int fd = -1;
	int r;

	temporary_name(name, temporary, sizeof(temporary));
	fd = create_temporary(dir, temporary);
	if (fd < 0)
		return cannot(e, fd, "write", path);
	r = fill(fd, c, path, e);
	if (r == 0 && renameat(dir, temporary, dir, name) < 0)
		r = cannot(e, -errno, "write", path);
	if (r < 0) {
		unlinkat(dir, temporary, 0);
		return r;
	}
	r = sync_dir(dir);
	return r < 0 ? cannot(e, r, "write", path) : 0;
}

static int file_replace(struct ports *p, const char *path, const char *text, unsigned mode,
			struct err *e)
{
	const char *name;
	struct content c = { .text = text, .len = strlen(text), .mode = mode };
	autoclose int dir = sys_open_parent(p, path, &name, e);
	autoclose int old = -1;

	if (dir < 0)
		return err_wrap(e, "cannot write %s", path);
	old = sys_open_own(p, dir, name, path, O_RDONLY, e);
	if (old < 0 && old != -ENOENT)
		return old;
	c.old = old;
	return replace_in(dir, name, &c, path, e);
}

static int file_remove(struct ports *p, const char *path, struct err *e)
{
	const char *name;
	autoclose int dir = sys_open_parent(p, path, &name, e);
	int r;

	if (dir < 0)
		return err_wrap(e, "cannot remove %s", path);
	r = unlinkat(dir, name, 0) < 0 && errno != ENOENT ? -errno : sync_dir(dir);
	return r < 0 ? cannot(e, r, "remove", path) : 0;
}

static void file_sweep(struct ports *p, const char *path)
{
	char temporary[256];
	struct err ignored = { 0 };
	const char *name;
	autoclose int dir = sys_open_parent(p, path, &name, &ignored);

	if (dir < 0)
		return;
	temporary_name(name, temporary, sizeof(temporary));
	if (unlinkat(dir, temporary, 0) == 0)
		sync_dir(dir);
}

/* What is there already is opened, never made: a value of sysfs that is missing stays missing. */
static int file_write_value(struct ports *p, const char *path, const char *text, struct err *e)
{
	autoclose int fd = sys_open(p, path, O_WRONLY | O_NOFOLLOW | O_NOCTTY);
	size_t len = strlen(text);
	ssize_t n = fd < 0 ? 0 : write(fd, text, len);
	int r = fd < 0 ? fd : n < 0 ? -errno : 0;

	/* The kernel takes a value in one piece or not at all. */
	if (r == 0 && (size_t)n != len)
		r = -EIO;
	return r < 0 ? err_sys(e, r, "cannot write %s", path) : 0;
}

/* 0: nothing or a link is there; -EEXIST: something else. */
static int check_only_link(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	return S_ISLNK(st.st_mode) ? 0 : -EEXIST;
}

static int create_temporary_link(int dir, const char *temporary, const char *target)
{
	int r = symlinkat(target, dir, temporary);

	/* Left over from a run that was killed. */
	if (r < 0 && errno == EEXIST && unlinkat(dir, temporary, 0) == 0)
		r = symlinkat(target, dir, temporary);
	return r < 0 ? -errno : 0;
}

/* By rename: a link cannot be rewritten, and at no time is there none. */
static int make_link_in(int dir, const char *name, const char *target)
{
	char temporary[256];
	int r = check_only_link(dir, name);

	if (r < 0)
		return r;
	temporary_name(name, temporary, sizeof(temporary));
	r = create_temporary_link(dir, temporary, target);
	if (r < 0)
		return r;
	if (renameat(dir, temporary, dir, name) < 0) {
		r = -errno;
		unlinkat(dir, temporary, 0);
		return r;
	}
	return sync_dir(dir);
}

static int file_make_link(struct ports *p, const char *path, const char *target, struct err *e)
{
	const char *name;
	autoclose int dir = sys_open_parent(p, path, &name, e);
	int r;

	if (dir < 0)
		return err_wrap(e, "cannot make the link %s", path);
	r = make_link_in(dir, name, target);
	return r < 0 ? cannot(e, r, "make the link", path) : 0;
}

/* A partly written line is removed: the next one needs a clean end. */
static int append_to(int fd, const char *text)
{
	off_t end = lseek(fd, 0, SEEK_END);
	int r = end < 0 ? -errno : sys_write_all(fd, text, strlen(text));

	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	if (r < 0 && end >= 0 && ftruncate(fd, end) < 0)
		return r;
	return r;
}

static int append_new(int dir, const char *name, const char *text)
{
	const int flags = O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	autoclose int fd = openat(dir, name, flags, 0644);
	int r;

	if (fd < 0)
		return -errno;
	r = fchmod(fd, 0644) < 0 ? -errno : append_to(fd, text);
	if (r < 0)
		unlinkat(dir, name, 0);
	return r < 0 ? r : sync_dir(dir);
}

/* By another of its names it may be somebody else's file, as in a copy by cp -al: it stays as it is. */
static int append_to_copy(int dir, const char *name, int old, const char *text, const char *path,
			  struct err *e)
{
	autobuf all = { 0 };
	struct content c = { .old = old };
	int r = sys_read_all(old, &all);

	if (r < 0)
		return err_sys(e, r, "cannot read %s", path);
	buf_puts(&all, text);
	c.text = all.data;
	c.len = all.len;
	return replace_in(dir, name, &c, path, e);
}

static int append_to_own(int dir, const char *name, int fd, const char *text, const char *path,
			 struct err *e)
{
	struct stat st;
	int r = fstat(fd, &st) < 0 ? -errno : 0;

	if (r == 0 && st.st_nlink > 1)
		return append_to_copy(dir, name, fd, text, path, e);
	if (r == 0)
		r = append_to(fd, text);
	return r < 0 ? cannot(e, r, "write", path) : 0;
}

static int file_remove_dir(struct ports *p, const char *path, struct err *e)
{
	const char *name;
	autoclose int dir = sys_open_parent(p, path, &name, e);
	int r = dir;

	if (r >= 0)
		r = unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : sync_dir(dir);
	if (r < 0 && r != -ENOTEMPTY && r != -EEXIST && !error_is_absence(r))
		return err_sys(e, r, "cannot remove the directory %s", path);
	return 0;
}

static int file_append(struct ports *p, const char *path, const char *text, struct err *e)
{
	const char *name;
	autoclose int dir = sys_open_parent(p, path, &name, e);
	autoclose int fd = -1;
	int r;

	if (dir < 0)
		return err_wrap(e, "cannot write %s", path);
	fd = sys_open_own(p, dir, name, path, O_RDWR | O_APPEND, e);
	if (fd >= 0)
		return append_to_own(dir, name, fd, text, path, e);
	if (fd != -ENOENT)
		return fd;
	r = append_new(dir, name, text);
	return r < 0 ? cannot(e, r, "write", path) : 0;
}

static int file_set_owner(struct ports *p, const char *path, unsigned uid, unsigned gid,
			  unsigned mode, struct err *e)
{
	autoclose int fd = sys_open(p, path, O_PATH | O_NOFOLLOW);
	char link[64];

	if (fd < 0)
		return err_sys(e, fd, "cannot open %s", path);
	/* fchmod() does not take a descriptor that was opened without opening the device. */
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0 || chmod(link, mode) < 0)
		return err_sys(e, -errno, "cannot set owner and mode of %s", path);
	return 0;
}

void sys_write(struct ports *p)
{
	p->file.replace = file_replace;
	p->file.remove = file_remove;
	p->file.remove_dir = file_remove_dir;
	p->file.sweep = file_sweep;
	p->file.append = file_append;
	p->file.write_value = file_write_value;
	p->file.make_link = file_make_link;
	p->file.set_owner = file_set_owner;
}
