// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.h"

#include <string.h>

#define TEXT_WIDTH 92
#define SEPARATOR  "  "

struct column {
	char *name;
	bool right;
	size_t width;
};

struct table {
	struct column *columns;
	size_t column_count;
	char **cells; /* row after row; escaped: plain ASCII, so that bytes are columns */
	size_t cell_count;
	bool headings;
};

static void add_column(struct table *t, const char *name)
{
	struct column *c = &array_push(t->columns, t->column_count);
	size_t len = strlen(name);

	c->right = len && name[len - 1] == '>';
	c->name = xstrndup(name, len - c->right);
	c->width = strlen(c->name);
	t->headings |= c->width > 0;
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

static void add_cell(struct table *t, struct column *c, const char *text)
{
	char *cell = safe_text(text ? text : "", 200);
	size_t len = strlen(cell);

	array_push(t->cells, t->cell_count) = cell;
	c->width = len > c->width ? len : c->width;
}

void table_row(struct table *t, const char *first, ...)
{
	const char *text = first;
	va_list ap;

	va_start(ap, first);
	for (size_t i = 0; i < t->column_count; i++) {
		add_cell(t, &t->columns[i], text);
		if (i + 1 < t->column_count)
			text = va_arg(ap, const char *);
	}
	va_end(ap);
}

size_t table_rows(const struct table *t)
{
	return t->cell_count / t->column_count;
}

static void add_padded(struct buf *line, const struct column *c, const char *cell)
{
	buf_printf(line, c->right ? "%*s" : "%-*s", (int)c->width, cell);
}

/* The line without blanks at its end. */
static void print_line(FILE *out, const char *indent, struct buf *line)
{
	chomp(line->data);
	fprintf(out, "%s%s\n", line->data[0] ? indent : "", line->data);
	buf_reset(line);
}

static void print_headings(const struct table *t, FILE *out, const char *indent)
{
	autobuf line = { 0 };

	for (size_t i = 0; i < t->column_count; i++) {
		buf_puts(&line, i ? SEPARATOR : "");
		add_padded(&line, &t->columns[i], t->columns[i].name);
	}
	print_line(out, indent, &line);
}

static void print_row(const struct table *t, size_t row, FILE *out, const char *indent)
{
	autobuf line = { 0 };

	for (size_t i = 0; i < t->column_count; i++) {
		buf_puts(&line, i ? SEPARATOR : "");
		add_padded(&line, &t->columns[i], t->cells[row * t->column_count + i]);
	}
	print_line(out, indent, &line);
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

void table_print(struct table *t, FILE *out, const char *indent)
{
	if (t->headings && table_rows(t))
		print_headings(t, out, indent);
	for (size_t row = 0; row < table_rows(t); row++)
		print_row(t, row, out, indent);
	table_free(t);
}

void print_heading(FILE *out, const struct style *style, const char *text)
{
	fprintf(out, style->color ? "\033[1m%s\033[0m" : "%s", text);
}

void print_wrapped(FILE *out, const char *first, const char *text)
{
	int indent = (int)strlen(first), column = indent;
	bool begin = true;

	fputs(first, out);
	while (*text) {
		int len = (int)strcspn(text, " ");

		if (!begin && column + 1 + len > TEXT_WIDTH) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
			begin = true;
		}
		column += fprintf(out, "%s%.*s", begin ? "" : " ", len, text);
		begin = false;
		text += len + (text[len] == ' ');
	}
	fputc('\n', out);
}

void text_advice(FILE *out, const struct host *host, const enum advice_id *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		autofree char *advice = advice_text(ids[i], host);
		autofree char *text = xasprintf("%s (%s)", advice, advices[ids[i]].source);

		print_wrapped(out, "note: ", text);
	}
}
