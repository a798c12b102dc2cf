// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Which advice goes with which change and host.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

/* The ids as one text, in the order of the table. */
static void names_of(const enum advice_id *ids, size_t count, struct buf *ret)
{
	for (size_t id = 0; id < ADVICE_COUNT; id++)
		for (size_t i = 0; i < count; i++)
			if (ids[i] == (enum advice_id)id)
				buf_join(ret, " ", advices[id].name);
}

#define OFF "shadow-paging-holes ept-off-slower ept-off-centos7-cpus ept-off-ovmf-smp"

static void as_made(struct host *h)
{
	(void)h;
}

static void nested(struct host *h)
{
	host_param(h, "nested", "1");
}

static void tdx(struct host *h)
{
	host_param(h, "tdx", "Y");
}

static void tdx_off(struct host *h)
{
	host_param(h, "tdx", "N");
}

static void l1tf(struct host *h)
{
	h->l1tf = xstrdup("Mitigation: PTE Inversion; VMX: conditional cache flushes");
}

static void no_l1tf(struct host *h)
{
	h->l1tf = xstrdup("Not affected");
}

static void libvirt(struct host *h)
{
	h->libvirt = true;
}

static void off(struct host *h)
{
	host_ept(h, false);
	host_conf(h, OWN_CONF_FILE, "options kvm_intel ept=0\n");
}

static void no_ept(struct host *h)
{
	host_ept(h, false);
	h->modules[MODULE_KVM_INTEL].paging.value = NO;
	host_decide(h);
}

static void in_use(struct host *h)
{
	host_user(h, 7, "qemu-kvm");
}

static const struct {
	const char *name;
	void (*make)(struct host *h);
	const char *value;
	bool defer;
	const char *advice;
} plans[] = {
	{ "off", as_made, "off", false, OFF " kvm-containers" },
	{ "off later", as_made, "off", true, OFF },
	{ "off already", off, "off", false, "" },
	{ "on", off, "on", false, "kvm-containers" },
	{ "on later", off, "on", true, "" },
	{ "on already", as_made, "on", false, "" },
	{ "no EPT", no_ept, "off", false, "" },
	{ "nested", nested, "off", true, OFF " ept-off-nested" },
	{ "TDX", tdx, "off", true, OFF " ept-off-tdx" },
	{ "TDX off", tdx_off, "off", true, OFF },
	{ "L1TF", l1tf, "off", true, OFF " ept-off-l1tf" },
	{ "no L1TF", no_l1tf, "off", true, OFF },
	{ "libvirt", libvirt, "off", false, OFF " kvm-containers libvirt-cache" },
	{ "libvirt later", libvirt, "off", true, OFF },
};

static void advice_on_plans(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		struct goal goal = { .setting = &settings[SETTING_EPT], .value = plans[i].value };
		struct plan_options options = { .defer = plans[i].defer };
		autobuf names = { 0 };
		struct plan plan;
		struct host h;

		host_make(&h);
		plans[i].make(&h);
		plan_build(&h, &goal, 1, &options, &plan);
		names_of(plan.advice, plan.advice_count, &names);
		if (strcmp(buf_text(&names), plans[i].advice) != 0)
			fail_msg("%s: %s, not %s", plans[i].name, buf_text(&names),
				 plans[i].advice);
		plan_free(&plan);
		host_free(&h);
	}
}

static const struct {
	const char *name;
	void (*make)(struct host *h);
	const char *advice;
} hosts[] = {
	{ "on", as_made, "" },	  { "on, nested", nested, "" }, { "off", off, OFF },
	{ "no EPT", no_ept, "" }, { "in use", in_use, "" },
};

static void advice_on_hosts(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		enum advice_id *ids = NULL;
		autobuf names = { 0 };
		size_t n = 0;
		struct host h;

		host_make(&h);
		hosts[i].make(&h);
		advise_host(&h, &ids, &n);
		names_of(ids, n, &names);
		if (strcmp(buf_text(&names), hosts[i].advice) != 0)
			fail_msg("%s: %s, not %s", hosts[i].name, buf_text(&names),
				 hosts[i].advice);
		free(ids);
		host_free(&h);
	}
}

