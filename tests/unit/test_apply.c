// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Steps done one after another, and rolled back when one fails: on a kernel in memory.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake.h"

#include <kvmtune/apply.h>
#include <kvmtune/observe.h>

#define ADMIN	"/etc/modprobe.d/kvm.conf"
#define OWN_OFF "options kvm_intel ept=0\n"

struct fixture {
	struct fake f;
	struct host before;
	struct plan plan;
	struct journal journal;
	struct apply_report report;
	struct err err;
	char *snapshot;
};

static int set_up(void **state)
{
	struct fixture *x = xcalloc(1, sizeof(*x));

	fake_init(&x->f);
	fake_file(&x->f, "/etc/modprobe.d/other.conf", "options loop max_loop=8\n");
	fake_load(&x->f, "");
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	apply_report_free(&x->report);
	journal_free(&x->journal);
	plan_free(&x->plan);
	host_free(&x->before);
	fake_free(&x->f);
	free(x->snapshot);
	free(x);
	return 0;
}

static void observe_and_plan(struct fixture *x, const char *value, bool defer)
{
	struct goal goal = { .setting = &settings[SETTING_EPT], .value = value };
	struct plan_options options = { .defer = defer };
	struct err e = { 0 };

	plan_free(&x->plan);
	host_free(&x->before);
	assert_int_equal(host_observe(&x->f.ports, HOST_ALL, &x->before, &e), 0);
	plan_build(&x->before, &goal, 1, &options, &x->plan);
	if (x->plan.refusal.code)
		fail_msg("refused: %s", x->plan.refusal.text);
	assert_true(x->plan.step_count > 0);
	free(x->snapshot);
	x->snapshot = fake_snapshot(&x->f);
}

static int apply(struct fixture *x)
{
	static const struct apply_what what = { .command = "ept off" };

	int r;

	apply_report_free(&x->report);
	r = apply_plan(&x->f.ports, &x->before, &x->plan, &x->journal, &what, &x->report, &x->err);
	/* An error that was overcome must not be left behind: a later step would take it for its own. */
	if (r == 0 && !x->report.failed)
		assert_int_equal(x->report.err.code, 0);
	return r;
}

/* Plans for the host as it is and applies that. */
static void change(struct fixture *x, const char *value, bool defer)
{
	observe_and_plan(x, value, defer);
	assert_int_equal(apply(x), 0);
}

static void assert_log(const struct fixture *x, const char *const *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (i >= x->f.log.n)
			fail_msg("no call %zu: %s", i, lines[i]);
		assert_string_equal(x->f.log.v[i], lines[i]);
	}
	assert_int_equal(x->f.log.n, n);
}

static void assert_as_before(struct fixture *x)
{
	autofree char *now = fake_snapshot(&x->f);

	assert_string_equal(now, x->snapshot);
	assert_true(x->f.loaded);
}

static void assert_rolled_back(struct fixture *x)
{
	assert_true(x->report.failed);
	assert_true(x->report.rolled_back);
	assert_false(x->report.stuck);
	assert_as_before(x);
}

static enum journal_result result_in_journal(struct fixture *x)
{
	struct journal j;
	struct err e = { 0 };
	enum journal_result result;

	assert_int_equal(journal_load(&x->f.ports, &j, &e), 0);
	assert_true(j.count > 0);
	result = j.entries[j.count - 1].result;
	journal_free(&j);
	return result;
}

/* ---- all goes well ---- */

#define APPEND "append " JOURNAL_FILE

static void order_of_calls(void **state)
{
	static const char *const lines[] = {
		APPEND, /* all that is planned, with the undo */
		"replace " OWN_CONF_FILE,
		"unload " MODULE,
		"load " MODULE " (configured)",
		"guest",
		APPEND,
	};
	struct fixture *x = *state;

	change(x, "off", false);
	assert_log(x, lines, ARRAY_SIZE(lines));
	assert_false(x->report.failed);
	assert_int_equal(x->report.done, x->plan.step_count);
	assert_string_equal(fake_param(&x->f, "ept"), "N");
	assert_string_equal(fake_param(&x->f, "pml"), "N");
	assert_non_null(strstr(fake_text(&x->f, OWN_CONF_FILE), "options kvm_intel ept=0\n"));
	assert_int_equal(result_in_journal(x), JOURNAL_DONE);
	assert_int_equal(x->report.remarks.n, 0);
	assert_int_equal(x->report.away_ms, 0);
}

