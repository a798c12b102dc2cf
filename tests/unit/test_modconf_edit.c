// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What modprobe.d would say with one file changed.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/modconf.h>

#define OWN   "/etc/modprobe.d/zz-kvmtune.conf"
#define LOWER "/usr/lib/modprobe.d/zz-kvmtune.conf"

/* Files in the order in which they are read; a text of NULL is the kernel command line. */
struct source {
	const char *path, *text;
};

struct edit_case {
	const char *name;
	struct source sources[4];
	const char *cmdline;
	const char *text; /* of OWN; NULL: not there */
	const char *result;
};

#define A                                                                                          \
	{                                                                                          \
		"/etc/modprobe.d/a.conf", "options m a=1\n"                                        \
	}
#define Z                                                                                          \
	{                                                                                          \
		"/etc/modprobe.d/zzz.conf", "options m z=1\n"                                      \
	}
#define O                                                                                          \
	{                                                                                          \
		OWN, "options m o=1\nblacklist b\n"                                                \
	}
#define L                                                                                          \
	{                                                                                          \
		LOWER, "options m l=1\n"                                                           \
	}

static const struct edit_case cases[] = {
	{ "into nothing", { { NULL, NULL } }, NULL, "options m n=1\n", "n=1" },
	{ "nothing into nothing", { { NULL, NULL } }, NULL, NULL, "" },
	{ "between", { A, Z }, NULL, "options m n=1\n", "a=1 n=1 z=1" },
	{ "in place", { A, O, Z }, NULL, "options m n=1\n", "a=1 n=1 z=1" },
	{ "away", { A, O, Z }, NULL, NULL, "a=1 z=1" },
	{ "the same", { A, O, Z }, NULL, "options m o=1\n", "a=1 o=1 z=1" },
	{ "at the end", { A }, NULL, "options m n=1\n", "a=1 n=1" },
	{ "at the beginning", { Z }, NULL, "options m n=1\n", "n=1 z=1" },
	{ "before the command line", { A }, "m.c=1", "options m n=1\n", "a=1 n=1 c=1" },
	{ "command line alone", { { NULL, NULL } }, "m.c=1", "options m n=1\n", "n=1 c=1" },
	{ "away before the command line", { O }, "m.c=1", NULL, "c=1" },
	{ "hides a lower one", { A, L, Z }, NULL, "options m n=1\n", "a=1 n=1 z=1" },
	{ "an empty one hides, too", { A, L, Z }, NULL, "", "a=1 z=1" },
	{ "not there hides nothing", { A, L, Z }, NULL, NULL, "a=1 l=1 z=1" },
};

static void make(const struct edit_case *c, struct modconf *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(c->sources) && c->sources[i].path; i++)
		modconf_add_file(ret, c->sources[i].path, c->sources[i].text,
				 strlen(c->sources[i].text));
	if (c->cmdline)
		modconf_add_cmdline(ret, c->cmdline);
}

static void edits(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct modconf conf = { 0 }, edited;
		autofree char *options = NULL;

		make(&cases[i], &conf);
		modconf_with_file(&conf, OWN, cases[i].text, &edited);
		options = modconf_options(&edited, "m");
		if (strcmp(options ? options : "", cases[i].result) != 0) {
			print_error("%s: \"%s\", not \"%s\"\n", cases[i].name,
				    options ? options : "", cases[i].result);
			wrong++;
		}
		modconf_free(&edited);
		modconf_free(&conf);
	}
	assert_int_equal(wrong, 0);
}

/* All that is not about the file comes over as it is: kind, file, line. */
static void the_rest_is_copied(void **state)
{
	static const char text[] = "# one\nblacklist x\ninstall m /bin/true\nsoftdep m pre: n\n"
				   "alias al m\nremove m /bin/false\n\noptions m \\\n a=1\n";
	struct modconf conf = { 0 }, edited;

	(void)state;
	modconf_add_file(&conf, "/etc/modprobe.d/a.conf", text, strlen(text));
	modconf_add_cmdline(&conf, "m.b=2 modprobe.blacklist=y");
	modconf_with_file(&conf, OWN, NULL, &edited);
	assert_int_equal(edited.count, conf.count);
	assert_int_equal(edited.count, 8);
	for (size_t i = 0; i < edited.count; i++) {
		assert_int_equal(edited.lines[i].kind, conf.lines[i].kind);
		assert_int_equal(edited.lines[i].line, conf.lines[i].line);
		assert_string_equal(edited.lines[i].file, conf.lines[i].file);
		assert_string_equal(edited.lines[i].module, conf.lines[i].module);
		assert_string_equal(edited.lines[i].value, conf.lines[i].value);
	}
	modconf_free(&edited);
	modconf_free(&conf);
}

static void winner_names_the_new_file(void **state)
{
	static const char *const text = "# head\noptions m p=0\n";
	struct modconf conf = { 0 }, edited;
	struct modconf_token t;

	(void)state;
	modconf_add_file(&conf, "/etc/modprobe.d/a.conf", "options m p=1\n", 14);
	modconf_with_file(&conf, OWN, text, &edited);
	assert_true(modconf_winner(&edited, "m", "p", &t));
	assert_string_equal(t.at->file, OWN);
	assert_int_equal(t.at->line, 2);
	assert_string_equal(t.value, "0");
	modconf_free(&edited);
	modconf_free(&conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edits),
		cmocka_unit_test(the_rest_is_copied),
		cmocka_unit_test(winner_names_the_new_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
