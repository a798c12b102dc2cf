// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole changes on a kernel in memory: done, cut off after any step, rolled back, and proved.
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

#include <kvmtune/change.h>
#include <kvmtune/observe.h>

#define ADMIN "/etc/modprobe.d/kvm.conf"

static void run(struct fake *f, const char *value, bool defer, struct outcome *ret)
{
	struct goal goal = { .setting = &settings[SETTING_EPT], .value = value ? value : "" };
	struct request request = { .command = value ? "ept" : "undo",
				   .goals = &goal,
				   .goal_count = value ? 1 : 0,
				   .defer = defer,
				   .wait_ms = WAIT_NOT };

	change_run(&f->ports, &request, ret);
}

/* Runs it and says why, should it give another status; value NULL: undo. */
static void expect_status(struct fake *f, const char *value, bool defer, enum exit_status status,
			  const char *where)
{
	struct outcome o;

	run(f, value, defer, &o);
	if (o.status != status)
		fail_msg("%s, %s: status %d, not %d: %s", where, value ? value : "undo", o.status,
			 status, o.err.text);
	outcome_free(&o);
}

/* ---- hosts ---- */

static void plain(struct fake *f)
{
	fake_load(f, "");
}

static void given_by_hand(struct fake *f)
{
	fake_load(f, "nested=1 ple_gap=64");
}

static void configured(struct fake *f)
{
	fake_file(f, ADMIN, "options kvm_intel nested=1\n");
	fake_load(f, "nested=1");
}

static void edited(struct fake *f)
{
	fake_file(f, ADMIN, "options kvm_intel nested=1\n");
	fake_load(f, "");
}

static void with_file(struct fake *f)
{
	fake_file(f, OWN_CONF_FILE, "options kvm ignore_msrs=1\n");
	fake_load(f, "");
}

static void open_to_all(struct fake *f)
{
	struct err e = { 0 };

	fake_load(f, "");
	f->ports.file.set_owner(&f->ports, KVM_DEVICE, 0, 104, 0666, &e);
}

static const struct {
	const char *name;
	void (*make)(struct fake *f);
} hosts[] = {
	{ "plain", plain },   { "given by hand", given_by_hand }, { "configured", configured },
	{ "edited", edited }, { "with a file", with_file },	  { "open to all", open_to_all },
};

static void snapshot_is(struct fake *f, const char *before, const char *where)
{
	autofree char *now = fake_snapshot(f);

	if (strcmp(now, before) != 0)
		fail_msg("%s: not as before:\n%s\nbut\n%s", where, before, now);
}

/* ---- to the end and back ---- */

static void off_and_undo(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		autofree char *before = NULL;
		struct fake f;

		fake_init(&f);
		hosts[i].make(&f);
		before = fake_snapshot(&f);
		/* What no file says cannot come through a reload: refused by the check, and back. */
		if (hosts[i].make == given_by_hand) {
			expect_status(&f, "off", false, STATUS_FAILED, hosts[i].name);
			snapshot_is(&f, before, hosts[i].name);
			fake_free(&f);
			continue;
		}
		expect_status(&f, "off", false, STATUS_DONE, hosts[i].name);
		assert_string_equal(fake_param(&f, "ept"), "N");
		expect_status(&f, "off", false, STATUS_DONE, hosts[i].name);
		expect_status(&f, NULL, false, STATUS_DONE, hosts[i].name);
		assert_string_equal(fake_param(&f, "ept"), "Y");
		if (hosts[i].make != edited)
			snapshot_is(&f, before, hosts[i].name);
		/* Nothing is left to undo. */
		expect_status(&f, NULL, false, STATUS_DONE, hosts[i].name);
		fake_free(&f);
	}
}

/* ---- loadable before removable ---- */