static void off_and_on_again(void **state)
{
	struct fixture *x = *state;
	autofree char *first = fake_snapshot(&x->f);
	autofree char *last = NULL;

	change(x, "off", false);
	change(x, "on", false);
	assert_false(x->report.failed);
	last = fake_snapshot(&x->f);
	assert_string_equal(last, first);
	assert_null(fake_text(&x->f, OWN_CONF_FILE));
}

static void planned_again_is_empty(void **state)
{
	struct goal goal = { .setting = &settings[SETTING_EPT], .value = "off" };
	struct plan_options options = { 0 };
	struct fixture *x = *state;
	struct plan again;
	struct host after;

	fake_file(&x->f, ADMIN, "options kvm_intel nested=1\n");
	change(x, "off", false);
	assert_int_equal(host_observe(&x->f.ports, HOST_ALL, &after, &x->err), 0);
	plan_build(&after, &goal, 1, &options, &again);
	assert_int_equal(again.step_count, 0);
	assert_true(again.changes[0].already);
	plan_free(&again);
	host_free(&after);
}

static int guest_takes_all_memory(struct ports *p, unsigned timeout_ms, struct err *e)
{
	(void)p, (void)timeout_ms, (void)e;
	xcalloc(SIZE_MAX / 2, 1);
	return 0;
}

static int append_takes_all_memory(struct ports *p, const char *path, const char *text,
				   struct err *e)
{
	(void)path, (void)text;
	return guest_takes_all_memory(p, 0, e);
}

/* Of the sanitizer: it would end the program itself. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

/* The exit status of a process of its own that applies the plan. */
static int status_without_memory(struct fixture *x)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		close(STDERR_FILENO);
		out_of_memory_status(STATUS_FAILED); /* as in a new process */
		apply(x);
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* It may be in between when there is no memory on the way; before that nothing was done. */
static void without_memory(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	x->f.ports.kvm.run_guest = guest_takes_all_memory;
	assert_int_equal(status_without_memory(x), STATUS_STUCK);
	x->f.ports.file.append = append_takes_all_memory;
	assert_int_equal(status_without_memory(x), STATUS_FAILED);
}

static void defer_touches_the_file_only(void **state)
{
	static const char *const lines[] = { APPEND, "replace " OWN_CONF_FILE, APPEND };
	struct fixture *x = *state;

	change(x, "off", true);
	assert_log(x, lines, ARRAY_SIZE(lines));
	assert_string_equal(fake_param(&x->f, "ept"), "Y");
	assert_int_equal(x->report.away_ms, -1);
}

/* From the removal to the insertion KVM is away: nothing is written to disk meanwhile. */
static void nothing_between_unload_and_load(void **state)
{
	struct fixture *x = *state;
	int unload, load;

	change(x, "off", false);
	unload = fake_find(&x->f, "unload");
	load = fake_find(&x->f, "load");
	assert_true(unload > 0);
	assert_int_equal(load, unload + 1);
}

/* ---- a step fails ---- */

static void the_journal_cannot_be_begun(void **state)
{
	static const char *const lines[] = { APPEND };
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	fake_fault(&x->f, "append", 0, 1, -ENOSPC);
	assert_int_equal(apply(x), -ENOSPC);
	assert_log(x, lines, ARRAY_SIZE(lines));
	assert_as_before(x);
}

static void clear_faults(struct fake *f)
{
	free(f->faults);
	f->faults = NULL;
	f->fault_count = 0;
}

/* Whatever call fails, once: the host is as it was. */
static void any_call_fails_once(void **state)
{
	static const char *const calls[] = { "append", "replace", "remove",
					     "unload", "load",	  "prepare" };
	struct fixture *x = *state;
	size_t failures = 0;

	fake_file(&x->f, OWN_CONF_FILE, "options kvm ignore_msrs=1\n");
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		for (int skip = 0; skip < 4; skip++) {
			bool failed;

			observe_and_plan(x, "off", false);
			fake_fault(&x->f, calls[i], skip, 1, -EIO);
			failed = apply(x) < 0 || x->report.failed;
			clear_faults(&x->f);
			assert_false(x->report.stuck);
			failures += failed;
			if (failed)
				assert_as_before(x);
			else /* the call never came so often, or it was only the last line */
				change(x, "on", false);
		}
	assert_int_equal(failures, 5);
}

