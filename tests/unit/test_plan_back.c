// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Undo of an earlier change, from any present state of the host.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

#define OWN_OFF "# ours\noptions kvm_intel ept=0\n"

static const char letters[ACT_KIND_COUNT] = {
	[ACT_NONE] = '-',	  [ACT_WRITE_FILE] = 'w',   [ACT_REMOVE_FILE] = 'r',
	[ACT_CONFIRM] = 'c',	  [ACT_UNLOAD] = 'u',	    [ACT_LOAD] = 'l',
	[ACT_CHECK_PARAMS] = 'p', [ACT_CHECK_DEVICE] = 'd', [ACT_CHECK_GUEST] = 'g',
	[ACT_RESTORE] = 'R',
};

static void assert_acts(const struct plan *plan, const char *expected)
{
	char acts[32];
	size_t i;

	for (i = 0; i < plan->step_count; i++)
		acts[i] = letters[plan->steps[i].act.kind];
	acts[i] = '\0';
	assert_string_equal(acts, expected);
}

static void build(const struct host *h, const char *value, bool defer, struct plan *ret)
{
	struct goal goal = { .setting = &settings[SETTING_EPT], .value = value };
	struct plan_options options = { .defer = defer };

	plan_build(h, &goal, 1, &options, ret);
	assert_int_equal(ret->refusal.code, 0);
}

static void back(const struct host *h, const struct plan *done, bool defer, struct plan *ret)
{
	struct plan_options options = { .defer = defer };

	plan_back(h, done->steps, done->step_count, &options, ret);
}

/* The change did not come to its end. */
static void back_exactly(const struct host *h, const struct plan *done, bool defer,
			 struct plan *ret)
{
	struct plan_options options = { .defer = defer, .exact = true };

	plan_back(h, done->steps, done->step_count, &options, ret);
}

/* ---- from the end of a change ---- */