static void assert_not_reloadable(struct fake *f, const char *value, bool dry_run)
{
	struct goal goal = { .setting = &settings[SETTING_EPT], .value = value ? value : "" };
	struct request request = { .command = value ? "ept" : "undo",
				   .goals = &goal,
				   .goal_count = value ? 1 : 0,
				   .dry_run = dry_run,
				   .wait_ms = value ? WAIT_FOREVER : WAIT_NOT };
	autofree char *before = fake_snapshot(f);
	struct outcome o;

	strv_free(&f->log);
	change_run(&f->ports, &request, &o);
	assert_int_equal(o.status, STATUS_IMPOSSIBLE);
	assert_string_equal(o.err.id, "not-reloadable");
	assert_non_null(strstr(o.err.text, "could not be loaded again: it is gone"));
	assert_non_null(strstr(o.err.hint, value ? "kvmtune ept --defer" : "kvmtune undo --defer"));
	snapshot_is(f, before, "not reloadable");
	assert_int_equal(f->log.n, fake_count(f, "lock"));
	outcome_free(&o);
}

static void not_reloadable(void **state)
{
	struct fake f;

	(void)state;
	fake_init(&f);
	plain(&f);
	f.no_reload = "it is gone";
	assert_not_reloadable(&f, "off", false);
	assert_not_reloadable(&f, "off", true);
	/* Not even waited for. */
	fake_file(&f, "/sys/module/" MODULE "/refcnt", "1\n");
	assert_not_reloadable(&f, "off", false);
	assert_int_equal(f.now_ms, 0);
	expect_status(&f, "off", true, STATUS_PENDING, "deferred");
	expect_status(&f, NULL, false, STATUS_DONE, "undo of what was deferred");
	f.no_reload = NULL;
	fake_file(&f, "/sys/module/" MODULE "/refcnt", "0\n");
	expect_status(&f, "off", false, STATUS_DONE, "reloadable");
	f.no_reload = "it is gone";
	assert_not_reloadable(&f, NULL, false);
	assert_not_reloadable(&f, NULL, true);
	fake_free(&f);
}

/* The kernel is asked where the module is to be removed, once, and else not at all. */
static void asked_where_it_matters(void **state)
{
	struct fake f;

	(void)state;
	fake_init(&f);
	plain(&f);
	expect_status(&f, "on", false, STATUS_DONE, "already on");
	expect_status(&f, "off", true, STATUS_PENDING, "deferred");
	assert_int_equal(f.reload_checks, 0);
	expect_status(&f, "off", false, STATUS_DONE, "off");
	assert_int_equal(f.reload_checks, 1);
	expect_status(&f, NULL, false, STATUS_DONE, "undo");
	assert_int_equal(f.reload_checks, 2);
	fake_free(&f);
}

/* A /dev that is not the kernel's. */
static void device_hidden(void **state)
{
	struct outcome o;
	struct fake f;

	(void)state;
	fake_init(&f);
	plain(&f);
	fake_file(&f, "/proc/filesystems", "nodev\tsysfs\nnodev\tdevtmpfs\n");
	fake_file(&f, "/proc/self/mountinfo",
		  "1 0 0:1 / / rw - ext4 x rw\n"
		  "2 1 0:2 / /dev rw - tmpfs x rw\n");
	run(&f, "off", false, &o);
	assert_int_equal(o.status, STATUS_IMPOSSIBLE);
	assert_string_equal(o.err.id, "device-hidden");
	outcome_free(&o);
	assert_int_equal(fake_count(&f, "unload"), 0);
	expect_status(&f, "off", true, STATUS_PENDING, "deferred");
	/* A kernel that has none makes no /dev/kvm: there is nothing to hide. */
	fake_file(&f, "/proc/filesystems", "nodev\tsysfs\n");
	expect_status(&f, "off", false, STATUS_DONE, "without devtmpfs");
	fake_free(&f);
}

