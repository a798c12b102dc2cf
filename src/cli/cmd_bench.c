// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_bench.c - finds which variant of the host runs a load faster.
 */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <kvmtune/bench_run.h>
#include <kvmtune/port.h>

#include "bench_switch.h"

/* ---- results ---- */

/* By its suffix; several benches go into tables only. */
static int export_text(const char *path, const struct bench *benches, size_t count,
		       const struct bench_judgement *j, struct buf *ret, struct err *e)
{
	if (ends_with(path, ".md")) {
		bench_write_markdown(benches, count, j, ret);
		return 0;
	}
	if (!ends_with(path, ".csv") && !ends_with(path, ".json"))
		return (int)usage_error(e,
					"--export takes a name that ends with .json, .csv or .md, "
					"not \"%s\"",
					path);
	if (count > 1)
		return (int)usage_error(e, "several benches can be exported to .md only, not to %s",
					path);
	if (ends_with(path, ".csv"))
		bench_write_csv(benches, ret);
	else
		bench_write_json(benches, j, ret);
	return 0;
}

static int write_export(const struct invocation *in, const struct bench *benches, size_t count,
			const struct bench_judgement *j, struct err *e)
{
	autobuf text = { 0 };

	if (!in->export_file)
		return 0;
	if (export_text(in->export_file, benches, count, j, &text, e) != 0)
		return e->code;
	return in->ports->user.write(in->ports, in->export_file, buf_text(&text), e);
}

static int write_plot(const struct invocation *in, const struct bench *benches, size_t count,
		      const struct bench_judgement *j, struct err *e)
{
	autobuf text = { 0 };

	if (!in->plot_file)
		return 0;
	bench_svg(benches, count, j, &text);
	return in->ports->user.write(in->ports, in->plot_file, buf_text(&text), e);
}

static enum exit_status present(const struct invocation *in, const struct bench *benches,
				size_t count, const struct bench_judgement *j, struct err *e)
{
	autobuf text = { 0 };

	if (in->given & OPT_JSON)
		bench_write_json(benches, j, &text);
	else
		bench_text(benches, count, j, (int)style_page(&in->style), &text);
	fputs(buf_text(&text), stdout);
	if (write_export(in, benches, count, j, e) < 0 || write_plot(in, benches, count, j, e) < 0)
		return e->status;
	return STATUS_DONE;
}

/* ---- recorded benches ---- */

static enum exit_status read_bench(struct invocation *in, const char *path, struct bench *ret,
				   struct err *e)
{
	autobuf text = { 0 };
	int r = in->ports->user.read(in->ports, path, &text);

	if (r < 0)
		return usage_error(e, "cannot read %s: %s", path, strerror(-r));
	if (memchr(buf_text(&text), '\0', text.len))
		return usage_error(e, "%s is not a text file", path);
	if (bench_read_json(buf_text(&text), ret, e) == 0)
		return STATUS_DONE;
	err_wrap(e, "%s", path);
	err_status(e, STATUS_USAGE, "usage");
	return STATUS_USAGE;
}

static enum exit_status judge_all(struct invocation *in, const struct bench *benches, size_t count,
				  struct err *e)
{
	struct bench_judgement j;
	enum exit_status status;

	if (bench_judge(benches, count, &j, e) < 0) {
		err_status(e, STATUS_USAGE, "usage");
		return STATUS_USAGE;
	}
	status = present(in, benches, count, &j, e);
	bench_judgement_free(&j);
	return status;
}

static enum exit_status analyse(struct invocation *in, struct err *e)
{
	size_t count = (size_t)in->arg_count, read = 0;
	struct bench *benches = xcalloc(count + 1, sizeof(*benches));
	enum exit_status status = STATUS_DONE;

	if (!count)
		status = usage_error(e, "--analyse takes the files of recorded benches");
	else if (count > 1 && in->given & OPT_JSON)
		status = usage_error(e, "--json takes one bench, not %zu", count);
	while (status == STATUS_DONE && read < count) {
		status = read_bench(in, in->args[read], &benches[read], e);
		read += status == STATUS_DONE;
	}
	if (status == STATUS_DONE)
		status = judge_all(in, benches, count, e);
	while (read > 0)
		bench_free(&benches[--read]);
	free(benches);
	return status;
}

