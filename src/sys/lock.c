// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lock.c - one change at a time. /run/lock is writable for everybody on Debian, so the file may
 * be somebody else's: it is not followed as a link, and not used when it is not ours.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_lock(struct ports *p, const char *path)
{
	const char *slash = strrchr(path, '/');
	autofree char *dir = xstrndup(path, (size_t)(slash - path));
	autoclose int parent = sys_open_dir(p, dir);
	int fd;

	if (parent < 0)
		return parent;
	fd = openat(parent, slash + 1, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? -errno : fd;
}

static int check_owner(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, -errno, "cannot use %s", path);
	if (S_ISREG(st.st_mode) && st.st_uid == geteuid())
		return 0;
	err_set(e, -EPERM, "the lock file %s belongs to somebody else (uid %u)", path,
		(unsigned)st.st_uid);
	return err_hint(e, "Look who made it, remove it, and run the command again.");
}

static void read_holder(int fd, struct buf *ret)
{
	char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	buf_add_safe(ret, chomp(text), sizeof(text));
}

static void write_holder(int fd, const char *holder)
{
	/* Only for the reader of a refusal: what is written here decides nothing. */
	if (ftruncate(fd, 0) == 0 && pwrite(fd, holder, strlen(holder), 0) < 0)
		return;
}

static int file_lock(struct ports *p, const char *path, const char *holder, struct buf *ret_holder,
		     struct err *e)
{
	autoclose int fd = open_lock(p, path);
	int r;

	if (fd < 0)
		return err_sys(e, fd, "cannot open the lock file %s", path);
	r = check_owner(fd, path, e);
	if (r < 0)
		return r;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = -errno;
		read_holder(fd, ret_holder);
		return err_sys(e, r, "cannot lock %s", path);
	}
	write_holder(fd, holder);
	sys_of(p)->lock_fd = fd;
	fd = -1;
	return 0;
}

void sys_lock(struct ports *p)
{
	p->file.lock = file_lock;
}
