// SPDX-License-Identifier: GPL-2.0-or-later
#include "table.h"

#include <libsmartcols.h>
#include <string.h>

#define TEXT_WIDTH 92

struct table {
	struct libscols_table *scols;
	size_t columns, rows;
	bool headings;
};

static void *must(void *p)
{
	return p ? p : xcalloc(SIZE_MAX / 2, 1); /* ends the program: there is no memory */
}

static void add_column(struct table *t, const char *name)
{
	autofree char *plain = xstrdup(name);
	size_t len = strlen(plain);
	int flags = 0;

	if (len && plain[len - 1] == '>') {
		flags = SCOLS_FL_RIGHT;
		plain[len - 1] = '\0';
	}
	t->headings |= plain[0] != '\0';
	must(scols_table_new_column(t->scols, plain, 0, flags));
	t->columns++;
}

struct table *table_new(const char *first, ...)
{
	struct table *t = xcalloc(1, sizeof(*t));
	va_list ap;

	t->scols = must(scols_new_table());
	/* As wide as the text is: a pipe, a pager and a narrow terminal get the same lines. */
	scols_table_set_termforce(t->scols, SCOLS_TERMFORCE_NEVER);
	scols_table_set_column_separator(t->scols, "  ");
	va_start(ap, first);
	for (const char *name = first; name; name = va_arg(ap, const char *))
		add_column(t, name);
	va_end(ap);
	scols_table_enable_noheadings(t->scols, !t->headings);
	return t;
}

void table_row(struct table *t, const char *first, ...)
{
	struct libscols_line *line = must(scols_table_new_line(t->scols, NULL));
	const char *cell = first;
	va_list ap;

	va_start(ap, first);
	for (size_t i = 0; i < t->columns; i++) {
		autofree char *safe = safe_text(cell ? cell : "", 200);

		if (scols_line_set_data(line, i, safe) < 0)
			must(NULL);
		if (i + 1 < t->columns)
			cell = va_arg(ap, const char *);
	}
	va_end(ap);
	t->rows++;
}

size_t table_rows(const struct table *t)
{
	return t->rows;
}

static void print_line(FILE *out, const char *indent, const char *line, size_t len)
{
	while (len && line[len - 1] == ' ')
		len--;
	fprintf(out, "%s%.*s\n", len ? indent : "", (int)len, line);
}

void table_print(struct table *t, FILE *out, const char *indent)
{
	char *text = NULL;

	if (t->rows && scols_print_table_to_string(t->scols, &text) == 0) {
		for (char *line = text; *line; line += strcspn(line, "\n") + 1) {
			size_t len = strcspn(line, "\n");

			print_line(out, indent, line, len);
			if (!line[len])
				break;
		}
	}
	free(text);
	scols_unref_table(t->scols);
	free(t);
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

void join_sources(const struct fact *f, struct buf *ret)
{
	for (size_t i = 0; i < f->source.n; i++)
		buf_join(ret, ", ", f->source.v[i]);
}

void text_advice(FILE *out, const enum advice_id *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct advice *a = &advices[ids[i]];
		autofree char *text = xasprintf("%s (%s)", a->text, a->source);

		print_wrapped(out, "note: ", text);
	}
}
