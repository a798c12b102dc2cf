/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table.h - aligned text: rows of cells. All cells are escaped to ASCII first, so that a column's
 * width is a number of bytes.
 *
 *	struct table *t = table_new("PID>", "USER", NULL);      ">" aligns to the right
 *	table_row(t, "41922", "qemu");
 *	table_print(t, out, style, "  ");                       and frees it
 *
 * Lines fit into the style's width: cells are wrapped, or the last columns of a row go below it,
 * whichever takes fewer lines.
 */
#ifndef KVMTUNE_TABLE_H
#define KVMTUNE_TABLE_H

#include <stdio.h>

#include <kvmtune/report.h>

struct table;

/* Column names, NULL at the end. Names that are all empty: no heading line. */
struct table *table_new(const char *first, ...);
/* One cell for each column; NULL is an empty one. Cells of unknown origin are escaped. */
void table_row(struct table *t, const char *first, ...);
/* Gives the first `len` bytes of a cell of the last row a meaning; 0: all of it. */
void table_mark(struct table *t, size_t column, enum meaning meaning, size_t len);
/* Gives all cells of a column a meaning. */
void table_mark_all(struct table *t, size_t column, enum meaning meaning);
size_t table_rows(const struct table *t);
/* Prints with this text before each line, and frees the table. */
void table_print(struct table *t, FILE *out, const struct style *style, const char *indent);

/* What could not be read or checked. */
void text_unseen(FILE *out, const struct style *style, const struct host *h);

/* A change that is being made, or that was interrupted: the host may be in between. */
void text_open_change(FILE *out, const struct style *style, const struct journal *journal);
/* All of each advice. */
void text_advice(FILE *out, const struct style *style, const struct host *host,
		 const enum advice_id *ids, size_t count);
/* The advice for a host as it is: a line each, all of it with -v. */
void text_host_advice(FILE *out, const struct style *style, const struct host *h);

#endif