/* A change is rolled back without a module that is not there any more. */
static void undo_without_the_module(void **state)
{
	struct err e = { 0 };
	struct fake f;

	(void)state;
	fake_init(&f);
	plain(&f);
	expect_status(&f, "off", false, STATUS_DONE, "plain");
	assert_int_equal(f.ports.module.unload(&f.ports, MODULE, &e), 0);
	strv_free(&f.log);
	expect_status(&f, NULL, false, STATUS_DONE, "plain");
	assert_null(fake_text(&f, OWN_CONF_FILE));
	assert_false(f.loaded);
	assert_int_equal(fake_count(&f, "load"), 0);
	assert_int_equal(fake_count(&f, "unload"), 0);
	fake_free(&f);
}

/* ---- cut off ---- */

/* The plan of this run, as far as `steps`; then the power goes. Whether it had so many steps. */
static bool cut_off(struct fake *f, const char *value, size_t steps)
{
	struct goal goal = { .setting = &settings[SETTING_EPT], .value = value ? value : "" };
	struct plan_options options = { 0 };
	struct apply_what what = { .command = "cut off" };
	struct journal_change change;
	struct apply_report report;
	autofree char *begun = NULL;
	struct journal journal;
	struct err e = { 0 };
	struct host h;
	struct plan plan;
	size_t all;
	int id;

	assert_int_equal(host_observe(&f->ports, HOST_ALL, &h, &e), 0);
	assert_int_equal(journal_load(&f->ports, &journal, &e), 0);
	if (value) {
		plan_build(&h, &goal, 1, &options, &plan);
	} else {
		const struct journal_entry *entry = journal_undoable(&journal);

		assert_non_null(entry);
		assert_int_equal(journal_read_steps(&journal, entry, &e), 0);
		options.exact = journal_interrupted(&journal) != NULL;
		what.undoes = entry->id;
		plan_back(&h, entry->steps, entry->step_count, &options, &plan);
	}
	assert_int_equal(plan.refusal.code, 0);
	all = plan.step_count;
	if (steps <= all) {
		change = (struct journal_change){ .command = what.command,
						  .undoes = what.undoes,
						  .steps = plan.steps,
						  .step_count = all };
		assert_int_equal(journal_begin(&f->ports, &journal, &change, &id, &e), 0);
		begun = xstrdup(fake_text(f, JOURNAL_FILE));
		plan.step_count = steps;
		assert_int_equal(apply_plan(&f->ports, &h, &plan, &journal, &what, &report, &e), 0);
		plan.step_count = all;
		fake_file(f, JOURNAL_FILE, begun);
		apply_report_free(&report);
	}
	plan_free(&plan);
	journal_free(&journal);
	host_free(&h);
	return steps <= all;
}

static void interrupted_is(struct fake *f, bool expected, const char *where)
{
	struct journal journal;
	struct err e = { 0 };

	assert_int_equal(journal_load(&f->ports, &journal, &e), 0);
	if ((journal_interrupted(&journal) != NULL) != expected)
		fail_msg("%s: %s", where, expected ? "not interrupted" : "interrupted still");
	journal_free(&journal);
}

static int (*true_read)(struct ports *p, const char *path, struct buf *ret);
static unsigned reads_that_fail; /* of our own file, once the change is at its end */

static int read_that_fails(struct ports *p, const char *path, struct buf *ret)
{
	autobuf journal = { 0 };

	if (reads_that_fail && strcmp(path, OWN_CONF_FILE) == 0 &&
	    true_read(p, JOURNAL_FILE, &journal) == 0 && strstr(buf_text(&journal), "\"done\"")) {
		reads_that_fail--;
		return -EIO;
	}
	return true_read(p, path, ret);
}

