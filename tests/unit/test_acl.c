// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * acl_rights.c: what a list of access rights lets others do; and that nothing else is taken for a list.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <string.h>

#include "sys/sys.h"

struct entry {
	unsigned tag, perm;
};

#define OWNER                                                                                      \
	{                                                                                          \
		ACL_USER_OBJ, 7                                                                    \
	}
#define ENTRY_MAX 8

/* Entries up to a tag of 0. The number of bytes. */
static size_t make(const struct entry *entries, unsigned version, unsigned char *ret)
{
	size_t len = 4;

	memcpy(ret, (unsigned char[4]){ (unsigned char)version }, 4);
	for (size_t i = 0; i < ENTRY_MAX && entries[i].tag; i++, len += 8)
		memcpy(ret + len,
		       (unsigned char[8]){ (unsigned char)entries[i].tag,
					   (unsigned char)(entries[i].tag >> 8),
					   (unsigned char)entries[i].perm,
					   (unsigned char)(entries[i].perm >> 8), 0xd2, 4, 0, 0 },
		       8);
	return len;
}

static const struct {
	const char *name;
	struct entry entries[ENTRY_MAX];
	bool group, others;
} lists[] = {
	{ "the mode alone", { OWNER, { ACL_GROUP_OBJ, 4 }, { ACL_OTHER, 4 } }, false, false },
	{ "its group", { OWNER, { ACL_GROUP_OBJ, 6 }, { ACL_OTHER, 4 } }, true, false },
	{ "all", { OWNER, { ACL_GROUP_OBJ, 4 }, { ACL_OTHER, 2 } }, false, true },
	{ "a user",
	  { OWNER, { ACL_USER, 2 }, { ACL_GROUP_OBJ, 0 }, { ACL_MASK, 7 }, { ACL_OTHER, 0 } },
	  false,
	  true },
	{ "a second user",
	  { OWNER,
	    { ACL_USER, 5 },
	    { ACL_USER, 6 },
	    { ACL_GROUP_OBJ, 0 },
	    { ACL_MASK, 2 },
	    { ACL_OTHER, 0 } },
	  false,
	  true },
	{ "a user who may read",
	  { OWNER, { ACL_USER, 5 }, { ACL_GROUP_OBJ, 5 }, { ACL_MASK, 7 }, { ACL_OTHER, 5 } },
	  false,
	  false },
	{ "a user below a mask",
	  { OWNER, { ACL_USER, 7 }, { ACL_GROUP_OBJ, 7 }, { ACL_MASK, 5 }, { ACL_OTHER, 5 } },
	  false,
	  false },
	{ "a group",
	  { OWNER, { ACL_GROUP_OBJ, 4 }, { ACL_GROUP, 6 }, { ACL_MASK, 6 }, { ACL_OTHER, 4 } },
	  false,
	  true },
	{ "its group below a mask of its own",
	  { OWNER, { ACL_GROUP_OBJ, 6 }, { ACL_MASK, 4 }, { ACL_OTHER, 4 } },
	  false,
	  false },
	{ "all, whatever the mask is",
	  { OWNER, { ACL_GROUP_OBJ, 6 }, { ACL_MASK, 0 }, { ACL_OTHER, 2 } },
	  false,
	  true },
};

static void test_lists(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		unsigned char data[100];
		struct acl_rights rights;
		size_t size = make(lists[i].entries, 2, data);

		print_message("%s\n", lists[i].name);
		assert_int_equal(acl_read(data, size, &rights), 0);
		assert_int_equal(rights.group_writes, lists[i].group);
		assert_int_equal(rights.others_write, lists[i].others);
	}
}

static const struct {
	const char *name;
	struct entry entries[ENTRY_MAX];
} wrong[] = {
	{ "nothing", { { 0 } } },
	{ "no owner", { { ACL_GROUP_OBJ, 4 }, { ACL_OTHER, 4 } } },
	{ "no group", { OWNER, { ACL_OTHER, 4 } } },
	{ "no others", { OWNER, { ACL_GROUP_OBJ, 4 } } },
	{ "no mask", { OWNER, { ACL_USER, 6 }, { ACL_GROUP_OBJ, 4 }, { ACL_OTHER, 4 } } },
	{ "two owners", { OWNER, OWNER, { ACL_GROUP_OBJ, 4 }, { ACL_OTHER, 4 } } },
	{ "two masks",
	  { OWNER,
	    { ACL_USER, 6 },
	    { ACL_GROUP_OBJ, 4 },
	    { ACL_MASK, 0 },
	    { ACL_MASK, 7 },
	    { ACL_OTHER, 4 } } },
	{ "out of order", { { ACL_GROUP_OBJ, 4 }, OWNER, { ACL_OTHER, 4 } } },
	{ "an unknown tag", { OWNER, { ACL_GROUP_OBJ, 4 }, { ACL_OTHER, 4 }, { 0x40, 7 } } },
	{ "two tags in one", { OWNER, { ACL_GROUP_OBJ | ACL_USER, 4 }, { ACL_OTHER, 4 } } },
	{ "a tag of two bytes", { OWNER, { ACL_GROUP_OBJ | 0x100, 4 }, { ACL_OTHER, 4 } } },
	{ "an unknown right", { OWNER, { ACL_GROUP_OBJ, 8 }, { ACL_OTHER, 4 } } },
	{ "a right of two bytes", { OWNER, { ACL_GROUP_OBJ, 0x104 }, { ACL_OTHER, 4 } } },
};

static void test_wrong(void **state)
{
	const struct acl_rights before = { .group_writes = true };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		unsigned char data[100];
		struct acl_rights rights = before;
		size_t size = make(wrong[i].entries, 2, data);

		print_message("%s\n", wrong[i].name);
		assert_int_equal(acl_read(data, size, &rights), -EINVAL);
		assert_memory_equal(&rights, &before, sizeof(rights));
	}
}

static void test_each_length(void **state)
{
	unsigned char data[100];
	struct acl_rights rights;
	size_t size = make(lists[3].entries, 2, data);

	(void)state;
	for (size_t n = 0; n < size; n++)
		assert_int_equal(acl_read(data, n, &rights), -EINVAL);
	assert_int_equal(acl_read(data, size + 1, &rights), -EINVAL);
	assert_int_equal(acl_read(data, size, &rights), 0);
}

static void test_other_version(void **state)
{
	unsigned char data[100];
	struct acl_rights rights;

	(void)state;
	assert_int_equal(acl_read(data, make(lists[0].entries, 1, data), &rights), -EINVAL);
	assert_int_equal(acl_read(data, make(lists[0].entries, 3, data), &rights), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_each_length),
		cmocka_unit_test(test_other_version),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
