// SPDX-License-Identifier: GPL-2.0-or-later
#include "bench_switch.h"

#include <errno.h>
#include <string.h>

#define CURRENT	      "current"
#define COMMAND_BEGIN "bench "
#define SETTLE_MS     5000 /* a guest may still be ending */

/* ---- variants ---- */

static enum exit_status parse_variant(const char *name, struct switch_variant *ret, struct err *e)
{
	autofree char *copy = xstrdup(name);
	char *word, *rest = copy, *words[SETTING_COUNT + 1];
	struct invocation in = { .command = "bench", .args = words };

	ret->command = xasprintf(COMMAND_BEGIN "%s", name);
	if (strcmp(name, CURRENT) == 0)
		return STATUS_DONE;
	while ((word = strsep(&rest, ","))) {
		if ((size_t)in.arg_count == ARRAY_SIZE(words))
			return usage_error(e, "%s has too many settings", name);
		words[in.arg_count++] = word;
	}
	return parse_goals(&in, &ret->goals, &ret->count, e);
}

enum exit_status switcher_parse(struct switcher *s, const struct strv *variants, struct err *e)
{
	enum exit_status status = STATUS_DONE;

	if (variants->n > BENCH_VARIANTS_MAX)
		return usage_error(e, "more than %d variants", BENCH_VARIANTS_MAX);
	for (size_t i = 0; i < variants->n && status == STATUS_DONE; i++) {
		for (size_t k = 0; k < i; k++)
			if (strcmp(variants->v[i], variants->v[k]) == 0)
				return usage_error(e, "%s is named twice", variants->v[i]);
		s->count++;
		status = parse_variant(variants->v[i], &s->variants[i], e);
	}
	s->now = -1;
	return status;
}

static bool is_paging(const char *setting)
{
	return strcmp(setting, "ept") == 0 || strcmp(setting, "npt") == 0 ||
	       strcmp(setting, "tdp") == 0;
}

bool switcher_has_shadow(const struct switcher *s)
{
	for (size_t i = 0; i < s->count; i++) {
		for (size_t g = 0; g < s->variants[i].count; g++) {
			const struct goal *goal = &s->variants[i].goals[g];

			if (is_paging(goal->setting->name) && strcmp(goal->value, "off") == 0)
				return true;
		}
	}
	return false;
}

void switcher_free(struct switcher *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->variants[i].command);
		free(s->variants[i].goals);
	}
	buf_free(&s->journal);
	free(s->recovered);
}

/* Waiting or deferring, which other commands offer, are not for a bench. */
static void mend_hint(struct err *e)
{
	if (strcmp(e->id, "in-use") == 0)
		err_hint(
			e,
			"A bench has to reload the module between runs: end what holds KVM first.");
}

/* ---- before the first run ---- */

/* Back from the variant that a bench was killed in: that is not what "current" means. */
static int recover(struct switcher *s, const char *variant, struct err *e)
{
	const struct request request = { .command = "bench",
					 .wait_ms = SETTLE_MS,
					 .reserve_bytes = RESERVE_DEFAULT,
					 .watch_ms = WATCH_DEFAULT };
	struct outcome o;

	change_run(s->ports, &request, &o);
	s->ports->file.unlock(s->ports);
	if (o.status == STATUS_DONE)
		s->recovered = xstrdup(variant);
	else
		*e = o.err;
	/* With the lock held, that bench was not killed: it runs. */
	if (e->code && strcmp(e->id, "locked") != 0) {
		err_wrap(e, "the host cannot be brought back from %s, in which a bench was killed",
			 variant);
		err_status(e, o.status == STATUS_STUCK ? STATUS_STUCK : STATUS_REFUSED,
			   "bench-unfinished");
		err_hint(e, "End what is in the way, then:  kvmtune undo");
	}
	outcome_free(&o);
	return e->code;
}

/* A change that did not end has to be undone first: the journal is put back as it is now. */
static int check_journal(struct switcher *s, struct err *e)
{
	struct journal journal;
	const struct journal_entry *last, *open;

	if (journal_load(s->ports, &journal, e) < 0)
		return e->code;
	open = journal_interrupted(&journal);
	last = journal_undoable(&journal);
	if (open) {
		err_set(e, -EBUSY, "an earlier change (%s) did not end", open->command);
		err_status(e, STATUS_STUCK, "interrupted");
		err_hint(e, "%s", journal_way_out(open));
	} else if (last && starts_with(last->command, COMMAND_BEGIN)) {
		recover(s, last->command + strlen(COMMAND_BEGIN), e);
	}
	journal_free(&journal);
	return e->code;
}

