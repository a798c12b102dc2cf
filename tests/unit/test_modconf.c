// SPDX-License-Identifier: GPL-2.0-or-later
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <kvmtune/modconf.h>

#include <stdio.h>
#include <string.h>

#define FILE_A "/etc/modprobe.d/a.conf"

static void free_conf(struct modconf *c)
{
	modconf_free(c);
}
#define autoconf __attribute__((cleanup(free_conf))) struct modconf

static void add_text(struct modconf *c, const char *path, const char *text)
{
	modconf_add_file(c, path, text, strlen(text));
}

static const char *kind_name(enum modconf_kind kind)
{
	static const char *const names[] = {
		[MODCONF_OPTIONS] = "options",	   [MODCONF_ALIAS] = "alias",
		[MODCONF_BLACKLIST] = "blacklist", [MODCONF_INSTALL] = "install",
		[MODCONF_REMOVE] = "remove",	   [MODCONF_SOFTDEP] = "softdep",
	};

	return names[kind];
}

/* All lines as one text: "LINE:KIND MODULE=VALUE;", so that a table can hold them. */
static char *describe(const struct modconf *c)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < c->count; i++)
		buf_printf(&b, "%u:%s %s=%s;", c->lines[i].line, kind_name(c->lines[i].kind),
			   c->lines[i].module, c->lines[i].value);
	return buf_steal(&b);
}

/* Which files. */

