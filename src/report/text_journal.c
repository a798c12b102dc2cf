// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text_journal.c - what was changed, and what the next undo takes back, for people.
 */
#include <time.h>

#include "table.h"

/* open: the one that was interrupted, or is being made; or NULL. */
static const char *entry_state(const struct journal *j, const struct journal_entry *entry,
			       const struct journal_entry *open)
{
	if (entry->skipped)
		return "left as it is";
	if (entry->undone)
		return "taken back";
	if (entry == open)
		return journal_is_being_made(j, entry) ? "being made now" : "interrupted";
	switch (entry->result) {
	case JOURNAL_DONE:
		return "done";
	case JOURNAL_WALKED_BACK:
		return "failed, nothing changed";
	default:
		return "did not end";
	}
}

void text_journal(FILE *out, const struct style *style, const struct journal *journal)
{
	struct table *t = table_new("ID>", "TIME", "COMMAND", "STATE", "", NULL);
	const struct journal_entry *next = journal_undoable(journal);
	const struct journal_entry *open = journal_interrupted(journal);

	for (size_t i = journal->count; i-- > 0;) {
		const struct journal_entry *entry = &journal->entries[i];
		autofree char *id = xasprintf("%d", entry->id);
		time_t when = (time_t)entry->time;
		char text[32] = "";
		struct tm tm;

		if (localtime_r(&when, &tm))
			strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
		table_row(t, id, text, entry->command, entry_state(journal, entry, open),
			  entry == next ? "<- `kvmtune undo` takes this back" : "");
	}
	if (!table_rows(t) && !style->quiet)
		fputs("kvmtune has changed nothing on this host.\n", out);
	table_print(t, out, "");
	if (journal->damaged)
		fprintf(out, "%zu lines of the journal cannot be read.\n", journal->damaged);
}
