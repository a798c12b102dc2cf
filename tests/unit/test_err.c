// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an error carries, and that it never writes past its end.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/err.h>

static void set_and_status(void **state)
{
	struct err e = { .id = "old", .hint = "old" };

	(void)state;
	assert_int_equal(err_set(&e, -EBUSY, "%s is %d", "kvm", 7), -EBUSY);
	assert_int_equal(e.code, -EBUSY);
	assert_int_equal(e.status, STATUS_FAILED);
	assert_string_equal(e.text, "kvm is 7");
	assert_string_equal(e.id, "");
	assert_string_equal(e.hint, "");
	assert_int_equal(err_status(&e, STATUS_REFUSED, "in-use"), -EBUSY);
	assert_int_equal(err_hint(&e, "try %s", "again"), -EBUSY);
	assert_int_equal(e.status, STATUS_REFUSED);
	assert_string_equal(e.id, "in-use");
	assert_string_equal(e.hint, "try again");
}

static void codes_are_negative(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(err_set(&e, EIO, "x"), -EIO);
	assert_int_equal(e.code, -EIO);
	assert_int_equal(err_sys(&e, EIO, "x"), -EIO);
}

static void errno_is_named(void **state)
{
	struct err e = { 0 };
	autofree char *expected = xasprintf("open /dev/kvm: %s", strerror(EACCES));

	(void)state;
	assert_int_equal(err_sys(&e, -EACCES, "open %s", "/dev/kvm"), -EACCES);
	assert_string_equal(e.text, expected);
}

static void wrapping_keeps_the_rest(void **state)
{
	struct err e = { 0 };

	(void)state;
	err_set(&e, -EROFS, "no");
	err_status(&e, STATUS_IMPOSSIBLE, "read-only-config");
	err_hint(&e, "way out");
	assert_int_equal(err_wrap(&e, "step %d", 1), -EROFS);
	assert_int_equal(err_wrap(&e, "ept"), -EROFS);
	assert_string_equal(e.text, "ept: step 1: no");
	assert_string_equal(e.id, "read-only-config");
	assert_string_equal(e.hint, "way out");
	assert_int_equal(e.status, STATUS_IMPOSSIBLE);
}

static void long_texts_are_cut(void **state)
{
	char *text = xcalloc(5000, 1);
	struct err e = { 0 };

	(void)state;
	memset(text, 'x', 4999);
	err_set(&e, -EIO, "%s", text);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	err_sys(&e, -EIO, "%s", text);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	err_hint(&e, "%s", text);
	assert_int_equal(strlen(e.hint), sizeof(e.hint) - 1);
	err_status(&e, STATUS_REFUSED, text);
	assert_int_equal(strlen(e.id), sizeof(e.id) - 1);
	err_wrap(&e, "%s", text);
	assert_int_equal(strlen(e.text), sizeof(e.text) - 1);
	assert_int_equal(e.code, -EIO);
	free(text);
}

/* A format in somebody's text stays text. */
static void percent_is_a_letter(void **state)
{
	struct err e = { 0 };

	(void)state;
	err_set(&e, -EIO, "%s", "100%n%s");
	err_wrap(&e, "%s", "%d");
	assert_string_equal(e.text, "%d: 100%n%s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(set_and_status),     cmocka_unit_test(codes_are_negative),
		cmocka_unit_test(errno_is_named),     cmocka_unit_test(wrapping_keeps_the_rest),
		cmocka_unit_test(long_texts_are_cut), cmocka_unit_test(percent_is_a_letter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
