// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_change.c - the commands that change the host, and audit, which reports what they would change.
 */
#include "cli.h"

#include <string.h>
#include <unistd.h>

#include <kvmtune/observe.h>
#include <kvmtune/port.h>

/* ---- the live line of --wait and of long steps ---- */

#define UPDATE_MS 250

struct live_line {
	size_t width; /* 0: not shown */
	bool shown;
	int64_t shown_second;
	/* Of progress: */
	enum act_kind kind;
	int64_t shown_ms;
};

/* One line, whatever the width: it is overwritten by the next. */
static void show_line(const struct live_line *line, const char *text)
{
	fprintf(stderr, "\r\033[K%.*s", (int)line->width - 1, text);
	fflush(stderr);
}

static void waiting_text(const struct kvm_users *users, const char *lock_holder, struct buf *ret)
{
	if (lock_holder) {
		buf_printf(ret, "waiting for another kvmtune: %s", lock_holder);
		return;
	}
	buf_puts(ret, "waiting until no process holds KVM: ");
	for (size_t i = 0; users && i < users->count && i < 3; i++) {
		const struct kvm_user *u = &users->users[i];

		buf_puts(ret, i ? ", " : "");
		buf_add_safe(ret, u->guest ?: u->program, 20);
		buf_printf(ret, " (PID %d)", u->pid);
	}
	if (!users || !users->count)
		buf_puts(ret, "its holder cannot be seen");
	else if (users->count > 3)
		buf_printf(ret, " and %zu more", users->count - 3);
}

static void show_waiting(void *arg, const struct kvm_users *users, const char *lock_holder,
			 int64_t waited_ms)
{
	struct live_line *line = arg;
	autobuf text = { 0 };

	if (!line->width || (line->shown && waited_ms / 1000 == line->shown_second))
		return;
	waiting_text(users, lock_holder, &text);
	buf_printf(&text, "  %lld s", (long long)(waited_ms / 1000));
	show_line(line, text.data);
	line->shown = true;
	line->shown_second = waited_ms / 1000;
}

/* "1.2 of 3.9 GiB": the unit once, where it is the same. */
static void part_text(uint64_t done, uint64_t total, struct buf *ret)
{
	autobuf part = { 0 }, all = { 0 };
	const char *unit;

	size_text(done, &part);
	size_text(total, &all);
	unit = strrchr(buf_text(&part), ' ');
	if (unit && strrchr(buf_text(&all), ' ') && !strcmp(unit, strrchr(buf_text(&all), ' ')))
		buf_printf(ret, "%.*s", (int)(unit - part.data), part.data);
	else
		buf_puts(ret, buf_text(&part));
	buf_printf(ret, " of %s", buf_text(&all));
}

static void unmerging_text(const struct progress *p, struct buf *ret)
{
	double seconds = (double)p->elapsed_ms / 1000;
	double rate = seconds > 0 ? (double)p->done / seconds : 0;

	buf_puts(ret, "unmerging: ");
	part_text(p->done, p->total, ret);
	/* The rate of the first second predicts nothing. */
	if (p->elapsed_ms < 1000 || rate < 1)
		return;
	buf_puts(ret, ", ");
	size_text((uint64_t)rate, ret);
	buf_puts(ret, "/s");
	if (p->total > p->done)
		buf_printf(ret, ", %.0f s left", (double)(p->total - p->done) / rate);
}

static void show_progress(void *arg, const struct progress *p)
{
	struct live_line *line = arg;
	autobuf text = { 0 };

	if (!line->width ||
	    (line->shown && line->kind == p->kind && p->elapsed_ms - line->shown_ms < UPDATE_MS))
		return;
	if (p->kind == ACT_WATCH_MEMORY)
		buf_printf(&text, "watching for swapping: %llu of %llu s",
			   (unsigned long long)p->done / 1000, (unsigned long long)p->total / 1000);
	else
		unmerging_text(p, &text);
	show_line(line, text.data);
	line->shown = true;
	line->kind = p->kind;
	line->shown_ms = p->elapsed_ms;
}

static void clear_line(const struct live_line *line)
{
	if (line->shown)
		fputs("\r\033[K", stderr);
}

/* ---- changes ---- */

