// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How kernels spell parameters, and the table of settings.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/plan.h>
#include <kvmtune/facts.h>
#include <kvmtune/setting.h>

static void bools(void **state)
{
	static const struct {
		const char *text;
		enum tri value;
	} cases[] = {
		{ NULL, YES },
		/* As sysfs shows them. */
		{ "Y", YES },
		{ "N", NO },
		{ "1", YES },
		{ "0", NO },
		/* As people write them. */
		{ "y", YES },
		{ "n", NO },
		{ "yes", YES },
		{ "no", NO },
		{ "Yes", YES },
		{ "NO", NO },
		{ "on", YES },
		{ "off", NO },
		{ "ON", YES },
		{ "Off", NO },
		{ "oF", NO },
		{ "true", YES },
		{ "false", NO },
		{ "T", YES },
		{ "F", NO },
		/* The kernel looks at the first letters only. */
		{ "1x", YES },
		{ "01", NO },
		{ "nope", NO },
		{ "10", YES },
		{ "yonder", YES },
		/* To no kernel. */
		{ "", UNKNOWN },
		{ "o", UNKNOWN },
		{ "ox", UNKNOWN },
		{ "2", UNKNOWN },
		{ "-1", UNKNOWN },
		{ " 1", UNKNOWN },
		{ "auto", UNKNOWN },
		{ "\"1\"", UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (param_bool(cases[i].text) != cases[i].value)
			fail_msg("%s: %s", cases[i].text ? cases[i].text : "(none)",
				 tri_name(param_bool(cases[i].text)));
}

static void same_values(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
		/* A file against sysfs; kvm_intel of EL7 and EL8 and of 6.x show Y and N. */
		{ "1", "Y", true },
		{ "0", "N", true },
		{ "on", "Y", true },
		{ "off", "N", true },
		{ "y", "Y", true },
		{ "n", "N", true },
		{ "yes", "Y", true },
		{ "0", "Y", false },
		{ "1", "N", false },
		{ "on", "N", false },
		{ "Y", "N", false },
		/* kvm_amd: nested and npt are ints up to EL8, bools in 6.x. */
		{ "1", "1", true },
		{ "0", "1", false },
		{ "Y", "1", true },
		{ "N", "1", false },
		/* Numbers, however they are written. */
		{ "128", "128", true },
		{ "0x80", "128", true },
		{ "0200", "128", true },
		{ "128", "127", false },
		{ "-1", "4294967295", false },
		{ "4096", "0x1000", true },
		{ "01", "1", true },
		{ "1", "2", false },
		/* A number is no bool unless sysfs shows one. */
		{ "2", "Y", false },
		{ "128", "Y", true },
		{ "2", "N", false },
		/* Words. */
		{ "cond", "cond", true },
		{ "cond", "always", false },
		{ "auto", "Y", false },
		{ "never", "N", true },
		{ "on", "yes", false },
		{ "", "", true },
		{ "", "N", false },
		{ "", "0", false },
		{ "not required", "not required", true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		if (param_same(cases[i].a, cases[i].b) != cases[i].same)
			print_error("\"%s\" and \"%s\"\n", cases[i].a, cases[i].b);
		assert_int_equal(param_same(cases[i].a, cases[i].b), cases[i].same);
		assert_int_equal(param_same(cases[i].b, cases[i].a), cases[i].same);
	}
}

static void the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *s = &settings[i];

		assert_int_equal(s->id, i);
		assert_ptr_equal(setting_find(s->name), s);
		assert_non_null(s->title);
		assert_non_null(s->summary);
		assert_true(s->kind < KIND_COUNT);
		assert_true(s->kind != KIND_MODULE || s->params[0] || s->params[1]);
		assert_non_null(s->values[0]);
		for (size_t k = 0; s->values[k]; k++)
			assert_ptr_equal(setting_value(s, s->values[k]), s->values[k]);
	}
	assert_null(setting_find("EPT"));
	assert_null(setting_find(""));
	assert_null(setting_find("ep"));
}

