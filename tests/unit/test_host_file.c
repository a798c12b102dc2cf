// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The host file: goals, options and errors with their lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/host_file.h>

static void read_text(struct host_file *f, const char *name, const char *text)
{
	host_file_add(f, name, text, strlen(text));
}

static void check_error(const char *text, const char *id, const char *expected)
{
	struct host_file f = { 0 };

	read_text(&f, "f", text);
	host_file_end(&f);
	assert_int_equal(f.error_count, 1);
	assert_int_equal(f.errors[0].status, STATUS_USAGE);
	assert_string_equal(f.errors[0].id, id);
	assert_string_equal(f.errors[0].text, expected);
	assert_true(f.errors[0].hint[0]);
	host_file_free(&f);
}

static void goals_have_their_lines(void **state)
{
	struct host_file f = { 0 };

	(void)state;
	read_text(&f, "a", "# ept = on\n\n ;\n  ept=off\r\n\tthp-defrag = defer+madvise \t\n");
	read_text(&f, "b", "nested =on");
	host_file_end(&f);
	assert_int_equal(f.error_count, 0);
	assert_int_equal(f.goal_count, 3);
	assert_ptr_equal(f.goals[0].setting, &settings[SETTING_EPT]);
	assert_string_equal(f.goals[0].value, "off");
	assert_string_equal(f.goals[0].file, "a");
	assert_int_equal(f.goals[0].line, 4);
	assert_string_equal(f.goals[1].value, "defer+madvise");
	assert_int_equal(f.goals[1].line, 5);
	assert_string_equal(f.goals[2].file, "b");
	assert_int_equal(f.goals[2].line, 1);
	assert_null(f.wait_at.file);
	host_file_free(&f);
}

static void every_setting_has_a_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		for (const char *const *v = settings[i].values; *v; v++) {
			autofree char *text = xasprintf("%s = %s\n", settings[i].name, *v);
			struct host_file f = { 0 };

			read_text(&f, "f", text);
			host_file_end(&f);
			assert_int_equal(f.error_count, 0);
			assert_string_equal(f.goals[0].value, *v);
			host_file_free(&f);
		}
	}
}

static void options_are_read(void **state)
{
	struct host_file f = { 0 };

	(void)state;
	read_text(&f, "f", "reserve = 2G\nwait = no\ndefer = yes\n");
	host_file_end(&f);
	assert_int_equal(f.error_count, 0);
	assert_true(f.reserve_bytes == 2ull << 30);
	assert_true(f.wait_ms == WAIT_NOT);
	assert_int_equal(f.defer, DEFER_ALL);
	assert_int_equal(f.defer_at.line, 3);
	host_file_free(&f);
	read_text(&f, "f", "wait = yes\ndefer = no\n");
	host_file_end(&f);
	assert_int_equal(f.error_count, 0);
	assert_true(f.wait_ms == WAIT_FOREVER);
	host_file_free(&f);
	read_text(&f, "f", "wait = 90s\n");
	host_file_end(&f);
	assert_true(f.wait_ms == 90000);
	host_file_free(&f);
}

static void errors_have_their_line(void **state)
{
	(void)state;
	check_error("ept\n", "host-file-syntax", "f:1: \"ept\" is not of the form NAME = VALUE");
	check_error("\n= on\n", "host-file-syntax",
		    "f:2: \"= on\" is not of the form NAME = VALUE");
	check_error("ept = On\n", "host-file-value", "f:1: ept takes on|off, not \"On\"");
	check_error("ept = off\nept = off\n", "host-file-twice",
		    "f:2: ept is set twice: f:1 sets it, too");
	check_error("npt = off\ntdp = off\n", "host-file-twice",
		    "f:2: tdp and npt (f:1) are the same on one kind of processor");
	check_error("wait = 1d\ndefer = yes\n", "host-file-value",
		    "f:2: defer and wait (f:1) exclude each other");
}

static void a_long_name_is_cut(void **state)
{
	autofree char *text = xcalloc(1, 70002);
	struct host_file f = { 0 };

	(void)state;
	memset(text, 'x', 70000);
	text[3] = '=';
	text[70000] = '\n';
	read_text(&f, "f", text);
	assert_string_equal(f.errors[0].id, "host-file-name");
	assert_true(strlen(f.errors[0].text) < 200);
	host_file_free(&f);
}

static void a_nul_byte_is_an_error(void **state)
{
	static const char text[] = "ept = off\nnested = off\0\nksm = off\n";
	struct host_file f = { 0 };

	(void)state;
	host_file_add(&f, "f", text, sizeof(text) - 1);
	assert_int_equal(f.error_count, 1);
	assert_string_equal(f.errors[0].text, "f:2: a NUL byte: this is not a text file");
	host_file_free(&f);
}

static void errors_have_an_end(void **state)
{
	struct host_file f = { 0 };

	(void)state;
	for (int i = 0; i < 100; i++)
		read_text(&f, "f", "x\n");
	assert_int_equal(f.error_count, HOST_FILE_ERRORS);
	assert_int_equal(f.more_errors, 100 - HOST_FILE_ERRORS);
	host_file_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(goals_have_their_lines),
		cmocka_unit_test(every_setting_has_a_name),
		cmocka_unit_test(options_are_read),
		cmocka_unit_test(errors_have_their_line),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(a_nul_byte_is_an_error),
		cmocka_unit_test(errors_have_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
