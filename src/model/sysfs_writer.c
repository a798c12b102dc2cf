// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/sysfs_writer.h>

#include <string.h>

#include "ini.h"

#define SYS_DIR "/sys/"

static void set_write(struct sysfs_write *w, unsigned line, const char *value, size_t len)
{
	free(w->value);
	w->line = line;
	w->value = value ? xstrndup(value, len) : NULL;
}

/* "mode" and "owner" lines of sysfs.conf(5) are not about the value. */
struct sysfs_write sysfs_read_conf(const char *text, const char *path)
{
	struct ini i = { .lines = { .rest = text } };
	struct sysfs_write w = { 0 };

	while (ini_next(&i)) {
		const char *key = i.key;

		key += starts_with(key, SYS_DIR) ? strlen(SYS_DIR) : strspn(key, "/");
		if (starts_with(path, SYS_DIR) && strcmp(key, path + strlen(SYS_DIR)) == 0)
			set_write(&w, i.lines.number, i.value, strcspn(i.value, BLANKS "#"));
	}
	ini_free(&i);
	return w;
}

struct sysfs_write sysfs_read_udev(const char *text, const char *path)
{
	struct lines lines = { .rest = text, .continued = true };
	struct sysfs_write w = { 0 };
	autofree char *attribute = xasprintf("ATTR{%s}=\"", path);

	while (lines_next(&lines)) {
		const char *line = lines.text.data, *at = strstr(line, attribute);

		if (ini_is_comment(line))
			continue;
		if (at)
			set_write(&w, lines.number, at + strlen(attribute),
				  strcspn(at + strlen(attribute), "\""));
		else if (strstr(line, path) && strstr(line, "RUN"))
			set_write(&w, lines.number, NULL, 0);
	}
	buf_free(&lines.text);
	return w;
}

/* The word behind `echo` that is written by the redirection before `at`; NULL: something else is. */
static const char *echoed(const char *line, const char *at, size_t *ret_len)
{
	const char *end = at, *word;

	while (end > line && strchr(BLANKS "\"'", end[-1]))
		end--;
	if (end == line || end[-1] != '>')
		return NULL;
	while (end > line && strchr(BLANKS "\"'>", end[-1]))
		end--;
	word = end;
	while (word > line && !strchr(BLANKS "\"'", word[-1]))
		word--;
	*ret_len = (size_t)(end - word);
	return *ret_len && strstr(line, "echo") && strstr(line, "echo") < word ? word : NULL;
}

struct sysfs_write sysfs_read_script(const char *text, const char *path)
{
	struct lines lines = { .rest = text, .continued = true };
	struct sysfs_write w = { 0 };
	size_t len = 0;

	while (lines_next(&lines)) {
		const char *line = lines.text.data, *at = strstr(line, path), *word;

		if (!at || ini_is_comment(line))
			continue;
		word = echoed(line, at, &len);
		set_write(&w, lines.number, word, len);
	}
	buf_free(&lines.text);
	return w;
}
