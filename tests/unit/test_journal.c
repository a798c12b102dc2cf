// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the journal remembers, and what it makes of a file that is torn, damaged or hostile.
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

#include <kvmtune/journal.h>

struct fixture {
	struct fake f;
	struct journal j;
	struct plan plan; /* of `ept off` */
};

static int set_up(void **state)
{
	struct goal goal = { .setting = &settings[SETTING_EPT], .value = "off" };
	struct plan_options options = { 0 };
	struct fixture *x = xcalloc(1, sizeof(*x));
	struct host h;

	fake_init(&x->f);
	host_make(&h);
	host_conf(&h, OWN_CONF_FILE, "options kvm ignore_msrs=1\n# \xc3\xa4 \"quoted\" \\ \t /\n");
	plan_build(&h, &goal, 1, &options, &x->plan);
	host_free(&h);
	*state = x;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *x = *state;

	journal_free(&x->j);
	plan_free(&x->plan);
	fake_free(&x->f);
	free(x);
	return 0;
}

static void load(struct fixture *x)
{
	struct err e = { 0 };

	journal_free(&x->j);
	if (journal_load(&x->f.ports, &x->j, &e) < 0)
		fail_msg("%s", e.text);
}

static int begin_it(struct fixture *x, struct journal_change *c)
{
	struct err e = { 0 };
	int id = -1;

	load(x);
	c->steps = x->plan.steps;
	c->step_count = x->plan.step_count;
	if (journal_begin(&x->f.ports, &x->j, c, &id, &e) < 0)
		fail_msg("%s", e.text);
	return id;
}

/* One change, as far as it came; its id. */
static int begin(struct fixture *x, const char *command, int undoes)
{
	struct journal_change c = { .command = command, .undoes = undoes };

	return begin_it(x, &c);
}

static void end(struct fixture *x, int id, enum journal_result result)
{
	struct err e = { 0 };

	if (journal_end(&x->f.ports, id, result, &e) < 0)
		fail_msg("%s", e.text);
}

static int change(struct fixture *x, const char *command, int undoes, enum journal_result result)
{
	int id = begin(x, command, undoes);

	if (result != JOURNAL_OPEN)
		end(x, id, result);
	return id;
}

static const char *text_of(struct fixture *x)
{
	return fake_text(&x->f, JOURNAL_FILE);
}

static int undoable(struct fixture *x)
{
	const struct journal_entry *entry;

	load(x);
	entry = journal_undoable(&x->j);
	return entry ? entry->id : 0;
}

static int interrupted(struct fixture *x)
{
	const struct journal_entry *entry;

	load(x);
	entry = journal_interrupted(&x->j);
	return entry ? entry->id : 0;
}

static const struct journal_entry *read_steps(struct fixture *x, size_t i)
{
	struct err e = { 0 };

	assert_true(i < x->j.count);
	if (journal_read_steps(&x->j, &x->j.entries[i], &e) < 0)
		fail_msg("%s", e.text);
	return &x->j.entries[i];
}

/* ---- round trip ---- */

static void assert_text(const char *got, const char *expected)
{
	if (!got || !expected)
		assert_ptr_equal(got, expected);
	else
		assert_string_equal(got, expected);
}

static void assert_act(const struct act *got, const struct act *expected)
{
	assert_int_equal(got->kind, expected->kind);
	assert_text(got->target, expected->target);
	assert_text(got->text, expected->text);
	assert_int_equal(got->mode, expected->mode);
	assert_int_equal(got->wanted_count, expected->wanted_count);
	for (size_t i = 0; i < got->wanted_count; i++) {
		assert_text(got->wanted[i].param, expected->wanted[i].param);
		assert_int_equal(got->wanted[i].value, expected->wanted[i].value);
	}
	assert_int_equal(got->device.exists, expected->device.exists);
	assert_int_equal(got->device.uid, expected->device.uid);
	assert_int_equal(got->device.gid, expected->device.gid);
	assert_int_equal(got->device.mode, expected->device.mode);
	/* What the parameters were is remembered; what they should become is history. */
	if (got->kind != ACT_RESTORE && got->kind != ACT_CONFIRM) {
		assert_int_equal(got->expect_count, 0);
		return;
	}
	assert_int_equal(got->expect_count, expected->expect_count);
	assert_true(got->expect_count > (got->kind == ACT_CONFIRM ? 0 : 4));
	for (size_t i = 0; i < got->expect_count; i++) {
		assert_text(got->expects[i].param, expected->expects[i].param);
		assert_text(got->expects[i].before, expected->expects[i].before);
	}
}

static void steps_come_back(void **state)
{
	struct fixture *x = *state;
	const struct journal_entry *entry;

	assert_int_equal(begin(x, "ept off --defer", 0), 1);
	load(x);
	assert_int_equal(x->j.count, 1);
	assert_int_equal(x->j.damaged, 0);
	entry = read_steps(x, 0);
	assert_int_equal(entry->id, 1);
	assert_int_equal(entry->time, 1700000000);
	assert_string_equal(entry->command, "ept off --defer");
	assert_int_equal(entry->result, JOURNAL_OPEN);
	assert_true(x->plan.step_count >= 7);
	assert_int_equal(entry->step_count, x->plan.step_count);
	for (size_t i = 0; i < entry->step_count; i++) {
		assert_act(&entry->steps[i].act, &x->plan.steps[i].act);
		assert_act(&entry->steps[i].back, &x->plan.steps[i].back);
	}
}