static void removal_fails(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	fake_fault(&x->f, "unload", 0, 1, -EPERM);
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_int_equal(x->report.err.code, -EPERM);
	/* Nothing was removed: nothing is inserted. */
	assert_int_equal(fake_count(&x->f, "unload"), 1);
	assert_int_equal(fake_count(&x->f, "load"), 0);
	assert_int_equal(fake_count(&x->f, "remove " OWN_CONF_FILE), 1);
	assert_int_equal(result_in_journal(x), JOURNAL_ROLLED_BACK);
}

static void guest_fails(void **state)
{
	static const char *const lines[] = {
		APPEND,
		"replace " OWN_CONF_FILE,
		"unload " MODULE,
		"load " MODULE " (configured)",
		"guest",
		/* back, last first; the old options are given, not looked for in files */
		"unload " MODULE,
		"load " MODULE " ept=1",
		"remove " OWN_CONF_FILE,
		APPEND,
	};
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	x->f.guest_result = -ETIMEDOUT;
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_log(x, lines, ARRAY_SIZE(lines));
	assert_int_equal(x->report.done, 6);
	assert_int_equal(x->report.err.code, -ETIMEDOUT);
}

static void insertion_fails(void **state)
{
	struct fixture *x = *state;

	fake_file(&x->f, ADMIN, "options kvm_intel ple_gap=bogus\n");
	observe_and_plan(x, "off", false);
	x->f.bad_option = "bogus";
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	/* Who is to blame is named. */
	assert_non_null(strstr(x->report.err.text, "ple_gap=bogus of " ADMIN ":1"));
	assert_int_equal(fake_count(&x->f, "load " MODULE " ept=1"), 1);
	assert_int_equal(x->report.remarks.n, 0);
}

static void prepare_fails(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	fake_fault(&x->f, "prepare", 0, 1, -EIO);
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_int_equal(fake_count(&x->f, "unload"), 0);
}

/* Another writes to modprobe.d between plan and change. */
static void another_option_wins_meanwhile(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	fake_file(&x->f, "/etc/modprobe.d/zzz.conf", "options kvm_intel ept=1\n");
	assert_int_equal(apply(x), 0);
	assert_true(x->report.failed);
	assert_true(x->report.rolled_back);
	assert_int_equal(x->report.err.code, -ESTALE);
	assert_int_equal(fake_count(&x->f, "unload"), 0);
	assert_null(fake_text(&x->f, OWN_CONF_FILE));
}

/* libkmod does not see our file at all: then nobody says ept=0, and the next load turns it on. */
static void our_file_is_not_read(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", true);
	x->f.hidden_conf = OWN_CONF_FILE;
	assert_int_equal(apply(x), 0);
	assert_true(x->report.failed);
	assert_true(x->report.rolled_back);
	assert_int_equal(x->report.err.code, -ESTALE);
	x->f.hidden_conf = NULL;
	assert_as_before(x);
}

/* Silence is on; but not where a file of ours is needed for it. */
static void silence_is_on(void **state)
{
	struct fixture *x = *state;

	change(x, "off", false);
	change(x, "on", false);
	assert_false(x->report.failed);
	x->f.ports.module.unload(&x->f.ports, MODULE, &x->err);
	fake_file(&x->f, ADMIN, "options kvm_intel ept=0\n");
	fake_load(&x->f, "ept=0");
	observe_and_plan(x, "on", false);
	fake_gone(&x->f, ADMIN);
	x->f.hidden_conf = OWN_CONF_FILE;
	assert_int_equal(apply(x), 0);
	assert_true(x->report.failed);
	assert_int_equal(x->report.err.code, -ESTALE);
	assert_string_equal(fake_param(&x->f, "ept"), "N");
}

static void another_turns_it_off_meanwhile(void **state)
{
	struct fixture *x = *state;

	change(x, "off", false);
	observe_and_plan(x, "on", false);
	fake_file(&x->f, "/etc/modprobe.d/zzz.conf", "options kvm_intel ept=0\n");
	free(x->snapshot);
	x->snapshot = fake_snapshot(&x->f);
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_int_equal(x->report.err.code, -ESTALE);
}