/* A file that cannot be read just then is no difference; one that stays so leaves no proof. */
static void proof_that_cannot_be_read(void **state)
{
	(void)state;
	for (unsigned times = 1; times <= 100; times += 99) {
		struct outcome o;
		struct fake f;

		fake_init(&f);
		fake_load(&f, "");
		true_read = f.ports.file.read;
		f.ports.file.read = read_that_fails;
		reads_that_fail = times;
		run(&f, "off", false, &o);
		assert_int_equal(o.status, times == 1 ? STATUS_DONE : STATUS_STUCK);
		assert_true(reads_that_fail < times);
		assert_true(o.applied && !o.report.failed);
		if (times > 1 &&
		    (!strstr(o.err.text, "could not be verified") ||
		     !strstr(o.err.text, OWN_CONF_FILE) || !strstr(o.err.text, strerror(EIO))))
			fail_msg("it says: %s", o.err.text);
		assert_int_equal(!o.err.code, times == 1);
		outcome_free(&o);
		fake_free(&f);
	}
}

static int read_after_removal(struct ports *p, const char *path, struct buf *ret)
{
	autobuf journal = { 0 };

	if (strcmp(path, OWN_CONF_FILE) == 0 && true_read(p, JOURNAL_FILE, &journal) == 0 &&
	    strstr(buf_text(&journal), "\"done\""))
		return -ENOENT;
	return true_read(p, path, ret);
}

/* That is another thing: somebody took our file away. */
static void proof_that_finds_a_difference(void **state)
{
	struct outcome o;
	struct fake f;

	(void)state;
	fake_init(&f);
	fake_load(&f, "");
	true_read = f.ports.file.read;
	f.ports.file.read = read_after_removal;
	run(&f, "off", false, &o);
	assert_int_equal(o.status, STATUS_STUCK);
	assert_string_equal(o.err.id, "not-verified");
	assert_true(o.leftover.step_count > 0);
	assert_non_null(strstr(o.err.text, "something else has changed the host"));
	outcome_free(&o);
	fake_free(&f);
}

/* Without the records of the change that was to be rolled back there is no way on, and it says so. */
static void undo_of_what_is_lost(void **state)
{
	struct outcome o;
	struct fake f;
	char *begin;

	(void)state;
	fake_init(&f);
	fake_load(&f, "");
	expect_status(&f, "off", false, STATUS_DONE, "lost");
	cut_off(&f, NULL, 1);
	begin = strstr(fake_text(&f, JOURNAL_FILE), "\"begin\"");
	assert_non_null(begin);
	*begin = '?';
	run(&f, NULL, false, &o);
	assert_int_equal(o.status, STATUS_FAILED);
	assert_int_equal(o.err.code, -EBADMSG);
	assert_false(o.applied);
	outcome_free(&o);
	fake_free(&f);
}

/* Cut off after any step, `undo` gives exactly the host that was before. */
static void undo_after_any_step(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		for (size_t steps = 0;; steps++) {
			autofree char *where = xasprintf("%s, %zu steps", hosts[i].name, steps);
			autofree char *before = NULL;
			bool more;
			struct fake f;

			fake_init(&f);
			hosts[i].make(&f);
			before = fake_snapshot(&f);
			more = cut_off(&f, "off", steps);
			if (more) {
				/* Killed while it wrote: what is half written goes, too. */
				fake_file(&f, "/etc/modprobe.d/.zz-kvmtune.conf.kvmtune-new",
					  "opt");
				interrupted_is(&f, true, where);
				expect_status(&f, NULL, false, STATUS_DONE, where);
				snapshot_is(&f, before, where);
				interrupted_is(&f, false, where);
				expect_status(&f, "off", true, STATUS_PENDING, where);
			}
			fake_free(&f);
			if (!more)
				break;
		}
}

/* And so it does where the undo was cut off, too. */
static void undo_of_a_cut_undo(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		for (size_t steps = 0; steps <= 7; steps++)
			for (size_t back = 0; back <= 5; back++) {
				autofree char *where = xasprintf("%s, %zu steps, %zu back",
								 hosts[i].name, steps, back);
				autofree char *before = NULL;
				struct fake f;

				fake_init(&f);
				hosts[i].make(&f);
				before = fake_snapshot(&f);
				if (cut_off(&f, "off", steps) && cut_off(&f, NULL, back)) {
					expect_status(&f, NULL, false, STATUS_DONE, where);
					snapshot_is(&f, before, where);
					interrupted_is(&f, false, where);
				}
				fake_free(&f);
			}
}

