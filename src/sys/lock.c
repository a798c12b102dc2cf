// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lock.c - one change at a time. /run/lock is writable for everybody on Debian, so what is there
 * may be somebody else's: it is not followed, not waited for and not used, but named.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

/* Nobody else can open it: a lock that all could take would be held for ever by who likes to. */
#define LOCK_MODE 0600

/* Made only where there is nothing: where there is, O_CREAT is refused (fs.protected_regular). */
static int open_lock(int dir, const char *name)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	int fd = openat(dir, name, flags);

	if (fd < 0 && errno == ENOENT)
		fd = openat(dir, name, flags | O_CREAT | O_EXCL, LOCK_MODE);
	/* Another kvmtune was faster. */
	if (fd < 0 && errno == EEXIST)
		fd = openat(dir, name, flags);
	return fd < 0 ? -errno : fd;
}

static int not_ours(const char *path, const char *what, struct err *e)
{
	err_set(e, -EPERM, "the lock file %s %s", path, what);
	return err_hint(e, "Look who made it, remove it, and run the command again.");
}

/* A second name may be another file's first one (where fs.protected_hardlinks is 0). */
static int check_ours(struct ports *p, const struct stat *st, const char *path, struct err *e)
{
	autofree char *owner = NULL;

	if (!S_ISREG(st->st_mode))
		return not_ours(path, "is no regular file", e);
	if (st->st_nlink > 1)
		return not_ours(path, "has another name", e);
	if (sys_trusted_owner(p, st))
		return 0;
	owner = xasprintf("belongs to somebody else (uid %u)", (unsigned)st->st_uid);
	return not_ours(path, owner, e);
}

/* Of the reasons that are not ours to mend, what is there tells more than the error. */
static int explain(struct ports *p, int dir, const char *name, int error, const char *path,
		   struct err *e)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && check_ours(p, &st, path, e) < 0)
		return e->code;
	return err_sys(e, error, "cannot open the lock file %s", path);
}

static int take_over(struct ports *p, int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, -errno, "cannot use %s", path);
	if (check_ours(p, &st, path, e) < 0)
		return e->code;
	/* Made by hand, or by a version that let all read it. */
	if ((st.st_mode & 07777) != LOCK_MODE && fchmod(fd, LOCK_MODE) < 0)
		return err_sys(e, -errno, "cannot use %s", path);
	return 0;
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
	const char *name;
	autoclose int dir = sys_open_parent(p, path, &name, e);
	autoclose int fd = -1;
	int r;

	if (dir < 0)
		return err_wrap(e, "cannot open the lock file %s", path);
	fd = open_lock(dir, name);
	if (fd < 0)
		return explain(p, dir, name, fd, path, e);
	r = take_over(p, fd, path, e);
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

/* ---- who has it ---- */

/* Lines that are looked at: whoever likes to makes as many locks as he likes. */
#define LOCKS_MAX 100000

/*
 * The list has the device of the superblock. stat() shows another one on btrfs (of the subvolume)
 * and on overlayfs (of the layer); on tmpfs, as /run nearly always is, they are the same.
 */
static bool stat_shows_other_device(int fd)
{
	struct statfs fs;

	return fstatfs(fd, &fs) == 0 &&
	       (fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == OVERLAYFS_SUPER_MAGIC);
}

/*
 * "6: FLOCK  ADVISORY  WRITE 30161 fe:00:10954769 0 EOF" (fs/locks.c:lock_get_status). Who only
 * waits for a lock has "->" before FLOCK.
 */
static bool is_lock_on(const char *line, const struct stat *st, bool any_device, int *ret_pid)
{
	unsigned major_no, minor_no;
	uint64_t inode;
	int pid;

	if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%" SCNu64, &pid, &major_no, &minor_no,
		   &inode) != 4 ||
	    inode != st->st_ino || (!any_device && makedev(major_no, minor_no) != st->st_dev))
		return false;
	*ret_pid = pid;
	return true;
}

/*
 * The list is that of the running kernel, also for an image. In a container the kernel leaves out
 * what processes outside of it hold: they are not seen.
 */
static bool find_holder(int fd, const struct stat *st, int *ret_pid)
{
	bool any_device = stat_shows_other_device(fd);
	FILE *locks = fopen("/proc/locks", "re");
	char line[256], buffer[16384];
	bool found = false;

	if (!locks)
		return false;
	/* In as few reads as can be: what comes and goes between two of them shifts the rest. */
	setvbuf(locks, buffer, _IOFBF, sizeof(buffer));
	for (int i = 0; i < LOCKS_MAX && !found && fgets(line, sizeof(line), locks); i++)
		found = is_lock_on(line, st, any_device, ret_pid);
	fclose(locks);
	return found;
}

/* Only its owner may read it; to all others the kernel tells the PID. */
static void tell_holder(int path_fd, int pid, struct buf *ret)
{
	autofree char *link = xasprintf("/proc/self/fd/%d", path_fd);
	autoclose int fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	size_t before = ret->len;

	if (fd >= 0)
		read_holder(fd, ret);
	if (ret->len == before)
		buf_printf(ret, "kvmtune, PID %d", pid);
}

/* What is not ours is locked by anybody who likes to: it says nothing. */
static bool file_is_locked(struct ports *p, const char *path, struct buf *ret_holder)
{
	autoclose int fd = sys_open(p, path, O_PATH | O_NOFOLLOW);
	struct err ignored = { 0 };
	struct stat st;
	int pid;

	if (fd < 0 || sys_of(p)->lock_fd >= 0 || fstat(fd, &st) < 0 ||
	    check_ours(p, &st, path, &ignored) < 0 || p->file.check_own(p, path, &ignored) < 0)
		return false;
	if (!find_holder(fd, &st, &pid))
		return false;
	tell_holder(fd, pid, ret_holder);
	return true;
}

void sys_lock(struct ports *p)
{
	p->file.lock = file_lock;
	p->file.is_locked = file_is_locked;
}
