// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * acl - the POSIX ACL of a file, where the machine has no getfacl and setfacl
 *
 *	acl FILE		prints its extended attribute in hexadecimal; nothing: it has none
 *	acl FILE UID		lets this user read and write, too; the mask follows
 */
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#define ATTRIBUTE "system.posix_acl_access"

static int show(const char *path)
{
	unsigned char value[4096];
	ssize_t n = getxattr(path, ATTRIBUTE, value, sizeof(value));

	if (n < 0)
		return errno == ENODATA ? 0 : 1;
	for (ssize_t i = 0; i < n; i++)
		printf("%02x", value[i]);
	puts("");
	return 0;
}

static int allow(const char *path, unsigned uid)
{
	struct {
		struct posix_acl_xattr_header header;
		struct posix_acl_xattr_entry entries[5];
	} acl = { { POSIX_ACL_XATTR_VERSION },
		  { { ACL_USER_OBJ, 6, ACL_UNDEFINED_ID },
		    { ACL_USER, 6, uid },
		    { ACL_GROUP_OBJ, 6, ACL_UNDEFINED_ID },
		    { ACL_MASK, 6, ACL_UNDEFINED_ID },
		    { ACL_OTHER, 0, ACL_UNDEFINED_ID } } };

	return setxattr(path, ATTRIBUTE, &acl, sizeof(acl), 0) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
	int status = argc == 2 ? show(argv[1]) : argc == 3 ? allow(argv[1], atoi(argv[2])) : 2;

	if (status)
		fprintf(stderr, "acl: %s\n", status == 2 ? "FILE [UID]" : strerror(errno));
	return status;
}
