// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.h"

#include <string.h>

#define GAP	     2	/* between columns */
#define NARROWEST    10 /* a column that is wrapped */
#define BELOW_LEAST  24 /* room for what stands below its row */
#define CELL_LONGEST 200

struct column {
	char *name;
	bool right;
};

struct table {
	struct column *columns;
	size_t column_count;
	char **cells; /* row after row; escaped: plain ASCII, and marks */
	size_t cell_count;
	bool headings;
};

static void add_column(struct table *t, const char *name)
{
	struct column *c = &array_push(t->columns, t->column_count);
	size_t len = strlen(name);

	c->right = len && name[len - 1] == '>';
	c->name = xstrndup(name, len - c->right);
	t->headings |= c->name[0] != '\0';
}

struct table *table_new(const char *first, ...)
{
	struct table *t = xcalloc(1, sizeof(*t));
	va_list ap;

	va_start(ap, first);
	for (const char *name = first; name; name = va_arg(ap, const char *))
		add_column(t, name);
	va_end(ap);
	return t;
}

void table_row(struct table *t, const char *first, ...)
{
	const char *text = first;
	va_list ap;

	va_start(ap, first);
	for (size_t i = 0; i < t->column_count; i++) {
		array_push(t->cells, t->cell_count) = safe_text(text ? text : "", CELL_LONGEST);
		if (i + 1 < t->column_count)
			text = va_arg(ap, const char *);
	}
	va_end(ap);
}

static void mark_cell(char **cell, enum meaning meaning, size_t len)
{
	autofree char *old = *cell, *marked = xstrndup(old, len ? len : strlen(old));
	struct buf b = { 0 };

	buf_mark(&b, meaning, marked);
	buf_puts(&b, old + strlen(marked));
	*cell = buf_steal(&b);
}

void table_mark(struct table *t, size_t column, enum meaning meaning, size_t len)
{
	mark_cell(&t->cells[t->cell_count - t->column_count + column], meaning, len);
}

void table_mark_all(struct table *t, size_t column, enum meaning meaning)
{
	for (size_t i = column; i < t->cell_count; i += t->column_count)
		mark_cell(&t->cells[i], meaning, 0);
}

size_t table_rows(const struct table *t)
{
	return t->cell_count / t->column_count;
}

/* ---- layout ---- */

/*
 * Where columns stand; empty ones take no place. Those from `together` on stand below their row, at the
 * second column, but for the first of them where it fits behind the row (fits_behind()).
 */
struct layout {
	size_t *widths;
	size_t together, room, below;
};

static size_t position(const struct layout *l, size_t column)
{
	size_t at = 0;

	for (size_t i = 0; i < column && i < l->together; i++)
		at += l->widths[i] ? l->widths[i] + GAP : 0;
	return at;
}

/* Does a cell stand behind this one, on the same line? */
static bool is_followed(char *const *cells, const struct layout *l, size_t column)
{
	for (size_t i = column + 1; i < l->together; i++)
		if (cells[i][0])
			return true;
	return false;
}

static void widen(size_t *width, const char *cell)
{
	size_t columns = text_columns(cell, SIZE_MAX);

	*width = columns > *width ? columns : *width;
}

/* The width of the widest cell. A cell without another behind it may be wider. */
static void natural_widths(const struct table *t, struct layout *l)
{
	for (size_t i = 0; i < l->together; i++) {
		l->widths[i] = strlen(t->columns[i].name);
		for (size_t row = 0; row < table_rows(t); row++) {
			char *const *cells = &t->cells[row * t->column_count];

			if (i + 1 == l->together || t->columns[i].right || is_followed(cells, l, i))
				widen(&l->widths[i], cells[i]);
		}
	}
}

/* The longest word of a column should fit. */
static size_t least_width(const struct table *t, const struct layout *l, size_t column)
{
	size_t least = NARROWEST;

	for (size_t row = 0; row < table_rows(t); row++) {
		size_t longest = longest_part(t->cells[row * t->column_count + column]);

		least = longest > least ? longest : least;
	}
	return least < l->widths[column] ? least : l->widths[column];
}

