// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * modconf_edit.c - what modprobe.d would say with one file changed, and the text of that file.
 */
#include <kvmtune/modconf.h>

#include <stdio.h>
#include <string.h>

/* Is the line read after a file of this name? The kernel command line is read after all. */
static bool is_behind(const struct modconf_line *line, const char *name)
{
	return strcmp(line->file, MODCONF_CMDLINE) == 0 || strcmp(last_part(line->file), name) > 0;
}

/* Where the file is there, it hides its name in all other directories. */
static bool is_replaced(const struct modconf_line *line, const char *path, bool there)
{
	if (there)
		return strcmp(last_part(line->file), last_part(path)) == 0;
	return strcmp(line->file, path) == 0;
}

void modconf_with_file(const struct modconf *c, const char *path, const char *text,
		       struct modconf *ret)
{
	const char *name = last_part(path);
	size_t i = 0;

	*ret = (struct modconf){ 0 };
	for (; i < c->count && !is_behind(&c->lines[i], name); i++)
		if (!is_replaced(&c->lines[i], path, text))
			array_push(ret->lines, ret->count) = c->lines[i];
	if (text)
		modconf_add_file(ret, path, text, strlen(text));
	for (; i < c->count; i++)
		array_push(ret->lines, ret->count) = c->lines[i];
}
