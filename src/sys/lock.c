// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lock.c - one change at a time. Two locks are taken: one on the lock file, which says who holds it,
 * and one on its directory, which stays when somebody removes the file. Nobody but root can open
 * either: a lock that all can take would be held for ever by whoever likes to.
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

#define LOCK_MODE  0600
#define DIR_OTHERS 0044u /* to open the directory; the journal in it can be opened without */

/* How often the lock file may be removed between open() and flock(). */
#define TRIES 100

/* Lines that are looked at: whoever likes to makes as many locks as he likes. */
#define LOCKS_MAX 100000

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
	return err_hint(e, "Find out who made it, remove it, then run the command again.");
}

static int check_ours(struct ports *p, const struct stat *st, const char *path, struct err *e)
{
	autofree char *owner = NULL;

	if (!S_ISREG(st->st_mode))
		return not_ours(path, "is not a regular file", e);
	if (sys_trusted_owner(p, st))
		return 0;
	owner = xasprintf("is owned by another user (uid %u)", (unsigned)st->st_uid);
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

/* -ESTALE: it is not the lock file any more. */
static int removed(const char *path, struct err *e)
{
	return err_set(e, -ESTALE, "the lock file %s is removed again and again", path);
}

static int take_over(struct ports *p, int fd, int dir, const char *name, const char *path,
		     struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, -errno, "cannot use %s", path);
	if (check_ours(p, &st, path, e) < 0)
		return e->code;
	/* By its other name it may be another tree's lock, or no lock at all: make a new one. */
	if (st.st_nlink > 1)
		return unlinkat(dir, name, 0) < 0 ? err_sys(e, -errno, "cannot replace %s", path)
						  : removed(path, e);
	/* Made by hand, or by a version that let all read it. */
	if ((st.st_mode & 07777) != LOCK_MODE && fchmod(fd, LOCK_MODE) < 0)
		return err_sys(e, -errno, "cannot use %s", path);
	return 0;
}

/* ---- who has it ---- */

/*
 * The list has the device of the superblock. stat() shows another one on btrfs (of the subvolume)
 * and on overlayfs (of the layer).
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
static bool is_flocked(int fd, int *ret_pid)
{
	bool any_device = stat_shows_other_device(fd), found = false;
	struct stat st;
	FILE *locks = fstat(fd, &st) < 0 ? NULL : fopen("/proc/locks", "re");
	char line[256], buffer[16384];

	if (!locks)
		return false;
	/* In as few reads as can be: what comes and goes between two of them shifts the rest. */
	setvbuf(locks, buffer, _IOFBF, sizeof(buffer));
	for (int i = 0; i < LOCKS_MAX && !found && fgets(line, sizeof(line), locks); i++)
		found = is_lock_on(line, &st, any_device, ret_pid);
	fclose(locks);
	return found;
}

/* The lock file, if nobody else can open it: anybody may lock what he can open. */
static int open_our_file(struct ports *p, const char *path)
{
	autoclose int fd = sys_open(p, path, O_PATH | O_NOFOLLOW);
	struct err ignored = { 0 };
	struct stat st;
	int found = fd;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_nlink > 1 ||
	    p->file.check_own(p, path, &ignored) < 0)
		return -EPERM;
	fd = -1;
	return found;
}

/* Likewise its directory. */
static int open_our_dir(struct ports *p, const char *path)
{
	autofree char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	autoclose int fd = sys_open(p, parent, O_PATH | O_DIRECTORY);
	struct err ignored = { 0 };
	struct stat st;
	int found = fd;

	if (fd < 0 || fstat(fd, &st) < 0 || st.st_mode & DIR_OTHERS ||
	    sys_check_trusted(p, fd, parent, &ignored) < 0)
		return -EPERM;
	fd = -1;
	return found;
}

static void read_holder(int fd, struct buf *ret)
{
	char text[256];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	buf_add_safe(ret, chomp(text), sizeof(text));
}

/* Only its owner may read it. */
static void read_lock_file(int path_fd, struct buf *ret)
{
	autofree char *link = xasprintf("/proc/self/fd/%d", path_fd);
	autoclose int fd = open(link, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd >= 0)
		read_holder(fd, ret);
}

