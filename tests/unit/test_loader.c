// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the boot loader's files say of the next kernel command line.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <kvmtune/loader.h>
#include <string.h>

/* "on /f:3", "off /f:3 some", "? /f:3", "-": what all entries say of kvm_intel's ept. */
static char *said(const struct loader *l)
{
	struct loader_says s;

	loader_say(l, "kvm_intel", "ept", &s);
	if (!s.any)
		return xstrdup(s.unclear ? "- unclear" : "-");
	return xasprintf("%s %s:%u%s%s",
			 !s.same || s.value == UNKNOWN ? "?"
			 : s.value == YES	       ? "on"
						       : "off",
			 s.file, s.line, s.silent ? " some" : "", s.unclear ? " unclear" : "");
}

static void check(struct loader *l, size_t entries, const char *want)
{
	autofree char *got = said(l);

	assert_string_equal(got, want);
	assert_int_equal(l->count, entries);
	loader_free(l);
}

static void grub_default(const char *first, const char *second, const char *want)
{
	struct loader l = { 0 };
	struct grub_default d = { 0 };

	grub_default_add(&d, "/g", first);
	if (second)
		grub_default_add(&d, "/d", second);
	loader_add_grub_default(&l, &d);
	check(&l, 1, want);
}

static void test_grub_default(void **state)
{
	(void)state;
	grub_default("GRUB_CMDLINE_LINUX=\"a kvm_intel.ept=0\"\n", NULL, "off /g:1");
	grub_default("\n\nGRUB_CMDLINE_LINUX='kvm-intel.ept=1'", NULL, "on /g:3");
	grub_default("GRUB_CMDLINE_LINUX=kvm_intel.ept=0", NULL, "off /g:1");
	grub_default("GRUB_CMDLINE_LINUX=kvm_intel.ept", NULL, "on /g:1");
	grub_default("export GRUB_CMDLINE_LINUX=kvm_intel.ept=0", NULL, "off /g:1");
	grub_default("#GRUB_CMDLINE_LINUX=kvm_intel.ept=0\n", NULL, "-");
	grub_default("GRUB_CMDLINE_LINUX_X=kvm_intel.ept=0\n", NULL, "-");
	grub_default("GRUB_CMDLINE_LINUX=\"a \\\n kvm_intel.ept=0\"\nX=1\n", NULL, "off /g:1");
	grub_default("GRUB_CMDLINE_LINUX=\"a\nkvm_intel.ept=0\"\n", NULL, "off /g:1");
	/* The default words come behind. */
	grub_default(
		"GRUB_CMDLINE_LINUX_DEFAULT=kvm_intel.ept=0\nGRUB_CMDLINE_LINUX=kvm_intel.ept=1",
		NULL, "off /g:1");
	/* The last one of a name replaces, or adds to, the one before. */
	grub_default("GRUB_CMDLINE_LINUX=kvm_intel.ept=0\nGRUB_CMDLINE_LINUX=x", NULL, "-");
	grub_default("GRUB_CMDLINE_LINUX=kvm_intel.ept=0", "GRUB_CMDLINE_LINUX=quiet", "-");
	grub_default("GRUB_CMDLINE_LINUX=kvm_intel.ept=0",
		     "\nGRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX quiet\"", "off /g:1");
	grub_default("GRUB_CMDLINE_LINUX=kvm_intel.ept=0",
		     "\nGRUB_CMDLINE_LINUX=\"${GRUB_CMDLINE_LINUX} kvm_intel.ept=1\"", "on /d:2");
	/* What a shell computes. */
	grub_default("GRUB_CMDLINE_LINUX=\"$OTHER\"", NULL, "- unclear");
	grub_default("GRUB_CMDLINE_LINUX='$OTHER'", NULL, "-");
	grub_default("GRUB_CMDLINE_LINUX=\"`x` kvm_intel.ept=0\"", NULL, "off /g:1 unclear");
	grub_default("if true; then\nGRUB_CMDLINE_LINUX=x\nfi\n", NULL, "- unclear");
	grub_default("GRUB_CMDLINE_LINUX=\"$GRUB_CMDLINE_LINUX_DEFAULT x\"", NULL, "- unclear");
}

static void grub_cfg(const char *env, const char *text, size_t entries, const char *want)
{
	struct loader l = { 0 };

	loader_add_grubenv(&l, env);
	loader_add_grub_cfg(&l, "/c", text);
	check(&l, entries, want);
}

