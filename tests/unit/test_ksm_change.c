// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whole changes of KSM on a kernel and a service manager in memory: done, failed at any call,
 * stopped, rolled back, and proved.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

#include <kvmtune/change.h>
#include <kvmtune/observe.h>

#define KSM	 "ksm.service"
#define KSMTUNED "ksmtuned.service"

struct seen {
	unsigned told;
	uint64_t last, total;
	bool backwards;
};

static void note_progress(void *arg, const struct progress *progress)
{
	struct seen *seen = arg;

	if (progress->kind != ACT_SET_RUN)
		return;
	seen->told++;
	seen->backwards |= progress->done < seen->last;
	seen->last = progress->done;
	seen->total = progress->total;
}

#define WANT "/etc/systemd/system/multi-user.target.wants/"

static struct seen seen;

/* value NULL: undo. */
static void run(struct fake *f, const char *value, struct outcome *ret)
{
	struct goal goal = { .setting = &settings[SETTING_KSM], .value = value ? value : "" };
	struct request request = { .command = value ? value : "undo",
				   .goals = &goal,
				   .goal_count = value ? 1 : 0,
				   .wait_ms = WAIT_NOT,
				   .reserve_bytes = RESERVE_DEFAULT,
				   .watch_ms = 3000,
				   .progress = note_progress,
				   .arg = &seen };

	seen = (struct seen){ 0 };
	change_run(&f->ports, &request, ret);
}

static void expect(struct fake *f, const char *value, enum exit_status status, const char *part)
{
	struct outcome o;

	run(f, value, &o);
	if (o.status != status || (part && !strstr(o.err.text, part)))
		fail_msg("%s: status %d, not %d: %s", value ? value : "undo", o.status, status,
			 o.err.text);
	outcome_free(&o);
}

static void unit_is(struct fake *f, const char *name, const char *words)
{
	assert_string_equal(fake_unit_text(f, name), words);
}

static void snapshot_is(struct fake *f, const char *before, const char *where)
{
	autofree char *now = fake_snapshot(f);

	if (strcmp(now, before) != 0)
		fail_msg("%s: not as before:\n%s\nbut\n%s", where, before, now);
}

/* Debian's services, merging. */
static void make(struct fake *f)
{
	fake_init(f);
	fake_load(f, "");
	fake_unit(f, KSMTUNED, "loaded", "active", "enabled");
	fake_unit(f, KSM, "loaded", "active", "enabled");
	fake_ksm(f, "1");
}

/* ---- done and rolled back ---- */

static void off_keeps_pages(void **state)
{
	autofree char *before = NULL;
	struct fake f;

	(void)state;
	make(&f);
	before = fake_snapshot(&f);
	expect(&f, "off", STATUS_DONE, NULL);
	unit_is(&f, KSMTUNED, "loaded inactive disabled");
	unit_is(&f, KSM, "loaded inactive disabled");
	assert_int_equal(fake_ksm_number(&f, "run"), 0);
	assert_int_equal(fake_ksm_number(&f, "pages_sharing"), 700000);
	expect(&f, "off", STATUS_DONE, NULL);
	expect(&f, NULL, STATUS_DONE, NULL);
	snapshot_is(&f, before, "undo");
	fake_free(&f);
}

/* ksmtuned writes 1 between any two of our calls. */
static void off_while_ksmtuned_writes(void **state)
{
	static const char *const moments[] = { ("remove " WANT KSMTUNED), "reload",
					       ("stop " KSMTUNED) };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(moments); i++) {
		struct fake f;

		make(&f);
		f.merge_at = moments[i];
		expect(&f, "off", STATUS_DONE, NULL);
		assert_int_equal(fake_ksm_number(&f, "run"), 0);
		fake_free(&f);
	}
}

static void on_brings_back(void **state)
{
	autofree char *before = NULL;
	struct fake f;

	(void)state;
	make(&f);
	fake_unit(&f, KSMTUNED, "loaded", "inactive", "disabled");
	before = fake_snapshot(&f);
	expect(&f, "off", STATUS_DONE, NULL);
	/* What lies between does not matter. */
	expect(&f, "unmerged", STATUS_DONE, NULL);
	expect(&f, "on", STATUS_DONE, NULL);
	snapshot_is(&f, before, "on");
	expect(&f, "on", STATUS_DONE, NULL);
	snapshot_is(&f, before, "on again");
	fake_free(&f);
}

static void on_where_nothing_is_known(void **state)
{
	struct fake f;

	(void)state;
	make(&f);
	fake_unit(&f, KSMTUNED, "loaded", "inactive", "disabled");
	fake_unit(&f, KSM, "loaded", "inactive", "disabled");
	fake_ksm(&f, "0");
	expect(&f, "on", STATUS_DONE, NULL);
	unit_is(&f, KSMTUNED, "loaded active enabled");
	unit_is(&f, KSM, "loaded active enabled");
	assert_int_equal(fake_ksm_number(&f, "run"), 1);
	expect(&f, NULL, STATUS_DONE, NULL);
	unit_is(&f, KSMTUNED, "loaded inactive disabled");
	assert_int_equal(fake_ksm_number(&f, "run"), 0);
	fake_free(&f);
}

