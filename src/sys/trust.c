// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * trust.c - which files and directories are believed. Root acts on the content of kvmtune's own
 * files: nobody else may be able to write them.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
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
static bool is_own_group(const struct stat *st)
{
	return st->st_gid == 0 || st->st_gid == getegid() || st->st_gid == st->st_uid;
}

/*
 * Where there is an access control list, the mode shows its mask as the group's rights
 * (fs/posix_acl.c:posix_acl_equiv_mode): without S_IWGRP no entry of it gives the right to write.
 */
static bool others_write(int fd, const struct stat *st)
{
	autobuf acl = { 0 };
	struct acl_rights rights;
	int r;

	if (st->st_mode & S_IWOTH)
		return true;
	if (!(st->st_mode & S_IWGRP))
		return false;
	r = sys_get_xattr(fd, ACL_ACCESS, &acl);
	if (r == -ENODATA || r == -ENOTSUP)
		return !is_own_group(st);
	if (r < 0 || acl_read(buf_text(&acl), acl.len, &rights) < 0)
		return true;
	return rights.others_write || (rights.group_writes && !is_own_group(st));
}

static int not_trusted(struct err *e, const char *way_out)
{
	err_hint(e, "Find out who did that, %s, then run the command again.", way_out);
	return err_status(e, STATUS_REFUSED, "not-trusted");
}

int sys_check_trusted(struct ports *p, int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, -errno, "cannot check %s", path);
	if (!sys_trusted_owner(p, &st)) {
		err_set(e, -EPERM, "%s is owned by another user (uid %u)", path,
			(unsigned)st.st_uid);
		return not_trusted(e, "remove it or chown it to root");
	}
	if (!others_write(fd, &st))
		return 0;
	err_set(e, -EPERM, "%s is writable by other users (mode %04o)", path,
		(unsigned)st.st_mode & 07777);
	return not_trusted(e, "remove that permission (chmod go-w, setfacl -b)");
}

static int check_regular(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, -errno, "cannot check %s", path);
	if (S_ISREG(st.st_mode))
		return 0;
	err_set(e, -EPERM, "%s is %s", path,
		S_ISLNK(st.st_mode) ? "a symbolic link" : "not a regular file");
	return not_trusted(e, S_ISLNK(st.st_mode) ? "remove it or replace it with a regular file"
						  : "remove it");
}

int sys_check_own(struct ports *p, int fd, const char *path, struct err *e)
{
	if (check_regular(fd, path, e) < 0 || sys_check_trusted(p, fd, path, e) < 0)
		return e->code;
	return sys_check_not_live(p, fd, path, e);
}

/* The same inode again, whatever stands under its name by now. */
static int open_again(int fd, int dir, const char *name, int flags)
{
	char link[64];
	int opened;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	opened = open(link, flags);
	/* There is no /proc here. */
	if (opened < 0 && errno == ENOENT)
		opened = openat(dir, name, flags | O_NOFOLLOW);
	return opened < 0 ? -errno : opened;
}

int sys_open_own(struct ports *p, int dir, const char *name, const char *path, int flags,
		 struct err *e)
{
	/* A device may act when it is opened: look first. */
	autoclose int seen = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	autoclose int fd = -1;
	int opened;

	if (seen < 0)
		return errno == ENOENT ? -ENOENT : err_sys(e, -errno, "cannot check %s", path);
	if (sys_check_own(p, seen, path, e) < 0)
		return e->code;
	fd = open_again(seen, dir, name, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, fd, "cannot open %s", path);
	if (sys_check_own(p, fd, path, e) < 0)
		return e->code;
	opened = fd;
	fd = -1;
	return opened;
}

static int file_check_own(struct ports *p, const char *path, struct err *e)
{
	const char *name = strrchr(path, '/') + 1;
	autofree char *parent = xstrndup(path, (size_t)(name - 1 - path));
	autoclose int dir = sys_walk_trusted(p, parent, O_PATH | O_DIRECTORY, e);
	autoclose int fd = -1;

	if (dir == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (dir < 0)
		return dir;
	/* Whoever may write the directory could put another file in its place. */
	if (sys_check_trusted(p, dir, parent, e) < 0 || sys_check_not_live(p, dir, parent, e) < 0)
		return e->code;
	fd = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, -errno, "cannot check %s", path);
	return sys_check_own(p, fd, path, e);
}

void sys_trust(struct ports *p)
{
	p->file.check_own = file_check_own;
}