/* Who has it says so in the file; to all who may not read it, the kernel tells the PID. */
static bool find_holder(struct ports *p, const char *path, struct buf *ret)
{
	autoclose int fd = open_our_file(p, path), dir = open_our_dir(p, path);
	size_t before = ret->len;
	int pid;

	if (!(fd >= 0 && is_flocked(fd, &pid)) && !(dir >= 0 && is_flocked(dir, &pid)))
		return false;
	if (fd >= 0)
		read_lock_file(fd, ret);
	if (ret->len == before)
		buf_printf(ret, "kvmtune, PID %d", pid);
	return true;
}

static bool file_is_locked(struct ports *p, const char *path, struct buf *ret_holder)
{
	return sys_of(p)->lock_fd < 0 && find_holder(p, path, ret_holder);
}

/* ---- take it ---- */

static void write_holder(int fd, const char *holder)
{
	/* Only for the reader of a refusal: what is written here decides nothing. */
	if (ftruncate(fd, 0) == 0 && pwrite(fd, holder, strlen(holder), 0) < 0)
		return;
}

/* Fails in an image of somebody else's: he can hold up its changes. */
static void close_to_others(int dir)
{
	struct stat st;

	if (fstat(dir, &st) == 0 && st.st_mode & DIR_OTHERS &&
	    fchmod(dir, st.st_mode & 07777 & ~DIR_OTHERS) < 0)
		return;
}

static int flock_now(int fd, const char *path, struct err *e)
{
	return flock(fd, LOCK_EX | LOCK_NB) < 0 ? err_sys(e, -errno, "cannot lock %s", path) : 0;
}

/* Does the path still lead to the file that is locked? */
static bool is_in_place(struct ports *p, const char *path, int fd)
{
	autoclose int now = sys_open(p, path, O_PATH | O_NOFOLLOW);
	struct stat st, st_now;

	return now >= 0 && fstat(fd, &st) == 0 && fstat(now, &st_now) == 0 &&
	       st.st_dev == st_now.st_dev && st.st_ino == st_now.st_ino;
}

/* A descriptor of the locked file. -ESTALE: it was removed meanwhile, or its directory. */
static int lock_file(struct ports *p, int dir, const char *name, const char *path, struct err *e)
{
	autoclose int fd = open_lock(dir, name);
	int taken = fd;

	if (fd < 0)
		return explain(p, dir, name, fd, path, e);
	if (take_over(p, fd, dir, name, path, e) < 0 || flock_now(fd, path, e) < 0)
		return e->code;
	if (!is_in_place(p, path, fd))
		return removed(path, e);
	fd = -1;
	return taken;
}

/* The directory first: that lock nobody loses. */
static int try_lock(struct ports *p, const char *path, const char *holder, struct err *e)
{
	const char *name;
	autoclose int dir = sys_open_parent(p, path, &name, e);
	struct sys *s = sys_of(p);
	int fd;

	if (dir < 0)
		return err_wrap(e, "cannot open the lock file %s", path);
	close_to_others(dir);
	if (flock_now(dir, path, e) < 0)
		return e->code;
	fd = lock_file(p, dir, name, path, e);
	if (fd < 0)
		return fd;
	write_holder(fd, holder);
	s->lock_fd = fd;
	s->lock_dir_fd = dir;
	dir = -1;
	return 0;
}

static int file_lock(struct ports *p, const char *path, const char *holder, struct buf *ret_holder,
		     struct err *e)
{
	int r = -ESTALE;

	for (int i = 0; i < TRIES && r == -ESTALE; i++)
		r = try_lock(p, path, holder, e);
	if (r == -EWOULDBLOCK)
		find_holder(p, path, ret_holder);
	return r;
}

/* Also for a child that has the descriptor as well. */
static void unlock(int *fd)
{
	if (*fd >= 0)
		flock(*fd, LOCK_UN);
	closep(fd);
	*fd = -1;
}

static void file_unlock(struct ports *p)
{
	unlock(&sys_of(p)->lock_fd);
	unlock(&sys_of(p)->lock_dir_fd);
}

void sys_lock(struct ports *p)
{
	sys_of(p)->lock_fd = sys_of(p)->lock_dir_fd = -1;
	p->file.lock = file_lock;
	p->file.unlock = file_unlock;
	p->file.is_locked = file_is_locked;
}
