// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/style.h>

#include <string.h>

/* The one table of colours. Only the eight that all terminals have: the user's theme fits them. */
static const char *const colors[MEANS_COUNT] = {
	[MEANS_NOTHING] = "",	      [MEANS_LABEL] = "\033[1m",    [MEANS_GOOD] = "\033[32m",
	[MEANS_BAD] = "\033[1;31m",   [MEANS_REFUSED] = "\033[31m", [MEANS_PENDING] = "\033[33m",
	[MEANS_UNKNOWN] = "\033[35m", [MEANS_ASIDE] = "\033[2m",
};

#define COLOR_END "\033[0m"
#define MARK_END  MARK_LAST

_Static_assert(MARK_FIRST + MEANS_COUNT <= MARK_END, "a mark for each meaning");

static const struct {
	const char *word;
	enum meaning meaning;
} words[] = {
	{ "ok", MEANS_GOOD },	       { "done", MEANS_GOOD },
	{ "yes", MEANS_GOOD },	       { "DIFFERS", MEANS_BAD },
	{ "FAILED", MEANS_BAD },       { "failed", MEANS_BAD },
	{ "interrupted", MEANS_BAD },  { "not undone", MEANS_BAD },
	{ "refused", MEANS_REFUSED },  { "not possible", MEANS_REFUSED },
	{ "not here", MEANS_REFUSED }, { "not reloadable", MEANS_REFUSED },
	{ "pending", MEANS_PENDING },  { "in progress", MEANS_PENDING },
	{ "differs", MEANS_PENDING },  { "unknown", MEANS_UNKNOWN },
	{ "not seen", MEANS_UNKNOWN }, { "failed, rolled back", MEANS_REFUSED },
	{ "undone", MEANS_ASIDE },     { "not done", MEANS_ASIDE },
};

enum meaning meaning_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(words[i].word, word) == 0)
			return words[i].meaning;
	return MEANS_NOTHING;
}

void buf_mark(struct buf *b, enum meaning meaning, const char *text)
{
	const char begin = (char)(MARK_FIRST + meaning), end = MARK_END;

	if (meaning == MEANS_NOTHING || !*text) {
		buf_puts(b, text);
		return;
	}
	buf_add(b, &begin, 1);
	buf_puts(b, text);
	buf_add(b, &end, 1);
}

/* A colour ends with its line, and goes on behind the indent of the next. */
void put_text(FILE *out, const struct style *style, const char *text)
{
	const char *color = "", *now = "";

	for (; *text; text++) {
		if (is_mark(*text)) {
			color = *text == MARK_END ? "" : colors[*text - MARK_FIRST];
			continue;
		}
		if (style->color && color != now && (*text != ' ' || !*color)) {
			fputs(*now ? COLOR_END : "", out);
			fputs(*text == '\n' ? "" : color, out);
			now = *text == '\n' ? "" : color;
		} else if (style->color && *text == '\n' && *now) {
			fputs(COLOR_END, out);
			now = "";
		}
		fputc(*text, out);
	}
	fputs(style->color && *now ? COLOR_END : "", out);
}

size_t style_width(const struct style *style)
{
	return style->width ?: WIDTH_DEFAULT;
}

size_t style_prose(const struct style *style)
{
	size_t width = style_width(style);

	return width == WIDTH_ANY || width < WIDTH_PROSE ? width : WIDTH_PROSE;
}

size_t style_page(const struct style *style)
{
	size_t width = style_prose(style);

	return width == WIDTH_ANY ? WIDTH_DEFAULT : width;
}

/* "refused: " has the meaning of its word; "note: " is a label. */
static void add_label(struct buf *b, const char *first)
{
	size_t len = strcspn(first, ":");
	autofree char *word = xstrndup(first, len);

	buf_mark(b, meaning_of(word) ?: MEANS_LABEL, word);
	buf_puts(b, first + len);
}

void put_paragraph(FILE *out, const struct style *style, const char *first, const char *text)
{
	size_t indent = strlen(first);
	autobuf b = { 0 };

	if (*first)
		add_label(&b, first);
	buf_wrap(&b, text, indent, indent, style_prose(style));
	buf_puts(&b, "\n");
	put_text(out, style, b.data);
}
