// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text_journal.c - the changes, and the next to undo, for people.
 */
#include <time.h>

#include "table.h"

/* open: the change that was interrupted, or is in progress; or NULL. */
static const char *entry_state(const struct journal *j, const struct journal_entry *entry,
			       const struct journal_entry *open)
{
	if (entry->skipped)
		return "kept";
	if (entry->undone)
		return "undone";
	if (entry == open)
		return journal_is_being_made(j, entry) ? "in progress" : "interrupted";
	switch (entry->result) {
	case JOURNAL_DONE:
		return "done";
	case JOURNAL_ROLLED_BACK:
		return "failed, rolled back";
	default:
		return "interrupted";
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
			  entry == next			    ? "next to undo: `kvmtune undo`"
			  : !journal_is_for(journal, entry) ? "in the build of the image"
							    : "");
		table_mark(t, 3, meaning_of(entry_state(journal, entry, open)), 0);
	}
	if (!table_rows(t) && !style->quiet)
		fputs("kvmtune has not changed this host.\n", out);
	table_print(t, out, style, "");
	if (journal->damaged)
		fprintf(out, "%zu lines of the journal cannot be read.\n", journal->damaged);
}
