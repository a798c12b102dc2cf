// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * device.c - /dev/kvm: what it is, and whether it is the kernel's own.
 */
#include <kvmtune/host.h>

#include <string.h>

bool device_same_owner(const struct device_facts *now, const struct device_facts *want)
{
	return now->uid == want->uid && now->gid == want->gid && now->mode == want->mode;
}

bool device_same_acl(const struct device_facts *now, const struct device_facts *want)
{
	if (want->acl_unknown)
		return true;
	return !now->acl_unknown && now->acl_size == want->acl_size &&
	       memcmp(now->acl, want->acl, want->acl_size) == 0;
}

bool device_same(const struct device_facts *now, const struct device_facts *want)
{
	return now->exists == want->exists && device_same_owner(now, want) &&
	       device_same_acl(now, want);
}

/* include/uapi/linux/posix_acl_xattr.h: a version, then entries of 8 bytes. */
bool device_acl_is_valid(const unsigned char *acl, size_t size)
{
	static const unsigned char version[4] = { 2 };

	return size > sizeof(version) && size <= ACL_MAX && (size - sizeof(version)) % 8 == 0 &&
	       memcmp(acl, version, sizeof(version)) == 0;
}

/* ---- whose /dev it is ---- */

/* A line of mountinfo: "ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [TAG...] - TYPE SOURCE ..." */
struct mount {
	char *id, *parent, *root, *point, *type;
};

static bool parse_mount(char *line, struct mount *ret)
{
	char *fields[6], *rest = line, *tags;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		fields[i] = strsep(&rest, " ");
		if (!rest)
			return false;
	}
	tags = starts_with(rest, "- ") ? rest : strstr(rest, " - ");
	if (!tags)
		return false;
	rest = tags + (tags == rest ? 2 : 3);
	*ret = (struct mount){ .id = fields[0],
			       .parent = fields[1],
			       .root = fields[3],
			       .point = fields[4],
			       .type = strsep(&rest, " ") };
	return true;
}

/* Of several at one point the last one is on top. */
static void find_mounts(char *text, struct mount *ret_root, struct mount *ret_dev,
			struct mount *ret_device)
{
	char *line;

	while ((line = strsep(&text, "\n"))) {
		struct mount m;

		if (!parse_mount(line, &m))
			continue;
		if (strcmp(m.point, "/") == 0)
			*ret_root = m;
		else if (strcmp(m.point, "/dev") == 0)
			*ret_dev = m;
		else if (strcmp(m.point, KVM_DEVICE) == 0)
			*ret_device = m;
	}
}

char *device_covered_by(const char *mountinfo)
{
	struct mount root = { 0 }, dev = { 0 }, device = { 0 };
	autofree char *text = xstrdup(mountinfo);

	find_mounts(text, &root, &dev, &device);
	/* One that is below a mount of /dev which is itself covered cannot be reached. */
	if (device.id && (!dev.id || strcmp(device.parent, dev.id) == 0))
		return xstrdup("a bind mount");
	if (!dev.id)
		return xstrdup(root.id ? root.type : "a directory");
	if (strcmp(dev.type, "devtmpfs") != 0)
		return xstrdup(dev.type);
	return strcmp(dev.root, "/") == 0 ? NULL : xstrdup("a bind mount");
}
