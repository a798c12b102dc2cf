// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * own_file.c - what all files of ours have in common.
 */
#include "own_file.h"

#include <string.h>

bool same_file_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* ---- our head line ---- */

size_t own_file_line_length(const char *text)
{
	size_t len = strcspn(text, "\n");

	return len + (text[len] == '\n');
}

static bool has_head(const char *text)
{
	for (; text && *text; text += own_file_line_length(text))
		if (starts_with(text, OWN_FILE_MARK))
			return true;
	return false;
}

char *own_file_head_as_before(char *text, const char *before)
{
	struct buf b = { 0 };

	if (!has_head(text) || has_head(before))
		return text;
	for (const char *line = text; *line; line += own_file_line_length(line))
		if (!starts_with(line, OWN_FILE_MARK))
			buf_add(&b, line, own_file_line_length(line));
	free(text);
	return b.len ? buf_steal(&b) : NULL;
}

/* ---- files of which only the first word on a matter counts: ours come first ---- */

char *own_file_edit(const char *old, const char *ours, bool (*is_ours)(const char *line))
{
	struct buf b = { 0 };

	if (*ours)
		buf_printf(&b, OWN_FILE_HEAD "%s", ours);
	for (size_t len; old && *old; old += len) {
		len = own_file_line_length(old);
		if (!starts_with(old, OWN_FILE_MARK) && !is_ours(old))
			buf_add(&b, old, len);
	}
	return b.len ? buf_steal(&b) : NULL;
}

#define BLANKS " \t"

static char *own_preset_undone(const char *today, const char *ours, const char *before)
{
	unsigned added = ksm_preset_units(ours) & ~ksm_preset_units(before);
	unsigned removed = ksm_preset_units(before) & ~ksm_preset_units(ours);

	return ksm_preset_edit(today, (ksm_preset_units(today) & ~added) | removed);
}

/* ---- any file of ours ---- */

char *own_file_undone(const char *path, const char *today, const char *ours, const char *before)
{
	if (same_file_text(today, before))
		return today ? xstrdup(today) : NULL;
	if (same_file_text(today, ours))
		return before ? xstrdup(before) : NULL;
	if (strcmp(path, OWN_TMPFILES) == 0)
		return own_tmpfiles_undone(today, ours, before);
	if (strcmp(path, OWN_PRESET) == 0)
		return own_preset_undone(today, ours, before);
	return own_conf_undone(today, ours, before);
}

/* ---- texts from a journal ---- */

static bool is_blank_or_comment(const char *line)
{
	line += strspn(line, BLANKS);
	return !*line || *line == '\n' || *line == '#';
}

/* modprobe runs commands that other lines name. */
static bool is_harmless(const char *path, const char *line)
{
	static const char word[] = "options";
	const char *start = line + strspn(line, BLANKS);

	if (is_blank_or_comment(line))
		return true;
	if (strcmp(path, OWN_TMPFILES) == 0)
		return own_tmpfiles_is_ours(line);
	if (strcmp(path, OWN_PRESET) == 0)
		return ksm_preset_units(line) != 0;
	return starts_with(start, word) && strspn(start + strlen(word), BLANKS) > 0;
}

char *own_file_harmless(const char *path, const char *text)
{
	bool joined = strcmp(path, OWN_CONF_FILE) == 0;
	struct buf b = { 0 };

	for (size_t len; *text; text += len) {
		autofree char *line = NULL;

		len = joined ? own_conf_line_length(text) : own_file_line_length(text);
		line = xstrndup(text, len);
		if (is_harmless(path, line))
			buf_add(&b, line, len);
	}
	return buf_steal(&b);
}
