/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * style.h - how text looks on a terminal: its width, and colours by meaning.
 *
 * A colour never stands alone: the coloured word has the same meaning. Texts are marked with meanings
 * (bytes that take no column, see wrap.h), and put_text() turns marks into colours, or into nothing.
 */
#ifndef KVMTUNE_STYLE_H
#define KVMTUNE_STYLE_H

#include <stdio.h>

#include <kvmtune/wrap.h>

#define WIDTH_DEFAULT 80
#define WIDTH_LEAST   60
#define WIDTH_PROSE   100 /* longer lines of sentences are hard to read */

struct style {
	bool color;
	bool quiet; /* no advice, no notes */
	bool verbose;
	size_t width; /* of a line; WIDTH_ANY: no line is broken; 0: WIDTH_DEFAULT */
};

enum meaning {
	MEANS_NOTHING,
	MEANS_LABEL,   /* what a line is about */
	MEANS_GOOD,    /* ok, done, yes */
	MEANS_BAD,     /* DIFFERS, FAILED, interrupted */
	MEANS_REFUSED, /* refused, not possible */
	MEANS_PENDING, /* pending: not yet */
	MEANS_UNKNOWN,
	MEANS_ASIDE, /* a source, a number: second to what it stands beside */
	MEANS_COUNT
};

/* The meaning of a word of state: "ok", "DIFFERS", "pending"...; MEANS_NOTHING: it has none. */
enum meaning meaning_of(const char *word);

/* Appends text with its meaning. text is already safe for a terminal. */
void buf_mark(struct buf *b, enum meaning meaning, const char *text);

/* Prints text with the colours of its marks, or without both. */
void put_text(FILE *out, const struct style *style, const char *text);

size_t style_width(const struct style *style);
/* The width of sentences. */
size_t style_prose(const struct style *style);
/* The width of what is read as a page, help or a picture: broken in a pipe, too, which may be a pager's. */
size_t style_page(const struct style *style);

/*
 * Prints a paragraph and a newline: `first` as a label, and the lines after the first indented by
 * its length.
 */
void put_paragraph(FILE *out, const struct style *style, const char *first, const char *text);

#endif
