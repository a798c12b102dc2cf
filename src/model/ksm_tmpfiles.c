// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ksm_tmpfiles.c - the text of our file in tmpfiles.d: our line added, changed or taken out.
 */
#include <kvmtune/ksm.h>

#include <string.h>

#define MARK "# Made by kvmtune"
#define HEAD MARK ", see kvmtune(8); `kvmtune undo` takes it back.\n"
/* What `run` shall be at each boot; see tmpfiles.d(5). */
#define LINE "w " KSM_RUN_FILE " - - - - "

static size_t line_length(const char *text)
{
	size_t len = strcspn(text, "\n");

	return len + (text[len] == '\n');
}

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

	for (; text && *text && value < 0; text += line_length(text))
		value = own_value(text);
	return value;
}

/* Ours comes first: of all lines for one path only the first counts. */
char *ksm_tmpfiles_edit(const char *old, int run)
{
	struct buf b = { 0 };
	bool says_something = run >= 0;

	if (run >= 0)
		buf_printf(&b, HEAD LINE "%d\n", run);
	for (size_t len; old && *old; old += len) {
		len = line_length(old);
		if (starts_with(old, MARK) || own_value(old) >= 0)
			continue;
		buf_add(&b, old, len);
		says_something = true;
	}
	if (says_something)
		return buf_steal(&b);
	buf_free(&b);
	return NULL;
}
