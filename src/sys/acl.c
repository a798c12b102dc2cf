// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * acl.c - POSIX ACLs, as extended attributes: libacl is not needed to keep one and give it back.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>

#define ACL_ATTRIBUTE "system.posix_acl_access"

/* Reading the list must not open /dev/kvm: that would hold KVM. A descriptor or -errno. */
static int open_name(struct ports *p, const char *path, char *ret_link, size_t size)
{
	int fd = sys_open(p, path, O_PATH | O_NOFOLLOW);

	snprintf(ret_link, size, "/proc/self/fd/%d", fd);
	return fd;
}

static int file_read_acl(struct ports *p, const char *path, void *ret, size_t size)
{
	char link[64];
	autoclose int fd = open_name(p, path, link, sizeof(link));
	ssize_t n;

	if (fd < 0)
		return fd;
	n = getxattr(link, ACL_ATTRIBUTE, ret, size);
	if (n >= 0)
		return (int)n;
	return errno == ENODATA || errno == EOPNOTSUPP ? 0 : -errno;
}

static int file_set_acl(struct ports *p, const char *path, const void *acl, size_t size,
			struct err *e)
{
	char link[64];
	autoclose int fd = open_name(p, path, link, sizeof(link));
	int r;

	if (fd < 0)
		return err_sys(e, fd, "cannot open %s", path);
	r = size ? setxattr(link, ACL_ATTRIBUTE, acl, size, 0) : removexattr(link, ACL_ATTRIBUTE);
	if (r == 0 || (!size && errno == ENODATA))
		return 0;
	return err_sys(e, -errno, "cannot set the access list (ACL) of %s", path);
}

void sys_acl(struct ports *p)
{
	p->file.read_acl = file_read_acl;
	p->file.set_acl = file_set_acl;
}