/* The ids of the changes that undo comes to, the newest first, as digits. */
static const char *left(struct fixture *x)
{
	static char digits[10];
	size_t n = 0;

	load(x);
	for (size_t i = x->j.count; i-- > 0;)
		if (journal_is_left(&x->j, &x->j.entries[i]))
			digits[n++] = (char)('0' + x->j.entries[i].id);
	digits[n] = 0;
	return digits;
}

static void changes_that_are_left(void **state)
{
	struct fixture *x = *state;

	assert_string_equal(left(x), "");
	change(x, "ept off", 0, JOURNAL_DONE);
	change(x, "ksm off", 0, JOURNAL_ROLLED_BACK);
	change(x, "ept on", 0, JOURNAL_DONE);
	assert_string_equal(left(x), "31");
	change(x, "undo", 3, JOURNAL_DONE);
	assert_string_equal(left(x), "1");
	change(x, "ept off", 0, JOURNAL_OPEN);
	assert_string_equal(left(x), "51");
	change(x, "undo", 5, JOURNAL_OPEN);
	assert_string_equal(left(x), "51");
	end(x, 6, JOURNAL_DONE);
	assert_string_equal(left(x), "1");
}

static void no_journal_is_an_empty_one(void **state)
{
	struct fixture *x = *state;

	load(x);
	assert_int_equal(x->j.count, 0);
	assert_null(journal_undoable(&x->j));
	assert_null(journal_interrupted(&x->j));
	fake_file(&x->f, JOURNAL_FILE, "");
	load(x);
	assert_int_equal(x->j.count, 0);
}

static void only_one_line_a_record(void **state)
{
	struct fixture *x = *state;
	size_t lines = 0;

	change(x, "ept off", 0, JOURNAL_DONE);
	for (const char *s = text_of(x); *s; s++)
		lines += *s == '\n';
	assert_int_equal(lines, 3); /* plan, begin, end */
	assert_int_equal(text_of(x)[strlen(text_of(x)) - 1], '\n');
}

/* ---- which one is rolled back ---- */

static void last_then_the_one_before(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(change(x, "ept off", 0, JOURNAL_DONE), 1);
	assert_int_equal(change(x, "ept on", 0, JOURNAL_DONE), 2);
	assert_int_equal(change(x, "ept off", 0, JOURNAL_ROLLED_BACK), 3);
	assert_int_equal(undoable(x), 2);
	assert_int_equal(interrupted(x), 0);
	change(x, "undo", 2, JOURNAL_DONE);
	assert_int_equal(undoable(x), 1);
	assert_true(x->j.entries[1].undone);
	change(x, "undo", 1, JOURNAL_DONE);
	assert_int_equal(undoable(x), 0);
	assert_int_equal(change(x, "ept off", 0, JOURNAL_DONE), 6);
	assert_int_equal(undoable(x), 6);
}

static void undo_that_failed_changed_nothing(void **state)
{
	struct fixture *x = *state;

	change(x, "ept off", 0, JOURNAL_DONE);
	change(x, "undo", 1, JOURNAL_ROLLED_BACK);
	assert_int_equal(undoable(x), 1);
	assert_int_equal(interrupted(x), 0);
}

static void interrupted_comes_first(void **state)
{
	struct fixture *x = *state;

	change(x, "ept off", 0, JOURNAL_DONE);
	change(x, "ept on", 0, JOURNAL_OPEN);
	assert_int_equal(interrupted(x), 2);
	assert_int_equal(undoable(x), 2);
	change(x, "undo", 2, JOURNAL_DONE);
	assert_int_equal(interrupted(x), 0);
	assert_int_equal(undoable(x), 1);
}

static void stuck_is_as_good_as_interrupted(void **state)
{
	struct fixture *x = *state;

	change(x, "ept off", 0, JOURNAL_STUCK);
	assert_int_equal(interrupted(x), 1);
	assert_int_equal(undoable(x), 1);
	change(x, "undo", 1, JOURNAL_STUCK);
	assert_int_equal(interrupted(x), 2);
	assert_int_equal(undoable(x), 1);
	change(x, "undo", 1, JOURNAL_DONE);
	assert_int_equal(interrupted(x), 0);
	assert_int_equal(undoable(x), 0);
}

/* ---- which one is being made ---- */

static void being_made_while_locked(void **state)
{
	struct fixture *x = *state;

	change(x, "ept off", 0, JOURNAL_DONE);
	x->f.lock_holder = "kvmtune ept on, PID 7";
	load(x);
	assert_null(x->j.at_work); /* not begun yet */
	change(x, "ept on", 0, JOURNAL_OPEN);
	load(x);
	assert_string_equal(x->j.at_work, "kvmtune ept on, PID 7");
	assert_false(journal_is_being_made(&x->j, &x->j.entries[0]));
	assert_true(journal_is_being_made(&x->j, &x->j.entries[1]));
	x->f.lock_holder = NULL;
	load(x);
	assert_null(x->j.at_work);
	assert_false(journal_is_being_made(&x->j, &x->j.entries[1]));
	assert_int_equal(interrupted(x), 2);
}

