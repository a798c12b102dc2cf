// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * /dev/kvm: when two are the same, and whether it is the kernel's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/host.h>

#define ROOT	  "23 1 254:0 / / rw,noatime - ext4 /dev/vda rw\n"
#define DEV	  "22 23 0:5 / /dev rw,relatime shared:2 - devtmpfs dev rw,size=235552k\n"
#define PTS	  "27 22 0:23 / /dev/pts rw,relatime - devpts devpts rw\n"
#define TMPFS_DEV "30 23 0:9 / /dev rw - tmpfs none rw\n"

static void whose_dev_it_is(void **state)
{
	static const struct {
		const char *mountinfo, *covered;
	} cases[] = {
		{ ROOT DEV PTS, NULL },
		{ DEV PTS ROOT, NULL },
		{ ROOT TMPFS_DEV, "tmpfs" },
		/* One on top of the other: the last is what can be seen. */
		{ ROOT DEV "30 22 0:9 / /dev rw - tmpfs none rw\n", "tmpfs" },
		{ ROOT TMPFS_DEV "31 30 0:5 / /dev rw - devtmpfs dev rw\n", NULL },
		{ ROOT DEV "31 22 0:5 /kvm /dev/kvm rw - devtmpfs dev rw\n", "a bind mount" },
		{ ROOT TMPFS_DEV "31 30 0:5 /kvm /dev/kvm rw - devtmpfs dev rw\n", "a bind mount" },
		/* A mount below the old /dev is out of reach. */
		{ ROOT DEV "31 22 0:9 /kvm /dev/kvm rw - tmpfs none rw\n"
			   "32 22 0:5 / /dev rw - devtmpfs dev rw\n",
		  NULL },
		{ ROOT "22 23 0:5 /sub /dev rw - devtmpfs dev rw\n", "a bind mount" },
		/* No mount at /dev: its directory is part of the root, or of a chroot. */
		{ ROOT, "ext4" },
		{ PTS, "a directory" },
		{ "", "a directory" },
		/* What is no line of mountinfo says nothing. */
		{ ROOT "22 23 0:5 / /dev rw,relatime\n22 23\n\n" DEV, NULL },
		{ "22 23 0:5 / /dev rw - \n", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *covered = device_covered_by(cases[i].mountinfo);
		const char *want = cases[i].covered;

		if (!covered != !want || (want && strcmp(covered, want) != 0))
			fail_msg("%zu: %s, not %s", i, covered ?: "none", want ?: "none");
	}
}

static struct device_facts a_device(void)
{
	return (struct device_facts){ .exists = true, .gid = 104, .mode = 0660 };
}

static void same(void **state)
{
	struct device_facts a = a_device(), b = a_device();

	(void)state;
	assert_true(device_same(&a, &b));
	b.mode = 0600;
	assert_false(device_same(&a, &b));
	b = a_device();
	b.acl_size = 12;
	assert_true(device_same_owner(&a, &b));
	assert_false(device_same(&a, &b));
	assert_false(device_same(&b, &a));
	a.acl_size = 12;
	assert_true(device_same(&a, &b));
	a.acl[11] = 1;
	assert_false(device_same(&a, &b));
	/* What an old journal does not know is not asked for; what cannot be read is not the same. */
	b = a_device();
	b.acl_unknown = true;
	assert_true(device_same(&a, &b));
	assert_false(device_same(&b, &a));
}

static void form_of_an_acl(void **state)
{
	unsigned char acl[ACL_MAX + 8] = { 2 };

	(void)state;
	assert_true(device_acl_is_valid(acl, 12));
	assert_true(device_acl_is_valid(acl, ACL_MAX));
	assert_false(device_acl_is_valid(acl, ACL_MAX + 8));
	assert_false(device_acl_is_valid(acl, 4));
	assert_false(device_acl_is_valid(acl, 3));
	assert_false(device_acl_is_valid(acl, 13));
	acl[3] = 1;
	assert_false(device_acl_is_valid(acl, 12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whose_dev_it_is),
		cmocka_unit_test(same),
		cmocka_unit_test(form_of_an_acl),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