static void saved_for_later_is_advised_on(void **state)
{
	enum advice_id *ids = NULL;
	size_t n = 0;
	struct host h;

	(void)state;
	host_make(&h);
	host_conf(&h, OWN_CONF_FILE, "options kvm_intel ept=0\n");
	advise_host(&h, &ids, &n);
	assert_int_equal(n, 4);
	assert_int_equal(ids[0], ADVICE_SHADOW_PAGING_HOLES);
	free(ids);
	host_free(&h);
}

/* ---- NPT ---- */

static void amd_param(struct host *h, const char *name, const char *value)
{
	struct module_facts *m = &h->modules[MODULE_KVM_AMD];

	array_push(m->params, m->param_count) =
		(struct param){ .name = xstrdup(name), .value = xstrdup(value) };
}

#define NPT_OFF "shadow-paging-holes npt-off-slower"

static const struct {
	const char *name, *value, *nested, *sev, *l1tf;
	bool already;
	const char *advice;
} npt_plans[] = {
	{ "off", "off", "0", "N", NULL, false, NPT_OFF },
	{ "off, nested", "off", "1", "N", NULL, false, NPT_OFF " npt-off-nested" },
	{ "off, SEV", "off", "0", "Y", NULL, false, NPT_OFF " npt-off-sev" },
	/* Until Linux 5.11 a number. */
	{ "off, SEV by number", "off", "0", "1", NULL, false, NPT_OFF " npt-off-sev" },
	/* What is said of EPT is not said of NPT. */
	{ "off, L1TF", "off", "0", "N", "Mitigation: PTE Inversion", false, NPT_OFF },
	{ "off already", "off", "1", "Y", NULL, true, "" },
	{ "on", "on", "1", "Y", NULL, false, "" },
};

static void advice_on_npt_plans(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(npt_plans); i++) {
		struct plan plan = { 0 };
		autobuf names = { 0 };
		struct host h;

		host_make(&h);
		/* The other module's parameters are not asked. */
		host_param(&h, "nested", "Y");
		host_param(&h, "tdx", "Y");
		amd_param(&h, "nested", npt_plans[i].nested);
		amd_param(&h, "sev", npt_plans[i].sev);
		h.l1tf = npt_plans[i].l1tf ? xstrdup(npt_plans[i].l1tf) : NULL;
		array_push(plan.changes, plan.change_count) =
			(struct change){ .setting = &settings[SETTING_NPT],
					 .value = npt_plans[i].value,
					 .already = npt_plans[i].already };
		advise_plan(&h, &plan);
		names_of(plan.advice, plan.advice_count, &names);
		if (strcmp(buf_text(&names), npt_plans[i].advice) != 0)
			fail_msg("%s: %s, not %s", npt_plans[i].name, buf_text(&names),
				 npt_plans[i].advice);
		plan_free(&plan);
		host_free(&h);
	}
}

static void npt_off_by_choice_is_advised_on(void **state)
{
	struct module_facts *m;
	enum advice_id *ids = NULL;
	size_t n = 0;
	struct host h;

	(void)state;
	host_make(&h);
	m = &h.modules[MODULE_KVM_AMD];
	m->of[SETTING_NPT].now = m->of[SETTING_NPT].next = NO;
	m->paging.value = YES;
	m->of[SETTING_NPT].next_decided = true;
	advise_host(&h, &ids, &n);
	assert_int_equal(n, 2);
	assert_int_equal(ids[0], ADVICE_SHADOW_PAGING_HOLES);
	assert_int_equal(ids[1], ADVICE_NPT_OFF_SLOWER);
	/* Not where the processor has none. */
	m->paging.value = NO;
	n = 0;
	advise_host(&h, &ids, &n);
	assert_int_equal(n, 0);
	free(ids);
	host_free(&h);
}

/* The figures are of EPT. */
static void npt_claims_nothing_of_ept(void **state)
{
	(void)state;
	for (size_t id = ADVICE_NPT_OFF_SLOWER; id <= ADVICE_NPT_OFF_SEV; id++) {
		assert_null(strstr(advices[id].source, "CERN"));
		assert_null(strchr(advices[id].text, '%'));
	}
	assert_non_null(strstr(advices[ADVICE_NPT_OFF_SLOWER].text, "for EPT, not for NPT"));
}

/* ---- KSM ---- */

static void ksm_counter_is(struct host *h, const char *name, const char *value)
{
	array_push(h->ksm.counters, h->ksm.counter_count) =
		(struct param){ .name = xstrdup(name), .value = xstrdup(value) };
}