/* Somebody is at work, but not on that one. */
static void stuck_is_not_being_made(void **state)
{
	struct fixture *x = *state;

	change(x, "ept off", 0, JOURNAL_STUCK);
	x->f.lock_holder = "kvmtune undo, PID 7";
	load(x);
	assert_string_equal(x->j.at_work, "kvmtune undo, PID 7");
	assert_false(journal_is_being_made(&x->j, &x->j.entries[0]));
}

static int looks; /* at the lock */
static struct fixture *next_one;

/* The change ends between the reading of the journal and the first look at the lock. */
static bool ends_meanwhile(struct ports *p, const char *path, struct buf *ret_holder)
{
	struct err e = { 0 };

	(void)path, (void)ret_holder;
	if (++looks == 1)
		assert_int_equal(journal_end(p, 1, JOURNAL_DONE, &e), 0);
	return false;
}

/* The lock is free at the first look; then a next change begins. */
static bool next_begins_meanwhile(struct ports *p, const char *path, struct buf *ret_holder)
{
	(void)p, (void)path;
	if (++looks == 1) {
		begin(next_one, "ept on", 0);
		return false;
	}
	buf_puts(ret_holder, "kvmtune ept on, PID 8");
	return true;
}

static void ended_while_it_was_read(void **state)
{
	struct fixture *x = *state;

	looks = 0;
	begin(x, "ept off", 0);
	x->f.ports.file.is_locked = ends_meanwhile;
	assert_int_equal(interrupted(x), 0);
	assert_null(x->j.at_work);
	assert_int_equal(looks, 1);
}

static void next_one_while_it_was_read(void **state)
{
	struct fixture *x = *state, other = { 0 };

	looks = 0;
	begin(x, "ept off", 0);
	/* The same host, but not the journal that is being read. */
	other.f.ports = x->f.ports;
	other.plan = x->plan;
	next_one = &other;
	x->f.ports.file.is_locked = next_begins_meanwhile;
	load(x);
	assert_int_equal(x->j.count, 2);
	assert_string_equal(x->j.at_work, "kvmtune ept on, PID 8");
	assert_true(journal_is_being_made(&x->j, &x->j.entries[1]));
	journal_free(&other.j);
}

/* ---- undo ---- */

static void undo_that_was_interrupted(void **state)
{
	struct fixture *x = *state;

	change(x, "ept off", 0, JOURNAL_DONE);
	change(x, "undo", 1, JOURNAL_OPEN);
	assert_int_equal(interrupted(x), 2);
	assert_int_equal(undoable(x), 1);
	change(x, "undo", 1, JOURNAL_DONE);
	assert_int_equal(interrupted(x), 0);
	assert_int_equal(undoable(x), 0);
}

/* The undo failed and took itself back: the host is in between, as it was before it. */
static void interrupted_is_not_forgotten(void **state)
{
	struct fixture *x = *state;

	change(x, "ept off", 0, JOURNAL_OPEN);
	change(x, "undo", 1, JOURNAL_ROLLED_BACK);
	assert_int_equal(interrupted(x), 1);
	assert_int_equal(undoable(x), 1);
	change(x, "undo", 1, JOURNAL_ROLLED_BACK);
	assert_int_equal(interrupted(x), 1);
	change(x, "undo", 1, JOURNAL_OPEN);
	assert_int_equal(undoable(x), 1);
	change(x, "undo", 1, JOURNAL_STUCK);
	change(x, "undo", 1, JOURNAL_ROLLED_BACK);
	assert_int_equal(undoable(x), 1);
	change(x, "undo", 1, JOURNAL_DONE);
	assert_int_equal(interrupted(x), 0);
	assert_int_equal(undoable(x), 0);
}

static void interrupted_behind_others(void **state)
{
	struct fixture *x = *state;

	change(x, "ept off", 0, JOURNAL_DONE);
	change(x, "ept on", 0, JOURNAL_OPEN);
	change(x, "undo", 2, JOURNAL_ROLLED_BACK);
	assert_int_equal(interrupted(x), 2);
	assert_int_equal(undoable(x), 2);
	change(x, "undo", 2, JOURNAL_DONE);
	assert_int_equal(interrupted(x), 0);
	assert_int_equal(undoable(x), 1);
	change(x, "undo", 1, JOURNAL_DONE);
	assert_int_equal(interrupted(x), 0);
	assert_int_equal(undoable(x), 0);
	/* And a new change begins anew. */
	change(x, "ept off", 0, JOURNAL_OPEN);
	assert_int_equal(interrupted(x), 6);
	assert_int_equal(undoable(x), 6);
}

/* However often the rollback failed, its change is not dropped with the older half. */
static void interrupted_is_kept(void **state)
{
	struct fixture *x = *state;

	for (int i = 0; i < 10; i++)
		change(x, "ept off", 0, JOURNAL_DONE);
	change(x, "ept on", 0, JOURNAL_OPEN);
	for (int i = 0; i < 100; i++)
		change(x, "undo", 11, JOURNAL_ROLLED_BACK);
	assert_int_equal(interrupted(x), 11);
	assert_int_equal(undoable(x), 11);
	assert_int_equal(x->j.entries[0].id, 11);
	assert_int_equal(read_steps(x, 0)->step_count, x->plan.step_count);
	change(x, "undo", 11, JOURNAL_OPEN);
	assert_int_equal(undoable(x), 11);
	change(x, "undo", 11, JOURNAL_DONE);
	/* Then it may go. */
	change(x, "ept off", 0, JOURNAL_DONE);
	assert_true(x->j.entries[0].id == 11);
	load(x);
	assert_true(x->j.entries[0].id > 11);
}

