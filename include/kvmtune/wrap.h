/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wrap.h - text broken into lines at blanks.
 *
 * Not broken: a word, a command in `backquotes` or behind ":  ", a number and its unit. One that is
 * longer than the width stands alone on its line. Two blanks or more stay as they are within a line;
 * what stands behind four or more goes to the next line as a whole, where it does not fit.
 *
 * Text may hold marks, bytes from MARK_FIRST to MARK_LAST: they take no column. style.h
 * gives them their meaning; safe_text() lets none through.
 */
#ifndef KVMTUNE_WRAP_H
#define KVMTUNE_WRAP_H

#include <kvmtune/base.h>

#define MARK_FIRST 0x10
#define MARK_LAST  0x1a
#define WIDTH_ANY  SIZE_MAX /* never broken */

static inline bool is_mark(char c)
{
	return c >= MARK_FIRST && c <= MARK_LAST;
}

/* Columns that the first len bytes of text take, up to a NUL. */
size_t text_columns(const char *text, size_t len);
/* Columns of the longest part that is not broken. */
size_t longest_part(const char *text);

/*
 * Appends text to ret, whose last line takes `column` columns already. Lines have at most `width`
 * columns; those after the first are indented. No newline at the end.
 */
void buf_wrap(struct buf *ret, const char *text, size_t column, size_t indent, size_t width);

#endif
