/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unread.h - files that are there, or may be, and cannot be read (struct unread).
 *
 * They are noted while a host is observed. At its end either a report is told of them, or, before
 * a change, the first of them is a failure: taken for absent they would be guessed at.
 */
#ifndef KVMTUNE_UNREAD_H
#define KVMTUNE_UNREAD_H

#include <kvmtune/err.h>
#include <kvmtune/facts.h>

struct ports;

/*
 * The most that is read of one kind of files, as those of modprobe.d: beyond it a file, or the names in
 * a directory, are noted by -EFBIG. It bounds our memory and time, whatever others put there.
 */
#define UNREAD_MAX_NAMES 16384
#define UNREAD_MAX_LINES 500000
#define UNREAD_MAX_BYTES (16 << 20)

/* Notes a path by what came of looking at it, where that is an error and no absence. Returns r. */
int unread_note(struct unread *u, const char *path, int r);
/* Reads a whole file into ret, and notes it where that fails. A device instead of a file says nothing. */
int read_noting(struct ports *p, const char *path, struct unread *u, struct buf *ret);
/* Counts names found in a directory. -EFBIG, noted: with these they are too many. */
int unread_count_names(struct unread *u, const char *dir, size_t count);
/* A sentence for all of them. may: "decide the next load". */
void unread_tell(const struct unread *u, const char *may, struct strv *unseen);
/* The first of them as an error; 0 where there is none. */
int unread_fail(const struct unread *u, bool root, struct err *e);

#endif