static void off_and_back(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	host_make(&h);
	build(&h, "off", false, &done);
	host_after(&h, &done);
	assert_int_equal(h.modules[MODULE_KVM_INTEL].of[SETTING_EPT].now, NO);
	back(&h, &done, false, &plan);
	assert_acts(&plan, "rculpdg");
	assert_string_equal(plan.changes[0].value, "on");
	assert_int_equal(plan.status, STATUS_DONE);
	host_after(&h, &plan);
	assert_int_equal(h.modules[MODULE_KVM_INTEL].of[SETTING_EPT].now, YES);
	assert_null(h.own_conf);
	plan_free(&plan);
	/* Rolled back: nothing is left to do. */
	back(&h, &done, false, &plan);
	assert_acts(&plan, "");
	assert_true(plan.changes[0].already);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

static void on_and_back(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	host_make(&h);
	host_ept(&h, false);
	host_conf(&h, OWN_CONF_FILE, OWN_OFF);
	build(&h, "on", false, &done);
	host_after(&h, &done);
	back(&h, &done, false, &plan);
	assert_acts(&plan, "wculpdg");
	/* To the byte: also what we would write in another way by now. */
	assert_string_equal(plan.steps[0].act.text, OWN_OFF);
	assert_string_equal(plan.changes[0].value, "off");
	assert_true(plan.advice_count > 0);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* Only saved: the running module was left alone, and is so again. */
static void deferred_and_back(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	host_make(&h);
	host_user(&h, 4711, "qemu-kvm");
	build(&h, "off", true, &done);
	host_after(&h, &done);
	back(&h, &done, false, &plan);
	assert_acts(&plan, "rc");
	assert_int_equal(plan.refusal.code, 0);
	assert_int_equal(plan.status, STATUS_DONE);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

static void back_deferred(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	host_make(&h);
	build(&h, "off", false, &done);
	host_after(&h, &done);
	host_user(&h, 4711, "qemu-kvm");
	back(&h, &done, false, &plan);
	assert_string_equal(plan.refusal.id, "in-use");
	assert_int_equal(plan.status, STATUS_REFUSED);
	assert_non_null(strstr(plan.refusal.hint, "kvmtune undo --wait"));
	assert_null(strstr(plan.refusal.hint, "ept"));
	plan_free(&plan);
	back(&h, &done, true, &plan);
	assert_acts(&plan, "rc");
	assert_int_equal(plan.status, STATUS_PENDING);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* It was off by hand, and no file said so: the file goes, the options say it instead. */
static void old_value_that_no_file_gives(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	host_make(&h);
	host_ept(&h, false);
	host_conf(&h, "/etc/modprobe.d/kvm.conf", "options kvm_intel nested=1\n");
	build(&h, "on", false, &done);
	assert_acts(&done, "culpdg");
	host_after(&h, &done);
	back(&h, &done, false, &plan);
	assert_acts(&plan, "culpdg");
	assert_string_equal(plan.steps[2].act.text, "nested=1 ept=0");
	assert_int_equal(plan.steps[2].act.wanted[0].value, NO);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* ---- from the middle of one ---- */

static void half_done(struct host *h, struct plan *done, size_t steps)
{
	struct plan half;

	host_make(h);
	build(h, "off", false, done);
	half = *done;
	half.step_count = steps;
	host_after(h, &half);
}

/* With the parameters known by name, but not there: as long as no module is. */
static void lose_module(struct host *h)
{
	struct module_facts *m = &h->modules[MODULE_KVM_INTEL];

	m->state = MODULE_STATE_LOADABLE;
	m->of[SETTING_EPT].now = m->of[SETTING_NESTED].now = UNKNOWN;
	m->refcnt = -1;
	for (size_t i = 0; i < m->param_count; i++) {
		free(m->params[i].name);
		free(m->params[i].value);
	}
	m->param_count = 0;
	h->device.exists = false;
}

/* Done: nothing is asked of a module that is not loaded now. */
static void module_gone_since(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 7);
	lose_module(&h);
	back(&h, &done, false, &plan);
	assert_acts(&plan, "rc");
	assert_int_equal(plan.refusal.code, 0);
	assert_int_equal(plan.status, STATUS_DONE);
	host_after(&h, &plan);
	plan_free(&plan);
	back(&h, &done, false, &plan);
	assert_acts(&plan, "");
	assert_true(plan.changes[0].already);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* Done: an option edited since then is not touched, and comes with the reload. */
static void option_edited_since(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 7);
	host_conf(&h, "/etc/modprobe.d/kvm.conf", "options kvm_intel nested=1\n");
	back(&h, &done, false, &plan);
	assert_acts(&plan, "rculpdg");
	assert_null(plan.steps[3].act.text);
	assert_int_equal(plan.effect_count, 1);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

static void before_the_first_step(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 0);
	back(&h, &done, false, &plan);
	assert_acts(&plan, "");
	plan_free(&plan);
	back_exactly(&h, &done, false, &plan);
	assert_acts(&plan, "");
	assert_true(plan.changes[0].already);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

static void after_the_file(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 1);
	back(&h, &done, false, &plan);
	assert_acts(&plan, "rc");
	plan_free(&plan);
	back_exactly(&h, &done, false, &plan);
	assert_acts(&plan, "rc");
	assert_int_equal(plan.status, STATUS_DONE);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

static void assert_restores(const struct act *act, const struct plan *done)
{
	const struct act *old = &done->steps[2].back;

	assert_int_equal(old->kind, ACT_RESTORE);
	assert_int_equal(act->kind, ACT_RESTORE);
	assert_string_equal(act->target, MODULE);
	assert_string_equal(act->text, "ept=1");
	assert_string_equal(act->wanted[0].param, "ept");
	assert_int_equal(act->wanted[0].value, YES);
	assert_true(act->device.exists);
	assert_int_equal(act->device.gid, 104);
	assert_int_equal(act->device.mode, 0660);
	assert_true(old->expect_count > 4);
	assert_int_equal(act->expect_count, old->expect_count);
	for (size_t i = 0; i < act->expect_count; i++) {
		assert_string_equal(act->expects[i].param, old->expects[i].param);
		assert_string_equal(act->expects[i].before, old->expects[i].before);
	}
}

static void while_the_module_is_away(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 3);
	lose_module(&h);
	back_exactly(&h, &done, false, &plan);
	assert_acts(&plan, "rcRg");
	assert_string_equal(plan.changes[0].value, "on");
	assert_int_equal(plan.status, STATUS_DONE);
	assert_restores(&plan.steps[2].act, &done);
	assert_true(plan_reloads(&plan));
	/* Should it fail, there is nothing to unload again: the module is what we want. */
	assert_int_equal(plan.steps[2].back.kind, ACT_NONE);
	host_after(&h, &plan);
	assert_int_equal(h.modules[MODULE_KVM_INTEL].of[SETTING_EPT].now, YES);
	plan_free(&plan);
	back_exactly(&h, &done, false, &plan);
	assert_acts(&plan, "");
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* To wait for the next load would leave the host without KVM as it is: that is said. */
static void away_and_deferred(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 3);
	lose_module(&h);
	back_exactly(&h, &done, true, &plan);
	assert_acts(&plan, "rc");
	assert_int_equal(plan.status, STATUS_PENDING);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* Nobody can use what is not there: no user of the past keeps KVM away. */
static void away_is_not_in_use(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 3);
	lose_module(&h);
	strv_add(&h.hypervisors, "vboxdrv");
	back_exactly(&h, &done, false, &plan);
	assert_acts(&plan, "rcRg");
	assert_int_equal(plan.refusal.code, 0);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

static void after_the_load(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	for (size_t steps = 4; steps <= 7; steps++) {
		half_done(&h, &done, steps);
		back_exactly(&h, &done, false, &plan);
		assert_acts(&plan, "rcuRg");
		assert_restores(&plan.steps[3].act, &done);
		assert_false(plan.steps[2].urgent);
		assert_true(plan.steps[3].urgent);
		/* This one can be rolled back: to what is now. */
		assert_int_equal(plan.steps[2].back.kind, ACT_RESTORE);
		assert_string_equal(plan.steps[2].back.text, "ept=0");
		assert_int_equal(plan.steps[2].back.wanted[0].value, NO);
		assert_int_equal(plan.steps[3].back.kind, ACT_UNLOAD);
		assert_int_equal(plan.refusal.code, 0);
		host_after(&h, &plan);
		plan_free(&plan);
		back_exactly(&h, &done, false, &plan);
		assert_acts(&plan, "");
		plan_free(&plan);
		plan_free(&done);
		host_free(&h);
	}
}

static void after_the_load_in_use(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 4);
	host_user(&h, 4711, "qemu-kvm");
	back_exactly(&h, &done, false, &plan);
	assert_string_equal(plan.refusal.id, "in-use");
	assert_non_null(strstr(plan.refusal.hint, "kvmtune undo --wait"));
	plan_free(&plan);
	back_exactly(&h, &done, true, &plan);
	assert_acts(&plan, "rc");
	assert_int_equal(plan.status, STATUS_PENDING);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* ept is as it was, another parameter is not: it came back without what was given by hand. */
static void another_parameter_differs(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 0);
	host_param(&h, "nested", "1");
	back_exactly(&h, &done, false, &plan);
	assert_acts(&plan, "cuRg");
	plan_free(&plan);
	/* The same in other words. */
	host_param(&h, "nested", "0");
	back_exactly(&h, &done, false, &plan);
	assert_acts(&plan, "");
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

static void only_the_device_differs(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 0);
	h.device.mode = 0600;
	h.device.gid = 0;
	back_exactly(&h, &done, false, &plan);
	assert_acts(&plan, "d");
	assert_int_equal(plan.steps[0].act.device.mode, 0660);
	assert_int_equal(plan.steps[0].act.device.gid, 104);
	assert_string_equal(plan.steps[0].act.target, KVM_DEVICE);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* Nothing is planned for a module in transit, or one that does not say what it is. */
static void nothing_on_a_guess(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	for (int exact = 0; exact < 2; exact++) {
		half_done(&h, &done, 7);
		h.modules[MODULE_KVM_INTEL].state = MODULE_STATE_BUSY;
		(exact ? back_exactly : back)(&h, &done, false, &plan);
		assert_string_equal(plan.refusal.id, "module-busy");
		assert_acts(&plan, "");
		plan_free(&plan);
		h.modules[MODULE_KVM_INTEL].state = MODULE_STATE_LOADED;
		h.modules[MODULE_KVM_INTEL].of[SETTING_EPT].now = UNKNOWN;
		(exact ? back_exactly : back)(&h, &done, false, &plan);
		assert_string_equal(plan.refusal.id, "unknown-state");
		assert_acts(&plan, "");
		plan_free(&plan);
		plan_free(&done);
		host_free(&h);
	}
}

static void refused_to_others(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 7);
	h.root = false;
	back(&h, &done, false, &plan);
	assert_string_equal(plan.refusal.id, "not-root");
	assert_int_equal(plan.status, STATUS_IMPOSSIBLE);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

static void in_an_image(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 1);
	lose_module(&h);
	h.image = true;
	h.root = false;
	back(&h, &done, false, &plan);
	assert_acts(&plan, "rc");
	assert_int_equal(plan.refusal.code, 0);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* ---- after a boot ---- */

static void back_booted(const struct host *h, const struct plan *done, bool defer, struct plan *ret)
{
	struct plan_options options = { .defer = defer, .booted = true };

	plan_back(h, done->steps, done->step_count, &options, ret);
}

/* Saved; the boot brought it: undo brings the parameter back, too. */
static void saved_and_booted(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	host_make(&h);
	build(&h, "off", true, &done);
	assert_acts(&done, "wc");
	host_after(&h, &done);
	host_ept(&h, false);
	back_booted(&h, &done, false, &plan);
	assert_acts(&plan, "rculpdg");
	assert_null(plan.steps[3].act.text);
	assert_string_equal(plan.changes[0].value, "on");
	assert_int_equal(plan.status, STATUS_DONE);
	plan_free(&plan);
	back_booted(&h, &done, true, &plan);
	assert_acts(&plan, "rc");
	assert_int_equal(plan.status, STATUS_PENDING);
	plan_free(&plan);
	host_user(&h, 4711, "qemu-kvm");
	back_booted(&h, &done, false, &plan);
	assert_string_equal(plan.refusal.id, "in-use");
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* The same without a boot: somebody has reloaded the module. */
static void saved_and_reloaded_by_hand(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	host_make(&h);
	build(&h, "off", true, &done);
	host_after(&h, &done);
	host_ept(&h, false);
	back(&h, &done, false, &plan);
	assert_acts(&plan, "rculpdg");
	assert_int_equal(plan.status, STATUS_DONE);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

static void saved_and_not_loaded(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	for (int booted = 0; booted < 2; booted++) {
		host_make(&h);
		build(&h, "off", true, &done);
		host_after(&h, &done);
		lose_module(&h);
		(booted ? back_booted : back)(&h, &done, false, &plan);
		assert_acts(&plan, "rc");
		assert_int_equal(plan.status, STATUS_DONE);
		assert_int_equal(plan.lost.n, 0);
		plan_free(&plan);
		plan_free(&done);
		host_free(&h);
	}
}

/* It ran otherwise than configured when it was saved. Only a boot ends that. */
static void saved_under_a_value_by_hand(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	host_make(&h);
	host_ept(&h, false);
	host_conf(&h, "/etc/modprobe.d/kvm.conf", "options kvm_intel ept=1\n");
	build(&h, "off", true, &done);
	host_after(&h, &done);
	back(&h, &done, false, &plan);
	assert_acts(&plan, "rc");
	assert_int_equal(plan.status, STATUS_DONE);
	plan_free(&plan);
	back_booted(&h, &done, false, &plan);
	assert_acts(&plan, "rculpdg");
	assert_string_equal(plan.changes[0].value, "on");
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* Somebody else's word about it since the change is newer than what ran before. */
static void configured_otherwise_since(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 7);
	host_cmdline(&h, "kvm_intel.ept=0");
	back_booted(&h, &done, false, &plan);
	assert_acts(&plan, "rc");
	assert_string_equal(plan.changes[0].value, "off");
	assert_int_equal(plan.status, STATUS_DONE);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* ---- where the module is gone ---- */

static void module_not_installed_any_more(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 7);
	lose_module(&h);
	h.modules[MODULE_KVM_INTEL].state = MODULE_STATE_ABSENT;
	back(&h, &done, false, &plan);
	assert_acts(&plan, "rc");
	assert_int_equal(plan.status, STATUS_DONE);
	assert_int_equal(plan.lost.n, 1);
	assert_non_null(strstr(plan.lost.v[0], "module kvm_intel is no longer installed"));
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

static void module_built_in_since(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 7);
	h.modules[MODULE_KVM_INTEL].state = MODULE_STATE_BUILTIN;
	back_booted(&h, &done, false, &plan);
	assert_acts(&plan, "rc");
	assert_int_equal(plan.status, STATUS_DONE);
	assert_int_equal(plan.lost.n, 1);
	assert_non_null(strstr(plan.lost.v[0], "ept stays off"));
	plan_free(&plan);
	host_ept(&h, true);
	back_booted(&h, &done, false, &plan);
	assert_int_equal(plan.lost.n, 0);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* KVM is away, and cannot come back: that is no undo. */
static void away_and_not_installed_any_more(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 3);
	lose_module(&h);
	h.modules[MODULE_KVM_INTEL].state = MODULE_STATE_ABSENT;
	back_exactly(&h, &done, false, &plan);
	assert_string_equal(plan.refusal.id, "no-module");
	assert_int_equal(plan.status, STATUS_IMPOSSIBLE);
	assert_non_null(strstr(plan.refusal.hint, "kvmtune undo --skip"));
	plan_free(&plan);
	back_exactly(&h, &done, true, &plan);
	assert_acts(&plan, "rc");
	assert_int_equal(plan.status, STATUS_PENDING);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* ---- lines of others in our file ---- */

static void only_our_option_goes(void **state)
{
	struct plan done, plan;
	struct host h;

	(void)state;
	half_done(&h, &done, 7);
	free(h.own_conf);
	h.own_conf = xasprintf("%soptions kvm ignore_msrs=1\n", done.steps[0].act.text);
	back(&h, &done, false, &plan);
	assert_acts(&plan, "wculpdg");
	assert_string_equal(plan.steps[0].act.text, "options kvm ignore_msrs=1\n");
	host_after(&h, &plan);
	plan_free(&plan);
	back(&h, &done, false, &plan);
	assert_acts(&plan, "");
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* ---- two settings in one file ---- */

static void both_in_an_image(void **state)
{
	const struct goal goals[] = { { .setting = &settings[SETTING_EPT], .value = "off" },
				      { .setting = &settings[SETTING_NPT], .value = "off" } };
	struct plan_options options = { 0 };
	struct plan done, plan;
	struct host h;

	(void)state;
	host_make(&h);
	lose_module(&h);
	h.image = true;
	h.modules[MODULE_KVM_AMD] =
		(struct module_facts){ .virt.value = UNKNOWN,
				       .enabled.value = UNKNOWN,
				       .paging.value = UNKNOWN,
				       .usable.value = UNKNOWN,
				       .state = MODULE_STATE_LOADABLE,
				       .refcnt = -1,
				       .of[SETTING_NPT] = { .now = UNKNOWN, .next = YES } };
	plan_build(&h, goals, 2, &options, &done);
	assert_acts(&done, "wcc");
	assert_non_null(strstr(done.steps[0].act.text, "options kvm_intel ept=0\n"));
	assert_non_null(strstr(done.steps[0].act.text, "options kvm_amd npt=0\n"));
	assert_int_equal(done.steps[0].back.kind, ACT_REMOVE_FILE);
	host_after(&h, &done);
	back(&h, &done, false, &plan);
	assert_acts(&plan, "rcc");
	assert_int_equal(plan.change_count, 2);
	plan_free(&plan);
	plan_free(&done);
	host_free(&h);
}

/* ---- steps of a journal that somebody else wrote ---- */

static void leads_nowhere(const struct step *steps, size_t count, bool exact)
{
	struct plan_options options = { .exact = exact };
	struct plan plan;
	struct host h;

	host_make(&h);
	plan_back(&h, steps, count, &options, &plan);
	assert_acts(&plan, "");
	plan_free(&plan);
	host_free(&h);
}

static void nothing_to_go_by(void **state)
{
	static const struct step steps[] = {
		{ .act = { .kind = ACT_CHECK_GUEST } },
		{ .act = { .kind = ACT_NONE } },
	};

	(void)state;
	leads_nowhere(steps, ARRAY_SIZE(steps), false);
	leads_nowhere(NULL, 0, false);
}

/* The journal accepts such a step: a test guest needs no target. */
static void a_parameter_of_nothing(void **state)
{
	static char param[] = "ept";
	static struct wanted wanted = { .param = param };
	const struct step steps[] = {
		{ .act = { .kind = ACT_CHECK_GUEST, .wanted = &wanted, .wanted_count = 1 } }
	};

	(void)state;
	leads_nowhere(steps, ARRAY_SIZE(steps), false);
}

/* Its undo is of no use for the module that the steps are about: that one stays as it is. */
static void the_module_of_the_other_vendor(void **state)
{
	static char intel[] = "kvm_intel", amd[] = "kvm_amd", npt[] = "npt", ept[] = "ept",
		    options_text[] = "npt=1";
	static struct wanted npt_off = { .param = npt, .value = NO };
	static struct wanted ept_wanted = { .param = ept };
	const struct step steps[] = {
		{ .act = { .kind = ACT_UNLOAD, .target = intel },
		  .back = { .kind = ACT_RESTORE,
			    .target = amd,
			    .text = options_text,
			    .wanted = &npt_off,
			    .wanted_count = 1 } },
		{ .act = { .kind = ACT_CHECK_PARAMS,
			   .target = intel,
			   .wanted = &ept_wanted,
			   .wanted_count = 1 } },
	};

	(void)state;
	leads_nowhere(steps, ARRAY_SIZE(steps), true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_and_back),
		cmocka_unit_test(on_and_back),
		cmocka_unit_test(deferred_and_back),
		cmocka_unit_test(back_deferred),
		cmocka_unit_test(old_value_that_no_file_gives),
		cmocka_unit_test(module_gone_since),
		cmocka_unit_test(option_edited_since),
		cmocka_unit_test(before_the_first_step),
		cmocka_unit_test(after_the_file),
		cmocka_unit_test(while_the_module_is_away),
		cmocka_unit_test(away_and_deferred),
		cmocka_unit_test(away_is_not_in_use),
		cmocka_unit_test(after_the_load),
		cmocka_unit_test(after_the_load_in_use),
		cmocka_unit_test(another_parameter_differs),
		cmocka_unit_test(only_the_device_differs),
		cmocka_unit_test(nothing_on_a_guess),
		cmocka_unit_test(refused_to_others),
		cmocka_unit_test(in_an_image),
		cmocka_unit_test(saved_and_booted),
		cmocka_unit_test(saved_and_reloaded_by_hand),
		cmocka_unit_test(saved_and_not_loaded),
		cmocka_unit_test(saved_under_a_value_by_hand),
		cmocka_unit_test(configured_otherwise_since),
		cmocka_unit_test(module_not_installed_any_more),
		cmocka_unit_test(module_built_in_since),
		cmocka_unit_test(away_and_not_installed_any_more),
		cmocka_unit_test(only_our_option_goes),
		cmocka_unit_test(both_in_an_image),
		cmocka_unit_test(nothing_to_go_by),
		cmocka_unit_test(a_parameter_of_nothing),
		cmocka_unit_test(the_module_of_the_other_vendor),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
