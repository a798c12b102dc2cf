// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/wrap.h>

#include <string.h>

size_t text_columns(const char *text, size_t len)
{
	size_t columns = 0;

	for (size_t i = 0; i < len && text[i]; i++)
		columns += !is_mark(text[i]);
	return columns;
}

/* What is not broken, with the blanks before it. */
struct part {
	const char *text;
	size_t blanks, len, columns;
};

static size_t word_len(const char *text)
{
	size_t len = strcspn(text, " `");

	while (text[len] == '`') {
		const char *end = strchr(text + len + 1, '`');

		len = end ? (size_t)(end - text) + 1 : len + 1;
		len += strcspn(text + len, " `");
	}
	return len;
}

static bool is_number(const char *text, size_t len)
{
	return len && strspn(text, "0123456789.") >= len;
}

/* " %", " KiB" behind a number; 0: none. */
static size_t unit_len(const char *text)
{
	size_t len = text[0] == ' ' ? strcspn(text + 1, " ,;:)") : 0;

	if ((len == 1 && text[1] == '%') || (len == 3 && strncmp(text + 2, "iB", 2) == 0))
		return 1 + word_len(text + 1);
	return 0;
}

/* A command to type, up to two blanks or the end. */
static size_t command_len(const char *text)
{
	const char *end = strstr(text, "  ");

	return end ? (size_t)(end - text) : strlen(text);
}

/* False: the text has ended. before: the byte before text, or NUL. */
static bool next_part(const char *text, char before, size_t room, struct part *ret)
{
	ret->blanks = strspn(text, " ");
	ret->text = text + ret->blanks;
	if (before == ':' && ret->blanks >= 2) {
		ret->len = command_len(ret->text);
		ret->columns = text_columns(ret->text, ret->len);
		if (ret->columns <= room)
			return ret->len;
	}
	ret->len = word_len(ret->text);
	if (is_number(ret->text, ret->len))
		ret->len += unit_len(ret->text + ret->len);
	ret->columns = text_columns(ret->text, ret->len);
	return ret->len;
}

size_t longest_part(const char *text)
{
	size_t longest = 0;
	struct part part;
	char before = '\0';

	while (next_part(text, before, WIDTH_ANY, &part)) {
		longest = part.columns > longest ? part.columns : longest;
		text = part.text + part.len;
		before = text[-1];
	}
	return longest;
}

/* A part that does not fit behind the indent moves to the left. */
static size_t indent_of(const struct part *part, size_t indent, size_t width)
{
	if (indent + part->columns <= width)
		return indent;
	return part->columns + 2 <= width ? 2 : 0;
}

/* Alternatives stand apart by this many blanks: each goes on its own line where they do not fit. */
#define GAP_WIDE "    "

/* Columns up to the next wide gap. */
static size_t alternative_columns(const char *text)
{
	const char *end = strstr(text, GAP_WIDE);

	return text_columns(text, end ? (size_t)(end - text) : SIZE_MAX);
}

static bool fits(const struct part *part, size_t column, size_t gap, size_t width)
{
	size_t columns = gap < strlen(GAP_WIDE) ? part->columns : alternative_columns(part->text);

	return column + gap + columns <= width;
}

static size_t new_line(struct buf *ret, size_t indent)
{
	while (ret->len && ret->data[ret->len - 1] == ' ')
		ret->data[--ret->len] = '\0';
	buf_printf(ret, "\n%*s", (int)indent, "");
	return indent;
}

void buf_wrap(struct buf *ret, const char *text, size_t column, size_t indent, size_t width)
{
	size_t room = width > indent ? width - indent : width;
	bool first = true;
	struct part part;
	char before = '\0';

	while (next_part(text, before, room, &part)) {
		size_t gap = first ? 0 : part.blanks;

		if (!fits(&part, column, gap, width) && (!first || column > indent)) {
			column = new_line(ret, indent_of(&part, indent, width));
			gap = 0;
		}
		buf_printf(ret, "%*s", (int)gap, "");
		buf_add(ret, part.text, part.len);
		column += gap + part.columns;
		first = false;
		text = part.text + part.len;
		before = text[-1];
	}
}
