// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lines, tables and colours: what is broken where, and what never is.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/report/table.h"

struct wrap_case {
	const char *text;
	size_t column, indent, width;
	const char *wanted;
};

static void wraps(void **state)
{
	static const struct wrap_case cases[] = {
		{ "", 0, 0, 10, "" },
		{ "one two three", 0, 0, 13, "one two three" },
		{ "one two three", 0, 0, 12, "one two\nthree" },
		{ "one two three", 4, 4, 12, "one two\n    three" },
		{ "one two three", 0, 0, WIDTH_ANY, "one two three" },
		/* The first line is full already. */
		{ "one two", 9, 2, 10, "\n  one two" },
		/* A long word stands alone, further to the left where that helps. */
		{ "a 0123456789 b", 0, 4, 10, "a\n0123456789\n    b" },
		{ "ab 01234567 b", 0, 4, 10, "ab\n  01234567\n    b" },
		{ "0123456789ab c", 0, 0, 10, "0123456789ab\nc" },
		/* Commands to type. */
		{ "see `kvmtune status -v` now", 0, 0, 20, "see\n`kvmtune status -v`\nnow" },
		{ "(`kvmtune undo`), or", 0, 0, 18, "(`kvmtune undo`),\nor" },
		{ "an ` odd one", 0, 0, 8, "an ` odd\none" },
		{ "Undo it:  kvmtune undo", 0, 0, 20, "Undo it:\nkvmtune undo" },
		{ "Undo it:  kvmtune undo", 0, 0, 30, "Undo it:  kvmtune undo" },
		{ "Longer:  kvmtune ept off --wait", 0, 0, 15, "Longer:\nkvmtune ept off\n--wait" },
		/* Alternatives: all on one line, or each on its own. */
		{ "A b:  c d        E f:  g h", 0, 0, 26, "A b:  c d        E f:  g h" },
		{ "A b:  c d        E f:  g h", 0, 0, 25, "A b:  c d\nE f:  g h" },
		/* A number and its unit. */
		{ "needs 64 MiB more", 0, 0, 10, "needs\n64 MiB\nmore" },
		{ "gained 6 %, once", 0, 0, 8, "gained\n6 %,\nonce" },
		{ "the 24 words", 0, 0, 7, "the 24\nwords" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct wrap_case *c = &cases[i];
		autobuf b = { 0 };

		buf_wrap(&b, c->text, c->column, c->indent, c->width);
		assert_string_equal(buf_text(&b), c->wanted);
	}
}

/* Whatever the text: all of it is there, and a line that is too long is one part. */
static void keeps_all(void **state)
{
	static const char *const parts[] = { "a",  "word", "/a/longer/path",	  "`a command`",
					     "12", "KiB",  "x:  kvmtune ept off", "%" };
	uint32_t random = 1;

	(void)state;
	for (int round = 0; round < 2000; round++) {
		size_t width = 6 + round % 20, indent = round % 5;
		autobuf text = { 0 }, got = { 0 }, joined = { 0 };
		char *rest, *line;

		for (int i = 0; i < 12; i++) {
			random = random * 1664525 + 1013904223;
			buf_join(&text, " ", parts[(random >> 16) % ARRAY_SIZE(parts)]);
		}
		buf_wrap(&got, text.data, 0, indent, width);
		rest = got.data;
		while ((line = strsep(&rest, "\n"))) {
			line += strspn(line, " ");
			if (strlen(line) > width)
				assert_int_equal(longest_part(line), strlen(line));
			buf_join(&joined, " ", line);
		}
		/* Blanks may have become the end of a line. */
		for (const char *a = text.data, *b = joined.data; *a || *b;) {
			a += strspn(a, " ");
			b += strspn(b, " ");
			assert_int_equal(*a, *b);
			a += *a != '\0';
			b += *b != '\0';
		}
	}
}

/* ---- colours ---- */

static char *printed(const struct style *style, const char *text)
{
	char *got = NULL;
	size_t size;
	FILE *out = open_memstream(&got, &size);

	assert_non_null(out);
	put_text(out, style, text);
	fclose(out);
	return got;
}

static void colors(void **state)
{
	const struct style plain = { 0 }, color = { .color = true };
	autobuf b = { 0 };

	(void)state;
	assert_int_equal(meaning_of("DIFFERS"), MEANS_BAD);
	assert_int_equal(meaning_of("no such word"), MEANS_NOTHING);
	buf_mark(&b, MEANS_NOTHING, "x ");
	buf_mark(&b, MEANS_GOOD, "two\n  lines");
	buf_mark(&b, MEANS_BAD, "");
	buf_puts(&b, " y");
	assert_int_equal(text_columns(b.data, SIZE_MAX), strlen("x two\n  lines y"));
	{
		autofree char *without = printed(&plain, b.data), *with = printed(&color, b.data);

		assert_string_equal(without, "x two\n  lines y");
		assert_string_equal(with, "x \033[32mtwo\033[0m\n  \033[32mlines\033[0m y");
	}
	/* Two meanings side by side, and one up to the end. */
	buf_reset(&b);
	buf_mark(&b, MEANS_GOOD, "a");
	buf_mark(&b, MEANS_LABEL, "b");
	{
		autofree char *with = printed(&color, b.data);

		assert_string_equal(with, "\033[32ma\033[0m\033[1mb\033[0m");
	}
}

/* A byte that would be a mark does not come from outside. */
static void no_foreign_marks(void **state)
{
	(void)state;
	for (int c = MARK_FIRST; c <= MARK_LAST; c++) {
		const char foreign[] = { 'a', (char)c, 'b', '\0' };
		autofree char *safe = safe_text(foreign, 10);

		for (const char *s = safe; *s; s++)
			assert_false(is_mark(*s));
	}
}

/* ---- tables ---- */

static void is_table(struct table *t, size_t width, bool color, const char *wanted)
{
	const struct style style = { .width = width, .color = color };
	char *got = NULL;
	size_t size;
	FILE *out = open_memstream(&got, &size);

	assert_non_null(out);
	table_print(t, out, &style, "  ");
	fclose(out);
	assert_string_equal(got, wanted);
	free(got);
}

static struct table *settings_table(void)
{
	struct table *t = table_new("N>", "NAME", "", "SOURCE", NULL);

	table_row(t, "1", "ept", "on, now and at the next load", "/etc/modprobe.d/kvm.conf:2");
	table_row(t, "12", "host", "a cell that nothing follows and that is quite long", "");
	return t;
}

static void tables(void **state)
{
	struct table *t = table_new("", "", "", NULL);

	(void)state;
	is_table(settings_table(), 100, false,
		 "   N  NAME                                SOURCE\n"
		 "   1  ept   on, now and at the next load  /etc/modprobe.d/kvm.conf:2\n"
		 "  12  host  a cell that nothing follows and that is quite long\n");
	/* Broken within a column, or below the row where that takes fewer lines. */
	is_table(settings_table(), 64, false,
		 "   N  NAME                            SOURCE\n"
		 "   1  ept   on, now and at the next   /etc/modprobe.d/kvm.conf:2\n"
		 "            load\n"
		 "  12  host  a cell that nothing follows and that is quite long\n");
	is_table(settings_table(), 50, false,
		 "   N  NAME\n"
		 "            SOURCE\n"
		 "   1  ept   on, now and at the next load\n"
		 "            /etc/modprobe.d/kvm.conf:2\n"
		 "  12  host  a cell that nothing follows and that\n"
		 "            is quite long\n");
	/* Columns that are empty in all rows take no place. */
	table_row(t, "a", "", "b");
	table_row(t, "c", NULL, "d");
	is_table(t, 60, false, "  a  b\n  c  d\n");
	/* A meaning goes over the end of a line, not into the next cell. */
	t = table_new("", "", NULL);
	table_row(t, "0123456789", "words that go on and on and on to the next line");
	table_mark(t, 0, MEANS_GOOD, 4);
	table_mark(t, 1, MEANS_BAD, 0);
	is_table(t, 40, true,
		 "  \033[32m0123\033[0m456789  \033[1;31mwords that go on and on\033[0m\n"
		 "              \033[1;31mand on to the next line\033[0m\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wraps),  cmocka_unit_test(keeps_all),
		cmocka_unit_test(colors), cmocka_unit_test(no_foreign_marks),
		cmocka_unit_test(tables),
	};

	return cmocka_run_group_tests_name("wrap", tests, NULL, NULL);
}
