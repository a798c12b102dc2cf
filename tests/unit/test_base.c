// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The small things that everything else is made of.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/base.h>

struct number_case {
	const char *text;
	int result;
	int64_t value;
};

static void numbers_u64(void **state)
{
	static const struct number_case cases[] = {
		{ "0", 0, 0 },
		{ "42", 0, 42 },
		{ "010", 0, 10 },
		{ "0x10", 0, 16 },
		{ "0XfF", 0, 255 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "", -EINVAL, 0 },
		{ " 1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "-1", -EINVAL, 0 },
		{ "+1", -EINVAL, 0 },
		{ "0x", -EINVAL, 0 },
		{ "1x", -EINVAL, 0 },
		{ "x", -EINVAL, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "1\n", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = 77;

		if (parse_u64(cases[i].text, &value) != cases[i].result)
			fail_msg("\"%s\"", cases[i].text);
		assert_int_equal(value, cases[i].result ? 77 : cases[i].value);
	}
}

static void numbers_int(void **state)
{
	static const struct number_case cases[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "-5", 0, -5 },
		{ "2147483647", 0, INT32_MAX },
		{ "-2147483647", 0, -INT32_MAX },
		{ "2147483648", -ERANGE, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "--5", -EINVAL, 0 },
		{ "5 ", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int value = 77;

		if (parse_int(cases[i].text, &value) != cases[i].result)
			fail_msg("\"%s\"", cases[i].text);
		assert_int_equal(value, cases[i].result ? 77 : cases[i].value);
	}
}

static void times(void **state)
{
	static const struct number_case cases[] = {
		{ "90", 0, 90000 },
		{ "90s", 0, 90000 },
		{ "5m", 0, 300000 },
		{ "5min", 0, 300000 },
		{ "2h", 0, 7200000 },
		{ "1d", 0, 86400000 },
		{ "250ms", 0, 250 },
		{ "0", 0, 0 },
		{ "", -EINVAL, 0 },
		{ "s", -EINVAL, 0 },
		{ "5 m", -EINVAL, 0 },
		{ "5x", -EINVAL, 0 },
		{ "-5", -EINVAL, 0 },
		{ "1.5h", -EINVAL, 0 },
		{ "0x5", -EINVAL, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "9223372036854775807d", -ERANGE, 0 },
		{ "9223372036854776s", -ERANGE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t ms = 77;

		if (parse_time_ms(cases[i].text, &ms) != cases[i].result)
			fail_msg("\"%s\"", cases[i].text);
		assert_int_equal(ms, cases[i].result ? 77 : cases[i].value);
	}
}

static void safe(void **state)
{
	static const struct {
		const char *text;
		size_t max;
		const char *safe;
	} cases[] = {
		{ "web-01", 20, "web-01" },
		{ "", 20, "" },
		{ "a\033[2J\n", 20, "a\\x1b[2J\\x0a" },
		{ "\x7f\xc3\xa4", 20, "\\x7f\\xc3\\xa4" },
		{ "abcdef", 6, "abcdef" },
		{ "abcdef", 5, "abcde..." },
		{ "abc", 0, "..." },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *text = safe_text(cases[i].text, cases[i].max);

		assert_string_equal(text, cases[i].safe);
	}
}

static void growing_text(void **state)
{
	autobuf b = { 0 };
	char *text;

	(void)state;
	assert_string_equal(buf_text(&b), "");
	buf_join(&b, ", ", "a");
	buf_join(&b, ", ", "b");
	buf_printf(&b, "%s-%d", "c", 7);
	buf_add(&b, "xyz", 2);
	assert_string_equal(b.data, "a, bc-7xy");
	assert_int_equal(b.len, 9);
	buf_reset(&b);
	assert_string_equal(buf_text(&b), "");
	for (int i = 0; i < 1000; i++)
		buf_puts(&b, "0123456789");
	assert_int_equal(b.len, 10000);
	assert_int_equal(strlen(b.data), 10000);
	text = buf_steal(&b);
	assert_int_equal(strlen(text), 10000);
	free(text);
	text = buf_steal(&b);
	assert_string_equal(text, "");
	free(text);
}

static void bytes_of_any_kind(void **state)
{
	autobuf b = { 0 };

	(void)state;
	buf_add(&b, "a\0b", 3);
	buf_add(&b, NULL, 0);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.data, "a\0b", 4);
}

static void words(void **state)
{
	autostrv s = { 0 };
	autobuf all = { 0 };
	const char *word;

	(void)state;
	assert_false(strv_has(&s, "b"));
	strv_sort(&s);
	for (int i = 40; i-- > 0;)
		strv_addf(&s, "w%02d", i);
	strv_add(&s, "a");
	assert_int_equal(s.n, 41);
	assert_true(strv_has(&s, "w07"));
	assert_false(strv_has(&s, "w7"));
	strv_sort(&s);
	strv_foreach (word, &s)
		buf_join(&all, " ", word);
	assert_true(starts_with(all.data, "a w00 w01 "));
	assert_int_equal(all.len, 1 + 40 * 4);
}

static void arrays(void **state)
{
	struct pair {
		int a, b;
	} *pairs = NULL;
	size_t count = 0;

	(void)state;
	for (int i = 0; i < 100; i++) {
		struct pair *p = &array_push(pairs, count);

		assert_int_equal(p->a, 0);
		assert_int_equal(p->b, 0);
		*p = (struct pair){ i, -i };
	}
	assert_int_equal(count, 100);
	for (int i = 0; i < 100; i++)
		assert_int_equal(pairs[i].a + pairs[i].b, 0);
	assert_int_equal(pairs[99].a, 99);
	free(pairs);
}

static void ends_and_beginnings(void **state)
{
	char text[] = "a b \t\r\n", blank[] = " \n", none[] = "";

	(void)state;
	assert_string_equal(chomp(text), "a b");
	assert_string_equal(chomp(blank), "");
	assert_string_equal(chomp(none), "");
	assert_true(starts_with("kvm_intel", "kvm"));
	assert_true(starts_with("kvm", ""));
	assert_false(starts_with("kvm", "kvm_intel"));
}

static void names_of_facts(void **state)
{
	(void)state;
	assert_string_equal(tri_name(YES), "yes");
	assert_string_equal(tri_name(NO), "no");
	assert_string_equal(tri_name(UNKNOWN), "unknown");
}

static void sizes(void **state)
{
	static const struct number_case cases[] = {
		{ "0", 0, 0 },
		{ "1048576", 0, 1048576 },
		{ "1K", 0, 1024 },
		{ "512M", 0, INT64_C(512) << 20 },
		{ "2G", 0, INT64_C(2) << 30 },
		{ "2g", 0, INT64_C(2) << 30 },
		{ "2GiB", 0, INT64_C(2) << 30 },
		{ "2gib", 0, INT64_C(2) << 30 },
		{ "2GB", 0, INT64_C(2) << 30 },
		{ "3T", 0, INT64_C(3) << 40 },
		{ "8191P", 0, INT64_C(8191) << 50 },
		{ "16384P", -ERANGE, 0 },
		{ "18446744073709551616", -ERANGE, 0 },
		{ "", -EINVAL, 0 },
		{ "G", -EINVAL, 0 },
		{ "-1G", -EINVAL, 0 },
		{ "1.5G", -EINVAL, 0 },
		{ "1 G", -EINVAL, 0 },
		{ "1Gi", -EINVAL, 0 },
		{ "1GiBs", -EINVAL, 0 },
		{ "1B", -EINVAL, 0 },
		{ "1X", -EINVAL, 0 },
		{ "0x10", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t value = 77;

		if (parse_size(cases[i].text, &value) != cases[i].result)
			fail_msg("\"%s\"", cases[i].text);
		assert_int_equal(value, cases[i].result ? 77 : cases[i].value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(numbers_u64),
		cmocka_unit_test(numbers_int),
		cmocka_unit_test(times),
		cmocka_unit_test(safe),
		cmocka_unit_test(growing_text),
		cmocka_unit_test(bytes_of_any_kind),
		cmocka_unit_test(words),
		cmocka_unit_test(arrays),
		cmocka_unit_test(ends_and_beginnings),
		cmocka_unit_test(names_of_facts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