/* Options for how to change the host. */
#define OPTS_ALTER (OPT_DRY_RUN | OPT_WAIT | OPT_DEFER | OPT_RESERVE | OPT_WATCH)

/* The command as the journal keeps it: "ept off", "apply ept=off", with the options that matter. */
static void command_text(const struct invocation *in, struct buf *ret)
{
	buf_puts(ret, in->command);
	for (int i = 0; i < in->arg_count; i++) {
		buf_puts(ret, " ");
		buf_puts(ret, in->args[i]);
	}
	if (in->given & OPT_FILE)
		buf_printf(ret, " --file %s", in->file);
	if (in->given & OPT_DEFER && in->defer != DEFER_NO)
		buf_puts(ret, in->defer == DEFER_ALL ? " --defer" : " --defer=if-busy");
	if (in->given & OPT_ALL)
		buf_puts(ret, " --all");
	if (in->given & OPT_SKIP)
		buf_puts(ret, " --skip");
}

void also_lines(const struct style *style, const struct err *errors, size_t count, struct buf *ret)
{
	for (size_t i = 0; i < count; i++) {
		autobuf line = { 0 };

		buf_puts(&line, "  also: ");
		buf_add_safe(&line, errors[i].text, sizeof(errors[i].text));
		buf_wrap(ret, line.data, 0, 8, style_width(style));
		buf_puts(ret, "\n");
	}
}

/* The holders in the way, and other refusals. NULL: none. */
static char *refusal_detail(const struct style *style, const struct outcome *o)
{
	autobuf b = { 0 };

	if (o->plan.refused_for_users) {
		autofree char *holders = holders_table(style, &o->before.users);

		buf_puts(&b, holders);
	}
	if (o->plan.refusal.code)
		also_lines(style, o->plan.also, o->plan.also_count, &b);
	return b.len ? buf_steal(&b) : NULL;
}

/* line: shows what it waits for. */
static struct request request_of(const struct invocation *in, const char *command,
				 struct live_line *line)
{
	bool live = isatty(STDERR_FILENO) && !in->style.quiet;

	*line = (struct live_line){ .width = live ? style_width(&in->message_style) : 0 };
	return (struct request){ .command = command,
				 .skip = in->given & OPT_SKIP,
				 .dry_run = in->given & OPT_DRY_RUN,
				 .defer = in->defer,
				 .wait_ms = in->wait_ms,
				 .reserve_bytes = in->reserve_bytes,
				 .watch_ms = in->watch_ms,
				 .waiting = show_waiting,
				 .progress = show_progress,
				 .arg = line };
}

/* Its text; JSON is the caller's. */
static void report_change(struct invocation *in, const struct outcome *o, struct err *e)
{
	in->changed |= o->applied;
	*e = o->err;
	if (in->given & OPT_JSON)
		return;
	text_change(stdout, &in->style, o, in->given & OPT_DRY_RUN);
	e->detail = refusal_detail(&in->message_style, o);
}

enum exit_status run_change(struct invocation *in, const struct goal *goals, size_t count,
			    struct err *e)
{
	autobuf command = { 0 };
	struct live_line line;
	struct outcome o;
	struct request request;
	enum exit_status status;

	command_text(in, &command);
	request = request_of(in, command.data, &line);
	request.goals = goals;
	request.goal_count = count;
	change_run(in->ports, &request, &o);
	clear_line(&line);
	report_change(in, &o, e);
	if (reports_json(in))
		json_change(stdout, &o, command.data, request.dry_run);
	status = o.status;
	outcome_free(&o);
	return status;
}

#define KSMD_LOOK_MS 1000

/* Measures ksmd between two observations. */
static void show_ksmd(struct invocation *in, const struct host *first)
{
	struct ports *p = in->ports;
	struct host second = { 0 };
	struct err ignored = { 0 };
	int64_t start = p->system.monotonic_ms(p);

	if (!first->ksm.ksmd_pid)
		return;
	p->system.sleep_ms(p, KSMD_LOOK_MS);
	if (host_observe(p, HOST_KSM | HOST_KSM_USERS | HOST_LENIENT, &second, &ignored) == 0)
		text_ksmd(stdout, &in->style, first, &second, p->system.monotonic_ms(p) - start);
	host_free(&second);
}