/* ---- a bench of this host ---- */

struct session {
	struct invocation *in;
	struct switcher switcher;
	struct bench bench;
	struct bench_work work;
	struct strv prepare, cleanup; /* their arguments, NULL behind the last */
	bool live;		      /* one line on stderr shows the progress */
};

static enum exit_status parse_count(const char *option, const char *text, uint64_t most,
				    uint64_t *ret, struct err *e)
{
	if (text && (parse_u64(text, ret) < 0 || *ret > most))
		return usage_error(e, "--%s takes a number up to %llu, not \"%s\"", option,
				   (unsigned long long)most, text);
	return STATUS_DONE;
}

/* "1.5" and "1.5%" */
static enum exit_status parse_precision(const char *text, double *ret, struct err *e)
{
	char *end;

	if (!text)
		return STATUS_DONE;
	*ret = strtod(text, &end) / 100;
	if (end == text || (strcmp(end, "") != 0 && strcmp(end, "%") != 0) || !(*ret > 0) ||
	    *ret > 1)
		return usage_error(e, "--precision takes percent, as 1 or 0.5, not \"%s\"", text);
	return STATUS_DONE;
}

static enum exit_status parse_limits(const struct invocation *in, struct session *s, struct err *e)
{
	struct bench_limits *limits = &s->work.limits;
	uint64_t runs = BENCH_RUNS_DEFAULT, seed, warmups = 1;
	enum exit_status status;

	s->bench.looks = in->given & (OPT_PRECISION | OPT_BUDGET);
	if (s->bench.looks && in->runs)
		return usage_error(e, "--runs excludes --precision and --budget");
	seed = (uint64_t)in->ports->system.wall_seconds(in->ports) * 2654435761u ^
	       (uint64_t)getpid();
	seed &= UINT32_MAX;
	status = parse_count("runs", in->runs, BENCH_BLOCKS_MAX, &runs, e);
	if (status == STATUS_DONE)
		status = parse_count("seed", in->seed, UINT32_MAX, &seed, e);
	if (status == STATUS_DONE)
		status = parse_count("warmup", in->warmup, BENCH_BLOCKS_MAX, &warmups, e);
	if (status == STATUS_DONE)
		status = parse_precision(in->precision, &limits->precision, e);
	if (status == STATUS_DONE && !runs)
		return usage_error(e, "--runs takes a number above 0");
	limits->runs = s->bench.looks ? 0 : (unsigned)runs;
	limits->budget_ms = in->budget_ms;
	s->bench.planned = s->bench.looks ? 30 : (unsigned)runs;
	s->bench.seed = (uint32_t)seed;
	s->work.warmups = (unsigned)warmups;
	return status;
}

/* Words at white space: no quotes, no shell. */
static char **split_command(const char *text, struct strv *ret)
{
	autofree char *copy = text ? xstrdup(text) : NULL;
	char *word, *rest = copy;

	while (rest && (word = strsep(&rest, " \t\n")))
		if (*word)
			strv_add(ret, word);
	if (!ret->n)
		return NULL;
	/* NULL behind the last argument. */
	array_push(ret->v, ret->n) = NULL;
	ret->n--;
	return ret->v;
}

static enum exit_status parse_load(struct invocation *in, struct session *s, struct err *e)
{
	int variants = in->arg_count - in->load_count;

	for (int i = 0; i < variants; i++)
		strv_add(&s->bench.variants, in->args[i]);
	for (int i = variants; i < in->arg_count; i++)
		strv_add(&s->bench.load, in->args[i]);
	if (!variants || !in->load_count)
		return usage_error(e, "bench takes variants, \"--\" and a command:  "
				      "kvmtune bench current ept=off -- ./run-guests.sh");
	s->work.load = in->args + variants;
	s->work.prepare = split_command(in->prepare, &s->prepare);
	s->work.cleanup = split_command(in->cleanup, &s->cleanup);
	return switcher_parse(&s->switcher, &s->bench.variants, e);
}

