// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * svg.c - the strips as a picture for a report: black on white, no script, no font of its own.
 */
#include "bench_internal.h"

#include <math.h>
#include <string.h>

#define WIDTH	     760.0
#define RIGHT	     28.0
#define TOP	     24.0
#define LINE	     20.0 /* of text */
#define STRIP	     64.0 /* height of one */
#define SPREAD	     26.0 /* of the runs in it: from the first, above, to the last */
#define NAME_WIDTH   7.6  /* of a letter, at most */
#define NAME_LETTERS 26	  /* in a line of a name */
#define LETTERS	     86	  /* in a line of the verdict */

static const char head[] =
	"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" "
	"viewBox=\"0 0 %.0f %.0f\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"13\">\n"
	"<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n";

/* For text and attributes alike; the names are ASCII already. */
static void add_xml(struct buf *ret, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '<':
			buf_puts(ret, "&lt;");
			break;
		case '>':
			buf_puts(ret, "&gt;");
			break;
		case '&':
			buf_puts(ret, "&amp;");
			break;
		case '"':
			buf_puts(ret, "&quot;");
			break;
		default:
			buf_add(ret, text, 1);
		}
	}
}

static void add_text(struct buf *ret, double x, double y, const char *more, const char *text)
{
	buf_printf(ret, "<text x=\"%.1f\" y=\"%.1f\"%s>", x, y, more);
	add_xml(ret, text);
	buf_puts(ret, "</text>\n");
}

static void add_line(struct buf *ret, double x1, double y1, double x2, double y2,
		     const char *stroke)
{
	buf_printf(ret, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2,
		   y2, stroke);
}

struct frame {
	const struct strips *s;
	double left, top, bottom; /* of the strips */
};

static double x_of(const struct frame *f, double value)
{
	double at = (value - f->s->from) / (f->s->to - f->s->from);

	return f->left + fmin(fmax(at, 0), 1) * (WIDTH - RIGHT - f->left);
}

static void add_axis(const struct frame *f, const char *title, struct buf *ret)
{
	const struct strips *s = f->s;

	for (double at = ceil(s->from / s->step) * s->step; at <= s->to; at += s->step) {
		autofree char *label = xasprintf("%.6g", fabs(at) < s->step / 2 ? 0 : at);
		double x = x_of(f, at);

		add_line(ret, x, f->top, x, f->bottom, "stroke=\"#d0d0d0\"");
		add_text(ret, x, f->bottom + LINE, " text-anchor=\"middle\"", label);
	}
	add_line(ret, f->left, f->bottom, WIDTH - RIGHT, f->bottom, "stroke=\"#000000\"");
	add_text(ret, (f->left + WIDTH - RIGHT) / 2, f->bottom + 2 * LINE + 4,
		 " text-anchor=\"middle\"", title);
}

/* Runs beyond the axis are triangles at its edge. */
static void add_run(const struct frame *f, double value, double y, struct buf *ret)
{
	double x = x_of(f, value), tip = value > f->s->to ? 6 : -6;

	if (value >= f->s->from && value <= f->s->to)
		buf_printf(ret,
			   "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.2\" fill=\"none\" "
			   "stroke=\"#000000\"/>\n",
			   x, y);
	else
		buf_printf(ret, "<path d=\"M%.1f %.1f v8 l%.1f -4 z\" fill=\"#000000\"/>\n", x,
			   y - 4, tip);
}

/* How many letters of a name fit into a line: all, or up to behind a comma or a space. */
static int first_part(const char *name)
{
	int part = 0;

	if (strlen(name) <= NAME_LETTERS)
		return (int)strlen(name);
	for (int i = 0; i < NAME_LETTERS; i++)
		if (name[i] == ',' || name[i] == ' ')
			part = i + 1;
	return part ?: NAME_LETTERS;
}

static void add_name(const struct frame *f, double top, const char *name, struct buf *ret)
{
	size_t lines = 0;

	for (const char *p = name; *p; p += first_part(p))
		lines++;
	for (double y = top + STRIP / 2 + 4 - 8 * (double)(lines - 1); *name; y += 16) {
		autofree char *line = xstrndup(name, (size_t)first_part(name));

		add_text(ret, f->left - 12, y, " text-anchor=\"end\"", line);
		name += strlen(line);
	}
}