static void ept(void **state)
{
	const struct setting *s = setting_find("ept");
	autobuf values = { 0 };
	char off[] = "off";

	(void)state;
	assert_null(s->params[MODULE_KVM_AMD]);
	assert_string_equal(s->params[MODULE_KVM_INTEL]->name, "ept");
	assert_string_equal(s->params[MODULE_KVM_INTEL]->forced_off[0], "eptad");
	setting_values_text(s, &values);
	assert_string_equal(values.data, "on|off");
	/* The table's own words: they outlive the command line. */
	assert_ptr_not_equal(setting_value(s, off), off);
	assert_null(setting_value(s, "Off"));
	assert_null(setting_value(s, "0"));
	assert_null(setting_value(s, ""));
}

static void npt(void **state)
{
	const struct setting *s = setting_find("npt");
	autobuf forced = { 0 }, values = { 0 };

	(void)state;
	assert_null(s->params[MODULE_KVM_INTEL]);
	assert_string_equal(s->params[MODULE_KVM_AMD]->name, "npt");
	for (const char *const *name = s->params[MODULE_KVM_AMD]->forced_off; *name; name++)
		buf_join(&forced, " ", *name);
	assert_string_equal(forced.data, "avic vls sev sev_es sev_snp");
	setting_values_text(s, &values);
	assert_string_equal(values.data, "on|off");
	assert_int_equal(s->kind, settings[SETTING_EPT].kind);
}

/* Which rows are those of a processor: "ept npt". */
static void whose_setting(void **state)
{
	static const struct {
		const char *vendor;
		enum tri vmx, svm;
		const char *fits;
	} cases[] = {
		{ "GenuineIntel", YES, NO, "ept tdp nested ksm thp thp-defrag" },
		{ "GenuineIntel", NO, NO, "ept tdp nested ksm thp thp-defrag" },
		{ "  Shanghai  ", YES, NO, "ept tdp nested ksm thp thp-defrag" },
		{ "AuthenticAMD", NO, YES, "npt tdp nested ksm thp thp-defrag" },
		{ "AuthenticAMD", NO, NO, "npt tdp nested ksm thp thp-defrag" },
		{ "HygonGenuine", NO, NO, "npt tdp nested ksm thp thp-defrag" },
		/* Hypervisors may show any name. */
		{ "SomethingElse", NO, YES, "npt tdp nested ksm thp thp-defrag" },
		{ "SomethingElse", YES, NO, "ept tdp nested ksm thp thp-defrag" },
		{ "", NO, YES, "npt tdp nested ksm thp thp-defrag" },
		{ "", YES, UNKNOWN, "ept tdp nested ksm thp thp-defrag" },
		/* An image, or CPUID cannot be read. */
		{ "", UNKNOWN, UNKNOWN, "ept npt tdp nested ksm thp thp-defrag" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cpu_id cpu = { .vmx = cases[i].vmx, .svm = cases[i].svm };
		autobuf fits = { 0 };

		snprintf(cpu.vendor, sizeof(cpu.vendor), "%s", cases[i].vendor);
		for (size_t k = 0; k < SETTING_COUNT; k++)
			if (setting_fits(&settings[k], &cpu))
				buf_join(&fits, " ", settings[k].name);
		if (strcmp(fits.data, cases[i].fits) != 0)
			fail_msg("%s: %s, not %s", cases[i].vendor, fits.data, cases[i].fits);
		assert_int_equal(cpu_virt(&cpu, VIRT_VMX), cases[i].vmx);
		assert_int_equal(cpu_virt(&cpu, VIRT_SVM), cases[i].svm);
	}
}

static void words(void **state)
{
	(void)state;
	assert_string_equal(on_off(YES), "on");
	assert_string_equal(on_off(NO), "off");
	assert_string_equal(on_off(UNKNOWN), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bools),     cmocka_unit_test(same_values),
		cmocka_unit_test(the_table), cmocka_unit_test(ept),
		cmocka_unit_test(npt),	     cmocka_unit_test(whose_setting),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