/* A journal that cannot be read, or is not trusted, tells nothing. */
static void add_evidence(struct ports *p, struct host *host)
{
	struct journal journal = { 0 };
	struct err ignored = { 0 };

	if (journal_load(p, &journal, &ignored) == 0)
		journal_add_evidence(p, &journal, host);
	journal_free(&journal);
}

static enum exit_status show_setting(struct invocation *in, const struct setting *setting,
				     struct err *e)
{
	/* Reading all unit files is slow: only where the output has them. */
	bool all = in->style.verbose || in->given & OPT_JSON;
	unsigned parts = setting_kinds[setting->kind].parts & ~(all ? 0u : HOST_KSM_MARKED);
	struct host host = { 0 };
	enum exit_status status = STATUS_DONE;

	if (in->given & OPTS_ALTER)
		return usage_error(e, "%s without a value changes nothing", in->command);
	if (host_observe(in->ports, parts | HOST_LENIENT, &host, e) < 0)
		status = e->status;
	else
		add_evidence(in->ports, &host);
	if (status == STATUS_DONE && reports_json(in))
		json_setting(stdout, &host, setting);
	else if (status == STATUS_DONE)
		text_setting(stdout, &in->style, &host, setting);
	if (status == STATUS_DONE && in->style.verbose && !(in->given & OPT_JSON))
		show_ksmd(in, &host);
	host_free(&host);
	return status;
}

/* "--wait 10m": its time needs a "=", since it is optional. */
static enum exit_status too_many(const struct invocation *in, const char *word, struct err *e)
{
	usage_error(e, "one argument too many: \"%s\"", word);
	if (in->given & OPT_WAIT && in->wait_ms == WAIT_FOREVER && word[0] >= '0' && word[0] <= '9')
		err_hint(e, "Did you mean:  --wait=%s        Help:  kvmtune --help", word);
	return STATUS_USAGE;
}

/* The commands named after a setting: `ept`, `ept off`. */
enum exit_status cmd_setting(struct invocation *in, struct err *e)
{
	const struct setting *setting = setting_find(in->command);
	struct goal goal = { .setting = setting };
	autobuf values = { 0 };

	if (!in->arg_count)
		return show_setting(in, setting, e);
	setting_values_text(setting, &values);
	goal.value = setting_value(setting, in->args[0]);
	if (!goal.value) {
		usage_error(e, "%s takes %s, not \"%s\"", in->command, values.data, in->args[0]);
		if (meant_value(setting, in->args[0]))
			err_hint(e, "Did you mean:  kvmtune %s %s        Help:  kvmtune --help",
				 in->command, meant_value(setting, in->args[0]));
		return STATUS_USAGE;
	}
	if (in->arg_count > 1)
		return too_many(in, in->args[1], e);
	return run_change(in, &goal, 1, e);
}

enum exit_status cmd_apply(struct invocation *in, struct err *e)
{
	struct goal_list list = { 0 };
	enum exit_status status = find_goals(in, &list, e);

	if (status == STATUS_DONE)
		status = run_change(in, list.goals, list.count, e);
	goal_list_free(&list);
	return status;
}

static enum exit_status list_changes(struct invocation *in, struct err *e)
{
	struct journal journal;
	struct host host = { 0 };

	if (journal_load(in->ports, &journal, e) < 0)
		return e->status;
	if (!(in->given & OPT_JSON))
		text_journal(stdout, &in->style, &journal);
	else if (host_observe(in->ports, HOST_LENIENT, &host, e) == 0 && reports_json(in))
		json_journal(stdout, &host, &journal);
	host_free(&host);
	journal_free(&journal);
	return STATUS_DONE;
}

/* ---- undo --all ---- */

/* Undoes the last change. False: nothing is left, or it cannot be undone. */
static bool undo_next(struct invocation *in, const char *command, struct outcome *o)
{
	struct live_line line;
	const struct request request = request_of(in, command, &line);

	change_run(in->ports, &request, o);
	in->ports->file.unlock(in->ports);
	clear_line(&line);
	return o->undoes && !o->err.code && !request.dry_run;
}