static void add_strip(const struct frame *f, const struct strip *strip, double top, struct buf *ret)
{
	double middle = top + STRIP - 16, x = x_of(f, strip->median);
	autobuf name = { 0 };

	if (strip->host) {
		bench_add_name(&name, strip->host);
		buf_puts(&name, " ");
	}
	bench_add_name(&name, strip->variant);
	add_name(f, top, buf_text(&name), ret);
	for (size_t i = 0; i < strip->count; i++)
		add_run(f, strip->values[i],
			top + 8 +
				SPREAD * (double)i /
					(double)(strip->count > 1 ? strip->count - 1 : 1),
			ret);
	if (!isnan(strip->low)) {
		double low = x_of(f, strip->low), high = x_of(f, strip->high);

		add_line(ret, low, middle, high, middle, "stroke=\"#000000\" stroke-width=\"2\"");
		add_line(ret, low, middle - 5, low, middle + 5, "stroke=\"#000000\"");
		add_line(ret, high, middle - 5, high, middle + 5, "stroke=\"#000000\"");
	}
	buf_printf(ret,
		   "<rect x=\"%.1f\" y=\"%.1f\" width=\"4\" height=\"16\" fill=\"#000000\"/>\n",
		   x - 2, middle - 8);
}

/* Room for the longest name, within bounds. */
static double left_of(const struct strips *s)
{
	double most = 60;

	for (size_t i = 0; i < s->count; i++) {
		autobuf name = { 0 };

		if (s->strips[i].host)
			buf_printf(&name, "%s ", s->strips[i].host);
		buf_puts(&name, s->strips[i].variant);
		most = fmax(most, NAME_WIDTH * fmin((double)name.len, NAME_LETTERS));
	}
	return 24 + most;
}

/* The verdicts, as many lines as they take. */
static void wrap_sentences(const struct bench *b, const struct bench_judgement *j, struct strv *ret)
{
	for (size_t i = 0; i < j->verdict_count; i++) {
		autobuf sentence = { 0 };
		const char *rest;

		bench_sentence(b, j, &j->verdicts[i], &sentence);
		for (rest = buf_text(&sentence); strlen(rest) > LETTERS;) {
			int len = LETTERS;

			while (len > 0 && rest[len] != ' ')
				len--;
			len = len ?: LETTERS;
			strv_addf(ret, "%.*s", len, rest);
			rest += len + (rest[len] == ' ');
		}
		strv_add(ret, rest);
	}
}

static bool has_far_runs(const struct strips *s)
{
	for (size_t i = 0; i < s->count; i++)
		for (size_t k = 0; k < s->strips[i].count; k++)
			if (s->strips[i].values[k] < s->from || s->strips[i].values[k] > s->to)
				return true;
	return false;
}

static void add_key(const struct frame *f, struct buf *ret)
{
	if (has_far_runs(f->s))
		add_text(ret, 20, f->bottom + 3 * LINE + 30, " font-size=\"11\" fill=\"#404040\"",
			 "Triangles: runs beyond the axis.");
	add_text(ret, 20, f->bottom + 3 * LINE + 14, " font-size=\"11\" fill=\"#404040\"",
		 "Circles: runs, the first above, the last below. Bar: median, with its 95 % "
		 "interval.");
}

void bench_svg(const struct bench *benches, size_t count, const struct bench_judgement *j,
	       struct buf *ret)
{
	struct strips s;
	struct frame f = { .s = &s };
	autostrv sentences = { 0 };
	autobuf title = { 0 };
	double height;

	bench_strips(benches, count, &s);
	wrap_sentences(benches, j, &sentences);
	f.top = TOP + LINE * (double)sentences.n + 8;
	f.left = left_of(&s);
	f.bottom = f.top + STRIP * (double)s.count;
	height = f.bottom + 4 * LINE + 20;
	buf_printf(ret, head, WIDTH, height, WIDTH, height);
	bench_axis_title(benches, &title);
	for (size_t i = 0; i < sentences.n; i++)
		add_text(ret, 20, TOP + LINE * (double)(i + 1) - 6, " font-weight=\"bold\"",
			 sentences.v[i]);
	if (s.count) {
		add_axis(&f, buf_text(&title), ret);
		for (size_t i = 0; i < s.count; i++)
			add_strip(&f, &s.strips[i], f.top + STRIP * (double)i, ret);
		add_key(&f, ret);
	}
	buf_puts(ret, "</svg>\n");
	bench_strips_free(&s);
}
