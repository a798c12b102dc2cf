// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_host_file - any bytes as a host file and its drop-ins.
 *
 * What must hold: each error has an id, a file and a line that exists, and a sentence; goals are values of
 * settings, none of them twice, and each stands in the line that is named for it.
 */
#include "fuzz.h"

#include <kvmtune/host_file.h>

#include <stdio.h>

static size_t count_lines(const char *text, size_t len)
{
	size_t lines = 1;

	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	return lines;
}

/* The line has both the name and the value. */
static void check_goal(const struct goal *goal, const char *text)
{
	autofree char *line = NULL;

	for (unsigned i = 1; i < goal->line; i++) {
		text = strchr(text, '\n');
		must(text);
		text++;
	}
	line = xstrndup(text, strcspn(text, "\n"));
	must(strstr(line, goal->setting->name) && strstr(line, goal->value));
	must(setting_value(goal->setting, goal->value) == goal->value);
}

static void check_goals(const struct host_file *f, char *const *texts)
{
	for (size_t i = 0; i < f->goal_count; i++) {
		const struct goal *goal = &f->goals[i];

		for (size_t k = 0; k < i; k++)
			must(!settings_overlap(goal->setting, f->goals[k].setting));
		for (size_t k = 0; k < f->files.n; k++)
			if (goal->file == f->files.v[k])
				check_goal(goal, texts[k]);
	}
}

static void check_errors(const struct host_file *f, const size_t *lines)
{
	must(f->error_count <= HOST_FILE_ERRORS);
	must(!f->more_errors || f->error_count == HOST_FILE_ERRORS);
	for (size_t i = 0; i < f->error_count; i++) {
		const struct err *e = &f->errors[i];
		unsigned file, line;

		must(starts_with(e->id, "host-file-") && e->status == STATUS_USAGE && *e->hint);
		must(sscanf(e->text, "%u:%u: ", &file, &line) == 2);
		must(file < f->files.n && line >= 1 && line <= lines[file]);
	}
}

#define FILES 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[FILES] = { "0", "1", "2", "3" };
	struct parts parts = parts_of(data, size);
	char *texts[FILES] = { NULL };
	size_t lines[FILES] = { 0 };
	struct host_file f = { 0 };

	for (size_t i = 0; i < FILES; i++) {
		autobuf part = { 0 };

		take_part(&parts, &part);
		lines[i] = count_lines(buf_text(&part), part.len);
		host_file_add(&f, names[i], buf_text(&part), part.len);
		texts[i] = xstrdup(buf_text(&part));
	}
	host_file_end(&f);
	check_goals(&f, texts);
	check_errors(&f, lines);
	must(!f.wait_at.file || f.error_count || f.wait_ms >= WAIT_NOT);
	host_file_free(&f);
	for (size_t i = 0; i < FILES; i++)
		free(texts[i]);
	return 0;
}