static void unmerged_tells_how_far(void **state)
{
	struct outcome o;
	struct fake f;

	(void)state;
	make(&f);
	run(&f, "unmerged", &o);
	assert_int_equal(o.status, STATUS_DONE);
	assert_int_equal(fake_ksm_number(&f, "run"), 2);
	assert_int_equal(fake_ksm_number(&f, "pages_sharing"), 0);
	assert_int_equal(fake_ksm_number(&f, "pages_shared"), 0);
	assert_true(seen.told > 1);
	assert_false(seen.backwards);
	assert_int_equal(seen.total, (12000 + 700000) * 4096ULL);
	assert_true(o.report.remarks.n >= 2);
	outcome_free(&o);
	expect(&f, NULL, STATUS_DONE, NULL);
	unit_is(&f, KSM, "loaded active enabled");
	assert_int_equal(fake_ksm_number(&f, "run"), 1);
	fake_free(&f);
}

/* ---- failed and rolled back ---- */

static void any_call_may_fail(void **state)
{
	static const char *const values[] = { "off", "unmerged" };
	static const char *const calls[] = { "write_value", "remove " WANT KSMTUNED,
					     "reload",	    "stop " KSMTUNED,
					     "stop " KSM,   "unmerge",
					     "unmerge_wait" };

	(void)state;
	for (size_t v = 0; v < ARRAY_SIZE(values); v++)
		for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
			autofree char *before = NULL;
			struct fake f;

			make(&f);
			before = fake_snapshot(&f);
			fake_fault(&f, calls[i], 0, 1, -EIO);
			if (v == 0 && starts_with(calls[i], "unmerge")) {
				fake_free(&f);
				continue;
			}
			expect(&f, values[v], STATUS_FAILED, NULL);
			snapshot_is(&f, before, calls[i]);
			fake_free(&f);
		}
}

static void too_little_memory_half_way(void **state)
{
	autofree char *before = NULL;
	struct fake f;

	(void)state;
	make(&f);
	before = fake_snapshot(&f);
	f.unmerge_fails = -ENOMEM;
	expect(&f, "unmerged", STATUS_FAILED, "are still merged");
	snapshot_is(&f, before, "ENOMEM");
	assert_int_equal(fake_ksm_number(&f, "run"), 1);
	fake_free(&f);
}

static void stopped_half_way(void **state)
{
	autofree char *before = NULL;
	struct fake f;

	(void)state;
	make(&f);
	before = fake_snapshot(&f);
	f.interrupt_at = "unmerge_wait";
	f.interrupted = 0;
	expect(&f, "unmerged", STATUS_FAILED, "stopped by a signal");
	snapshot_is(&f, before, "signal");
	fake_free(&f);
}

static void host_begins_to_swap(void **state)
{
	autofree char *before = NULL;
	struct outcome o;
	struct fake f;

	(void)state;
	make(&f);
	before = fake_snapshot(&f);
	f.swap_after = 5000;
	run(&f, "unmerged", &o);
	assert_int_equal(o.status, STATUS_FAILED);
	assert_string_equal(o.err.id, "swapping");
	assert_true(o.report.rolled_back);
	outcome_free(&o);
	snapshot_is(&f, before, "swapping");
	/* A little is nothing to worry about. */
	f.swap_after = 100;
	expect(&f, "unmerged", STATUS_DONE, NULL);
	fake_free(&f);
}

/* ---- the bus ---- */

static void bus_is_dead(void **state)
{
	autofree char *before = NULL;
	struct fake f;

	(void)state;
	make(&f);
	f.bus_dead = true;
	before = fake_snapshot(&f);
	expect(&f, "off", STATUS_FAILED, "systemd cannot be asked");
	snapshot_is(&f, before, "dead bus");
	fake_free(&f);
}

/* ---- with ept ---- */

static void one_plan(void **state)
{
	struct goal goals[] = { { .setting = &settings[SETTING_KSM], .value = "off" },
				{ .setting = &settings[SETTING_EPT], .value = "off" } };
	struct request request = { .command = "apply",
				   .goals = goals,
				   .goal_count = 2,
				   .wait_ms = WAIT_NOT,
				   .reserve_bytes = RESERVE_DEFAULT };
	autofree char *before = NULL;
	struct outcome o;
	struct fake f;

	(void)state;
	make(&f);
	before = fake_snapshot(&f);
	fake_fault(&f, "load", 0, 1, -EINVAL);
	change_run(&f.ports, &request, &o);
	assert_int_equal(o.status, STATUS_FAILED);
	outcome_free(&o);
	snapshot_is(&f, before, "ept failed");
	change_run(&f.ports, &request, &o);
	assert_int_equal(o.status, STATUS_DONE);
	outcome_free(&o);
	assert_string_equal(fake_param(&f, "ept"), "N");
	unit_is(&f, KSM, "loaded inactive disabled");
	expect(&f, NULL, STATUS_DONE, NULL);
	snapshot_is(&f, before, "undo");
	fake_free(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(off_keeps_pages),
		cmocka_unit_test(off_while_ksmtuned_writes),
		cmocka_unit_test(on_brings_back),
		cmocka_unit_test(on_where_nothing_is_known),
		cmocka_unit_test(unmerged_tells_how_far),
		cmocka_unit_test(any_call_may_fail),
		cmocka_unit_test(too_little_memory_half_way),
		cmocka_unit_test(stopped_half_way),
		cmocka_unit_test(host_begins_to_swap),
		cmocka_unit_test(bus_is_dead),
		cmocka_unit_test(one_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
