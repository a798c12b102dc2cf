/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * own_file.h - what the files that know the texts of our own files share; nobody else includes this.
 */
#ifndef KVMTUNE_OWN_FILE_INTERNAL_H
#define KVMTUNE_OWN_FILE_INTERNAL_H

#include <kvmtune/own_file.h>

#define OWN_FILE_MARK "# Made by kvmtune"
#define OWN_FILE_HEAD OWN_FILE_MARK ", see kvmtune(8); `kvmtune undo` takes it back.\n"

/* How long the first line is, with its end. */
size_t own_file_line_length(const char *text);
/*
 * The text with our lines anew: these (with the head line before them; "": none) come first, and of the old
 * text what is_ours() does not take for ours. NULL: nothing is left to say. To be freed.
 */
char *own_file_edit(const char *old, const char *ours, bool (*is_ours)(const char *line));

/* Removes our head line where the text before had none; frees text. NULL: nothing else is left. */
char *own_file_head_as_before(char *text, const char *before);

/* ---- our file in tmpfiles.d (own_tmpfiles.c) ---- */

bool own_tmpfiles_is_ours(const char *line);
char *own_tmpfiles_undone(const char *today, const char *ours, const char *before);

/* ---- our file in modprobe.d (own_conf.c) ---- */

/* How long the first line is, with its end and all lines that continue it. */
size_t own_conf_line_length(const char *text);
char *own_conf_undone(const char *today, const char *ours, const char *before);

#endif
