/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * own_file.h - the texts of the files that kvmtune writes: OWN_CONF_FILE, OWN_TMPFILES,
 * OWN_PRESET.
 *
 * Administrators add lines to these files. Every change keeps them: it sets or removes our own
 * option, and our head line with the last of them. A text NULL means that there is no file.
 * All functions return new texts, which the caller frees.
 */
#ifndef KVMTUNE_OWN_FILE_H
#define KVMTUNE_OWN_FILE_H

#include <kvmtune/host.h>

/*
 * Returns today's text of the file without what one change wrote: that change found `before` and
 * wrote `ours`. Exactly `before` where nobody has changed the file since.
 */
char *own_file_undone(const char *path, const char *today, const char *ours, const char *before);

/* Returns the lines of a text, read from a journal, that kvmtune could have written there. */
char *own_file_harmless(const char *path, const char *text);

/* The value of a parameter in a text of OWN_CONF_FILE; UNKNOWN: it has none. */
enum tri own_conf_value(const char *text, const char *module, const char *param);

/*
 * The text of OWN_TMPFILES with our line for this attribute saying `want` (of attribute.texts), or
 * without it (NULL). Lines of others stay. NULL: nothing is left to say. old: NULL, no such file.
 */
char *own_tmpfiles_edit(const char *old, const struct attribute *a, const char *want);
/* What our line for the attribute says in such a text, of attribute.texts; NULL: there is none. */
const char *own_tmpfiles_text(const char *text, const struct attribute *a);

bool same_file_text(const char *a, const char *b);

#endif