/* ---- other versions, other boots ---- */

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static void newer_is_not_read(void **state)
{
	struct fixture *x = *state;
	struct err e = { 0 };

	change(x, "ept off", 0, JOURNAL_DONE);
	load(x);
	x->j.entries[0].version = JOURNAL_VERSION + 1;
	assert_int_equal(journal_read_steps(&x->j, &x->j.entries[0], &e), -EPROTO);
	assert_string_equal(e.id, "newer-journal");
	assert_int_equal(e.status, STATUS_IMPOSSIBLE);
	assert_null(x->j.entries[0].steps);
	assert_null(strstr(journal_way_out(&x->j.entries[0]), "kvmtune undo"));
}

static void boots_are_told_apart(void **state)
{
	struct fixture *x = *state;

	change(x, "ept off", 0, JOURNAL_OPEN);
	fake_file(&x->f, BOOT_ID, "aaaa-1\n");
	change(x, "ept off", 0, JOURNAL_OPEN);
	load(x);
	/* Not known is not another one. */
	assert_false(journal_is_of_other_boot(&x->f.ports, &x->j.entries[0]));
	assert_string_equal(x->j.entries[1].boot, "aaaa-1");
	assert_false(journal_is_of_other_boot(&x->f.ports, &x->j.entries[1]));
	fake_file(&x->f, BOOT_ID, "aaaa-2\n");
	assert_true(journal_is_of_other_boot(&x->f.ports, &x->j.entries[1]));
	fake_gone(&x->f, BOOT_ID);
	assert_false(journal_is_of_other_boot(&x->f.ports, &x->j.entries[1]));
}

/* ---- torn and damaged ---- */

static void cut_end(struct fixture *x, size_t bytes)
{
	autofree char *text = xstrdup(text_of(x));

	text[strlen(text) - bytes] = '\0';
	fake_file(&x->f, JOURNAL_FILE, text);
}

static void torn_end(void **state)
{
	struct fixture *x = *state;

	change(x, "ept off", 0, JOURNAL_DONE);
	cut_end(x, 4);
	load(x);
	assert_int_equal(x->j.count, 1);
	assert_int_equal(x->j.damaged, 0);
	assert_int_equal(interrupted(x), 1);
	/* The next record must not be glued to the torn one. */
	assert_int_equal(change(x, "undo", 1, JOURNAL_DONE), 2);
	load(x);
	assert_int_equal(x->j.count, 2);
	assert_int_equal(x->j.entries[1].result, JOURNAL_DONE);
	assert_true(x->j.entries[0].undone);
	assert_int_equal(x->j.damaged, 1);
}

/* Every length that a power cut may leave: no crash, no entry made up, the older one whole. */
static void torn_anywhere(void **state)
{
	struct fixture *x = *state;
	autofree char *whole = NULL;
	size_t first, len;

	change(x, "ept off", 0, JOURNAL_DONE);
	first = strlen(text_of(x));
	change(x, "ept on", 0, JOURNAL_DONE);
	whole = xstrdup(text_of(x));
	len = strlen(whole);
	for (size_t cut = first; cut <= len; cut++) {
		autofree char *part = xstrndup(whole, cut);

		fake_file(&x->f, JOURNAL_FILE, part);
		load(x);
		assert_true(x->j.count == 1 || x->j.count == 2);
		assert_int_equal(x->j.entries[0].result, JOURNAL_DONE);
		assert_int_equal(read_steps(x, 0)->step_count, x->plan.step_count);
		assert_int_equal(x->j.damaged, 0);
		if (x->j.count == 2 && cut < len - 1)
			assert_int_equal(x->j.entries[1].result, JOURNAL_OPEN);
	}
}

/*
 * No step was begun before the plan and its beginning were on disk. So what is torn is no change at
 * all; a host that could neither go on nor go back would stay locked.
 */
static void torn_before_the_plan(void **state)
{
	struct fixture *x = *state;
	autofree char *whole = NULL;
	size_t len;

	change(x, "ept off", 0, JOURNAL_OPEN);
	whole = xstrdup(text_of(x));
	len = strlen(whole);
	for (size_t cut = 0; cut <= len; cut++) {
		autofree char *part = xstrndup(whole, cut);

		fake_file(&x->f, JOURNAL_FILE, part);
		/* But for the newline all is there. */
		if (cut >= len - 1) {
			assert_int_equal(interrupted(x), 1);
			assert_int_equal(undoable(x), 1);
			assert_int_equal(read_steps(x, 0)->step_count, x->plan.step_count);
			continue;
		}
		assert_int_equal(interrupted(x), 0);
		assert_int_equal(undoable(x), 0);
		assert_int_equal(x->j.count, 0);
		assert_int_equal(x->j.damaged, 0);
	}
}