/* The disk is full: what was not written need not be rolled back. */
static void the_file_cannot_be_written(void **state)
{
	struct fixture *x = *state;

	fake_file(&x->f, OWN_CONF_FILE, "options kvm ignore_msrs=1\n");
	observe_and_plan(x, "off", false);
	fake_fault(&x->f, "replace", 0, 99, -ENOSPC);
	assert_int_equal(apply(x), 0);
	assert_true(x->report.failed);
	assert_as_before(x);
	assert_false(x->report.stuck);
}

/* ---- KVM in use ---- */

static void probe_that_goes_away(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	fake_fault(&x->f, "unload", 0, 3, -EAGAIN);
	assert_int_equal(apply(x), 0);
	assert_false(x->report.failed);
	assert_int_equal(fake_count(&x->f, "unload"), 4);
	assert_true(x->f.now_ms > 0);
	/* KVM was not away while it was in use. */
	assert_int_equal(x->report.away_ms, 0);
}

static void guest_that_stays(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	fake_fault(&x->f, "unload", 0, 1000, -EAGAIN);
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_string_equal(x->report.err.id, "in-use");
	assert_int_equal(x->report.err.status, STATUS_REFUSED);
	assert_true(fake_count(&x->f, "unload") > 2);
	assert_true(fake_count(&x->f, "unload") < 20);
	assert_int_equal(fake_count(&x->f, "load"), 0);
}

static void kernel_without_unload(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	fake_fault(&x->f, "unload", 0, 1, -ENOSYS);
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_string_equal(x->report.err.id, "no-unload");
	assert_int_equal(x->report.err.status, STATUS_IMPOSSIBLE);
}

/* ---- rollback of the module ---- */

/* nested=1 was given by hand: no file says so, and it must not get lost. */
static void values_given_by_hand(void **state)
{
	struct fixture *x = *state;

	assert_true(x->f.loaded);
	x->f.ports.module.unload(&x->f.ports, MODULE, &x->err);
	fake_load(&x->f, "nested=1");
	strv_free(&x->f.log);
	observe_and_plan(x, "off", false);
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_non_null(strstr(x->report.err.text, "nested is N, not Y"));
	assert_non_null(strstr(x->report.err.hint, "set manually"));
	assert_string_equal(fake_param(&x->f, "nested"), "Y");
	assert_int_equal(fake_count(&x->f, "load " MODULE " ept=1 nested=Y"), 1);
	assert_int_equal(fake_count(&x->f, "unload"), 3);
	assert_int_equal(x->report.remarks.n, 0);
}

/* Options in force come back with the module, those edited since do not. */
static void options_in_force_come_back(void **state)
{
	struct fixture *x = *state;

	x->f.ports.module.unload(&x->f.ports, MODULE, &x->err);
	fake_file(&x->f, ADMIN, "options kvm_intel nested=1\n");
	fake_load(&x->f, "nested=1");
	fake_file(&x->f, ADMIN, "options kvm_intel nested=1 ple_gap=64\n");
	observe_and_plan(x, "off", false);
	x->f.guest_result = -EIO;
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_int_equal(fake_count(&x->f, "load " MODULE " nested=1 ept=1"), 1);
	assert_int_equal(fake_count(&x->f, "load"), 2);
}

/*
 * What the kernel took once it does not take any more: KVM comes back with ept alone, once, and
 * it is said that this is not as it was.
 */
static void old_options_are_refused(void **state)
{
	struct fixture *x = *state;

	x->f.ports.module.unload(&x->f.ports, MODULE, &x->err);
	fake_file(&x->f, ADMIN, "options kvm_intel nested=1\n");
	fake_load(&x->f, "nested=1");
	observe_and_plan(x, "off", false);
	x->f.bad_option = "nested=1";
	assert_int_equal(apply(x), 0);
	assert_true(x->report.failed);
	assert_false(x->report.rolled_back);
	assert_true(x->report.stuck);
	assert_non_null(strstr(x->report.back_err.text, "nested is N, not Y"));
	assert_non_null(strstr(x->report.back_err.hint, "KVM works"));
	assert_true(x->f.loaded);
	assert_string_equal(fake_param(&x->f, "ept"), "Y");
	assert_int_equal(fake_count(&x->f, "load " MODULE " ept=1"), 1);
	assert_null(fake_text(&x->f, OWN_CONF_FILE));
	assert_int_equal(result_in_journal(x), JOURNAL_STUCK);
	assert_int_equal(x->report.remarks.n, 1);
	assert_non_null(strstr(x->report.remarks.v[0], "nested=1 ept=1"));
	assert_non_null(strstr(x->report.remarks.v[0], "alone"));
}

