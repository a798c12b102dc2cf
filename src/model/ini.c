// SPDX-License-Identifier: GPL-2.0-or-later
#include "ini.h"

#include <string.h>

#define COMMENTS "#;"

bool ini_is_comment(const char *line)
{
	line += strspn(line, BLANKS);
	return *line && strchr(COMMENTS, *line);
}

/* Appends the next line as it stands, but for white space at its end. */
static void take_line(struct lines *l)
{
	size_t len = strcspn(l->rest, "\n"), before = l->text.len;

	buf_add(&l->text, l->rest, len);
	/* Of several that are joined only the last has white space to lose. */
	l->text.len = before + strlen(chomp(l->text.data + before));
	l->rest += len + (l->rest[len] == '\n');
	l->read++;
}

/* Comments between the lines that are joined do not part them (systemd.syntax(7)). */
static void take_continuations(struct lines *l)
{
	while (l->text.len && l->text.data[l->text.len - 1] == '\\' && *l->rest) {
		struct buf *text = &l->text;
		size_t before = text->len;

		take_line(l);
		if (ini_is_comment(text->data + before))
			text->data[text->len = before] = '\0';
		else
			text->data[before - 1] = ' ';
	}
}

bool lines_next(struct lines *l)
{
	if (!*l->rest)
		return false;
	buf_reset(&l->text);
	l->number = l->read + 1;
	take_line(l);
	if (l->continued && !ini_is_comment(l->text.data))
		take_continuations(l);
	return true;
}

void ini_free(struct ini *i)
{
	buf_free(&i->lines.text);
}

static void enter_section(struct ini *i, const char *name)
{
	size_t len = strcspn(name, "]");

	if (len >= sizeof(i->section))
		len = sizeof(i->section) - 1;
	memcpy(i->section, name, len);
	i->section[len] = '\0';
}

bool ini_next(struct ini *i)
{
	while (lines_next(&i->lines)) {
		char *line = i->lines.text.data + strspn(i->lines.text.data, BLANKS);
		char *equals = strchr(line, '=');

		if (*line == '[')
			enter_section(i, line + 1);
		if (*line == '[' || ini_is_comment(line) || !equals)
			continue;
		*equals = '\0';
		i->key = chomp(line);
		i->value = equals + 1 + strspn(equals + 1, BLANKS);
		return true;
	}
	return false;
}