/* Makes the widest column narrower until all fit, or each has its least width. */
static void shrink_to(struct layout *l, const size_t *least)
{
	while (position(l, l->together) > l->room + GAP) {
		size_t widest = l->together;

		for (size_t i = 0; i < l->together; i++)
			if (l->widths[i] > least[i] &&
			    (widest == l->together || l->widths[i] >= l->widths[widest]))
				widest = i;
		if (widest == l->together)
			return;
		l->widths[widest]--;
	}
}

static void shrink(const struct table *t, struct layout *l)
{
	size_t *least = xcalloc(l->together, sizeof(*least));

	for (size_t i = 0; i < l->together; i++)
		least[i] = least_width(t, l, i);
	shrink_to(l, least);
	for (size_t i = 0; i < l->together; i++)
		least[i] = NARROWEST;
	shrink_to(l, least);
	free(least);
}

/* Where the cells below their row begin: as far to the right as they all fit. */
static size_t below_column(const struct table *t, const struct layout *l)
{
	size_t longest = BELOW_LEAST, column = l->together - 1;

	for (size_t i = 0; i < t->cell_count; i++) {
		size_t part = i % t->column_count < l->together ? 0 : longest_part(t->cells[i]);

		longest = part > longest ? part : longest;
	}
	while (column > 1 && position(l, column) + longest > l->room)
		column--;
	return position(l, column);
}

/* ---- rows ---- */

/* Cells that stand side by side, each of some lines. */
struct band {
	struct strv *cells; /* lines of each */
	size_t *at;	    /* where each begins */
	size_t count;
};

static void pad(struct buf *line, size_t column)
{
	size_t columns = text_columns(buf_text(line), line->len);

	if (columns < column)
		buf_printf(line, "%*s", (int)(column - columns), "");
}

static void end_band(struct band *band, const char *indent, struct buf *ret)
{
	size_t lines = 0;

	for (size_t i = 0; i < band->count; i++)
		lines = band->cells[i].n > lines ? band->cells[i].n : lines;
	for (size_t n = 0; n < lines; n++) {
		autobuf line = { 0 };

		for (size_t i = 0; i < band->count; i++) {
			if (n >= band->cells[i].n)
				continue;
			pad(&line, band->at[i]);
			buf_puts(&line, band->cells[i].v[n]);
		}
		buf_printf(ret, "%s%s\n", indent, buf_text(&line));
	}
	for (size_t i = 0; i < band->count; i++)
		strv_free(&band->cells[i]);
	band->count = 0;
}

/* A mark is closed at the end of a line, and opened again on the next. */
static void add_lines(struct strv *ret, const char *text, size_t width)
{
	autobuf wrapped = { 0 }, line = { 0 };
	const char end = MARK_LAST;
	char open = '\0';

	buf_wrap(&wrapped, text, 0, 0, width);
	for (const char *c = buf_text(&wrapped); *c; c++) {
		if (is_mark(*c))
			open = *c == MARK_LAST ? '\0' : *c;
		if (*c != '\n') {
			buf_add(&line, c, 1);
			continue;
		}
		buf_add(&line, &end, open != '\0');
		strv_add(ret, buf_text(&line));
		buf_reset(&line);
		buf_add(&line, &open, open != '\0');
	}
	strv_add(ret, buf_text(&line));
}

static void place(struct band *band, const char *text, size_t at, size_t width)
{
	add_lines(&band->cells[band->count], text, width);
	band->at[band->count++] = at;
}

/* On one line, or on some that are not too narrow. */
static bool fits_behind(const char *cell, const struct layout *l, size_t at)
{
	size_t most =
		at + BELOW_LEAST <= l->room ? longest_part(cell) : text_columns(cell, SIZE_MAX);

	return at + most <= l->room;
}