static void nothing_loads_any_more(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	fake_fault(&x->f, "load", 0, 1000, -ENOMEM);
	assert_int_equal(apply(x), 0);
	assert_true(x->report.stuck);
	assert_false(x->report.rolled_back);
	assert_non_null(strstr(x->report.back_err.hint, "kvmtune undo"));
	/* It goes on with what can be rolled back. */
	assert_null(fake_text(&x->f, OWN_CONF_FILE));
	assert_int_equal(result_in_journal(x), JOURNAL_STUCK);
}

/* Options that the kernel refuses, but that change nothing: all is as it was. */
static void refused_but_the_same(void **state)
{
	struct fixture *x = *state;

	fake_file(&x->f, ADMIN, "options kvm_intel nested=0\n");
	observe_and_plan(x, "off", false);
	x->f.bad_option = "nested=0";
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_int_equal(fake_count(&x->f, "load"), 3);
	assert_int_equal(x->report.remarks.n, 1);
}

/* A guest came between: the module stays as it is, and that is said. */
static void in_use_at_rollback(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	x->f.guest_result = -EIO;
	fake_fault(&x->f, "unload", 1, 1000, -EAGAIN);
	assert_int_equal(apply(x), 0);
	assert_true(x->report.stuck);
	assert_true(x->f.loaded);
	assert_null(fake_text(&x->f, OWN_CONF_FILE));
	assert_int_equal(result_in_journal(x), JOURNAL_STUCK);
}

/* Somebody else inserted it in the moment between: judged by what it is, not by who it was. */
static int load_by_another(struct ports *p, const char *module, const char *options, struct err *e)
{
	struct fake *f = p->self;

	(void)options;
	fake_load(f, "ept=0");
	return err_set(e, -EEXIST, "%s is loaded", module);
}

static void another_loads_the_module(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	x->f.ports.module.load = load_by_another;
	assert_int_equal(apply(x), 0);
	assert_false(x->report.failed);
	assert_string_equal(fake_param(&x->f, "ept"), "N");
}

/* ---- what is checked afterwards ---- */

/*
 * Asked for in a file, impossible on this processor: the kernel says N, before and after. That is
 * no difference, and no reason to take the change back.
 */
static void option_without_hardware(void **state)
{
	struct fixture *x = *state;

	x->f.ports.module.unload(&x->f.ports, MODULE, &x->err);
	x->f.no_hardware_for = "enable_shadow_vmcs";
	fake_file(&x->f, ADMIN, "options kvm_intel enable_shadow_vmcs=1\n");
	fake_load(&x->f, "enable_shadow_vmcs=1");
	change(x, "off", false);
	assert_false(x->report.failed);
	assert_string_equal(fake_param(&x->f, "ept"), "N");
	assert_int_equal(x->report.remarks.n, 0);
	/* Nor is it one during a rollback. */
	observe_and_plan(x, "on", false);
	x->f.guest_result = -EIO;
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
}

/* The kernel makes something else of a value that was not asked for: worth a word, no failure. */
static void another_parameter_moves_with_an_edit(void **state)
{
	struct fixture *x = *state;

	fake_file(&x->f, ADMIN, "options kvm_intel nested=1\n");
	observe_and_plan(x, "off", false);
	x->f.no_hardware_for = "flexpriority";
	assert_int_equal(apply(x), 0);
	assert_false(x->report.failed);
	assert_int_equal(x->report.remarks.n, 1);
	assert_non_null(strstr(x->report.remarks.v[0], "flexpriority changed"));
}

