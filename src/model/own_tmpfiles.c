// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * own_tmpfiles.c - the text of our file in tmpfiles.d: one line an attribute, "w PATH - - - - TEXT".
 */
#include "own_file.h"

#include <string.h>

#define FORMAT "w %s - - - - "

/* What our line for this attribute says; NULL: it is another line. */
static const char *line_text(const char *line, const struct attribute *a)
{
	autofree char *begin = xasprintf(FORMAT, a->path);
	size_t len = strlen(begin);

	if (strncmp(line, begin, len) != 0)
		return NULL;
	for (const char *const *t = a->texts; *t; t++) {
		const char *rest = line + len;

		if (starts_with(rest, *t) && (!rest[strlen(*t)] || rest[strlen(*t)] == '\n'))
			return *t;
	}
	return NULL;
}

bool own_tmpfiles_is_ours(const char *line)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (settings[i].attribute && line_text(line, settings[i].attribute))
			return true;
	return false;
}

const char *own_tmpfiles_text(const char *text, const struct attribute *a)
{
	const char *found = NULL;

	for (; text && *text && !found; text += own_file_line_length(text))
		found = line_text(text, a);
	return found;
}

/* Of all lines for one path only the first counts: ours stand before those of others. */
char *own_tmpfiles_edit(const char *old, const struct attribute *a, const char *want)
{
	autobuf ours = { 0 };

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct attribute *of = settings[i].attribute;
		const char *text = of == a ? want : of ? own_tmpfiles_text(old, of) : NULL;

		if (text)
			buf_printf(&ours, FORMAT "%s\n", of->path, text);
	}
	return own_file_edit(old, buf_text(&ours), own_tmpfiles_is_ours);
}

char *own_tmpfiles_undone(const char *today, const char *ours, const char *before)
{
	char *text = today ? xstrdup(today) : NULL;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct attribute *a = settings[i].attribute;
		const char *was = a ? own_tmpfiles_text(before, a) : NULL;
		char *edited;

		if (!a || own_tmpfiles_text(ours, a) == was || own_tmpfiles_text(today, a) == was)
			continue;
		edited = own_tmpfiles_edit(text, a, was);
		free(text);
		text = edited;
	}
	return text;
}
