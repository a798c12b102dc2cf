/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ini.h - lines, and files of sections and assignments: unit files, profiles of tuned and others.
 */
#ifndef KVMTUNE_INI_H
#define KVMTUNE_INI_H

#include <kvmtune/base.h>

#define BLANKS " \t\r"

struct lines {
	const char *rest;
	bool continued;	 /* a backslash at the end joins the next line, as in unit files */
	unsigned number; /* of the line at hand; of the first one, where several are joined */
	unsigned read;
	struct buf text; /* the line, without white space at its end; the caller frees it */
};
/* False: there are no more. */
bool lines_next(struct lines *l);

/* All strings are good until the next assignment is asked for. */
struct ini {
	struct lines lines;
	char section[64]; /* "" before the first; longer names are cut */
	char *key, *value;
};
bool ini_next(struct ini *i);
void ini_free(struct ini *i);
#define autoini __attribute__((cleanup(ini_free))) struct ini

bool ini_is_comment(const char *line);

#endif