/* The change after a torn one may bear its id: it has steps of its own. */
static void torn_and_begun_again(void **state)
{
	struct fixture *x = *state;
	autofree char *whole = NULL;
	size_t first, len, steps = x->plan.step_count;

	change(x, "ept off", 0, JOURNAL_DONE);
	first = strlen(text_of(x));
	x->plan.step_count = 2;
	change(x, "ept on", 0, JOURNAL_OPEN);
	whole = xstrdup(text_of(x));
	len = strlen(whole);
	x->plan.step_count = 1;
	for (size_t cut = first; cut < len - 1; cut += 3) {
		autofree char *part = xstrndup(whole, cut);

		fake_file(&x->f, JOURNAL_FILE, part);
		assert_int_equal(change(x, "ept off", 0, JOURNAL_DONE), 2);
		load(x);
		assert_int_equal(x->j.count, 2);
		assert_int_equal(read_steps(x, 0)->step_count, steps);
		assert_int_equal(read_steps(x, 1)->step_count, 1);
		assert_int_equal(undoable(x), 2);
	}
	x->plan.step_count = steps;
}

/* Breaks the first line that has this text in it: one letter is another. */
static void damage(struct fixture *x, size_t from, const char *word)
{
	autofree char *text = xstrdup(text_of(x));
	char *at = strstr(text + from, word);

	assert_non_null(at);
	*at ^= 1;
	fake_file(&x->f, JOURNAL_FILE, text);
}

static void damaged_end(void **state)
{
	struct fixture *x = *state;

	change(x, "ept off", 0, JOURNAL_DONE);
	change(x, "ept on", 0, JOURNAL_DONE);
	damage(x, 0, "\"done\"");
	load(x);
	assert_int_equal(x->j.damaged, 1);
	assert_int_equal(x->j.count, 2);
	assert_int_equal(x->j.entries[0].result, JOURNAL_OPEN);
	/* A later change found the host whole. */
	assert_int_equal(interrupted(x), 0);
	assert_int_equal(undoable(x), 2);
}

/* Without its beginning a change cannot be rolled back; the one before keeps its own steps. */
static void damaged_begin(void **state)
{
	struct fixture *x = *state;
	size_t first, steps = x->plan.step_count;

	change(x, "ept off", 0, JOURNAL_DONE);
	first = strlen(text_of(x));
	x->plan.step_count = 1;
	change(x, "ept on", 0, JOURNAL_DONE);
	x->plan.step_count = steps;
	damage(x, first, "begin");
	load(x);
	assert_true(x->j.damaged >= 1);
	assert_int_equal(x->j.count, 1);
	assert_int_equal(read_steps(x, 0)->step_count, steps);
}

static void damaged_steps(void **state)
{
	struct fixture *x = *state;
	struct err e = { 0 };

	change(x, "ept off", 0, JOURNAL_DONE);
	damage(x, 0, "check_guest");
	load(x);
	if (x->j.count && journal_read_steps(&x->j, &x->j.entries[0], &e) == 0)
		fail_msg("steps with a wrong checksum are taken: %zu of them",
			 x->j.entries[0].step_count);
	assert_true(!x->j.count || e.code == -EBADMSG);
}

static void rubbish(void **state)
{
	static const char *const texts[] = {
		"\n",
		"\n\n\n",
		"x",
		"x\ny\n",
		"00000000 \n",
		"00000000 {}\n",
		"zzzzzzzz {}\nx\n",
		"12345678{}\nx\n",
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		fake_file(&x->f, JOURNAL_FILE, texts[i]);
		load(x);
		assert_int_equal(x->j.count, 0);
		assert_int_equal(undoable(x), 0);
	}
}

static int read_with_nul(struct ports *p, const char *path, struct buf *ret)
{
	struct fake *f = p->self;
	const char *text = fake_text(f, path);

	/* What some file systems leave of a torn line. */
	if (!text)
		return -ENOENT;
	buf_add(ret, "0123456\0\0\0\n", 11);
	buf_puts(ret, text);
	return 0;
}

static void zeros_hide_nothing(void **state)
{
	struct fixture *x = *state;

	change(x, "ept off", 0, JOURNAL_DONE);
	x->f.ports.file.read = read_with_nul;
	load(x);
	assert_int_equal(x->j.count, 1);
	assert_int_equal(x->j.entries[0].result, JOURNAL_DONE);
	assert_int_equal(read_steps(x, 0)->step_count, x->plan.step_count);
}

static int read_denied(struct ports *p, const char *path, struct buf *ret)
{
	(void)p, (void)path, (void)ret;
	return -EACCES;
}

static void unreadable_is_an_error(void **state)
{
	struct fixture *x = *state;
	struct err e = { 0 };

	x->f.ports.file.read = read_denied;
	assert_int_equal(journal_load(&x->f.ports, &x->j, &e), -EACCES);
	assert_non_null(strstr(e.text, JOURNAL_FILE));
}

/* ---- size ---- */

static size_t grow(struct fixture *x, size_t limit)
{
	size_t n = 0, before = 0, now = 0;

	while (n < 10000 && now >= before && now < limit) {
		before = now;
		change(x, "ept off", 0, JOURNAL_DONE);
		now = strlen(text_of(x));
		n++;
	}
	return n;
}

static void old_entries_go(void **state)
{
	struct fixture *x = *state;
	size_t n = grow(x, 150 * 1024);

	load(x);
	assert_true(strlen(text_of(x)) < 128 * 1024);
	assert_true(x->j.count < n);
	assert_true(x->j.count >= n / 2);
	assert_int_equal(x->j.damaged, 0);
	/* The newest are kept, and ids go on. */
	assert_int_equal(x->j.entries[x->j.count - 1].id, n);
	assert_int_equal(read_steps(x, 0)->step_count, x->plan.step_count);
	assert_int_equal(undoable(x), n);
	assert_int_equal(fake_count(&x->f, "replace " JOURNAL_FILE), 1);
}