static void edited_option_takes_effect(void **state)
{
	struct fixture *x = *state;

	fake_file(&x->f, ADMIN, "options kvm_intel nested=1 ple_gap=0x40\n");
	change(x, "off", false);
	assert_false(x->report.failed);
	assert_int_equal(x->plan.effect_count, 2);
	assert_string_equal(fake_param(&x->f, "nested"), "Y");
}

static void udev_comes_late(void **state)
{
	struct fixture *x = *state;

	fake_file(&x->f, "/run/udev/control", "");
	observe_and_plan(x, "off", false);
	x->f.udev_is_late = true;
	x->f.sleeps_until_udev = 7;
	assert_int_equal(apply(x), 0);
	assert_false(x->report.failed);
	assert_int_equal(fake_count(&x->f, "set_owner"), 0);
	assert_int_equal(x->report.remarks.n, 0);
	assert_true(x->f.now_ms > 0 && x->f.now_ms < 1000);
}

static void no_udev(void **state)
{
	struct fixture *x = *state;
	struct file_stat st;

	observe_and_plan(x, "off", false);
	x->f.udev_is_late = true;
	assert_int_equal(apply(x), 0);
	assert_false(x->report.failed);
	assert_int_equal(fake_count(&x->f, "set_owner " KVM_DEVICE), 1);
	assert_int_equal(x->report.remarks.n, 1);
	assert_int_equal(x->f.now_ms, 0);
	assert_int_equal(x->f.ports.file.stat(&x->f.ports, KVM_DEVICE, &st), 0);
	assert_int_equal(st.mode, 0660);
	assert_int_equal(st.gid, 104);
}

static void udev_never_comes(void **state)
{
	struct fixture *x = *state;

	fake_file(&x->f, "/run/udev/control", "");
	observe_and_plan(x, "off", false);
	x->f.udev_is_late = true;
	assert_int_equal(apply(x), 0);
	assert_false(x->report.failed);
	assert_int_equal(fake_count(&x->f, "set_owner"), 1);
	assert_true(x->f.now_ms >= 1000);
}

/* Somebody else has just removed the module: that is no failure, and no later step takes it for one. */
static void removed_by_another_before_udev_comes(void **state)
{
	struct fixture *x = *state;

	fake_file(&x->f, "/run/udev/control", "");
	observe_and_plan(x, "off", false);
	assert_int_equal(x->f.ports.module.unload(&x->f.ports, "kvm_intel", &x->err), 0);
	x->f.udev_is_late = true;
	x->f.sleeps_until_udev = 3;
	assert_int_equal(apply(x), 0);
	assert_false(x->report.failed);
	assert_string_equal(fake_param(&x->f, "ept"), "N");
}

/* The device is part of what comes back. */
static void device_comes_back(void **state)
{
	struct fixture *x = *state;
	struct file_stat st;

	x->f.ports.file.set_owner(&x->f.ports, KVM_DEVICE, 5, 6, 0666, &x->err);
	observe_and_plan(x, "off", false);
	x->f.udev_is_late = true;
	x->f.guest_result = -EIO;
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_int_equal(x->f.ports.file.stat(&x->f.ports, KVM_DEVICE, &st), 0);
	assert_int_equal(st.uid, 5);
	assert_int_equal(st.gid, 6);
	assert_int_equal(st.mode, 0666);
}

#define AN_ACL "\2\0\0\0\1\0\6\0\377\377\377\377"

static void assert_has_acl(struct fixture *x)
{
	struct device_facts now;

	observe_device(&x->f.ports, &now);
	assert_int_equal(now.acl_size, 12);
	assert_memory_equal(now.acl, AN_ACL, 12);
}

static void acl_comes_back(void **state)
{
	struct fixture *x = *state;

	fake_acl(&x->f, KVM_DEVICE, AN_ACL, 12);
	observe_and_plan(x, "off", false);
	assert_int_equal(apply(x), 0);
	assert_false(x->report.failed);
	assert_has_acl(x);
	assert_int_equal(fake_count(&x->f, "set_owner"), 0);
	assert_int_equal(x->report.remarks.n, 1);
	assert_int_equal(x->f.now_ms, 0);
}

