/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * table.h - aligned text: rows of cells. All cells are escaped to ASCII first, so that a column's
 * width is a number of bytes, and lines are as long as they are: a pager or a script gets the same.
 *
 *	struct table *t = table_new("PID>", "USER", NULL);      ">" aligns to the right
 *	table_row(t, "41922", "qemu");
 *	table_print(t, out, "  ");                              and frees it
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
size_t table_rows(const struct table *t);
/* Prints with this text before each line, and frees the table. */
void table_print(struct table *t, FILE *out, const char *indent);

/* Labels in bold, where the style has colours. */
void print_heading(FILE *out, const struct style *style, const char *text);

/* Wraps a paragraph at 92 columns, its first line behind `first`, the others indented as far. */
void print_wrapped(FILE *out, const char *first, const char *text);

/* What could not be read, a line each. */
void text_unseen(FILE *out, const struct host *h);

/* A change that is being made, or that was interrupted: the host may be in between. */
void text_open_change(FILE *out, const struct journal *journal);
void text_advice(FILE *out, const struct host *host, const enum advice_id *ids, size_t count);

#endif