static const struct {
	const char *name, *value, *now, *next;
	bool already;
	const char *merged; /* pages_sharing */
	const char *advice;
} ksm_plans[] = {
	{ "off", "off", "on", "on", false, "700000", "ksm-off-gain ksm-off-memory" },
	{ "off, nothing is merged", "off", "on", "on", false, "0", "ksm-off-gain" },
	{ "off at boot, too", "off", "off", "on", false, "9", "ksm-off-gain ksm-off-memory" },
	{ "off already", "off", "off", "off", true, "9", "" },
	{ "off, all unknown", "off", NULL, NULL, false, "0", "" },
	{ "unmerged", "unmerged", "on", "on", false, "9", "ksm-off-gain" },
	{ "unmerged where it is off", "unmerged", "off", "off", false, "9", "" },
	{ "on", "on", "off", "off", false, "0", "ksm-on-side-channel" },
	{ "on already", "on", "on", "on", true, "9", "" },
};

static void advice_on_ksm_plans(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ksm_plans); i++) {
		struct plan plan = { 0 };
		autobuf names = { 0 };
		struct host h;

		host_make(&h);
		ksm_counter_is(&h, "pages_sharing", ksm_plans[i].merged);
		array_push(plan.changes, plan.change_count) =
			(struct change){ .setting = &settings[SETTING_KSM],
					 .value = ksm_plans[i].value,
					 .now = ksm_plans[i].now,
					 .next = ksm_plans[i].next,
					 .already = ksm_plans[i].already };
		advise_plan(&h, &plan);
		names_of(plan.advice, plan.advice_count, &names);
		if (strcmp(buf_text(&names), ksm_plans[i].advice) != 0)
			fail_msg("%s: %s, not %s", ksm_plans[i].name, buf_text(&names),
				 ksm_plans[i].advice);
		plan_free(&plan);
		host_free(&h);
	}
}

static const struct {
	int run;
	const char *profit; /* NULL: an older kernel */
	size_t advice;
} profits[] = {
	{ 1, "-4096", 1 }, { 1, "0", 0 }, { 1, "4096", 0 }, { 1, NULL, 0 }, { 0, "-1", 0 }
};

static void merging_for_nothing_is_told(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(profits); i++) {
		enum advice_id *ids = NULL;
		size_t n = 0;
		struct host h;

		host_make(&h);
		h.ksm.run = profits[i].run;
		if (profits[i].profit)
			ksm_counter_is(&h, "general_profit", profits[i].profit);
		advise_host(&h, &ids, &n);
		assert_int_equal(n, profits[i].advice);
		if (n)
			assert_int_equal(ids[0], ADVICE_KSM_NO_PROFIT);
		free(ids);
		host_free(&h);
	}
}

/* Ids are for scripts: they never change, and each says where it is known from. */
static void the_table(void **state)
{
	static const char *const names[ADVICE_COUNT] = {
		"shadow-paging-holes", "ept-off-slower",      "ept-off-centos7-cpus",
		"ept-off-ovmf-smp",    "ept-off-nested",      "ept-off-tdx",
		"ept-off-l1tf",	       "npt-off-slower",      "npt-off-nested",
		"npt-off-sev",	       "nested-off-guests",   "nested-off-holes",
		"nested-on-holes",     "other-kvm-module",    "boot-entries",
		"kvm-containers",      "libvirt-cache",	      "ksm-off-gain",
		"ksm-off-memory",      "ksm-on-side-channel", "ksm-no-profit",
		"thp-running-guests",
	};

	(void)state;
	for (size_t i = 0; i < ADVICE_COUNT; i++) {
		assert_string_equal(advices[i].name, names[i]);
		assert_true(strlen(advices[i].text) > 20);
		assert_true(strlen(advices[i].source) > 5);
		for (const char *s = advices[i].text; *s; s++)
			assert_true(*s >= 0x20 && *s < 0x7f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(advice_on_plans),
		cmocka_unit_test(advice_on_hosts),
		cmocka_unit_test(saved_for_later_is_advised_on),
		cmocka_unit_test(advice_on_npt_plans),
		cmocka_unit_test(npt_off_by_choice_is_advised_on),
		cmocka_unit_test(npt_claims_nothing_of_ept),
		cmocka_unit_test(advice_on_ksm_plans),
		cmocka_unit_test(merging_for_nothing_is_told),
		cmocka_unit_test(the_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
