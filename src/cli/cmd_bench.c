// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cmd_bench.c - which variant of the host runs a load faster.
 */
#include "cli.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <kvmtune/bench.h>
#include <kvmtune/port.h>

#define COLUMNS_DEFAULT 80

static int terminal_columns(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col)
		return size.ws_col;
	return COLUMNS_DEFAULT;
}

/* ---- what comes of it ---- */

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
		bench_text(benches, count, j, terminal_columns(), &text);
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
		return usage_error(e, "%s is no text", path);
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

enum exit_status cmd_bench(struct invocation *in, struct err *e)
{
	if (!(in->given & OPT_ANALYSE))
		return usage_error(e, "bench needs --analyse");
	return analyse(in, e);
}
