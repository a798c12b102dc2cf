// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * trust.c - whose files and directories are built upon. Root acts on what stands in kvmtune's own
 * files: nobody else may have written it.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An image belongs to whoever owns its root directory: kvmtune changes nothing outside of it. */
static bool same_as_image(struct ports *p, const struct stat *st)
{
	struct stat root;

	return p->image && fstat(sys_of(p)->root_fd, &root) == 0 && st->st_uid == root.st_uid;
}

bool sys_trusted_owner(struct ports *p, const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid() || same_as_image(p, st);
}

/* The group is as good as its owner where it is his own, as user private groups are. */
static bool others_write(const struct stat *st)
{
	bool sticky_dir = S_ISDIR(st->st_mode) && st->st_mode & S_ISVTX;
	bool own_group = st->st_gid == 0 || st->st_gid == getegid() || st->st_gid == st->st_uid;

	if (sticky_dir)
		return false;
	return st->st_mode & S_IWOTH || (st->st_mode & S_IWGRP && !own_group);
}

static int not_trusted(struct err *e, const char *way_out)
{
	err_hint(e, "Look who did that; %s, and run the command again.", way_out);
	return err_status(e, STATUS_REFUSED, "not-trusted");
}

int sys_check_trusted(struct ports *p, int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, -errno, "cannot look at %s", path);
	if (!sys_trusted_owner(p, &st)) {
		err_set(e, -EPERM, "%s belongs to somebody else (uid %u)", path,
			(unsigned)st.st_uid);
		return not_trusted(e, "remove it, or give it to root");
	}
	if (!others_write(&st))
		return 0;
	err_set(e, -EPERM, "%s can be written by others (mode %04o)", path,
		(unsigned)st.st_mode & 07777);
	return not_trusted(e, "take that right away (chmod go-w)");
}

static int check_regular(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, -errno, "cannot look at %s", path);
	if (S_ISREG(st.st_mode))
		return 0;
	err_set(e, -EPERM, "%s is no regular file", path);
	return not_trusted(e, "remove it");
}

/* Whoever may write the directory could put another file in its place. */
static int check_directory(struct ports *p, const char *path, struct err *e)
{
	autofree char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	autoclose int fd = sys_open(p, dir, O_PATH | O_DIRECTORY);

	if (fd < 0)
		return fd == -ENOENT ? 0 : err_sys(e, fd, "cannot look at %s", dir);
	return sys_check_trusted(p, fd, dir, e);
}

/* A link in its place is replaced, never written through; until then it is what it leads to. */
static int file_check_own(struct ports *p, const char *path, struct err *e)
{
	autoclose int fd = -1;

	if (check_directory(p, path, e) < 0)
		return e->code;
	fd = sys_open(p, path, O_PATH);
	if (fd < 0)
		return fd == -ENOENT ? 0 : err_sys(e, fd, "cannot look at %s", path);
	return check_regular(fd, path, e) < 0 ? e->code : sys_check_trusted(p, fd, path, e);
}

void sys_trust(struct ports *p)
{
	p->file.check_own = file_check_own;
}
