// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * acl_rights.c - who may write by a POSIX access control list, as the kernel gives it: a version, then entries in the order
 * of their tags (include/uapi/linux/posix_acl_xattr.h, fs/posix_acl.c:posix_acl_valid).
 */
#include "sys.h"

#include <endian.h>
#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>

struct seen {
	unsigned tags;
	bool named_writes, group_writes, other_writes, mask_writes;
};

static bool is_named(unsigned tag)
{
	return tag == ACL_USER || tag == ACL_GROUP;
}

/* Each tag once, but for those that carry a name, and none behind a later one. */
static int add_entry(struct seen *s, unsigned tag, unsigned perm)
{
	const unsigned known =
		ACL_USER_OBJ | ACL_USER | ACL_GROUP_OBJ | ACL_GROUP | ACL_MASK | ACL_OTHER;
	bool writes = perm & ACL_WRITE, again = s->tags & tag;

	if (!tag || (tag & ~known) || (tag & (tag - 1)) || perm > 7 || s->tags >= tag * 2 ||
	    (again && !is_named(tag)))
		return -EINVAL;
	s->tags |= tag;
	s->named_writes |= is_named(tag) && writes;
	s->group_writes |= tag == ACL_GROUP_OBJ && writes;
	s->mask_writes |= tag == ACL_MASK && writes;
	s->other_writes |= tag == ACL_OTHER && writes;
	return 0;
}

int acl_read(const void *data, size_t size, struct acl_rights *ret)
{
	const unsigned needed = ACL_USER_OBJ | ACL_GROUP_OBJ | ACL_OTHER;
	const struct posix_acl_xattr_header *header = data;
	struct seen s = { 0 };
	bool masked;

	if (size < sizeof(*header) || le32toh(header->a_version) != POSIX_ACL_XATTR_VERSION ||
	    (size - sizeof(*header)) % sizeof(struct posix_acl_xattr_entry))
		return -EINVAL;
	for (size_t at = sizeof(*header); at < size; at += sizeof(struct posix_acl_xattr_entry)) {
		struct posix_acl_xattr_entry entry;

		memcpy(&entry, (const char *)data + at, sizeof(entry));
		if (add_entry(&s, le16toh(entry.e_tag), le16toh(entry.e_perm)) < 0)
			return -EINVAL;
	}
	if ((s.tags & needed) != needed ||
	    (s.tags & (ACL_USER | ACL_GROUP) && !(s.tags & ACL_MASK)))
		return -EINVAL;
	masked = s.tags & ACL_MASK && !s.mask_writes;
	*ret = (struct acl_rights){ .group_writes = s.group_writes && !masked,
				    .others_write = s.other_writes || (s.named_writes && !masked) };
	return 0;
}