/* Each is waited for until it is on disk: two are enough. */
static void two_writes_a_change(void **state)
{
	struct fixture *x = *state;
	int id = begin(x, "ept off", 0);

	assert_int_equal(x->f.log.n, 1);
	end(x, id, JOURNAL_DONE);
	assert_int_equal(x->f.log.n, 2);
	assert_int_equal(fake_count(&x->f, "append " JOURNAL_FILE), 2);
}

static void full_disk(void **state)
{
	struct fixture *x = *state;
	struct err e = { 0 };
	const struct journal_change c = { .command = "ept off" };
	int id = 0;

	fake_fault(&x->f, "append", 0, 1, -ENOSPC);
	assert_int_equal(journal_begin(&x->f.ports, &x->j, &c, &id, &e), -ENOSPC);
	assert_non_null(strstr(e.text, "journal"));
}

/* ---- hostile ---- */

static uint32_t crc32_of(const char *text)
{
	uint32_t crc = UINT32_MAX;

	for (; *text; text++) {
		crc ^= (unsigned char)*text;
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void add_record(struct fixture *x, const char *json)
{
	const char *old = text_of(x);
	autofree char *text = xasprintf("%s%08x %s\n", old ? old : "", crc32_of(json), json);

	fake_file(&x->f, JOURNAL_FILE, text);
}

/* A change made of these two acts, in the way that the journal of today writes it. */
static size_t hostile_steps(struct fixture *x, const char *act, const char *back)
{
	autofree char *plan = xasprintf(
		"{\"record\":\"plan\",\"id\":1,\"steps\":[{\"act\":%s,\"back\":%s}]}", act, back);
	struct err e = { 0 };

	fake_gone(&x->f, JOURNAL_FILE);
	add_record(x, plan);
	add_record(x, "{\"record\":\"begin\",\"id\":1,\"time\":1,\"command\":\"x\",\"undoes\":0}");
	load(x);
	assert_int_equal(x->j.count, 1);
	if (journal_read_steps(&x->j, &x->j.entries[0], &e) < 0)
		return 0;
	return x->j.entries[0].step_count;
}

#define GOOD	       "{\"kind\":\"unload\",\"target\":\"kvm_intel\"}"
#define NONE	       "{\"kind\":\"none\"}"
#define RESTORE(more)  "{\"kind\":\"restore\"," more "}"
#define KVM_INTEL      "\"target\":\"kvm_intel\",\"text\":\"ept=1\",\"parameter\":\"ept\""
#define FILE_ACT(path) "{\"kind\":\"write\",\"target\":\"" path "\",\"text\":\"x\",\"mode\":420}"

static void good_steps_are_taken(void **state)
{
	struct fixture *x = *state;

	/* Else the tests below would prove nothing. */
	assert_int_equal(hostile_steps(x, GOOD, NONE), 1);
	assert_int_equal(hostile_steps(x, FILE_ACT(OWN_CONF_FILE), NONE), 1);
	assert_int_equal(hostile_steps(x, GOOD, RESTORE(KVM_INTEL)), 1);
}

static void foreign_steps_are_dropped(void **state)
{
	static const char *const acts[] = {
		FILE_ACT("/etc/passwd"),
		FILE_ACT("/etc/modprobe.d/zz-kvmtune.conf/../evil.conf"),
		FILE_ACT("zz-kvmtune.conf"),
		FILE_ACT(""),
		"{\"kind\":\"write\",\"target\":\"" OWN_CONF_FILE "\"}",
		"{\"kind\":\"write\",\"target\":\"" OWN_CONF_FILE "\",\"text\":7}",
		"{\"kind\":\"write\",\"target\":[\"" OWN_CONF_FILE "\"],\"text\":\"x\"}",
		"{\"kind\":\"write\",\"text\":\"x\"}",
		"{\"kind\":\"remove\",\"target\":\"/etc/shadow\"}",
		"{\"kind\":\"remove\"}",
		"{\"kind\":\"load\",\"target\":\"evil\",\"text\":\"ept=1\"}",
		"{\"kind\":\"load\",\"target\":\"../evil\"}",
		"{\"kind\":\"load\"}",
		RESTORE("\"target\":\"evil\",\"text\":\"x=1\",\"parameter\":\"x\""),
		RESTORE("\"text\":\"ept=1\",\"parameter\":\"ept\""),
		RESTORE("\"target\":\"kvm_intel\",\"parameter\":\"ept\""),
		RESTORE("\"target\":\"kvm_intel\",\"text\":\"ept=1\""),
		RESTORE("\"target\":\"kvm_intel\",\"text\":{},\"parameter\":\"ept\""),
		RESTORE("\"target\":\"kvm_intel\",\"text\":\"ept=1\",\"parameter\":[1]"),
		"{\"kind\":\"unload\",\"target\":\"kvm\"}",
		"{\"kind\":\"confirm\",\"target\":\"evil\",\"parameter\":\"ept\",\"value\":1}",
		"{\"kind\":\"check_parameters\",\"target\":\"evil\"}",
		"{\"kind\":\"reboot\",\"target\":\"kvm_intel\"}",
		"{\"kind\":3,\"target\":\"kvm_intel\"}",
		"{\"target\":\"kvm_intel\"}",
		"{}",
		"[]",
		"null",
		"7",
		"\"unload\"",
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < ARRAY_SIZE(acts); i++)
		if (hostile_steps(x, acts[i], NONE) || hostile_steps(x, GOOD, acts[i]))
			fail_msg("taken: %s", acts[i]);
}

static void wrong_types_are_nothing(void **state)
{
	struct fixture *x = *state;
	const struct act *act;

	assert_int_equal(hostile_steps(x, GOOD,
				       "{\"kind\":\"load\",\"target\":\"kvm_intel\",\"text\":{},"
				       "\"parameter\":[1],\"value\":\"one\",\"mode\":\"0777\","
				       "\"device\":[0,0,0],\"before\":[1]}"),
			 1);
	act = &x->j.entries[0].steps[0].back;
	assert_null(act->text);
	assert_int_equal(act->wanted_count, 0);
	assert_int_equal(act->mode, 0);
	assert_false(act->device.exists);
	assert_int_equal(act->expect_count, 0);
	assert_int_equal(hostile_steps(x, GOOD,
				       RESTORE(KVM_INTEL ",\"value\":\"1\",\"device\":[0,0,0],"
							 "\"before\":\"ept\"")),
			 1);
	act = &x->j.entries[0].steps[0].back;
	assert_int_equal(act->wanted[0].value, NO);
	assert_false(act->device.exists);
	assert_int_equal(act->expect_count, 0);
}

static void modes_are_masked(void **state)
{
	struct fixture *x = *state;

	assert_int_equal(hostile_steps(x,
				       "{\"kind\":\"write\",\"target\":\"" OWN_CONF_FILE
				       "\",\"text\":\"x\",\"mode\":4095}",
				       RESTORE(KVM_INTEL ",\"device\":"
							 "{\"uid\":0,\"gid\":0,\"mode\":4095}")),
			 1);
	assert_int_equal(x->j.entries[0].steps[0].act.mode, 0777);
	assert_int_equal(x->j.entries[0].steps[0].back.device.mode, 0777);
}

static void values_without_text_are_dropped(void **state)
{
	struct fixture *x = *state;
	const struct act *act;

	assert_int_equal(hostile_steps(x, GOOD,
				       RESTORE(KVM_INTEL ",\"before\":{\"a\":1,\"b\":null,"
							 "\"c\":[\"Y\"],\"ept\":\"Y\"}")),
			 1);
	act = &x->j.entries[0].steps[0].back;
	assert_int_equal(act->expect_count, 1);
	assert_string_equal(act->expects[0].param, "ept");
	assert_string_equal(act->expects[0].before, "Y");
	assert_int_equal(hostile_steps(x, GOOD, RESTORE(KVM_INTEL ",\"before\":[{\"ept\":\"Y\"}]")),
			 1);
	assert_int_equal(x->j.entries[0].steps[0].back.expect_count, 0);
}

static void wrong_records(void **state)
{
	static const char *const records[] = {
		"[]",
		"7",
		"null",
		"\"begin\"",
		"{}",
		"{\"record\":1}",
		"{\"record\":\"step\"}",
		"{\"record\":\"end\",\"id\":99,\"result\":\"done\"}",
		"{\"record\":\"step\",\"id\":\"1\",\"step\":\"x\"}",
		"{\"record\":\"plan\",\"id\":1,\"steps\":[]}",
	};
	struct fixture *x = *state;

	for (size_t i = 0; i < ARRAY_SIZE(records); i++) {
		fake_gone(&x->f, JOURNAL_FILE);
		add_record(x, records[i]);
		add_record(x, "{\"record\":\"begin\",\"id\":5,\"command\":[]}");
		load(x);
		assert_int_equal(x->j.count, 1);
		assert_string_equal(x->j.entries[0].command, "");
		assert_int_equal(x->j.entries[0].time, 0);
	}
}

static void result_out_of_the_air(void **state)
{
	struct fixture *x = *state;

	add_record(x, "{\"record\":\"begin\",\"id\":1,\"command\":\"x\"}");
	add_record(x, "{\"record\":\"end\",\"id\":1,\"result\":\"splendid\"}");
	assert_int_equal(interrupted(x), 1);
}

/* An undo that names itself, or one that never was, must not be walked in circles. */
static void undoes_itself(void **state)
{
	struct fixture *x = *state;

	add_record(x, "{\"record\":\"begin\",\"id\":1,\"command\":\"undo\",\"undoes\":1}");
	load(x);
	assert_true(undoable(x) == 1 || undoable(x) == 0);
	fake_gone(&x->f, JOURNAL_FILE);
	add_record(x, "{\"record\":\"begin\",\"id\":1,\"command\":\"undo\",\"undoes\":77}");
	assert_int_equal(undoable(x), 0);
}

/*
 * 0.1.0 could finish an interrupted change by an entry of its own, which names it and has its steps,
 * too. Such a member is ignored: the change is not interrupted, and one undo undoes it.
 */
static void unknown_members_are_ignored(void **state)
{
	struct fixture *x = *state;

	add_record(x, "{\"record\":\"begin\",\"id\":1,\"version\":2,\"command\":\"ept off\","
		      "\"undoes\":0,\"goals\":[\"ept=off\"],\"watch_ms\":10000}");
	assert_int_equal(interrupted(x), 1);
	add_record(x, "{\"record\":\"begin\",\"id\":2,\"version\":2,\"command\":\"ept off\","
		      "\"undoes\":0,\"finishes\":1,\"goals\":[\"ept=off\"],\"watch_ms\":10000}");
	assert_int_equal(interrupted(x), 2);
	add_record(x, "{\"record\":\"end\",\"id\":2,\"result\":\"done\"}");
	assert_int_equal(interrupted(x), 0);
	assert_int_equal(undoable(x), 2);
	assert_int_equal(x->j.damaged, 0);
	change(x, "undo", 2, JOURNAL_DONE);
	assert_int_equal(interrupted(x), 0);
	assert_int_equal(undoable(x), 0);
}

static void ids_do_not_overflow(void **state)
{
	struct fixture *x = *state;

	add_record(x, "{\"record\":\"begin\",\"id\":2147483647,\"command\":\"x\"}");
	add_record(x, "{\"record\":\"end\",\"id\":2147483647,\"result\":\"done\"}");
	assert_int_equal(change(x, "ept off", 0, JOURNAL_DONE), 1);
	assert_int_equal(undoable(x), 1);
	assert_int_equal(x->j.count, 2);
	assert_int_equal(read_steps(x, 1)->step_count, x->plan.step_count);
	assert_int_equal(change(x, "ept on", 0, JOURNAL_OPEN), 2);
	assert_int_equal(interrupted(x), 2);
}

/* A change is named by its number: none without one, no two with the same. */
static void numbers_are_their_own(void **state)
{
	struct fixture *x = *state;

	add_record(x, "{\"record\":\"begin\",\"command\":\"x\"}");
	add_record(x, "{\"record\":\"begin\",\"id\":-1,\"command\":\"x\"}");
	add_record(x, "{\"record\":\"begin\",\"id\":1,\"command\":\"first\"}");
	add_record(x, "{\"record\":\"end\",\"id\":1,\"result\":\"done\"}");
	add_record(x, "{\"record\":\"begin\",\"id\":1,\"command\":\"second\"}");
	add_record(x, "{\"record\":\"begin\",\"id\":2147483647,\"command\":\"last\"}");
	load(x);
	assert_int_equal(x->j.count, 2);
	assert_int_equal(x->j.damaged, 3);
	assert_string_equal(x->j.entries[0].command, "first");
	assert_string_equal(x->j.entries[1].command, "last");
	/* Those that are taken are passed over. */
	assert_int_equal(change(x, "ept off", 0, JOURNAL_OPEN), 2);
	assert_int_equal(interrupted(x), 2);
}

/* The change of an interrupted undo is missing: nobody can finish it. */
static void lost_beginning(void **state)
{
	struct fixture *x = *state;
	struct err e = { 0 };

	change(x, "ept off", 0, JOURNAL_DONE);
	change(x, "undo", 1, JOURNAL_OPEN);
	load(x);
	assert_int_equal(journal_check_whole(&x->j, &e), 0);
	damage(x, 0, "begin");
	load(x);
	assert_int_equal(x->j.count, 1);
	assert_int_equal(journal_check_whole(&x->j, &e), -EBADMSG);
	assert_non_null(strstr(e.text, "change 2 (undo)"));
	assert_non_null(strstr(e.hint, "kvmtune undo --skip"));
}

static void results_have_names(void **state)
{
	(void)state;
	assert_string_equal(journal_result_name(JOURNAL_OPEN), "interrupted");
	assert_string_equal(journal_result_name(JOURNAL_STUCK), "stuck");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(steps_come_back),
		TEST(no_journal_is_an_empty_one),
		TEST(only_one_line_a_record),
		TEST(last_then_the_one_before),
		TEST(undo_that_failed_changed_nothing),
		TEST(interrupted_comes_first),
		TEST(stuck_is_as_good_as_interrupted),
		TEST(being_made_while_locked),
		TEST(stuck_is_not_being_made),
		TEST(ended_while_it_was_read),
		TEST(next_one_while_it_was_read),
		TEST(undo_that_was_interrupted),
		TEST(changes_that_are_left),
		TEST(interrupted_is_not_forgotten),
		TEST(interrupted_behind_others),
		TEST(interrupted_is_kept),
		TEST(newer_is_not_read),
		TEST(boots_are_told_apart),
		TEST(torn_end),
		TEST(torn_anywhere),
		TEST(torn_before_the_plan),
		TEST(torn_and_begun_again),
		TEST(damaged_end),
		TEST(damaged_begin),
		TEST(damaged_steps),
		TEST(rubbish),
		TEST(zeros_hide_nothing),
		TEST(unreadable_is_an_error),
		TEST(old_entries_go),
		TEST(two_writes_a_change),
		TEST(full_disk),
		TEST(good_steps_are_taken),
		TEST(foreign_steps_are_dropped),
		TEST(wrong_types_are_nothing),
		TEST(modes_are_masked),
		TEST(values_without_text_are_dropped),
		TEST(wrong_records),
		TEST(result_out_of_the_air),
		TEST(undoes_itself),
		TEST(unknown_members_are_ignored),
		TEST(ids_do_not_overflow),
		TEST(numbers_are_their_own),
		TEST(lost_beginning),
		TEST(results_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
