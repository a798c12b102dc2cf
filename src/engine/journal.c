// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * journal.c - reads the journal, and judges what it says; journal_write.c writes it.
 */
#include <kvmtune/journal.h>
#include <kvmtune/json_string.h>
#include <kvmtune/port.h>

#include <errno.h>
#include <json-c/json.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "journal_internal.h"
#include "step_json.h"

/* Another one after each boot. */
#define BOOT_ID_FILE "/proc/sys/kernel/random/boot_id"
#define BOOT_ID_MAX  64

static const char *const result_names[] = {
	[JOURNAL_OPEN] = "interrupted",
	[JOURNAL_DONE] = "done",
	[JOURNAL_ROLLED_BACK] = "rolled_back",
	[JOURNAL_STUCK] = "stuck",
};

const char *journal_result_name(enum journal_result r)
{
	return result_names[r];
}

/* ---- lines ---- */

/* Four bits at a time. */
uint32_t journal_checksum(const char *text, size_t len)
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
	if (end != text + 8 || crc != journal_checksum(line + 9, len - 9))
		return NULL;
	return json_tokener_parse(text + 9);
}

/* ---- reading ---- */

struct place {
	int id;
	size_t index; /* entries move when there are more of them */
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

struct journal_entry *journal_find(const struct journal *j, int id)
{
	const struct place wanted = { .id = id };
	struct place **found = tfind(&wanted, &j->by_id, compare_places);

	return found ? &j->entries[(*found)->index] : NULL;
}

static struct journal_entry *add_entry(struct journal *j, int id)
{
	struct place *place = xcalloc(1, sizeof(*place));

