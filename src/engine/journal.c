// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/journal.h>
#include <kvmtune/port.h>

#include <errno.h>
#include <limits.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "step_json.h"

/* Beyond this size only the newer half of the entries is kept. */
#define JOURNAL_MAX_BYTES (128 * 1024)

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

/* CRC-32 (IEEE 802.3), four bits at a time. */
static uint32_t crc32_of(const char *text, size_t len)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
		0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)text[i];
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

static void add_line(struct buf *lines, struct json_object *record)
{
	const char *text = json_object_to_json_string_ext(
		record, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	buf_printf(lines, "%08x %s\n", (unsigned)crc32_of(text, strlen(text)), text);
	json_object_put(record);
}

static int append_lines(struct ports *p, const struct buf *lines, struct err *e)
{
	if (p->file.append(p, JOURNAL_FILE, lines->data, e) < 0)
		return err_wrap(e, "the journal of changes");
	return 0;
}

static int append_record(struct ports *p, struct json_object *record, struct err *e)
{
	autobuf line = { 0 };

	add_line(&line, record);
	return append_lines(p, &line, e);
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
		.offset = offset,
	};
	if (j->plan_id != entry->id)
		return;
	entry->offset = entry->plan_offset = j->plan_offset;
	entry->plan_len = j->plan_len;
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
	else if (strcmp(kind, "end") == 0)
		read_end(j, entry, record);
	return true;
}

/* A plan begins like this. It stands before its `begin`: where that is, the plan is whole. */
#define PLAN_START "{\"record\":\"plan\",\"id\":"

static bool note_plan(struct journal *j, size_t offset, size_t len)
{
	const char *line = j->text.data + offset;

	if (len < 9 || !starts_with(line + 9, PLAN_START))
		return false;
	j->plan_id = atoi(line + 9 + strlen(PLAN_START));
	j->plan_offset = offset;
	j->plan_len = len;
	return true;
}

static void read_line_at(struct journal *j, size_t offset, size_t len)
{
	struct json_object *record;
	/* The last line may be torn; one that is not the last was whole once. */
	bool last = offset + len + 1 >= j->text.len;

	if (note_plan(j, offset, len))
		return;
	record = parse_line(j->text.data + offset, len);
	if (!record || !read_record(j, record, offset))
		j->damaged += !last;
	json_object_put(record);
}

int journal_load(struct ports *p, struct journal *ret, struct err *e)
{
	int r;

	*ret = (struct journal){ 0 };
	r = p->file.read(p, JOURNAL_FILE, &ret->text);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(e, r, "cannot read the journal of changes, " JOURNAL_FILE);
	for (size_t at = 0, len; at < ret->text.len; at += len + 1) {
		len = strcspn(ret->text.data + at, "\n");
		read_line_at(ret, at, len);
	}
	return 0;
}

int journal_read_steps(const struct journal *j, const struct journal_entry *entry, struct err *e)
{
	struct journal_entry *to = find_entry((struct journal *)j, entry->id);
	struct json_object *record;

	if (to->steps)
		return 0;
	record = parse_line(buf_text(&j->text) + entry->plan_offset, entry->plan_len);
	if (!record) {
		err_set(e, -EBADMSG, "the journal is damaged: the steps of change %d (%s) are lost",
			entry->id, entry->command);
		return err_hint(e, "Look at `kvmtune status`. To forget all changes of the past, "
				   "move " JOURNAL_FILE " away.");
	}
	steps_from_json(record, &to->steps, &to->step_count);
	json_object_put(record);
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
	buf_free(&j->text);
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
	for (size_t i = j->count; i-- > 0;) {
		const struct journal_entry *entry = &j->entries[i];
		bool open = entry->result == JOURNAL_OPEN || entry->result == JOURNAL_STUCK;

		if (open && !is_settled(j, entry))
			return entry;
		/* Nothing but an undo is begun on a host in between. */
		if (entry->result == JOURNAL_DONE && !entry->undoes)
			return NULL;
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

	if (j->text.len < JOURNAL_MAX_BYTES || !half)
		return 0;
	return p->file.replace(p, JOURNAL_FILE, j->text.data + j->entries[half].offset, 0644, e);
}

/* A line that a power cut tore has no end: the next record must not join it. */
static void mend_end(const struct journal *j, struct buf *lines)
{
	if (j->text.len && j->text.data[j->text.len - 1] != '\n')
		buf_puts(lines, "\n");
}

static struct json_object *begin_record(struct ports *p, int id, const char *command, int undoes)
{
	struct json_object *record = new_record("begin", id);

	json_object_object_add(record, "time", json_object_new_int64(p->system.wall_seconds(p)));
	json_object_object_add(record, "command", json_object_new_string(command));
	json_object_object_add(record, "undoes", json_object_new_int(undoes));
	return record;
}

int journal_begin(struct ports *p, const struct journal *j, const char *command, int undoes,
		  const struct plan *plan, int *ret_id, struct err *e)
{
	int last = j->count ? j->entries[j->count - 1].id : 0;
	int id = last < INT_MAX ? last + 1 : 1;
	struct json_object *record = new_record("plan", id);
	autobuf lines = { 0 };

	json_object_object_add(record, "steps", steps_to_json(plan->steps, plan->step_count));
	mend_end(j, &lines);
	add_line(&lines, record);
	add_line(&lines, begin_record(p, id, command, undoes));
	*ret_id = id;
	return shorten(p, j, e) < 0 ? e->code : append_lines(p, &lines, e);
}

int journal_end(struct ports *p, int id, enum journal_result result, struct err *e)
{
	struct json_object *record = new_record("end", id);

	json_object_object_add(record, "result", json_object_new_string(result_names[result]));
	return append_record(p, record, e);
}