static int check_variant(struct switcher *s, size_t variant, struct err *e)
{
	const struct request request = { .command = s->variants[variant].command,
					 .goals = s->variants[variant].goals,
					 .goal_count = s->variants[variant].count,
					 .dry_run = true,
					 .wait_ms = WAIT_NOT,
					 .reserve_bytes = RESERVE_DEFAULT,
					 .watch_ms = WATCH_DEFAULT };
	struct outcome o;

	change_run(s->ports, &request, &o);
	if (o.status != STATUS_DONE)
		*e = o.err;
	mend_hint(e);
	outcome_free(&o);
	return e->code;
}

int switcher_check(struct switcher *s, struct err *e)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->variants[i].count && (check_journal(s, e) < 0 || check_variant(s, i, e) < 0))
			return e->code;
	return 0;
}

/* ---- switching ---- */

static int lock_held(struct ports *p, const char *path, const char *holder, struct buf *ret_holder,
		     struct err *e)
{
	(void)p, (void)path, (void)holder, (void)ret_holder, (void)e;
	return 0;
}

static void unlock_later(struct ports *p)
{
	(void)p;
}

static int never_interrupted(struct ports *p)
{
	(void)p;
	return 0;
}

/* The journal as it was found: in memory until the host is as it was found, too. */
static int remember_journal(struct switcher *s, struct err *e)
{
	int r;

	if (s->knows_journal)
		return 0;
	r = s->ports->file.read(s->ports, JOURNAL_FILE, &s->journal);
	if (r < 0 && r != -ENOENT)
		return err_sys(e, r, "cannot read " JOURNAL_FILE);
	s->had_journal = r == 0;
	s->knows_journal = true;
	return 0;
}

/* Where that fails, the journal only says more than it needs to: that a change was made and undone. */
static void restore_journal(struct switcher *s)
{
	struct err ignored = { 0 };

	if (s->had_journal)
		s->held.file.replace(&s->held, JOURNAL_FILE, buf_text(&s->journal), 0644, &ignored);
	else
		s->held.file.remove(&s->held, JOURNAL_FILE, &ignored);
}

/* No goals: the undo of what was applied. */
static enum exit_status run_switch(struct switcher *s, const struct switch_variant *v, bool undo,
				   struct err *e)
{
	const struct request request = { .command = v->command,
					 .goals = v->goals,
					 .goal_count = undo ? 0 : v->count,
					 .wait_ms = SETTLE_MS,
					 .reserve_bytes = RESERVE_DEFAULT,
					 .watch_ms = WATCH_DEFAULT };
	struct outcome o;
	enum exit_status status;
	bool done, none;

	change_run(&s->held, &request, &o);
	/* It keeps the lock until the ports are closed: the next switch has it already. */
	if (strcmp(o.err.id, "locked") != 0) {
		s->held.file.lock = lock_held;
		s->held.file.unlock = unlock_later;
	}
	done = o.applied && !o.report.failed;
	none = !o.applied || o.report.rolled_back;
	if (done)
		s->applied = !undo;
	s->stuck |= !done && !none;
	status = o.status;
	if (status != STATUS_DONE)
		*e = o.err;
	mend_hint(e);
	outcome_free(&o);
	return status;
}

static int undo(struct switcher *s, struct err *e)
{
	/* The name in the lock and the journal; the change is found by the journal. */
	static const struct switch_variant back = { .command = (char *)"bench" };

	if (!s->applied || s->stuck)
		return 0;
	if (run_switch(s, &back, true, e) != STATUS_DONE)
		return e->code;
	restore_journal(s);
	s->now = -1;
	return 0;
}

int switcher_to(struct switcher *s, size_t variant, struct err *e)
{
	const struct switch_variant *v = &s->variants[variant];

	if (!s->knows_journal)
		s->held = *s->ports;
	if (s->now == (int)variant)
		return 0;
	if (v->count && remember_journal(s, e) < 0)
		return e->code;
	if (undo(s, e) < 0)
		return e->code;
	if (v->count && run_switch(s, v, false, e) != STATUS_DONE)
		return e->code;
	s->now = (int)variant;
	return 0;
}

int switcher_restore(struct switcher *s, struct err *e)
{
	if (!s->applied && !s->stuck)
		return 0;
	s->held.system.interrupted = never_interrupted;
	if (undo(s, e) == 0 && !s->stuck)
		return 0;
	if (!e->code)
		err_set(e, -EIO, "a switch was rolled back in part only");
	err_wrap(e, "the host is not as it was before the bench");
	err_status(e, STATUS_STUCK, "bench-stuck");
	return err_hint(e, "End what is in the way, then bring the host back:  kvmtune undo");
}
