// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/journal.h>

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "step_json.h"

/* Beyond this size only the newer half of the entries is kept. */
#define JOURNAL_MAX_BYTES (512 * 1024)

static const char *const result_names[] = {
	[JOURNAL_OPEN] = "interrupted",
	[JOURNAL_DONE] = "done",
	[JOURNAL_WALKED_BACK] = "walked_back",
	[JOURNAL_STUCK] = "stuck",
};

const char *journal_result_name(enum journal_result r)
{
	return result_names[r];
}

/* ---- lines ---- */

static uint32_t crc32_of(const char *text, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)text[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static int append_record(struct ports *p, struct json_object *record, struct err *e)
{
	const char *text = json_object_to_json_string_ext(record, JSON_C_TO_STRING_PLAIN);
	autobuf line = { 0 };

	buf_printf(&line, "%08x %s\n", (unsigned)crc32_of(text, strlen(text)), text);
	json_object_put(record);
	if (p->file.append(p, JOURNAL_FILE, line.data, e) < 0)
		return err_wrap(e, "the journal of changes");
	return 0;
}

/* The object of a line with a right checksum, or NULL. To be put by the caller. */
static struct json_object *parse_line(const char *line, size_t len)
{
	autofree char *text = NULL;
	unsigned long crc;
	char *end;

	if (len < 10 || line[8] != ' ')
		return NULL;
	text = xstrndup(line, len);
	crc = strtoul(text, &end, 16);
	if (end != text + 8 || crc != crc32_of(line + 9, len - 9))
		return NULL;
	return json_tokener_parse(text + 9);
}

/* ---- reading ---- */

static struct journal_entry *find_entry(struct journal *j, int id)
{
	for (size_t i = j->count; i-- > 0;)
		if (j->entries[i].id == id)
			return &j->entries[i];
	return NULL;
}

static void read_begin(struct journal *j, struct json_object *record, size_t offset)
{
	struct journal_entry *entry = &array_push(j->entries, j->count);

	*entry = (struct journal_entry){
		.id = json_int(record, "id"),
		.time = json_int64(record, "time"),
		.command = xstrdup(json_text(record, "command") ?: ""),
		.undoes = json_int(record, "undoes"),
		.step = -1,
		.offset = offset,
	};
	steps_from_json(record, &entry->steps, &entry->step_count);
}

static void read_end(struct journal *j, struct journal_entry *entry, struct json_object *record)
{
	const char *name = json_text(record, "result");
	struct journal_entry *undone;

	for (size_t i = 0; name && i < ARRAY_SIZE(result_names); i++)
		if (strcmp(result_names[i], name) == 0)
			entry->result = (enum journal_result)i;
	if (entry->result != JOURNAL_DONE || !entry->undoes)
		return;
	undone = find_entry(j, entry->undoes);
	if (undone)
		undone->undone = true;
}

static bool read_record(struct journal *j, struct json_object *record, size_t offset)
{
	const char *kind = json_text(record, "record");
	struct journal_entry *entry = find_entry(j, json_int(record, "id"));

	if (!kind)
		return false;
	if (strcmp(kind, "begin") == 0)
		read_begin(j, record, offset);
	else if (!entry)
		return false;
	else if (strcmp(kind, "step") == 0)
		entry->step = json_int(record, "step");
	else if (strcmp(kind, "end") == 0)
		read_end(j, entry, record);
	return true;
}

static void read_lines(struct journal *j, const char *text)
{
	const char *at = text;

	while (*at) {
		size_t len = strcspn(at, "\n");
		struct json_object *record = parse_line(at, len);
		bool last = at[len] == '\0' || at[len + 1] == '\0';

		if (!record || !read_record(j, record, (size_t)(at - text)))
			j->damaged += !last;
		json_object_put(record);
		at += len + (at[len] == '\n');
	}
}

int journal_load(struct ports *p, struct journal *ret, struct err *e)
{
	autobuf text = { 0 };
	int r = p->file.read(p, JOURNAL_FILE, &text);

	*ret = (struct journal){ 0 };
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(e, r, "cannot read the journal of changes, " JOURNAL_FILE);
	ret->size = text.len;
	read_lines(ret, buf_text(&text));
	return 0;
}

void journal_free(struct journal *j)
{
	for (size_t i = 0; i < j->count; i++) {
		struct journal_entry *entry = &j->entries[i];

		for (size_t k = 0; k < entry->step_count; k++)
			step_free(&entry->steps[k]);
		free(entry->steps);
		free(entry->command);
	}
	free(j->entries);
	*j = (struct journal){ 0 };
}

/* ---- questions ---- */

static const struct journal_entry *entry_with(const struct journal *j, int id)
{
	return find_entry((struct journal *)j, id);
}

static bool is_settled(const struct journal *j, const struct journal_entry *entry)
{
	const struct journal_entry *undone;

	if (entry->undone)
		return true;
	/* An undo that was interrupted: done when a later one took the same change back. */
	undone = entry->undoes ? entry_with(j, entry->undoes) : NULL;
	return undone && undone->undone;
}

const struct journal_entry *journal_interrupted(const struct journal *j)
{
	const struct journal_entry *last = j->count ? &j->entries[j->count - 1] : NULL;

	for (size_t i = j->count; i-- > 0;) {
		const struct journal_entry *entry = &j->entries[i];

		if (entry->result != JOURNAL_OPEN && entry->result != JOURNAL_STUCK)
			continue;
		/* Later changes began from a host that was found whole. */
		return entry == last && !is_settled(j, entry) ? entry : NULL;
	}
	return NULL;
}

const struct journal_entry *journal_undoable(const struct journal *j)
{
	const struct journal_entry *open = journal_interrupted(j);

	if (open)
		return open->undoes ? entry_with(j, open->undoes) : open;
	for (size_t i = j->count; i-- > 0;) {
		const struct journal_entry *entry = &j->entries[i];

		if (entry->result == JOURNAL_DONE && !entry->undoes && !entry->undone)
			return entry;
	}
	return NULL;
}

/* ---- writing ---- */

static struct json_object *new_record(const char *kind, int id)
{
	struct json_object *record = json_object_new_object();

	json_object_object_add(record, "record", json_object_new_string(kind));
	json_object_object_add(record, "id", json_object_new_int(id));
	return record;
}

/* Keeps the newer half, from the beginning of an entry on. */
static int shorten(struct ports *p, const struct journal *j, struct err *e)
{
	size_t half = j->count / 2;
	autobuf text = { 0 };

	if (j->size < JOURNAL_MAX_BYTES || !half || p->file.read(p, JOURNAL_FILE, &text) < 0)
		return 0;
	return p->file.replace(p, JOURNAL_FILE, text.data + j->entries[half].offset, 0644, e);
}

/* A line that a power cut tore has no end: the next record must not join it. */
static int mend_end(struct ports *p, struct err *e)
{
	autobuf text = { 0 };

	if (p->file.read(p, JOURNAL_FILE, &text) < 0 || !text.len ||
	    text.data[text.len - 1] == '\n')
		return 0;
	return p->file.append(p, JOURNAL_FILE, "\n", e);
}

int journal_begin(struct ports *p, const struct journal *j, const char *command, int undoes,
		  const struct plan *plan, int *ret_id, struct err *e)
{
	int id = j->count ? j->entries[j->count - 1].id + 1 : 1;
	struct json_object *record;

	if (mend_end(p, e) < 0 || shorten(p, j, e) < 0)
		return e->code;
	record = new_record("begin", id);
	json_object_object_add(record, "time", json_object_new_int64(p->system.wall_seconds(p)));
	json_object_object_add(record, "command", json_object_new_string(command));
	json_object_object_add(record, "undoes", json_object_new_int(undoes));
	json_object_object_add(record, "steps", steps_to_json(plan->steps, plan->step_count));
	*ret_id = id;
	return append_record(p, record, e);
}

int journal_step(struct ports *p, int id, size_t step, struct err *e)
{
	struct json_object *record = new_record("step", id);

	json_object_object_add(record, "step", json_object_new_int((int)step));
	return append_record(p, record, e);
}

int journal_end(struct ports *p, int id, enum journal_result result, struct err *e)
{
	struct json_object *record = new_record("end", id);

	json_object_object_add(record, "result", json_object_new_string(result_names[result]));
	return append_record(p, record, e);
}