static void add_row(const struct table *t, char *const *cells, const struct layout *l,
		    const char *indent, struct buf *ret)
{
	struct band band = { xcalloc(t->column_count, sizeof(*band.cells)),
			     xcalloc(t->column_count, sizeof(*band.at)), 0 };

	for (size_t i = 0; i < t->column_count; i++) {
		size_t longest = longest_part(cells[i]), at = position(l, i), width;

		if (!cells[i][0])
			continue;
		width = i < l->together && is_followed(cells, l, i) ? l->widths[i] : l->room - at;
		if (t->columns[i].right && longest < l->widths[i])
			at += l->widths[i] - longest;
		if (i == l->together && band.count && fits_behind(cells[i], l, at)) {
			place(&band, cells[i], at, l->room - at);
			continue;
		}
		if (i >= l->together || (longest > width && at + longest > l->room)) {
			end_band(&band, indent, ret);
			at = l->below + longest <= l->room ? l->below
			     : 2 + longest <= l->room	   ? 2
							   : 0;
			place(&band, cells[i], at, l->room - at);
			end_band(&band, indent, ret);
		} else if (longest > width) {
			place(&band, cells[i], at, l->room - at);
			end_band(&band, indent, ret);
		} else {
			place(&band, cells[i], at, width);
		}
	}
	end_band(&band, indent, ret);
	free(band.cells);
	free(band.at);
}

static void add_headings(const struct table *t, const struct layout *l, const char *indent,
			 struct buf *ret)
{
	char **names = xcalloc(t->column_count, sizeof(*names));

	for (size_t i = 0; i < t->column_count; i++) {
		autobuf name = { 0 };

		buf_mark(&name, MEANS_LABEL, t->columns[i].name);
		names[i] = xstrdup(buf_text(&name));
	}
	add_row(t, names, l, indent, ret);
	for (size_t i = 0; i < t->column_count; i++)
		free(names[i]);
	free(names);
}

static void lay_out(const struct table *t, size_t together, size_t room, const char *indent,
		    struct buf *ret)
{
	struct layout l = { .widths = xcalloc(t->column_count, sizeof(*l.widths)),
			    .together = together,
			    .room = room };

	natural_widths(t, &l);
	shrink(t, &l);
	l.below = below_column(t, &l);
	if (t->headings && table_rows(t))
		add_headings(t, &l, indent, ret);
	for (size_t row = 0; row < table_rows(t); row++)
		add_row(t, &t->cells[row * t->column_count], &l, indent, ret);
	free(l.widths);
}

static size_t line_count(const struct buf *b)
{
	size_t count = 0;

	for (size_t i = 0; i < b->len; i++)
		count += b->data[i] == '\n';
	return count;
}

static void table_free(struct table *t)
{
	for (size_t i = 0; i < t->column_count; i++)
		free(t->columns[i].name);
	for (size_t i = 0; i < t->cell_count; i++)
		free(t->cells[i]);
	free(t->columns);
	free(t->cells);
	free(t);
}

/* Takes the layout with the fewest lines; of two, the one that breaks fewer cells. */
void table_print(struct table *t, FILE *out, const struct style *style, const char *indent)
{
	size_t width = style_width(style);
	size_t room = width == WIDTH_ANY ? WIDTH_ANY / 2 : width - strlen(indent);
	size_t least = table_rows(t) + t->headings;
	struct buf best = { 0 };

	lay_out(t, t->column_count, room, indent, &best);
	for (size_t below = 1; below + 2 <= t->column_count; below++) {
		struct buf other = { 0 };

		if (line_count(&best) <= least)
			break;
		lay_out(t, t->column_count - below, room, indent, &other);
		if (line_count(&other) < line_count(&best) + (below == 1)) {
			buf_free(&best);
			best = other;
		} else {
			buf_free(&other);
		}
	}
	put_text(out, style, buf_text(&best));
	buf_free(&best);
	table_free(t);
}
