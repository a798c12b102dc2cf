// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ksm_tmpfiles.c - the text of our file in tmpfiles.d: our line added, changed or taken out.
 */
#include "own_file.h"

#include <string.h>

/* What `run` shall be at each boot; see tmpfiles.d(5). */
#define LINE "w " KSM_RUN_FILE " - - - - "

/* The value of our line; -1: it is somebody else's. */
static int own_value(const char *line)
{
	size_t len = strlen(LINE);

	if (strncmp(line, LINE, len) != 0 || line[len] < '0' || line[len] > '2' ||
	    (line[len + 1] && line[len + 1] != '\n'))
		return -1;
	return line[len] - '0';
}

int ksm_tmpfiles_value(const char *text)
{
	int value = -1;

	for (; text && *text && value < 0; text += own_file_line_length(text))
		value = own_value(text);
	return value;
}

static bool is_ours(const char *line)
{
	return own_value(line) >= 0;
}

/* Of all lines for one path only the first counts. */
char *ksm_tmpfiles_edit(const char *old, int run)
{
	autofree char *ours = run >= 0 ? xasprintf(LINE "%d\n", run) : xstrdup("");

	return own_file_edit(old, ours, is_ours);
}