static void report_undos(struct invocation *in, struct undo_report *r)
{
	struct journal journal = { 0 };
	struct err ignored = { 0 };

	/* Its failure is the error of the last undo, too. */
	if (journal_load(in->ports, &journal, &ignored) < 0)
		journal = (struct journal){ 0 };
	r->journal = &journal;
	if (reports_json(in))
		json_undos(stdout, r);
	else if (!in->style.quiet || r->dry_run)
		text_left(stdout, &in->style, r);
	journal_free(&journal);
}

/* Each one is planned on the host that the undo before it left. */
static enum exit_status undo_all(struct invocation *in, struct err *e)
{
	struct undo_report r = { .dry_run = in->given & OPT_DRY_RUN };
	struct outcome *undos = NULL;
	autobuf command = { 0 };
	bool more = true;

	command_text(in, &command);
	r.command = command.data;
	while (more) {
		undos = xrealloc_array(undos, r.count + 1, sizeof(*undos));
		more = undo_next(in, command.data, &undos[r.count]);
		if (r.count && !undos[r.count].undoes && !undos[r.count].err.code) {
			outcome_free(&undos[r.count]);
			break;
		}
		report_change(in, &undos[r.count], e);
		if (undos[r.count].status != STATUS_DONE)
			r.status = undos[r.count].status;
		in->undone += more;
		r.count++;
	}
	r.undos = undos;
	report_undos(in, &r);
	for (size_t i = 0; i < r.count; i++)
		outcome_free(&undos[i]);
	free(undos);
	return r.status;
}

enum exit_status cmd_undo(struct invocation *in, struct err *e)
{
	enum exit_status status = no_operands(in, e);

	if (status != STATUS_DONE)
		return status;
	if (in->given & OPT_LIST && in->given & (OPTS_ALTER | OPT_SKIP | OPT_ALL))
		return usage_error(e, "--list only lists");
	if (in->given & OPT_SKIP && in->given & OPT_ALL)
		return usage_error(e, "--skip and --all exclude each other");
	if (in->given & OPT_SKIP && in->given & (OPTS_ALTER & ~(OPT_DRY_RUN | OPT_WAIT)))
		return usage_error(e, "--skip does not change the host");
	if (in->given & OPT_LIST)
		return list_changes(in, e);
	return in->given & OPT_ALL ? undo_all(in, e) : run_change(in, NULL, 0, e);
}

/* ---- audit ---- */

static enum exit_status audit_status(const struct plan *plan, const struct journal *journal)
{
	static const enum exit_status statuses[] = {
		[GOAL_OK] = STATUS_DONE,
		[GOAL_PENDING] = STATUS_PENDING,
		[GOAL_REFUSED] = STATUS_IMPOSSIBLE,
		[GOAL_UNKNOWN] = STATUS_FAILED,
		[GOAL_DIFFERS] = STATUS_DRIFT,
	};
	enum goal_state worst = GOAL_OK;

	if (journal_interrupted(journal) && !journal->at_work)
		return STATUS_STUCK;
	for (size_t i = 0; i < plan->change_count; i++)
		if (change_state(&plan->changes[i]) > worst)
			worst = change_state(&plan->changes[i]);
	return statuses[worst];
}

/* Makes the plan of the change: if that is empty, the host is as wanted. */
static enum exit_status audit(struct invocation *in, const struct goal *goals, size_t count,
			      struct err *e)
{
	struct plan_options options = { .reserve_bytes = in->reserve_bytes };
	struct journal journal = { 0 };
	struct host host = { 0 };
	struct plan plan = { 0 };
	enum exit_status status;

	if (journal_load(in->ports, &journal, e) < 0 ||
	    host_observe(in->ports, goals_parts(goals, count) | HOST_LENIENT, &host, e) < 0) {
		status = e->status;
	} else {
		plan_build(&host, goals, count, &options, &plan);
		status = audit_status(&plan, &journal);
		if (reports_json(in))
			json_audit(stdout, &host, &plan, &journal, status);
		else
			text_audit(stdout, &in->style, &host, &plan, &journal);
	}
	plan_free(&plan);
	host_free(&host);
	journal_free(&journal);
	return status;
}

enum exit_status cmd_audit(struct invocation *in, struct err *e)
{
	struct goal_list list = { 0 };
	enum exit_status status = find_goals(in, &list, e);

	if (status == STATUS_DONE)
		status = audit(in, list.goals, list.count, e);
	goal_list_free(&list);
	return status;
}
