// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_boot.c - names of units, unit files, presets, and what files say about an attribute of sysfs.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/boot.h>
#include <kvmtune/ksm.h>
#include <kvmtune/modconf.h>
#include <kvmtune/sysfs_writer.h>

#define RUN "/sys/kernel/mm/ksm/run"

static void names(void **state)
{
	static const struct {
		const char *name;
		bool good;
	} cases[] = {
		{ "ksm.service", true },    { "a@b.timer", true }, { "a@.path", true },
		{ "ksm", false },	    { ".service", false }, { "@x.service", false },
		{ "a/b.service", false },   { "a.conf", false },   { "a b.service", false },
		{ "a\\x2db.socket", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (boot_is_unit_name(cases[i].name) != cases[i].good)
			fail_msg("%s", cases[i].name);
}

static void expanded(void **state)
{
	static const struct {
		const char *word, *unit, *want; /* NULL: no name */
	} cases[] = {
		{ "ksm.service", "a.service", "ksm.service" },
		{ "%i.service", "start@ksm.service", "ksm.service" },
		{ "%p.socket", "ksm.service", "ksm.socket" },
		{ "%p.socket", "ksm@1.service", "ksm.socket" },
		{ "%N.timer", "ksm@1.service", "ksm@1.timer" },
		{ "x%j.service", "a-b-ksm.service", "xksm.service" },
		{ "%n", "ksm.service", "ksm.service" },
		{ "%H.service", "a.service", NULL },
		{ "%", "a.service", NULL },
		{ "%I.service", "a@b-c.service", NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *got = boot_expand(cases[i].word, cases[i].unit);

		if (!got != !cases[i].want || (got && strcmp(got, cases[i].want) != 0))
			fail_msg("%s in %s: %s", cases[i].word, cases[i].unit, got ?: "none");
	}
}

/* As systemd 252 takes them: see tests/diff/boot_systemd.py. */
static void alias_pairs(void **state)
{
	(void)state;
	assert_true(boot_is_alias_pair("a.service", "b.service"));
	assert_true(boot_is_alias_pair("a@.service", "b@.service"));
	assert_true(boot_is_alias_pair("a@1.service", "b@1.service"));
	assert_true(boot_is_alias_pair("a@1.service", "b@.service"));
	assert_false(boot_is_alias_pair("a@1.service", "b@2.service"));
	assert_false(boot_is_alias_pair("a@1.service", "b.service"));
	assert_false(boot_is_alias_pair("a.service", "b.socket"));
	assert_false(boot_is_alias_pair("a.service", "b@.service"));
	assert_false(boot_is_alias_pair("a@.service", "b@1.service"));
}

static void dir_names(void **state)
{
	autostrv plain = { 0 }, instance = { 0 };

	(void)state;
	boot_dir_names("a-b-c.service", &plain);
	assert_true(strv_has(&plain, "a-b-c.service") && strv_has(&plain, "a-b-.service"));
	assert_true(strv_has(&plain, "a-.service") && strv_has(&plain, "service"));
	assert_int_equal(plain.n, 4);
	boot_dir_names("x-y@1.service", &instance);
	assert_true(strv_has(&instance, "x-y@1.service") && strv_has(&instance, "x-y@.service"));
	assert_true(strv_has(&instance, "x-@.service"));
}

static void unit_files(void **state)
{
	static const char text[] = "[Unit]\nWants=a.service \"b.service\"\n# Wants=c.service\n"
				   "Requires=d.service \\\n e.service\n"
				   "[Service]\nWants=no.service\nExecStart=-/bin/sh -c 'x y'\n"
				   "[Install]\nWantedBy=multi-user.target\n";
	struct boot_lines l = { 0 };

	(void)state;
	boot_read_unit(text, &l);
	assert_int_equal(l.n, 6);
	assert_string_equal(l.v[1].value, "b.service");
	assert_int_equal(l.v[3].key, BOOT_REQUIRES);
	assert_int_equal(l.v[3].line, 4);
	assert_string_equal(l.v[4].value, "-/bin/sh -c 'x y'");
	assert_int_equal(l.v[5].key, BOOT_WANTED_BY);
	boot_lines_free(&l);
}

static void presets(void **state)
{
	struct boot_presets p = { 0 };
	const struct boot_rule *r;

	(void)state;
	boot_read_presets("/f",
			  "# x\n; y\nenable ksm.service\ndisable ksm*\nenable t@.service a b\n"
			  "ignore x.service\n",
			  &p);
	assert_int_equal(p.count, 3);
	r = boot_preset(&p, "ksm.service");
	assert_true(r && r->enable);
	assert_string_equal(r->where, "/f:3");
	assert_false(boot_preset(&p, "ksmtuned.service")->enable);
	assert_int_equal(boot_preset(&p, "t@.service")->instances.n, 2);
	assert_null(boot_preset(&p, "x.service"));
	boot_presets_free(&p);
}

static void own_preset(void **state)
{
	const unsigned both = 1u << KSM_UNIT_KSM | 1u << KSM_UNIT_KSMTUNED;
	autofree char *made = ksm_preset_edit("disable site.service\n", both);
	autofree char *undone = ksm_preset_edit(made, 0);

	(void)state;
	assert_int_equal(ksm_preset_units(made), both);
	assert_string_equal(undone, "disable site.service\n");
	assert_null(ksm_preset_edit(NULL, 0));
	assert_int_equal(ksm_preset_units("enable ksm.service\ndisable ksm.servicex\n"), 0);
}

typedef struct sysfs_write (*reader)(const char *text, const char *path);

static void writes(void **state)
{
	static const struct {
		reader read;
		const char *text;
		unsigned line;
		const char *value;
	} cases[] = {
		{ sysfs_read_conf, "#x\nkernel/mm/ksm/run = 1 # y\n", 2, "1" },
		{ sysfs_read_conf, "mode kernel/mm/ksm/run = 0600\n", 0, NULL },
		{ sysfs_read_conf, "/sys/kernel/mm/ksm/run=0\nkernel/mm/ksm/run=2\n", 2, "2" },
		{ sysfs_read_udev, "KERNEL==\"x\", ATTR{" RUN "}=\"1\"\n", 1, "1" },
		{ sysfs_read_udev, "# ATTR{" RUN "}=\"1\"\n", 0, NULL },
		{ sysfs_read_udev, "RUN+=\"/bin/x " RUN "\"\n", 1, NULL },
		{ sysfs_read_udev, "ATTR{" RUN "}==\"1\"\n", 0, NULL },
		{ sysfs_read_script, "echo 1 >" RUN "\n", 1, "1" },
		{ sysfs_read_script, "/bin/sh -c 'echo 1 > " RUN "'", 1, "1" },
		{ sysfs_read_script, "x\necho \"0\" >" RUN "\n", 2, "0" },
		{ sysfs_read_script, "# echo 1 >" RUN "\n", 0, NULL },
		{ sysfs_read_script, "cat " RUN "\n", 1, NULL },
		{ sysfs_read_script, "tee " RUN " <x\n", 1, NULL },
		{ sysfs_read_script, ">" RUN "\n", 1, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sysfs_write w = cases[i].read(cases[i].text, RUN);

		if (w.line != cases[i].line || !w.value != !cases[i].value ||
		    (w.value && strcmp(w.value, cases[i].value) != 0))
			fail_msg("case %zu: line %u, %s", i, w.line, w.value ?: "nothing");
		free(w.value);
	}
}

static void kernel_words(void **state)
{
	static const char *const vmx[] = { "vmx", "133" };
	autofree char *words =
		modconf_kernel_words("quiet a=\"x -- y\" clearcpuid=smap,vmx -- init=1");

	(void)state;
	assert_string_equal(words, "quiet a=\"x -- y\" clearcpuid=smap,vmx ");
	assert_true(modconf_kernel_list_has(words, "clearcpuid", vmx, 2));
	assert_false(modconf_kernel_list_has(words, "cpuid", vmx, 2));
	assert_false(modconf_kernel_list_has("clearcpuid=vmxx,1133", "clearcpuid", vmx, 2));
	assert_true(modconf_kernel_list_has("clearcpuid=133", "clearcpuid", vmx, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),	cmocka_unit_test(expanded),
		cmocka_unit_test(alias_pairs),	cmocka_unit_test(dir_names),
		cmocka_unit_test(unit_files),	cmocka_unit_test(presets),
		cmocka_unit_test(own_preset),	cmocka_unit_test(writes),
		cmocka_unit_test(kernel_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