	*place = (struct place){ .id = id, .index = j->count };
	tsearch(place, &j->by_id, compare_places);
	return &array_push(j->entries, j->count);
}

/* Others name it by its number: without one it could not be undone. */
static bool read_begin(struct journal *j, struct json_object *record, size_t offset)
{
	const char *boot = json_text(record, "boot");
	int id = json_int(record, "id");
	struct journal_entry *entry;

	if (id < 1)
		return false;
	entry = add_entry(j, id);
	*entry = (struct journal_entry){
		.id = id,
		.version = json_int(record, "version") ?: 1,
		.time = json_int64(record, "time"),
		.boot = json_restored(boot),
		.cpu = json_restored(json_text(record, "cpu")),
		.command = json_restored(json_text(record, "command") ?: ""),
		.undoes = json_int(record, "undoes"),
		.image = json_int(record, "image") != 0,
		.skips = json_int(record, "skip") != 0,
		.offset = offset,
	};
	if (j->plan_id != id)
		return true;
	entry->offset = entry->plan_offset = j->plan_offset;
	entry->plan_len = j->plan_len;
	return true;
}

static void mark_done(struct journal *j, const struct journal_entry *entry)
{
	struct journal_entry *undone = entry->undoes ? journal_find(j, entry->undoes) : NULL;

	if (!undone)
		return;
	undone->undone = true;
	undone->skipped = entry->skips;
}

static void read_end(struct journal *j, struct journal_entry *entry, struct json_object *record)
{
	const char *name = json_text(record, "result");

	for (size_t i = 0; name && i < ARRAY_SIZE(result_names); i++)
		if (strcmp(result_names[i], name) == 0)
			entry->result = (enum journal_result)i;
	if (name && strcmp(name, "walked_back") == 0) /* of version 0.1.0 */
		entry->result = JOURNAL_ROLLED_BACK;
	if (entry->result == JOURNAL_DONE)
		mark_done(j, entry);
}

/* False: it does not belong here. No two changes have the same number. */
static bool read_record(struct journal *j, struct json_object *record, size_t offset)
{
	const char *kind = json_text(record, "record");
	struct journal_entry *entry = journal_find(j, json_int(record, "id"));

	if (!kind)
		return false;
	if (strcmp(kind, "begin") == 0)
		return !entry && read_begin(j, record, offset);
	if (entry && strcmp(kind, "end") == 0)
		read_end(j, entry, record);
	return entry;
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

static int read_journal(struct ports *p, struct journal *ret, struct err *e)
{
	int r;

	*ret = (struct journal){ .image = p->image };
	if (p->file.check_own(p, JOURNAL_FILE, e) < 0)
		return e->code;
	r = p->file.read(p, JOURNAL_FILE, &ret->text);
	if (r == -ENOENT)
		return 0;
	if (r == 0 && ret->text.len > JOURNAL_READ_BYTES)
		r = -EFBIG;
	if (r < 0)
		return err_sys(e, r, "cannot read the journal of changes, " JOURNAL_FILE);
	for (size_t at = 0, len; at < ret->text.len; at += len + 1) {
		len = strcspn(ret->text.data + at, "\n");
		read_line_at(ret, at, len);
	}
	return 0;
}

/*
 * A change that is made right now has not ended either: its process has the lock. But it may end
 * after its lines were read, and before the lock is looked at; so only what is still open when it is
 * read again was given up by who began it.
 */
int journal_load(struct ports *p, struct journal *ret, struct err *e)
{
	int free_id = 0; /* this one was open, and then the lock was free */

	for (;;) {
		int r = read_journal(p, ret, e);
		const struct journal_entry *open = r < 0 ? NULL : journal_interrupted(ret);
		autobuf holder = { 0 };

		if (!open || open->id == free_id)
			return r;
		if (p->file.is_locked(p, LOCK_FILE, &holder)) {
			ret->at_work = xstrdup(buf_text(&holder));
			return 0;
		}
		free_id = open->id;
		journal_free(ret);
	}
}

static int set_lost(struct err *e, const char *what, const struct journal_entry *entry)
{
	err_set(e, -EBADMSG, "the journal is damaged: %s change %d (%s) are lost", what, entry->id,
		entry->command);
	return err_hint(e, "Check:  kvmtune status        Skip that change:  kvmtune undo --skip");
}

int journal_check_whole(const struct journal *j, struct err *e)
{
	const struct journal_entry *open = journal_interrupted(j);

	if (!open || !open->undoes || journal_find(j, open->undoes))
		return 0;
	return set_lost(e, "the records to be undone by", open);
}

int journal_read_steps(const struct journal *j, const struct journal_entry *entry, struct err *e)
{
	struct journal_entry *to = journal_find(j, entry->id);
	struct json_object *record;

	if (to->steps || to->lost.n)
		return 0;
	if (journal_check_version(entry, e) < 0)
		return e->code;
	record = parse_line(buf_text(&j->text) + entry->plan_offset, entry->plan_len);
	if (!record)
		return set_lost(e, "the steps of", entry);
	steps_from_json(record, &to->steps, &to->step_count, &to->lost);
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
		strv_free(&entry->lost);
		free(entry->command);
		free(entry->boot);
		free(entry->cpu);
	}
	free(j->entries);
	tdestroy(j->by_id, free);
	free(j->at_work);
	buf_free(&j->text);
	*j = (struct journal){ 0 };
}

/* ---- questions ---- */

static bool is_settled(const struct journal *j, const struct journal_entry *entry)
{
	const struct journal_entry *undone;

	if (entry->undone)
		return true;
	/* An undo that was interrupted: done when a later one took the same change back. */
	undone = entry->undoes ? journal_find(j, entry->undoes) : NULL;
	return undone && undone->undone;
}

bool journal_is_for(const struct journal *j, const struct journal_entry *entry)
{
	return j->image || !entry->image;
}

const struct journal_entry *journal_interrupted(const struct journal *j)
{
	for (size_t i = j->count; i-- > 0;) {
		const struct journal_entry *entry = &j->entries[i];
		bool open = entry->result == JOURNAL_OPEN || entry->result == JOURNAL_STUCK;

		if (!journal_is_for(j, entry))
			continue;
		if (open && !is_settled(j, entry))
			return entry;
		/* Nothing but an undo begins on a host in between. */
		if (entry->result == JOURNAL_DONE && !entry->undoes)
			return NULL;
	}
	return NULL;
}

/* A failed rollback has an end record: it is not being made any more. */
bool journal_is_being_made(const struct journal *j, const struct journal_entry *entry)
{
	return j->at_work && entry->result == JOURNAL_OPEN && entry == journal_interrupted(j);
}

static bool is_left(const struct journal *j, const struct journal_entry *entry)
{
	return entry->result == JOURNAL_DONE && !entry->undoes && !entry->undone &&
	       journal_is_for(j, entry);
}

const struct journal_entry *journal_undoable(const struct journal *j)
{
	const struct journal_entry *open = journal_interrupted(j);

	if (open)
		return open->undoes ? journal_find(j, open->undoes) : open;
	for (size_t i = j->count; i-- > 0;)
		if (is_left(j, &j->entries[i]))
			return &j->entries[i];
	return NULL;
}

bool journal_is_left(const struct journal *j, const struct journal_entry *entry)
{
	return is_left(j, entry) || entry == journal_undoable(j);
}

int journal_check_version(const struct journal_entry *entry, struct err *e)
{
	if (entry->version <= JOURNAL_VERSION)
		return 0;
	err_set(e, -EPROTO,
		"change %d (%s) was made by a newer kvmtune; this version cannot read its journal",
		entry->id, entry->command);
	err_status(e, STATUS_IMPOSSIBLE, "newer-journal");
	return err_hint(e, "Run the same command with that version.");
}

const char *journal_way_out(const struct journal_entry *entry)
{
	if (entry->version > JOURNAL_VERSION)
		return "A newer kvmtune started it. Undo it with that version.";
	if (entry->undoes)
		return "Finish it:  kvmtune undo";
	return "Undo it:  kvmtune undo";
}

char *journal_boot_id(struct ports *p)
{
	struct buf id = { 0 };

	if (p->image || p->file.read_head(p, BOOT_ID_FILE, BOOT_ID_MAX, &id) < 0 || !id.len) {
		buf_free(&id);
		return NULL;
	}
	id.data[strcspn(id.data, "\n")] = '\0';
	return id.data;
}

bool journal_is_of_other_boot(struct ports *p, const struct journal_entry *entry)
{
	autofree char *now = journal_boot_id(p);

	return now && entry->boot && strcmp(now, entry->boot) != 0;
}
