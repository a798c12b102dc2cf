// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text.c - a bench for a terminal: table, strip plot, sentences.
 */
#include "bench_internal.h"

#include <math.h>
#include <string.h>

#include <kvmtune/wrap.h>

#define NARROWEST 60
#define WIDEST	  120
#define COLUMNS	  (BENCH_VARIANTS_MAX + 1)

/* ---- a table of medians ---- */

/* Medians of one metric, a cell a variant; false: it is not known, or 0 in all. */
static bool metric_row(const struct bench *b, enum metric_id metric, struct strv *ret)
{
	bool any = false;

	strv_add(ret, metrics[metric].title);
	for (size_t v = 0; v < b->variants.n; v++) {
		size_t n;
		autofree double *values = bench_values(b, v, metric, &n);
		double median = n ? stats_median(values, n) : NAN;
		autobuf cell = { 0 };

		any |= median > 0;
		bench_value_text(metrics[metric].unit, median, &cell);
		strv_add(ret, buf_text(&cell));
	}
	return any;
}

/* The interval of the median of what is judged. */
static bool interval_row(const struct bench *b, bool high, struct strv *ret)
{
	enum metric_id metric = bench_metric(b);
	bool any = false;

	strv_add(ret, high ? "      to" : "    from");
	for (size_t v = 0; v < b->variants.n; v++) {
		size_t n;
		autofree double *values = bench_values(b, v, metric, &n);
		double ends[2] = { NAN, NAN };
		autobuf cell = { 0 };

		if (n) {
			stats_median(values, n);
			stats_median_interval(values, n, 0.95, &ends[0], &ends[1]);
		}
		any |= !isnan(ends[high]);
		bench_value_text(metrics[metric].unit, ends[high], &cell);
		strv_add(ret, buf_text(&cell));
	}
	return any;
}

static void heading_row(const struct bench *b, struct strv *ret)
{
	strv_add(ret, "median");
	for (size_t v = 0; v < b->variants.n; v++) {
		autobuf name = { 0 };

		bench_add_name(&name, b->variants.v[v]);
		strv_add(ret, buf_text(&name));
	}
}

static void count_row(const struct bench *b, struct strv *ret)
{
	strv_add(ret, "runs");
	for (size_t v = 0; v < b->variants.n; v++) {
		size_t n;

		free(bench_values(b, v, bench_metric(b), &n));
		strv_addf(ret, "%zu", n);
	}
}

/* All rows of the table of one bench, each with a cell more than there are variants. */
static size_t table_rows(const struct bench *b, struct strv *rows)
{
	size_t count = 0;

	heading_row(b, &rows[count++]);
	count_row(b, &rows[count++]);
	metric_row(b, bench_metric(b), &rows[count++]);
	for (int high = 0; high < 2; high++) {
		if (interval_row(b, high, &rows[count]))
			count++;
		else
			strv_free(&rows[count]);
	}
	for (enum metric_id m = 0; m < METRIC_COUNT; m++) {
		if (m == bench_metric(b))
			continue;
		if (metric_row(b, m, &rows[count]))
			count++;
		else
			strv_free(&rows[count]);
	}
	return count;
}

#define ROWS_MOST (METRIC_COUNT + 4)

static void free_rows(struct strv *rows, size_t count)
{
	for (size_t r = 0; r < count; r++)
		strv_free(&rows[r]);
}

static void add_table(const struct bench *b, struct buf *ret)
{
	struct strv rows[ROWS_MOST] = { 0 };
	size_t count = table_rows(b, rows), widths[COLUMNS] = { 0 };

	for (size_t r = 0; r < count; r++)
		for (size_t c = 0; c < rows[r].n; c++)
			if (strlen(rows[r].v[c]) > widths[c])
				widths[c] = strlen(rows[r].v[c]);
	for (size_t r = 0; r < count; r++) {
		buf_printf(ret, "%-*s", (int)widths[0], rows[r].v[0]);
		for (size_t c = 1; c < rows[r].n; c++)
			buf_printf(ret, "  %*s", (int)widths[c], rows[r].v[c]);
		buf_puts(ret, "\n");
	}
	free_rows(rows, count);
}

static void add_markdown_cell(const char *text, struct buf *ret)
{
	for (; *text; text++) {
		if (strchr("|\\`*_<>[]", *text))
			buf_puts(ret, "\\");
		buf_add(ret, text, 1);
	}
}