/* Whoever is logged in at the seat gets his from udev: that is waited for, but not long. */
static void acl_comes_back_beside_udev(void **state)
{
	struct fixture *x = *state;

	fake_file(&x->f, "/run/udev/control", "");
	fake_acl(&x->f, KVM_DEVICE, AN_ACL, 12);
	observe_and_plan(x, "off", false);
	assert_int_equal(apply(x), 0);
	assert_false(x->report.failed);
	assert_has_acl(x);
	assert_true(x->f.now_ms >= 100 && x->f.now_ms < 1000);
}

static void acl_comes_back_after_a_failure(void **state)
{
	struct fixture *x = *state;

	fake_acl(&x->f, KVM_DEVICE, AN_ACL, 12);
	observe_and_plan(x, "off", false);
	x->f.guest_result = -EIO;
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_has_acl(x);
}

static void acl_cannot_be_set(void **state)
{
	struct fixture *x = *state;

	fake_acl(&x->f, KVM_DEVICE, AN_ACL, 12);
	observe_and_plan(x, "off", false);
	fake_fault(&x->f, "set_acl", 0, 1, -EPERM);
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_has_acl(x);
}

/* ---- signals ---- */

static void signal_before_the_first_step(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	x->f.interrupt_at = "append";
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_int_equal(x->report.err.code, -EINTR);
	assert_int_equal(x->report.done, 0);
	assert_int_equal(fake_count(&x->f, "replace"), 0);
}

static void signal_while_the_module_is_away(void **state)
{
	struct fixture *x = *state;
	int unload;

	observe_and_plan(x, "off", false);
	x->f.interrupt_at = "unload";
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
	assert_int_equal(x->report.err.code, -EINTR);
	/* The insertion does not wait for that decision. */
	unload = fake_find(&x->f, "unload");
	assert_string_equal(x->f.log.v[unload + 1], "load " MODULE " (configured)");
	assert_int_equal(fake_count(&x->f, "guest"), 0);
}

static void signal_at_rollback(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	x->f.guest_result = -EIO;
	x->f.interrupt_at = "guest";
	assert_int_equal(apply(x), 0);
	assert_rolled_back(x);
}

/* ---- the journal ---- */

static void end_that_cannot_be_written(void **state)
{
	struct fixture *x = *state;

	observe_and_plan(x, "off", false);
	fake_fault(&x->f, "append", 1, 1, -ENOSPC);
	assert_int_equal(apply(x), 0);
	assert_false(x->report.failed);
	assert_int_equal(x->report.remarks.n, 1);
	assert_non_null(strstr(x->report.remarks.v[0], "journal"));
	assert_string_equal(fake_param(&x->f, "ept"), "N");
	assert_int_equal(result_in_journal(x), JOURNAL_OPEN);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(order_of_calls),
		TEST(off_and_on_again),
		TEST(without_memory),
		TEST(planned_again_is_empty),
		TEST(defer_touches_the_file_only),
		TEST(nothing_between_unload_and_load),
		TEST(the_journal_cannot_be_begun),
		TEST(any_call_fails_once),
		TEST(removal_fails),
		TEST(guest_fails),
		TEST(insertion_fails),
		TEST(prepare_fails),
		TEST(another_option_wins_meanwhile),
		TEST(our_file_is_not_read),
		TEST(silence_is_on),
		TEST(another_turns_it_off_meanwhile),
		TEST(the_file_cannot_be_written),
		TEST(probe_that_goes_away),
		TEST(guest_that_stays),
		TEST(kernel_without_unload),
		TEST(values_given_by_hand),
		TEST(options_in_force_come_back),
		TEST(old_options_are_refused),
		TEST(refused_but_the_same),
		TEST(nothing_loads_any_more),
		TEST(in_use_at_rollback),
		TEST(another_loads_the_module),
		TEST(option_without_hardware),
		TEST(another_parameter_moves_with_an_edit),
		TEST(edited_option_takes_effect),
		TEST(udev_comes_late),
		TEST(no_udev),
		TEST(removed_by_another_before_udev_comes),
		TEST(udev_never_comes),
		TEST(device_comes_back),
		TEST(acl_comes_back),
		TEST(acl_comes_back_beside_udev),
		TEST(acl_comes_back_after_a_failure),
		TEST(acl_cannot_be_set),
		TEST(signal_before_the_first_step),
		TEST(signal_while_the_module_is_away),
		TEST(signal_at_rollback),
		TEST(end_that_cannot_be_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