static void test_dirs_highest_first(void **state)
{
	static const char *const expected[] = { "/etc/modprobe.d", "/run/modprobe.d",
						"/usr/local/lib/modprobe.d", "/usr/lib/modprobe.d",
						"/lib/modprobe.d" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		assert_string_equal(modconf_dirs[i], expected[i]);
	assert_null(modconf_dirs[ARRAY_SIZE(expected)]);
}

static void test_config_names(void **state)
{
	static const struct {
		const char *name;
		bool taken;
	} cases[] = {
		{ "kvm.conf", true },
		{ "a.conf", true },
		{ "x.alias", true },
		{ "a.b.conf", true },
		{ "two words.conf", true },
		{ "-.conf", true },
		{ "kvm.conf~", false },
		{ "kvm.conf.bak", false },
		{ "kvm.CONF", false },
		{ "kvm.conf.dpkg-new", false },
		{ "kvmconf", false },
		{ "kvm", false },
		{ ".kvm.conf", false },
		{ ".conf", false },
		{ ".alias", false },
		{ ".", false },
		{ "", false },
		{ "conf", false },
		{ "modules.softdep", false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (modconf_is_config_name(cases[i].name) != cases[i].taken)
			fail_msg("%s", cases[i].name);
}

/* Names are written "DIR/NAME", one digit for the directory. */
static void check_select(const char *const *in, const char *const *out)
{
	struct modconf_name names[8];
	char copies[8][32];
	size_t n = 0, kept;

	for (; in[n]; n++) {
		snprintf(copies[n], sizeof(copies[n]), "%s", in[n] + 2);
		names[n] = (struct modconf_name){ (size_t)(in[n][0] - '0'), copies[n] };
	}
	kept = modconf_select(names, n);
	for (size_t i = 0; i < kept; i++) {
		assert_non_null(out[i]);
		assert_string_equal(names[i].name, out[i] + 2);
		assert_int_equal(names[i].dir, out[i][0] - '0');
	}
	assert_null(out[kept]);
}

static void test_select(void **state)
{
	static const struct {
		const char *in[8], *out[8];
	} cases[] = {
		{ { NULL }, { NULL } },
		{ { "0/a.conf" }, { "0/a.conf" } },
		/* By name whatever the directory. */
		{ { "0/zz.conf", "4/50.conf", "1/99.conf" },
		  { "4/50.conf", "1/99.conf", "0/zz.conf" } },
		/* Capital letters come before small ones, digits before both. */
		{ { "0/a.conf", "0/B.conf", "0/9.conf" }, { "0/9.conf", "0/B.conf", "0/a.conf" } },
		/* "kvm-intel.conf" before "kvm.conf" before "kvm_intel.conf". */
		{ { "0/kvm_intel.conf", "0/kvm.conf", "0/kvm-intel.conf" },
		  { "0/kvm-intel.conf", "0/kvm.conf", "0/kvm_intel.conf" } },
		/* The higher directory hides the name in the lower ones. */
		{ { "4/kvm.conf", "1/kvm.conf", "3/kvm.conf" }, { "1/kvm.conf" } },
		{ { "0/a.conf", "1/a.conf", "0/b.conf", "4/b.conf", "4/c.conf" },
		  { "0/a.conf", "0/b.conf", "4/c.conf" } },
		/* /lib and /usr/lib may be one directory: nothing is read twice. */
		{ { "3/x.alias", "4/x.alias", "3/y.conf", "4/y.conf" },
		  { "3/x.alias", "3/y.conf" } },
		/* .alias and .conf are different names. */
		{ { "0/x.conf", "4/x.alias" }, { "4/x.alias", "0/x.conf" } },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_select(cases[i].in, cases[i].out);
}

static void test_select_moves_hidden_behind(void **state)
{
	char name[] = "kvm.conf", other[] = "zz.conf";
	struct modconf_name names[] = { { 4, name }, { 0, other }, { 1, name }, { 2, name } };
	size_t dirs = 0;

	(void)state;
	assert_int_equal(modconf_select(names, 4), 2);
	assert_int_equal(names[0].dir, 1);
	assert_int_equal(names[1].dir, 0);
	/* None is lost: the caller frees them all. */
	for (size_t i = 0; i < 4; i++)
		dirs |= (size_t)1 << names[i].dir;
	assert_int_equal(dirs, 0x17);
	assert_ptr_equal(names[2].name, name);
	assert_ptr_equal(names[3].name, name);
}

/* Lines. */

struct line_case {
	const char *text, *lines;
};

static void check_file_lines(const struct line_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		autoconf c = { 0 };
		autofree char *lines = NULL;

		add_text(&c, FILE_A, cases[i].text);
		lines = describe(&c);
		assert_string_equal(lines, cases[i].lines);
	}
}

static void check_cmdline_lines(const struct line_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		autoconf c = { 0 };
		autofree char *lines = NULL;

		modconf_add_cmdline(&c, cases[i].text);
		lines = describe(&c);
		assert_string_equal(lines, cases[i].lines);
	}
}

static void test_directives(void **state)
{
	static const struct line_case cases[] = {
		{ "", "" },
		{ "\n\n \t\n", "" },
		/* Each directive. */
		{ "options kvm_intel ept=0\n", "1:options kvm_intel=ept=0;" },
		{ "alias my-kvm kvm-intel\n", "1:alias my_kvm=kvm_intel;" },
		{ "blacklist kvm-intel\n", "1:blacklist kvm_intel=;" },
		{ "install kvm-intel /bin/my-true --x\n", "1:install kvm_intel=/bin/my-true --x;" },
		{ "remove kvm-intel /bin/false\n", "1:remove kvm_intel=/bin/false;" },
		{ "softdep kvm-intel pre: a-b post: c\n", "1:softdep kvm_intel=pre: a-b post: c;" },
		/* What is no directive. */
		{ "include /etc/other\nconfig x\nOptions a b\noption a b\nweakdep a b\n", "" },
		/* Directives that lack something; a blank behind the module is no value. */
		{ "options\noptions \noptions kvm\noptions kvm \n", "" },
		{ "install kvm\nremove kvm\nsoftdep kvm\nblacklist\nalias\nalias a\n", "" },
		/* Words too many. */
		{ "blacklist a b\nalias a b c\n", "1:blacklist a=;2:alias a=b;" },
		/* Line numbers count what is passed over. */
		{ "# one\n\noptions a x\njunk\nblacklist b\n", "3:options a=x;5:blacklist b=;" },
		/* Comments begin in the first column; elsewhere '#' is a letter. */
		{ "#options a x\n # options a x\noptions a # x\n#", "3:options a=# x;" },
		/* No newline at the end. */
		{ "options a x", "1:options a=x;" },
	};

	(void)state;
	check_file_lines(cases, ARRAY_SIZE(cases));
}

static void test_bytes_within_lines(void **state)
{
	static const struct line_case cases[] = {
		/* Blanks and tabs; one of them parts module and value, more belong to the value. */
		{ " \toptions\t \tkvm-amd x\ty \n", "1:options kvm_amd=x y ;" },
		{ "options a  x\n", "1:options a= x;" },
		{ "options a  \n", "1:options a= ;" },
		{ "install a\t\tx\ty\n", "1:install a=\tx\ty;" },
		{ "softdep a \tpre:\tb\n", "1:softdep a=\tpre:\tb;" },
		/* Vertical tab and form feed are letters. */
		{ "options\va x\noptions a\fb x\n", "2:options a\fb=x;" },
		/* CRLF: the carriage return stays, and an empty line with one is nothing. */
		{ "options a x=0\r\n\r\nblacklist b\r\n", "1:options a=x=0\r;3:blacklist b\r=;" },
		{ "options a\r\n", "" },
		{ "options a \r\n", "1:options a=\r;" },
		/* Dashes in the value and in parameter names stay. */
		{ "options kvm-intel e-pt=a-b\n", "1:options kvm_intel=e-pt=a-b;" },
		/* Brackets keep their dashes, and must match. */
		{ "blacklist a-[b-c]-d\n", "1:blacklist a_[b-c]_d=;" },
		{ "blacklist a-[]-b\n", "1:blacklist a_[]_b=;" },
		{ "blacklist a[b\nblacklist a]b\nalias a b[\nalias [ b\noptions ] x\n", "" },
		/* Quotes mean nothing to libkmod. */
		{ "options \"a b\" x=\"1 2\"\n", "1:options \"a=b\" x=\"1 2\";" },
	};

	(void)state;
	check_file_lines(cases, ARRAY_SIZE(cases));
}

static void test_continuations(void **state)
{
	static const struct line_case cases[] = {
		{ "options a \\\nx=1 \\\n y=2\nblacklist b\n",
		  "1:options a=x=1  y=2;4:blacklist b=;" },
		/* Nothing is put in the place of the line's end. */
		{ "opt\\\nions a x\\\ny\n", "1:options a=xy;" },
		/* A comment goes on, too: the ept below is part of it. */
		{ "# see\\\noptions kvm_intel ept=0\nblacklist b\n", "3:blacklist b=;" },
		/* Only directly before the newline. */
		{ "options a x\\ \noptions a y\\\r\nz\n", "1:options a=x ;2:options a=y\r;" },
		/* Elsewhere the backslash goes, the byte behind it stays. */
		{ "options a \\x\\\\\\\"y\n", "1:options a=x\\\"y;" },
		{ "options a x\\\\\nblacklist b\n", "1:options a=x\\;2:blacklist b=;" },
		{ "\\#options a x\n\\options b x\n", "2:options b=x;" },
		/* Up to the end of the file. */
		{ "options a x\\\n", "1:options a=x;" },
		{ "options a x\\\n\\\n\\\n", "1:options a=x;" },
		{ "options a x\n\\\n", "1:options a=x;" },
		/* A backslash as the last byte: libkmod 30 keeps it as 0xff. */
		{ "options a x\\", "1:options a=x\xff;" },
		{ "options a \\", "1:options a=\xff;" },
		{ "\\", "" },
		/* Lines begin where their first piece does. */
		{ "\\\n\\\noptions a x\n\nblacklist b", "1:options a=x;5:blacklist b=;" },
	};

	(void)state;
	check_file_lines(cases, ARRAY_SIZE(cases));
}

#define WITH_LEN(text) text, sizeof(text) - 1

static void test_nul_hides_the_rest_of_its_line(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *lines;
	} cases[] = {
		{ WITH_LEN("options a x\0y\nblacklist b\n"), "1:options a=x;2:blacklist b=;" },
		{ WITH_LEN("\0options a x\nblacklist b\n"), "2:blacklist b=;" },
		{ WITH_LEN("opt\0ions a x\nblacklist b\0c\n"), "2:blacklist b=;" },
		{ WITH_LEN("options a \0x\n"), "" },
		/* The hidden part is still read for its backslashes. */
		{ WITH_LEN("options a x\0\\\ny\nblacklist b\n"), "1:options a=x;3:blacklist b=;" },
		{ WITH_LEN("blacklist b\0"), "1:blacklist b=;" },
		{ WITH_LEN("\0"), "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autoconf c = { 0 };
		autofree char *lines = NULL;

		modconf_add_file(&c, FILE_A, cases[i].text, cases[i].len);
		lines = describe(&c);
		assert_string_equal(lines, cases[i].lines);
	}
}

static void test_long_line(void **state)
{
	autoconf c = { 0 };
	autobuf text = { 0 };

	(void)state;
	buf_printf(&text, "options kvm_intel x=%0100000d ept=0\n", 0);
	modconf_add_file(&c, FILE_A, text.data, text.len);
	assert_int_equal(c.count, 1);
	assert_int_equal(strlen(c.lines[0].value), 100000 + strlen("x= ept=0"));
}

static void test_lines_know_their_file(void **state)
{
	autoconf c = { 0 };

	(void)state;
	add_text(&c, FILE_A, "options a x\n");
	add_text(&c, "/lib/modprobe.d/b.conf", "\noptions a y\n");
	modconf_add_cmdline(&c, "a.z=1");
	assert_int_equal(c.count, 3);
	assert_string_equal(c.lines[0].file, FILE_A);
	assert_string_equal(c.lines[1].file, "/lib/modprobe.d/b.conf");
	assert_int_equal(c.lines[1].line, 2);
	assert_string_equal(c.lines[2].file, MODCONF_CMDLINE);
	assert_int_equal(c.lines[2].line, 0);
}

/* The kernel command line. */

static void test_cmdline_words(void **state)
{
	static const struct line_case cases[] = {
		{ "", "" },
		{ "quiet root=/dev/vg.a/x splash\n", "" },
		{ "kvm_intel.ept=0", "0:options kvm_intel=ept=0;" },
		{ "quiet kvm-intel.ept=0\n", "0:options kvm_intel=ept=0;" },
		{ "kvm_intel.ept", "0:options kvm_intel=ept;" },
		{ "a.x=1 \t\n\v\f\rb.y=2", "0:options a=x=1;0:options b=y=2;" },
		/* The parameter's name keeps its dashes. */
		{ "a.b-c=d-e", "0:options a=b-c=d-e;" },
		/* No module: a dot behind '=' only, or two of them before it. */
		{ "x=a.b=c a.b.c=1 a..b=1", "" },
		{ "a.x=b.c=d", "0:options a=x=b.c=d;" },
		/* Empty parts. */
		{ ".x=1 a. b.=1", "0:options =x=1;0:options a=;0:options b==1;" },
		/* Brackets must match here, too. */
		{ "a[.x=1 a].x=1 a-[b-c].x=1", "0:options a_[b-c]=x=1;" },
	};

	(void)state;
	check_cmdline_lines(cases, ARRAY_SIZE(cases));
}

static void test_cmdline_quotes(void **state)
{
	static const struct line_case cases[] = {
		/* Quotes around the value may hold white space; a tab becomes a blank. */
		{ "a.x=\"1 2\" b.y=1", "0:options a=x=\"1 2\";0:options b=y=1;" },
		{ "a.x=\"1\t2\"3", "0:options a=x=\"1 2\"3;" },
		/* Around the whole word, they move to the value. */
		{ "\"a-b.x=1 2\" c.y=1", "0:options a_b=x=\"1 2\";0:options c=y=1;" },
		{ "\"a.x=1\"2", "0:options a=x=\"1\"2;" },
		{ "\"a.x=\"", "0:options a=x=\"\";" },
		/* Around or within the name they spoil the word. */
		{ "\"a.x\" \"a\".x=1 a\".x=1\" a.\"x\"=1 a.x\"y\"=1 \"\"a.x=1", "" },
		{ "\" a.x=1\" \"a .x=1\" \"a.x =1\"", "" },
		/* A quote that never closes swallows the rest. */
		{ "a.x=1 b.x=\"2 c.x=3", "0:options a=x=1;" },
		{ "\"b.x=2 c.x=3", "" },
	};

	(void)state;
	check_cmdline_lines(cases, ARRAY_SIZE(cases));
}

static void test_cmdline_blacklist(void **state)
{
	static const struct line_case cases[] = {
		/* The names keep their dashes and so match nothing. */
		{ "modprobe.blacklist=kvm_intel,kvm-amd",
		  "0:blacklist kvm_intel=;0:blacklist kvm-amd=;" },
		{ "modprobe.blacklist=a,,b,",
		  "0:blacklist a=;0:blacklist =;0:blacklist b=;0:blacklist =;" },
		{ "modprobe.blacklist=", "0:blacklist =;" },
		{ "\"modprobe.blacklist=a,b\"", "0:blacklist \"a=;0:blacklist b\"=;" },
		{ "modprobe.blacklist modprobe.x=1",
		  "0:options modprobe=blacklist;0:options modprobe=x=1;" },
	};

	(void)state;
	check_cmdline_lines(cases, ARRAY_SIZE(cases));
}

static void check_cmdline_behind(int filler, const char *text, const char *expected)
{
	autoconf c = { 0 };
	autobuf b = { 0 };
	autofree char *lines = NULL;

	buf_printf(&b, "%0*d %s", filler - 1, 0, text);
	modconf_add_cmdline(&c, buf_text(&b));
	lines = describe(&c);
	assert_string_equal(lines, expected);
}

/* Byte 4096 and those behind it do not exist to libkmod, to the letter. */
static void test_cmdline_limit(void **state)
{
	(void)state;
	check_cmdline_behind(4095 - 15, "kvm_intel.ept=0", "0:options kvm_intel=ept=0;");
	check_cmdline_behind(4095 - 15, "kvm_intel.ept=01", "0:options kvm_intel=ept=0;");
	check_cmdline_behind(4095 - 14, "kvm_intel.ept=0", "0:options kvm_intel=ept=;");
	check_cmdline_behind(4095 - 12, "kvm_intel.ept=0", "0:options kvm_intel=ep;");
	check_cmdline_behind(4095 - 9, "kvm_intel.ept=0", "");
	check_cmdline_behind(4095, "kvm_intel.ept=0", "");
	check_cmdline_behind(4095 - 8, "a.x=\"12\"", "0:options a=x=\"12\";");
	check_cmdline_behind(4095 - 7, "a.x=\"12\"", "");
}

/* Options and precedence. */

static void test_options_joined(void **state)
{
	static const struct {
		const char *file, *cmdline, *module, *options;
	} cases[] = {
		{ "", "", "kvm_intel", NULL },
		{ "options kvm x\n", "", "kvm_intel", NULL },
		{ "options kvm_intel a=1\noptions kvm-intel b=2\n", "", "kvm-intel", "a=1 b=2" },
		{ "options kvm_intel a=1\n", "kvm-intel.a=2", "kvm_intel", "a=1 a=2" },
		/* Blanks stay; an empty option joins nothing. */
		{ "options kvm_intel  a \n", "kvm_intel. kvm_intel.b", "kvm_intel", " a  b" },
		{ "", "kvm_intel.", "kvm_intel", NULL },
		/* Names end at a dot where they are looked up, not where they are written. */
		{ "options kvm_intel a\n", "", "kvm-intel.ko", "a" },
		{ "options kvm_intel.ko a\n", "", "kvm_intel.ko", NULL },
		/* No patterns, no other case. */
		{ "options kvm* a\noptions KVM_INTEL a\noptions * a\n", "", "kvm_intel", NULL },
		/* Carriage returns are part of the text. */
		{ "options kvm_intel ept=0\r\noptions kvm_intel x\r\n", "", "kvm_intel",
		  "ept=0\r x\r" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autoconf c = { 0 };
		autofree char *options = NULL;

		add_text(&c, FILE_A, cases[i].file);
		modconf_add_cmdline(&c, cases[i].cmdline);
		options = modconf_options(&c, cases[i].module);
		assert_string_equal(options ? options : "NULL",
				    cases[i].options ? cases[i].options : "NULL");
	}
}

static bool note_token(const struct modconf_token *t, void *arg)
{
	buf_printf(arg, "%u:%s%s%s;", t->at->line, t->param, t->has_value ? "=" : "", t->value);
	return true;
}

struct word_case {
	const char *options, *tokens;
};

static void check_words(const struct word_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		autoconf c = { 0 };
		autobuf line = { 0 }, tokens = { 0 };

		buf_printf(&line, "options kvm_intel %s\n", cases[i].options);
		add_text(&c, FILE_A, buf_text(&line));
		modconf_each_option(&c, "kvm-intel", note_token, &tokens);
		assert_string_equal(buf_text(&tokens), cases[i].tokens);
	}
}

static void test_words_of_the_kernel(void **state)
{
	static const struct word_case cases[] = {
		{ "ept=0", "1:ept=0;" },
		{ "ept", "1:ept;" },
		{ "ept=", "1:ept=;" },
		{ "ept=0 nested=1\vx\fy\rz", "1:ept=0;1:nested=1;1:x;1:y;1:z;" },
		{ "  ept=0  ", "1:ept=0;" },
		{ " ", "" },
		/* CRLF: to the kernel the carriage return is white space. */
		{ "ept=0\r", "1:ept=0;" },
		/* So is the no-break space of Latin-1. */
		{ "ept=0\xa0x", "1:ept=0;1:x;" },
		/* Dashes of the name, not of the value. */
		{ "e-p-t=a-b", "1:e_p_t=a-b;" },
		/* '=' in the first place is a letter. */
		{ "=", "1:=;" },
		{ "=x", "1:=x;" },
		{ "=x=y", "1:=x=y;" },
		{ "x==y=z", "1:x==y=z;" },
		/* "--" ends them, but not with a value or a letter more. */
		{ "a -- ept=0", "1:a;" },
		{ "\"--\" ept=0", "" },
		{ "--=1 --x ept=0", "1:__=1;1:__x;1:ept=0;" },
	};

	(void)state;
	check_words(cases, ARRAY_SIZE(cases));
}

static void test_quotes_of_the_kernel(void **state)
{
	static const struct word_case cases[] = {
		/* Around the value or the whole word. */
		{ "ept=\"0\"", "1:ept=0;" },
		{ "\"ept=0\"", "1:ept=0;" },
		{ "\"ept\"", "1:ept;" },
		{ "x=\"a b\" y", "1:x=a b;1:y;" },
		{ "\"x=a b\" y", "1:x=a b;1:y;" },
		{ "x=\"a\"b", "1:x=a\"b;" },
		{ "x=a\"b c\" y", "1:x=a\"b c\";1:y;" },
		{ "x=\"\"", "1:x=;" },
		{ "x=\"", "1:x=;" },
		{ "\"x=\"", "1:x=;" },
		{ "\"x=\"a\"\"", "1:x=a\";" },
		{ "\"", "1:;" },
		{ "\"\"", "1:;" },
		{ "\"ept\"=0", "1:ept\"=0;" },
		{ "x=\"a y=b", "1:x=a y=b;" },
	};

	(void)state;
	check_words(cases, ARRAY_SIZE(cases));
}

static void test_tokens_know_their_line(void **state)
{
	static const struct {
		const char *text, *tokens;
	} cases[] = {
		{ "options m a b\noptions n c\noptions m d=1\n", "1:a;1:b;3:d=1;0:z=1;" },
		{ "options m  \noptions m a \\\n b\noptions m c\n", "2:a;2:b;4:c;0:z=1;" },
		/* A quote left open swallows what other lines say. */
		{ "options m a b=\"c\noptions m ept=0\n", "1:a;1:b=c ept=0 z=1;" },
		{ "options m a b=\"c\noptions m d\" e\n", "1:a;1:b=c d;2:e;0:z=1;" },
		/* "--" in one line ends them all. */
		{ "options m a --\noptions m ept=0\n", "1:a;" },
		{ "", "0:z=1;" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autoconf c = { 0 };
		autobuf tokens = { 0 };

		add_text(&c, FILE_A, cases[i].text);
		modconf_add_cmdline(&c, "m. m.z=1 m.");
		modconf_each_option(&c, "m", note_token, &tokens);
		assert_string_equal(buf_text(&tokens), cases[i].tokens);
	}
}

static bool stop_at_second(const struct modconf_token *t, void *arg)
{
	unsigned *calls = arg;

	(void)t;
	return ++*calls < 2;
}

static void test_each_option_stops(void **state)
{
	autoconf c = { 0 };
	unsigned calls = 0;

	(void)state;
	add_text(&c, FILE_A, "options m a b c\n");
	modconf_each_option(&c, "m", stop_at_second, &calls);
	assert_int_equal(calls, 2);
	modconf_each_option(&c, "n", stop_at_second, &calls);
	assert_int_equal(calls, 2);
}

static void test_long_words_cut(void **state)
{
	autoconf c = { 0 };
	autobuf text = { 0 };
	struct modconf_token t;
	char param[64];

	(void)state;
	snprintf(param, sizeof(param), "%063d", 0);
	buf_printf(&text, "options m %0100d=%0500d ept=0\n", 0, 0);
	add_text(&c, FILE_A, buf_text(&text));
	assert_true(modconf_winner(&c, "m", param, &t));
	assert_int_equal(strlen(t.param), sizeof(t.param) - 1);
	assert_int_equal(strlen(t.value), sizeof(t.value) - 1);
	assert_true(modconf_winner(&c, "m", "ept", &t));
	assert_string_equal(t.value, "0");
}

static void test_winner(void **state)
{
	static const struct {
		const char *file, *cmdline, *param, *winner;
	} cases[] = {
		{ "", "", "ept", NULL },
		{ "options kvm_intel nested=1\n", "", "ept", NULL },
		{ "options kvm_intel ept=0\n", "", "ept", "1:ept=0;" },
		{ "options kvm_intel ept=0 ept=1\n", "", "ept", "1:ept=1;" },
		{ "options kvm_intel ept=0\noptions kvm-intel ept\n", "", "ept", "2:ept;" },
		{ "options kvm_intel ept=0\noptions kvm ept=1\n", "", "ept", "1:ept=0;" },
		{ "options kvm_intel ept=0\n", "kvm-intel.ept=1 kvm.ept=0", "ept", "0:ept=1;" },
		{ "options kvm_intel ept=0\n", "\"kvm_intel.ept=1\"", "ept", "0:ept=1;" },
		{ "options kvm_intel eptad=0 xept=1\n", "", "ept", NULL },
		{ "options kvm_intel a-b=0\n", "", "a_b", "1:a_b=0;" },
		{ "options kvm_intel a_b=0\n", "", "a-b", "1:a_b=0;" },
		{ "# \\\noptions kvm_intel ept=0\n", "", "ept", NULL },
		/* Options of an alias are not the module's. */
		{ "alias foo kvm_intel\noptions foo ept=0\n", "", "ept", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autoconf c = { 0 };
		autobuf winner = { 0 };
		struct modconf_token t;

		add_text(&c, FILE_A, cases[i].file);
		modconf_add_cmdline(&c, cases[i].cmdline);
		assert_int_equal(modconf_winner(&c, "kvm_intel", cases[i].param, &t),
				 cases[i].winner != NULL);
		if (cases[i].winner)
			note_token(&t, &winner);
		assert_string_equal(buf_text(&winner), cases[i].winner ? cases[i].winner : "");
	}
}

static void test_winner_leaves_ret_alone(void **state)
{
	struct modconf_token t = { .param = "before" };
	autoconf c = { 0 };

	(void)state;
	add_text(&c, FILE_A, "options kvm_intel nested=1\n");
	assert_false(modconf_winner(&c, "kvm_intel", "ept", &t));
	assert_string_equal(t.param, "before");
}

/* zz-kvmtune.conf is read behind the digits, wherever they are: it must win. */
static void test_last_file_wins(void **state)
{
	char late[] = "zz-kvmtune.conf", early[] = "99-other.conf";
	struct modconf_name names[] = { { 0, late }, { 4, early } };
	struct modconf_token t;
	autoconf c = { 0 };

	(void)state;
	assert_int_equal(modconf_select(names, 2), 2);
	for (size_t i = 0; i < 2; i++)
		add_text(&c, names[i].name,
			 names[i].dir ? "options kvm_intel ept=1\n" : "options kvm_intel ept=0\n");
	assert_true(modconf_winner(&c, "kvm_intel", "ept", &t));
	assert_string_equal(t.value, "0");
	assert_string_equal(t.at->file, late);
}

/* An empty file, or a link to /dev/null, in a higher directory silences the one below. */
static void test_masked_by_empty_file(void **state)
{
	char name[] = "kvm.conf";
	struct modconf_name names[] = { { 4, name }, { 1, name } };
	static const char *const texts[] = { [1] = "", [4] = "options kvm_intel ept=0\n" };
	autoconf c = { 0 };
	size_t kept = modconf_select(names, 2);

	(void)state;
	for (size_t i = 0; i < kept; i++)
		add_text(&c, names[i].name, texts[names[i].dir]);
	assert_null(modconf_options(&c, "kvm_intel"));
}

/* Other kinds. */

static void test_find(void **state)
{
	static const struct {
		enum modconf_kind kind;
		const char *module;
		unsigned line; /* 0: none */
	} cases[] = {
		{ MODCONF_OPTIONS, "kvm-intel", 1 },   { MODCONF_OPTIONS, "kvm", 0 },
		{ MODCONF_INSTALL, "kvm_intel", 3 },   { MODCONF_INSTALL, "kvm_amd", 4 },
		{ MODCONF_INSTALL, "kvm-amd.ko", 4 },  { MODCONF_INSTALL, "loop", 0 },
		{ MODCONF_REMOVE, "kvm_intel", 5 },    { MODCONF_REMOVE, "kvm_amd", 0 },
		{ MODCONF_BLACKLIST, "kvm-intel", 6 }, { MODCONF_BLACKLIST, "kvm_amd", 0 },
		{ MODCONF_SOFTDEP, "kvm_intel", 8 },   { MODCONF_SOFTDEP, "kvm", 0 },
		{ MODCONF_ALIAS, "my-kvm", 9 },	       { MODCONF_ALIAS, "cpu:x.1", 10 },
		{ MODCONF_ALIAS, "kvm_intel", 0 },
	};
	autoconf c = { 0 };

	(void)state;
	add_text(&c, FILE_A,
		 "options kvm_intel ept=0\n"
		 "options kvm_intel ept=1\n"
		 "install kvm-intel /bin/true\n"
		 "install kvm[_-]* /bin/false\n"
		 "remove kvm_intel /bin/true\n"
		 "blacklist kvm-intel\n"
		 "blacklist kvm_a*\n"
		 "softdep kvm_i?tel pre: x\n"
		 "alias my_kvm kvm_intel\n"
		 "alias cpu:* kvm_intel\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct modconf_line *l = modconf_find(&c, cases[i].kind, cases[i].module);

		if ((l ? l->line : 0) != cases[i].line)
			fail_msg("%s %s: line %u, not %u", kind_name(cases[i].kind),
				 cases[i].module, l ? l->line : 0, cases[i].line);
	}
}

/* To libkmod, modprobe.blacklist=kvm-intel speaks of no module. */
static void test_cmdline_blacklist_with_dash(void **state)
{
	autoconf c = { 0 };

	(void)state;
	modconf_add_cmdline(&c, "modprobe.blacklist=kvm-intel,kvm_amd");
	assert_null(modconf_find(&c, MODCONF_BLACKLIST, "kvm_intel"));
	assert_null(modconf_find(&c, MODCONF_BLACKLIST, "kvm-intel"));
	assert_non_null(modconf_find(&c, MODCONF_BLACKLIST, "kvm-amd"));
}

static void test_is_alias(void **state)
{
	static const struct {
		const char *name, *module;
		bool is;
	} cases[] = {
		{ "my-kvm", "kvm-intel", true },    { "my_kvm", "kvm_intel", true },
		{ "my-kvm", "kvm", false },	    { "your-kvm", "kvm", true },
		{ "kvm_intel", "my_kvm", false },   { "kvm_intel", "kvm_intel", false },
		{ "pattern*", "kvm_intel", false }, { "patterns", "kvm_intel", false },
		{ "a[b]", "kvm_intel", false },	    { "what?", "kvm_intel", false },
		{ "d.o.t", "kvm_intel", true },	    { "nothing", "kvm_intel", false },
	};
	autoconf c = { 0 };

	(void)state;
	add_text(&c, FILE_A,
		 "alias my-kvm kvm-intel\n"
		 "alias your_kvm loop\n"
		 "alias your_kvm kvm\n"
		 "alias pattern* kvm_intel\n"
		 "alias a[b] kvm_intel\n"
		 "alias what? kvm_intel\n"
		 "alias d.o.t kvm_intel\n"
		 "options nothing kvm_intel\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (modconf_is_alias(&c, cases[i].name, cases[i].module) != cases[i].is)
			fail_msg("%s of %s", cases[i].name, cases[i].module);
}

static void test_free_empties(void **state)
{
	struct modconf c = { 0 };

	(void)state;
	modconf_free(&c);
	add_text(&c, FILE_A, "options a x\n");
	modconf_free(&c);
	assert_null(c.lines);
	assert_int_equal(c.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dirs_highest_first),
		cmocka_unit_test(test_config_names),
		cmocka_unit_test(test_select),
		cmocka_unit_test(test_select_moves_hidden_behind),
		cmocka_unit_test(test_directives),
		cmocka_unit_test(test_bytes_within_lines),
		cmocka_unit_test(test_continuations),
		cmocka_unit_test(test_nul_hides_the_rest_of_its_line),
		cmocka_unit_test(test_long_line),
		cmocka_unit_test(test_lines_know_their_file),
		cmocka_unit_test(test_cmdline_words),
		cmocka_unit_test(test_cmdline_quotes),
		cmocka_unit_test(test_cmdline_blacklist),
		cmocka_unit_test(test_cmdline_limit),
		cmocka_unit_test(test_options_joined),
		cmocka_unit_test(test_words_of_the_kernel),
		cmocka_unit_test(test_quotes_of_the_kernel),
		cmocka_unit_test(test_tokens_know_their_line),
		cmocka_unit_test(test_each_option_stops),
		cmocka_unit_test(test_long_words_cut),
		cmocka_unit_test(test_winner),
		cmocka_unit_test(test_winner_leaves_ret_alone),
		cmocka_unit_test(test_last_file_wins),
		cmocka_unit_test(test_masked_by_empty_file),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_cmdline_blacklist_with_dash),
		cmocka_unit_test(test_is_alias),
		cmocka_unit_test(test_free_empties),
	};

	return cmocka_run_group_tests_name("modconf", tests, NULL, NULL);
}