static enum exit_status parse_score(const struct invocation *in, struct session *s, struct err *e)
{
	s->work.score = (struct bench_score){ in->score, in->score_json };
	s->bench.has_score = in->score || in->score_json;
	s->bench.higher_is_better = in->given & OPT_HIGHER;
	if (in->score && in->score_json)
		return usage_error(e, "--score and --score-json exclude each other");
	if (s->bench.higher_is_better && !s->bench.has_score)
		return usage_error(e, "--higher-is-better goes with --score or --score-json");
	if (bench_check_score(&s->work.score, e) < 0) {
		err_status(e, STATUS_USAGE, "usage");
		return STATUS_USAGE;
	}
	return STATUS_DONE;
}

/* Checked first: a bench of hours must not fail at its end. */
static enum exit_status check_files(const struct invocation *in, struct err *e)
{
	const struct bench none = { 0 };
	const struct bench_judgement nothing = { 0 };
	autobuf text = { 0 };

	if (in->export_file && export_text(in->export_file, &none, 1, &nothing, &text, e) != 0)
		return STATUS_USAGE;
	return STATUS_DONE;
}

static bool is_same(const struct strv *a, const struct strv *b)
{
	for (size_t i = 0; i < a->n && a->n == b->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return a->n == b->n;
}

/* Continues with the runs of the file, in the order of its seed. */
static enum exit_status continue_runs(struct session *s, struct bench *old, const char *path,
				      struct err *e)
{
	struct bench *b = &s->bench;

	if (!is_same(&old->variants, &b->variants) || !is_same(&old->load, &b->load) ||
	    old->has_score != b->has_score || old->higher_is_better != b->higher_is_better ||
	    strcmp(old->host, b->host) != 0)
		return usage_error(e,
				   "%s is from another bench: host, variants, score and load must "
				   "be the same",
				   path);
	if (old->looks != b->looks)
		return usage_error(e, "%s was %s --precision or --budget: resume it the same way",
				   path, old->looks ? "run with" : "run without");
	b->seed = old->seed;
	b->started = old->started;
	b->runs = old->runs;
	b->run_count = old->run_count;
	old->runs = NULL;
	old->run_count = 0;
	return STATUS_DONE;
}

static enum exit_status resume(struct session *s, struct err *e)
{
	struct invocation *in = s->in;
	struct bench old = { 0 };
	enum exit_status status;

	if (!in->resume_file)
		return STATUS_DONE;
	if (in->seed)
		return usage_error(e, "--resume uses the seed of its file, not --seed");
	status = read_bench(in, in->resume_file, &old, e);
	if (status == STATUS_DONE)
		status = continue_runs(s, &old, in->resume_file, e);
	bench_free(&old);
	if (status == STATUS_DONE && !in->export_file && ends_with(in->resume_file, ".json"))
		in->export_file = in->resume_file;
	return status;
}

static void identify(struct session *s)
{
	struct host_id id;
	struct ports *p = s->in->ports;

	p->system.identify(p, &id);
	s->bench.host = xstrdup(id.name);
	s->bench.kernel = xstrdup(id.kernel);
	s->bench.started = p->system.wall_seconds(p);
}

static enum exit_status prepare(struct session *s, struct err *e)
{
	enum exit_status status;

	if (s->in->root)
		return usage_error(e, "bench runs on this host, not in an image");
	identify(s);
	status = parse_load(s->in, s, e);
	if (status == STATUS_DONE)
		status = parse_limits(s->in, s, e);
	if (status == STATUS_DONE)
		status = parse_score(s->in, s, e);
	if (status == STATUS_DONE)
		status = check_files(s->in, e);
	if (status == STATUS_DONE)
		status = resume(s, e);
	if (status == STATUS_DONE && switcher_check(&s->switcher, e) < 0)
		status = e->status;
	if (s->switcher.recovered && !s->in->style.quiet)
		fprintf(stderr,
			"kvmtune: an earlier bench was killed; its variant %s was rolled back\n",
			s->switcher.recovered);
	return status;
}

/* ---- while it runs ---- */

static int switch_to(void *arg, size_t variant, struct err *e)
{
	struct session *s = arg;
	int r = switcher_to(&s->switcher, variant, e);

	s->in->changed |= s->switcher.applied;
	return r;
}

static int keep(void *arg, const struct bench *b, struct err *e)
{
	struct session *s = arg;
	struct bench_judgement j;
	int r;

	if (!s->in->export_file)
		return 0;
	if (bench_judge(b, 1, &j, e) < 0)
		return e->code;
	r = write_export(s->in, b, 1, &j, e);
	bench_judgement_free(&j);
	return r;
}

static void add_time(struct buf *b, int64_t ms)
{
	int64_t s = ms / 1000;

	if (s < 120)
		buf_printf(b, "%d s", (int)s);
	else if (s < 7200)
		buf_printf(b, "%d min", (int)(s / 60));
	else
		buf_printf(b, "%d h %02d min", (int)(s / 3600), (int)(s / 60 % 60));
}

static void progress(void *arg, const struct bench_progress *now)
{
	struct session *s = arg;
	autobuf line = { 0 };

	if (!s->live)
		return;
	if (now->block)
		buf_printf(&line, "block %u of %u: ", now->block, s->bench.planned);
	else
		buf_puts(&line, "warm-up: ");
	buf_add_safe(&line, now->variant, 30);
	buf_puts(&line, "; ");
	add_time(&line, now->elapsed_ms);
	if (now->left_ms >= 0) {
		buf_puts(&line, s->bench.looks ? ", at most about " : ", about ");
		add_time(&line, now->left_ms);
		buf_puts(&line, " left");
	}
	fprintf(stderr, "\r\033[K%.*s", (int)style_width(&s->in->message_style) - 1,
		buf_text(&line));
	fflush(stderr);
}

static void end_line(struct session *s)
{
	if (s->live)
		fputs("\r\033[K", stderr);
	s->live = false;
}

/* Judges the runs there are, even of a bench that ended early. */
static enum exit_status conclude(struct session *s, struct err *e)
{
	struct bench_judgement j;
	enum exit_status status;

	if (!s->bench.run_count || bench_judge(&s->bench, 1, &j, e) < 0)
		return e->status;
	status = present(s->in, &s->bench, 1, &j, e);
	bench_judgement_free(&j);
	return status;
}

/* Restores the host, then prints the results. An error of the host comes before others. */
static enum exit_status finish(struct session *s, int r, struct err *e)
{
	struct err back = { 0 }, shown = { 0 };

	end_line(s);
	if (switcher_restore(&s->switcher, &back) < 0) {
		if (r == 0)
			*e = back;
		else
			err_wrap(&back, "%s", e->text);
		back.detail = back.detail ?: e->detail;
		*e = back;
		r = back.code;
	} else {
		s->in->changed = false;
	}
	conclude(s, &shown);
	if (r < 0)
		return e->status;
	if (shown.code)
		*e = shown;
	return shown.code ? shown.status : STATUS_DONE;
}

static enum exit_status measure(struct session *s, struct err *e)
{
	enum bench_stop stop;
	int r;

	if (switcher_has_shadow(&s->switcher)) {
		s->bench.notes |= NOTE_SHADOW;
		if (!s->in->style.quiet)
			fprintf(stderr, "kvmtune: %s\n", bench_note_text(NOTE_SHADOW));
	}
	s->live = isatty(STDERR_FILENO) && !s->in->style.quiet;
	r = bench_measure(s->in->ports, &s->work, &s->bench, &stop, e);
	return finish(s, r, e);
}

static enum exit_status run_bench(struct invocation *in, struct err *e)
{
	struct session s = { .in = in, .switcher.ports = in->ports };
	enum exit_status status;

	s.work.switch_to = switch_to;
	s.work.keep = keep;
	s.work.progress = progress;
	s.work.arg = &s;
	status = prepare(&s, e);
	if (status == STATUS_DONE)
		status = measure(&s, e);
	switcher_free(&s.switcher);
	strv_free(&s.prepare);
	strv_free(&s.cleanup);
	bench_free(&s.bench);
	return status;
}

enum exit_status cmd_bench(struct invocation *in, struct err *e)
{
	if (!(in->given & OPT_ANALYSE))
		return run_bench(in, e);
	if (in->given & OPTS_RUN)
		return usage_error(e,
				   "--analyse runs nothing: it takes --export, --plot and --json "
				   "only");
	return analyse(in, e);
}
