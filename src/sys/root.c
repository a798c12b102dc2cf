// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * root.c - the root directory that all paths are opened below: the running system's, or an image's,
 * which must not be the running system's by another name.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define OPEN_DIR (O_PATH | O_DIRECTORY | O_CLOEXEC)

/* ---- the running system ---- */

/*
 * What is mounted as the root directory: "254:0 /", the device and which directory of it, from lines
 * as "26 1 254:0 / / rw,relatime ..." (proc(5)). "": nothing, as where a chroot is no mount.
 */
static int read_root_mount(const char *path, struct buf *ret)
{
	FILE *mounts = fopen(path, "re");
	char line[4096], device[32], dir[1024], at[1024];

	if (!mounts)
		return -errno;
	while (fgets(line, sizeof(line), mounts)) {
		if (sscanf(line, "%*d %*d %31s %1023s %1023s", device, dir, at) != 3 ||
		    strcmp(at, "/") != 0)
			continue;
		/* The last one is on top. */
		buf_reset(ret);
		buf_printf(ret, "%s %s", device, dir);
	}
	fclose(mounts);
	return 0;
}

static bool in_chroot(void)
{
	autobuf ours = { 0 }, of_init = { 0 };

	if (read_root_mount("/proc/self/mountinfo", &ours) < 0 ||
	    read_root_mount("/proc/1/mountinfo", &of_init) < 0)
		return false;
	return strcmp(buf_text(&ours), buf_text(&of_init)) != 0;
}

/* The root directory of process 1. -1: not to be told, as in a chroot without /proc. */
static int open_live(void)
{
	int fd = open("/proc/1/root", OPEN_DIR);

	if (fd >= 0 || errno == ENOENT)
		return fd;
	/* Only root may look through that link, and not in each container. */
	return in_chroot() ? -1 : open("/", OPEN_DIR);
}

static bool is_same(int fd, int other)
{
	struct stat st, st_other;

	return fstat(fd, &st) == 0 && fstat(other, &st_other) == 0 &&
	       st.st_dev == st_other.st_dev && st.st_ino == st_other.st_ino;
}

/* A second name in the image is fine: that file is written anew. */
static bool has_other_names(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_nlink > 1;
}

int sys_check_not_live(struct ports *p, int fd, const char *path, struct err *e)
{
	int live = sys_of(p)->live_fd;
	autoclose int other = -1;

	if (!p->image || live < 0 || has_other_names(fd))
		return 0;
	other = sys_walk(live, path, O_PATH | O_NOFOLLOW);
	if (other < 0 || !is_same(fd, other))
		return 0;
	err_set(e, -EPERM, "%s in the image is the running system's own, mounted there", path);
	err_hint(e, "Unmount it in the image, or leave --root out.");
	return err_status(e, STATUS_USAGE, "running-root");
}

/* ---- the image ---- */

static char *absolute(const char *dir)
{
	char here[PATH_MAX];

	if (dir[0] == '/')
		return xstrdup(dir);
	return dir[0] && getcwd(here, sizeof(here)) ? xasprintf("%s/%s", here, dir) : NULL;
}

static int no_root(const char *dir, int error, struct err *e)
{
	err_sys(e, error, "cannot open the root directory %s", dir);
	return err_status(e, STATUS_USAGE, "no-root");
}

static int open_image(struct ports *p, const char *dir, struct err *e)
{
	autofree char *path = absolute(dir);
	struct sys *s = sys_of(p);
	int fd;

	if (!path)
		return no_root(dir, -ENOENT, e);
	fd = sys_walk_trusted(p, path, O_PATH | O_DIRECTORY, e);
	if (fd < 0)
		return strcmp(e->id, "not-trusted") == 0 ? err_wrap(e, "--root %s", dir)
							 : no_root(dir, fd, e);
	close(s->root_fd);
	s->root_fd = fd;
	s->live_fd = open_live();
	if (s->live_fd < 0 || !is_same(fd, s->live_fd))
		return 0;
	err_set(e, -EINVAL, "--root %s is the root directory of the running system", dir);
	err_hint(e, "Leave --root out.");
	return err_status(e, STATUS_USAGE, "running-root");
}

int sys_open_root(struct ports *p, const char *dir, struct err *e)
{
	struct sys *s = sys_of(p);

	s->live_fd = -1;
	s->root_fd = open("/", OPEN_DIR);
	if (s->root_fd < 0)
		return err_sys(e, -errno, "cannot open the root directory /");
	return dir ? open_image(p, dir, e) : 0;
}
