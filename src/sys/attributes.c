// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attributes.c - what a file has beside its text: owner, mode, access control list, label, and what
 * else stands in extended attributes.
 */
#include "sys.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define VALUE_MAX 65536 /* include/uapi/linux/limits.h:XATTR_SIZE_MAX, XATTR_LIST_MAX */

/* Made anew by the kernel for each text. */
static const char *const of_the_text[] = { "security.ima", "security.evm" };

int sys_get_xattr(int fd, const char *name, struct buf *ret)
{
	autofree char *value = xcalloc(1, VALUE_MAX);
	ssize_t n = fgetxattr(fd, name, value, VALUE_MAX);
	char link[64];

	/* A descriptor that only stands for the path (O_PATH). */
	if (n < 0 && errno == EBADF) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = getxattr(link, name, value, VALUE_MAX);
	}
	if (n < 0)
		return -errno;
	buf_add(ret, value, (size_t)n);
	return 0;
}

static bool same_xattr(int fd, const char *name, const struct buf *value)
{
	autobuf now = { 0 };

	return sys_get_xattr(fd, name, &now) == 0 && now.len == value->len &&
	       memcmp(buf_text(&now), buf_text(value), now.len) == 0;
}

static int copy_xattr(int from, int to, const char *name)
{
	autobuf value = { 0 };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(of_the_text); i++)
		if (strcmp(name, of_the_text[i]) == 0)
			return 0;
	r = sys_get_xattr(from, name, &value);
	if (r == 0 && !same_xattr(to, name, &value) &&
	    fsetxattr(to, name, buf_text(&value), value.len, 0) < 0)
		r = -errno;
	/* Some file systems list names of which they give nothing. */
	return r == -ENODATA || r == -ENOTSUP ? 0 : r;
}

static int copy_xattrs(int from, int to, struct err *e)
{
	autofree char *names = xcalloc(1, VALUE_MAX + 1);
	ssize_t n = flistxattr(from, names, VALUE_MAX);

	if (n < 0)
		return errno == ENOTSUP ? 0 : err_sys(e, -errno, "its attributes cannot be read");
	for (const char *name = names; name < names + n; name += strlen(name) + 1) {
		int r = copy_xattr(from, to, name);

		if (r < 0)
			return err_sys(e, r, "its attribute %s cannot be kept", name);
	}
	return 0;
}

/* The owner last: what is not ours any more cannot be altered. */
int sys_copy_attributes(int from, int to, struct err *e)
{
	struct stat st, now;

	if (fstat(from, &st) < 0 || fstat(to, &now) < 0)
		return err_sys(e, -errno, "its status cannot be read");
	/* What the directory gave it by its default. */
	if (fremovexattr(to, ACL_ACCESS) < 0 && errno != ENODATA && errno != ENOTSUP)
		return err_sys(e, -errno, "its access control list cannot be kept");
	if (fchmod(to, st.st_mode & 07777) < 0)
		return err_sys(e, -errno, "its mode cannot be kept");
	if (copy_xattrs(from, to, e) < 0)
		return e->code;
	if ((st.st_uid != now.st_uid || st.st_gid != now.st_gid) &&
	    fchown(to, st.st_uid, st.st_gid) < 0)
		return err_sys(e, -errno, "its owner cannot be kept");
	return 0;
}