static void add_markdown_table(const struct bench *b, struct buf *ret)
{
	struct strv rows[ROWS_MOST] = { 0 };
	size_t count = table_rows(b, rows);

	for (size_t r = 0; r < count; r++) {
		for (size_t c = 0; c < rows[r].n; c++) {
			buf_puts(ret, "| ");
			add_markdown_cell(rows[r].v[c] + strspn(rows[r].v[c], " "), ret);
			buf_puts(ret, " ");
		}
		buf_puts(ret, "|\n");
		if (r)
			continue;
		for (size_t c = 0; c < rows[r].n; c++)
			buf_puts(ret, c ? "|---:" : "|---");
		buf_puts(ret, "|\n");
	}
	free_rows(rows, count);
}

/* ---- strips ---- */

struct canvas {
	char cells[WIDEST + 1];
	size_t width;
};

static size_t column_of(const struct strips *s, const struct canvas *c, double value)
{
	double at = (value - s->from) / (s->to - s->from) * (double)(c->width - 1);

	return (size_t)fmin(fmax(round(at), 0), (double)(c->width - 1));
}

static void clear(struct canvas *c)
{
	memset(c->cells, ' ', c->width);
	c->cells[c->width] = '\0';
}

/* One run is ".", two or three ":", more "#"; what lies beyond the axis "<" and ">". */
static void draw_values(const struct strips *s, const struct strip *strip, struct canvas *c)
{
	unsigned here[WIDEST] = { 0 };

	clear(c);
	for (size_t i = 0; i < strip->count; i++) {
		size_t at = column_of(s, c, strip->values[i]);

		here[at]++;
		c->cells[at] = here[at] == 1 ? '.' : here[at] < 4 ? ':' : '#';
	}
	for (size_t i = 0; i < strip->count; i++) {
		if (strip->values[i] > s->to)
			c->cells[c->width - 1] = '>';
		else if (strip->values[i] < s->from)
			c->cells[0] = '<';
	}
}

static void draw_interval(const struct strips *s, const struct strip *strip, struct canvas *c)
{
	clear(c);
	if (!isnan(strip->low)) {
		size_t low = column_of(s, c, strip->low), high = column_of(s, c, strip->high);

		memset(&c->cells[low], '-', high - low + 1);
		c->cells[low] = '[';
		c->cells[high] = ']';
	}
	c->cells[column_of(s, c, strip->median)] = '|';
}

static void strip_name(const struct strip *strip, struct buf *ret)
{
	if (strip->host) {
		bench_add_name(ret, strip->host);
		buf_puts(ret, " ");
	}
	bench_add_name(ret, strip->variant);
}

static void add_line(struct buf *ret, const char *name, int width, struct canvas *c)
{
	buf_printf(ret, "%-*s  %s", width, name, c->cells);
	while (ret->len && ret->data[ret->len - 1] == ' ')
		ret->data[--ret->len] = '\0';
	buf_puts(ret, "\n");
}

static void add_axis(const struct strips *s, int width, struct canvas *marks, struct buf *ret)
{
	struct canvas labels = { .width = marks->width };
	size_t used = 0;

	memset(marks->cells, '-', marks->width);
	clear(&labels);
	for (double at = ceil(s->from / s->step) * s->step; at <= s->to; at += s->step) {
		autofree char *label = xasprintf("%.6g", fabs(at) < s->step / 2 ? 0 : at);
		size_t column = column_of(s, marks, at), len = strlen(label);

		marks->cells[column] = '+';
		column = column > len / 2 ? column - len / 2 : 0;
		if (column < used || column + len > labels.width)
			continue;
		memcpy(&labels.cells[column], label, len);
		used = column + len + 1;
	}
	add_line(ret, "", width, marks);
	add_line(ret, "", width, &labels);
}

static void add_strips(const struct bench *benches, size_t count, int columns, struct buf *ret)
{
	struct canvas c;
	struct strips s;
	autobuf title = { 0 };
	int width = 0;

	bench_strips(benches, count, &s);
	for (size_t i = 0; i < s.count; i++) {
		autobuf name = { 0 };

		strip_name(&s.strips[i], &name);
		width = (int)name.len > width ? (int)name.len : width;
	}
	width = width < columns / 3 ? width : columns / 3;
	c.width = (size_t)(columns - width - 2);
	for (size_t i = 0; i < s.count; i++) {
		autobuf name = { 0 };

		strip_name(&s.strips[i], &name);
		draw_values(&s, &s.strips[i], &c);
		/* A name that is cut still tells the variants apart by its beginning, or by its place. */
		if ((int)name.len > width)
			name.data[width] = '\0';
		add_line(ret, buf_text(&name), width, &c);
		draw_interval(&s, &s.strips[i], &c);
		add_line(ret, "", width, &c);
	}
	if (s.count) {
		c.cells[c.width] = '\0';
		add_axis(&s, width, &c, ret);
		bench_axis_title(benches, &title);
		buf_printf(ret, "%*s  %s\n%*s  . a run, | median, [-] its 95 %% interval\n", width,
			   "", buf_text(&title), width, "");
	}
	bench_strips_free(&s);
}