static void test_grub_cfg(void **state)
{
	(void)state;
	grub_cfg("", "linux /vmlinuz ro kvm_intel.ept=0\n", 1, "off /c:1");
	grub_cfg("", "{\n\tlinux16\t/vmlinuz kvm_intel.ept=0\n linuxefi /v kvm_intel.ept=0", 2,
		 "off /c:2");
	grub_cfg("", "linux /v kvm_intel.ept=0\nlinux /v kvm_intel.ept=1", 2, "? /c:1");
	grub_cfg("", "linux /v quiet\nlinux /v kvm_intel.ept=1", 2, "on /c:2 some");
	grub_cfg("", "linux /v single\nlinux /v recovery\nlinux /v kvm_intel.ept=1", 1, "on /c:3");
	grub_cfg("", "linux /kvm_intel.ept=0\n", 1, "-");
	grub_cfg("", "linux\nlinuxy /v kvm_intel.ept=0\n# linux /v kvm_intel.ept=0\n", 0, "-");
	grub_cfg("", "linux /v 'kvm_intel.ept=0' \"a kvm_intel.ept=1\"", 1, "off /c:1");
	grub_cfg("kernelopts=ro kvm_intel.ept=0\n", "linux /v $kernelopts\n", 1, "off /c:1");
	grub_cfg("",
		 "set default_kernelopts=\"x kvm_intel.ept=0\"\nlinux /v ${default_kernelopts}\n",
		 1, "off /c:2");
	grub_cfg("kernelopts=kvm_intel.ept=0\n", "set kernelopts=x\nlinux /v $kernelopts\n", 1,
		 "-");
	/* One that is not set is empty. */
	grub_cfg("", "linux /v $tuned_params kvm_intel.ept=0\n", 1, "off /c:1");
	grub_cfg("", "linux /v kvm_intel.ept=maybe\n", 1, "? /c:1");
}

static void bls(const char *text, size_t entries, const char *want)
{
	struct loader l = { 0 };

	loader_add_bls(&l, "/e", text);
	check(&l, entries, want);
}

static void test_bls(void **state)
{
	(void)state;
	bls("title x\nlinux /v\noptions ro kvm_intel.ept=0\n", 1, "off /e:3");
	bls("linux /v\noptions kvm_intel.ept=0\noptions kvm_intel.ept=1\n", 1, "on /e:3");
	bls("linux /v\n", 1, "-");
	bls("title memtest\n", 0, "-");
	bls("linux /v\noptions x\noptions systemd.unit=rescue.target kvm_intel.ept=0\n", 0, "-");
}

static void test_value(void **state)
{
	const struct loader_says none = { .same = true, .value = UNKNOWN },
				 on = { .any = true, .same = true, .value = YES },
				 some = { .any = true, .same = true, .silent = true, .value = YES },
				 both = { .any = true, .value = YES },
				 unclear = { .same = true, .unclear = true, .value = UNKNOWN };

	(void)state;
	assert_int_equal(loader_value(&none, NO), NO);
	assert_int_equal(loader_value(&on, NO), YES);
	assert_int_equal(loader_value(&some, NO), UNKNOWN);
	assert_int_equal(loader_value(&some, YES), YES);
	assert_int_equal(loader_value(&both, YES), UNKNOWN);
	assert_int_equal(loader_value(&unclear, YES), UNKNOWN);
}

static void test_words(void **state)
{
	static const char *const modules[] = { "kvm_intel", "kvm" };
	struct loader l = { 0 };
	autostrv words = { 0 }, places = { 0 };
	const struct loader_part *p;

	(void)state;
	loader_add_cmdline(&l, "/k",
			   "ro transparent_hugepage=never module_blacklist=kvm,x -- kvm.y=1\n");
	loader_add_bls(&l, "/e", "linux /v\noptions modprobe.blacklist=kvm_intel\n");
	p = loader_find_blacklist(&l, modules, 2);
	assert_string_equal(p->file, "/k");
	p = loader_find_blacklist(&l, modules, 1);
	assert_string_equal(p->file, "/e");
	loader_words(&l, 100, &words, &places);
	assert_int_equal(words.n, 5);
	assert_string_equal(words.v[0], "transparent_hugepage=never");
	assert_string_equal(places.v[0], "/k:1");
	assert_string_equal(places.v[4], "/e:2");
	strv_free(&words);
	strv_free(&places);
	loader_words(&l, 2, &words, &places);
	assert_int_equal(words.n, 2);
	loader_free(&l);
}

/* A long value that many lines name does not cost more than the limit. */
static void test_limits(void **state)
{
	struct loader l = { 0 };
	autobuf text = { 0 };

	(void)state;
	buf_puts(&text, "set kernelopts=");
	for (int i = 0; i < 100000; i++)
		buf_puts(&text, "x");
	for (int i = 0; i < 10000; i++)
		buf_puts(&text, "\nlinux /v $kernelopts kvm_intel.ept=0");
	loader_add_grub_cfg(&l, "/c", text.data);
	assert_true(l.too_many);
	assert_int_equal(l.count, LOADER_ENTRIES_MAX);
	check(&l, LOADER_ENTRIES_MAX, "off /c:2 unclear");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_grub_default), cmocka_unit_test(test_grub_cfg),
		cmocka_unit_test(test_bls),	     cmocka_unit_test(test_value),
		cmocka_unit_test(test_words),	     cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
