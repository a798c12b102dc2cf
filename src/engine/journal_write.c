// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * journal_write.c - the lines before and after a change; journal.c reads them.
 */
#include <kvmtune/journal.h>
#include <kvmtune/json_string.h>
#include <kvmtune/port.h>

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "journal_internal.h"
#include "step_json.h"

/* Beyond this size only the newer half of the entries is kept. */
#define JOURNAL_MAX_BYTES (128 * 1024)
/* For how the change ends. */
#define END_ROOM 1024

static struct json_object *new_record(const char *kind, int id)
{
	struct json_object *record = json_object_new_object();

	json_put_exact(record, "record", kind);
	json_put(record, "id", json_object_new_int(id));
	return record;
}

static void add_line(struct buf *lines, struct json_object *record)
{
	const char *text = json_object_to_json_string_ext(
		record, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);

	buf_printf(lines, "%08x %s\n", (unsigned)journal_checksum(text, strlen(text)), text);
	json_object_put(record);
}

static int append_lines(struct ports *p, const struct buf *lines, struct err *e)
{
	if (p->file.append(p, JOURNAL_FILE, lines->data, e) < 0)
		return err_wrap(e, "the journal of changes");
	return 0;
}

/* ---- begin ---- */

/*
 * Where the part begins that is kept: the newer half, from the beginning of an entry on; but nothing is
 * forgotten that has still to be rolled back, however often that was tried.
 */
static size_t kept_from(const struct journal *j)
{
	const struct journal_entry *first, *open, *next;

	if (j->text.len < JOURNAL_MAX_BYTES || !j->count)
		return 0;
	first = &j->entries[j->count / 2];
	open = journal_interrupted(j);
	next = journal_undoable(j);
	if (open && open < first)
		first = open;
	if (open && next && next < first)
		first = next;
	return first == j->entries ? 0 : first->offset;
}

/* Drops older entries to fit these lines: a journal that is too long could not be read. */
static int drop_old_entries(struct ports *p, const struct journal *j, size_t len, struct err *e)
{
	size_t from = kept_from(j);

	if (j->text.len - from + len > JOURNAL_READ_BYTES - END_ROOM) {
		err_set(e, -EFBIG, "the journal of changes, " JOURNAL_FILE ", would get too long");
		return err_hint(
			e, "Nothing was changed. Undo older changes first, or shorten the lines "
			   "of others in kvmtune's own files.");
	}
	return from ? p->file.replace(p, JOURNAL_FILE, j->text.data + from, 0644, e) : 0;
}

/* A line that a power cut tore has no end: the next record must not join it. */
static void mend_end(const struct journal *j, struct buf *lines)
{
	if (j->text.len && j->text.data[j->text.len - 1] != '\n')
		buf_puts(lines, "\n");
}

static struct json_object *begin_record(struct ports *p, int id, const struct journal_change *c)
{
	struct json_object *record = new_record("begin", id);
	autofree char *boot = journal_boot_id(p);
	autofree char *cpu = journal_cpu(p);

	json_put(record, "version", json_object_new_int(JOURNAL_VERSION));
	json_put(record, "time", json_object_new_int64(p->system.wall_seconds(p)));
	if (boot)
		json_put_exact(record, "boot", boot);
	if (cpu)
		json_put_exact(record, "cpu", cpu);
	json_put_exact(record, "command", c->command);
	if (p->image)
		json_put(record, "image", json_object_new_int(1));
	json_put(record, "undoes", json_object_new_int(c->undoes));
	return record;
}

/* Counts up from the last one. */
static int next_id(const struct journal *j)
{
	int id = j->count ? j->entries[j->count - 1].id : 0;

	do
		id = id < INT_MAX ? id + 1 : 1;
	while (journal_find(j, id));
	return id;
}

int journal_begin(struct ports *p, const struct journal *j, const struct journal_change *change,
		  int *ret_id, struct err *e)
{
	int id = next_id(j);
	struct json_object *record = new_record("plan", id);
	autobuf lines = { 0 };

	json_put(record, "steps", steps_to_json(change->steps, change->step_count));
	mend_end(j, &lines);
	add_line(&lines, record);
	add_line(&lines, begin_record(p, id, change));
	*ret_id = id;
	return drop_old_entries(p, j, lines.len, e) < 0 ? e->code : append_lines(p, &lines, e);
}

/* ---- end ---- */

static struct json_object *end_record(int id, enum journal_result result)
{
	struct json_object *record = new_record("end", id);
	const char *name = journal_result_name(result);

	json_put_exact(record, "result", name);
	return record;
}

int journal_end(struct ports *p, int id, enum journal_result result, struct err *e)
{
	autobuf line = { 0 };

	add_line(&line, end_record(id, result));
	return append_lines(p, &line, e);
}

/* ---- skip ---- */

/* As an undo that did nothing: older programs go on to the change before, too. */
int journal_skip(struct ports *p, const struct journal *j, const char *command, int id,
		 struct err *e)
{
	const struct journal_change change = { .command = command, .undoes = id };
	int own_id = next_id(j);
	struct json_object *begin = begin_record(p, own_id, &change);
	autobuf lines = { 0 };

	json_put(begin, "skip", json_object_new_int(1));
	mend_end(j, &lines);
	add_line(&lines, begin);
	add_line(&lines, end_record(own_id, JOURNAL_DONE));
	return drop_old_entries(p, j, lines.len, e) < 0 ? e->code : append_lines(p, &lines, e);
}