/* ---- all of it ---- */

/* A paragraph, broken at the width, its lines indented by the length of `first`. */
static void add_wrapped(struct buf *ret, const char *first, const char *text, int columns)
{
	size_t indent = strlen(first);

	buf_puts(ret, first);
	buf_wrap(ret, text, indent, indent, (size_t)columns);
	buf_puts(ret, "\n");
}

#define WORDS_SHOWN 8 /* of the load */

static void add_head(const struct bench *b, int columns, struct buf *ret)
{
	autobuf host = { 0 }, load = { 0 }, runs = { 0 };

	bench_add_name(&host, b->host ?: "");
	buf_puts(&host, ", Linux ");
	bench_add_name(&host, b->kernel ?: "");
	for (size_t i = 0; i < b->load.n && i < WORDS_SHOWN; i++) {
		buf_puts(&load, i ? " " : "");
		bench_add_name(&load, b->load.v[i]);
	}
	buf_puts(&load, b->load.n > WORDS_SHOWN ? " ..." : "");
	buf_printf(&runs, "%zu blocks of %zu; random order in each block, seed %u", bench_blocks(b),
		   b->variants.n, b->seed);
	add_wrapped(ret, "Host   ", buf_text(&host), columns);
	add_wrapped(ret, "Load   ", buf_text(&load), columns);
	add_wrapped(ret, "Runs   ", buf_text(&runs), columns);
	buf_puts(ret, "\n");
}

void bench_text(const struct bench *benches, size_t count, const struct bench_judgement *j,
		int columns, struct buf *ret)
{
	autostrv warnings = { 0 };

	columns = columns < NARROWEST ? NARROWEST : columns > WIDEST ? WIDEST : columns;
	for (size_t i = 0; i < count; i++) {
		add_head(&benches[i], columns, ret);
		add_table(&benches[i], ret);
		buf_puts(ret, "\n");
	}
	add_strips(benches, count, columns, ret);
	if (j->verdict_count)
		buf_puts(ret, "\n");
	for (size_t i = 0; i < j->verdict_count; i++) {
		autobuf sentence = { 0 };

		bench_sentence(benches, j, &j->verdicts[i], &sentence);
		buf_puts(&sentence, ".");
		add_wrapped(ret, "", buf_text(&sentence), columns);
	}
	bench_warnings(benches, count, j, &warnings);
	if (warnings.n)
		buf_puts(ret, "\n");
	for (size_t i = 0; i < warnings.n; i++)
		add_wrapped(ret, "Note: ", warnings.v[i], columns);
}

void bench_write_markdown(const struct bench *benches, size_t count,
			  const struct bench_judgement *j, struct buf *ret)
{
	autostrv warnings = { 0 };

	for (size_t i = 0; i < count; i++) {
		autobuf host = { 0 }, kernel = { 0 };

		bench_add_name(&host, benches[i].host ?: "");
		bench_add_name(&kernel, benches[i].kernel ?: "");
		buf_puts(ret, "Host ");
		add_markdown_cell(buf_text(&host), ret);
		buf_puts(ret, ", Linux ");
		add_markdown_cell(buf_text(&kernel), ret);
		buf_printf(ret, ", %zu blocks, seed %u\n\n", bench_blocks(&benches[i]),
			   benches[i].seed);
		add_markdown_table(&benches[i], ret);
		buf_puts(ret, "\n");
	}
	for (size_t i = 0; i < j->verdict_count; i++) {
		autobuf sentence = { 0 };

		bench_sentence(benches, j, &j->verdicts[i], &sentence);
		add_markdown_cell(buf_text(&sentence), ret);
		buf_puts(ret, ".\n\n");
	}
	bench_warnings(benches, count, j, &warnings);
	for (size_t i = 0; i < warnings.n; i++) {
		buf_puts(ret, "- ");
		add_markdown_cell(warnings.v[i], ret);
		buf_puts(ret, "\n");
	}
}
