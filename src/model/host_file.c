// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/host_file.h>

#include <errno.h>
#include <string.h>

#include "ini.h"

#define SHOWN 60 /* bytes of a name or a value in a message */

#define CORRECT "Correct it, then run the same command again."

void host_file_add_error(struct host_file *f, const struct err *e)
{
	if (f->error_count == HOST_FILE_ERRORS)
		f->more_errors++;
	else
		array_push(f->errors, f->error_count) = *e;
}

PRINTF(4, 5)
static void refuse(struct host_file *f, struct host_line at, const char *id, const char *fmt, ...)
{
	struct err e;
	autobuf text = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&text, fmt, ap);
	va_end(ap);
	err_set(&e, -EINVAL, "%s:%u: %s", at.file, at.line, text.data);
	err_status(&e, STATUS_USAGE, id);
	err_hint(&e, CORRECT);
	host_file_add_error(f, &e);
}

static void refuse_value(struct host_file *f, struct host_line at, const char *name,
			 const char *takes, const char *value)
{
	refuse(f, at, "host-file-value", "%s takes %s, not \"%.*s\"", name, takes, SHOWN, value);
}

static void refuse_twice(struct host_file *f, struct host_line at, const char *name,
			 struct host_line other)
{
	refuse(f, at, "host-file-twice", "%s is set twice: %s:%u sets it, too", name, other.file,
	       other.line);
}

static void set_goal(struct host_file *f, struct host_line at, const struct setting *s,
		     const char *text)
{
	const char *value = setting_value(s, text);
	autobuf values = { 0 };

	for (size_t i = 0; i < f->goal_count; i++) {
		const struct goal *other = &f->goals[i];
		const struct host_line there = { other->file, other->line };

		if (other->setting == s) {
			refuse_twice(f, at, s->name, there);
			return;
		}
		if (settings_overlap(other->setting, s)) {
			refuse(f, at, "host-file-twice",
			       "%s and %s (%s:%u) are the same on one kind of processor", s->name,
			       other->setting->name, there.file, there.line);
			return;
		}
	}
	if (value) {
		array_push(f->goals, f->goal_count) = (struct goal){
			.setting = s, .value = value, .file = at.file, .line = at.line
		};
		return;
	}
	setting_values_text(s, &values);
	refuse_value(f, at, s->name, values.data, text);
}

/* ---- options ---- */

static bool set_reserve(struct host_file *f, const char *value)
{
	return parse_size(value, &f->reserve_bytes) == 0;
}

static bool set_wait(struct host_file *f, const char *value)
{
	if (strcmp(value, "yes") == 0)
		f->wait_ms = WAIT_FOREVER;
	else if (strcmp(value, "no") == 0)
		f->wait_ms = WAIT_NOT;
	else
		return parse_time_ms(value, &f->wait_ms) == 0;
	return true;
}

static bool set_defer(struct host_file *f, const char *value)
{
	return defer_find(value, &f->defer);
}

static const struct option {
	const char *name, *takes;
	size_t at; /* of its struct host_line in a struct host_file */
	bool (*set)(struct host_file *f, const char *value);
} options[] = {
	{ "reserve", "a size like 2G or 512M", offsetof(struct host_file, reserve_at),
	  set_reserve },
	{ "wait", "a time like 90s, 10m or 2h, yes or no", offsetof(struct host_file, wait_at),
	  set_wait },
	{ "defer", DEFER_WORDS, offsetof(struct host_file, defer_at), set_defer },
};

static const struct option *find_option(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return &options[i];
	return NULL;
}

static void set_option(struct host_file *f, struct host_line at, const struct option *o,
		       const char *value)
{
	struct host_line *known = (struct host_line *)((char *)f + o->at);

	if (known->file) {
		refuse_twice(f, at, o->name, *known);
		return;
	}
	*known = at;
	if (!o->set(f, value))
		refuse_value(f, at, o->name, o->takes, value);
}

/* ---- lines ---- */

static void refuse_unknown(struct host_file *f, struct host_line at, const char *name)
{
	autobuf known = { 0 };

	for (size_t i = 0; i < SETTING_COUNT; i++)
		buf_join(&known, ", ", settings[i].name);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		buf_join(&known, ", ", options[i].name);
	refuse(f, at, "host-file-name", "unknown name \"%.*s\"; the names are: %s", SHOWN, name,
	       known.data);
}

static void read_line(struct host_file *f, struct host_line at, char *line)
{
	char *name = line + strspn(line, BLANKS), *equals = strchr(name, '=');
	const char *value;

	if (!*name || ini_is_comment(name))
		return;
	if (!equals || equals == name) {
		refuse(f, at, "host-file-syntax", "\"%.*s\" is not of the form NAME = VALUE", SHOWN,
		       name);
		return;
	}
	*equals = '\0';
	value = equals + 1 + strspn(equals + 1, BLANKS);
	chomp(name);
	if (setting_find(name))
		set_goal(f, at, setting_find(name), value);
	else if (find_option(name))
		set_option(f, at, find_option(name), value);
	else
		refuse_unknown(f, at, name);
}

static unsigned count_lines(const char *text, size_t len)
{
	unsigned lines = 1;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

void host_file_add(struct host_file *f, const char *name, const char *text, size_t len)
{
	struct lines lines = { .rest = text };
	struct host_line at;

	strv_add(&f->files, name);
	at.file = f->files.v[f->files.n - 1];
	while (lines_next(&lines)) {
		at.line = lines.number;
		read_line(f, at, lines.text.data);
	}
	buf_free(&lines.text);
	if (strlen(text) == len)
		return;
	at.line = count_lines(text, strlen(text));
	refuse(f, at, "host-file-syntax", "a NUL byte: this is not a text file");
}

void host_file_end(struct host_file *f)
{
	struct host_line at = f->defer_at;

	if (!f->wait_at.file || !at.file || f->wait_ms == WAIT_NOT || f->defer == DEFER_NO)
		return;
	refuse(f, at, "host-file-value", "defer and wait (%s:%u) exclude each other",
	       f->wait_at.file, f->wait_at.line);
}

void host_file_free(struct host_file *f)
{
	strv_free(&f->files);
	free(f->goals);
	free(f->errors);
	*f = (struct host_file){ 0 };
}