/* A dry run takes no lock, but it ends as the real run would. */
static void dry_run_while_another_is_at_work(void **state)
{
	struct goal goal = { .setting = &settings[SETTING_EPT], .value = "on" };
	struct request request = { .command = "ept on",
				   .goals = &goal,
				   .goal_count = 1,
				   .dry_run = true,
				   .wait_ms = WAIT_FOREVER };
	struct outcome o;
	struct fake f;

	(void)state;
	fake_init(&f);
	plain(&f);
	f.lock_holder = "kvmtune ept off, PID 7";
	change_run(&f.ports, &request, &o);
	assert_int_equal(o.status, STATUS_REFUSED);
	assert_string_equal(o.err.id, "locked");
	outcome_free(&o);
	f.lock_holder = NULL;
	assert_true(cut_off(&f, "off", 3));
	f.lock_holder = "kvmtune ept off, PID 7";
	change_run(&f.ports, &request, &o);
	assert_int_equal(o.status, STATUS_REFUSED);
	assert_string_equal(o.err.id, "locked");
	assert_non_null(strstr(o.err.text, f.lock_holder));
	outcome_free(&o);
	f.lock_holder = NULL;
	change_run(&f.ports, &request, &o);
	assert_int_equal(o.status, STATUS_DONE);
	assert_int_equal(o.recovery, RECOVERY_FIRST);
	outcome_free(&o);
	fake_free(&f);
}

/* The undo fails and rolls back: the change is still there to be undone. */
static void undo_fails_once(void **state)
{
	(void)state;
	for (size_t steps = 0; steps <= 7; steps++) {
		autofree char *where = xasprintf("%zu steps", steps);
		autofree char *before = NULL;
		struct outcome o;
		struct fake f;

		fake_init(&f);
		configured(&f);
		before = fake_snapshot(&f);
		assert_true(cut_off(&f, "off", steps));
		f.guest_result = -EIO;
		run(&f, NULL, false, &o);
		outcome_free(&o);
		f.guest_result = 0;
		/* Where it came to a test guest, KVM is there again, and the change not rolled back. */
		assert_true(f.loaded);
		expect_status(&f, NULL, false, STATUS_DONE, where);
		snapshot_is(&f, before, where);
		interrupted_is(&f, false, where);
		fake_free(&f);
	}
}

/* --defer leaves the module alone, also one that is away; and asks nothing of its device. */
static void deferred_undo_after_any_step(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t steps = 0; steps <= 7; steps++) {
		struct outcome o;
		struct fake f;

		fake_init(&f);
		plain(&f);
		assert_true(cut_off(&f, "off", steps));
		strv_free(&f.log);
		run(&f, NULL, true, &o);
		if (o.status != STATUS_DONE && o.status != STATUS_PENDING) {
			print_error("%zu steps: status %d: %s\n", steps, o.status, o.err.text);
			wrong++;
		}
		assert_int_equal(fake_count(&f, "load"), 0);
		assert_int_equal(fake_count(&f, "unload"), 0);
		wrong += fake_text(&f, OWN_CONF_FILE) != NULL;
		outcome_free(&o);
		fake_free(&f);
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_and_undo),
		cmocka_unit_test(undo_without_the_module),
		cmocka_unit_test(not_reloadable),
		cmocka_unit_test(asked_where_it_matters),
		cmocka_unit_test(device_hidden),
		cmocka_unit_test(undo_after_any_step),
		cmocka_unit_test(proof_that_cannot_be_read),
		cmocka_unit_test(proof_that_finds_a_difference),
		cmocka_unit_test(undo_of_what_is_lost),
		cmocka_unit_test(undo_of_a_cut_undo),
		cmocka_unit_test(dry_run_while_another_is_at_work),
		cmocka_unit_test(undo_fails_once),
		cmocka_unit_test(deferred_undo_after_any_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
