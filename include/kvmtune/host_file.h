/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host_file.h - the host file: what this host should be, in the administrator's words.
 *
 *	# /etc/kvmtune.conf
 *	nested = off
 *	ksm = off
 *	defer = if-busy
 *
 * A name is a setting, or one of `reserve`, `wait` and `defer`, which are options of `apply`. Each name
 * stands once in all files. Everything else is an error with file and line. All errors are collected.
 *
 *	struct host_file f = { 0 };
 *	host_file_add(&f, "/etc/kvmtune.conf", text, len);    once for each file
 *	host_file_end(&f);
 *	if (f.error_count) ...        nothing of it may be used
 *	host_file_free(&f);
 *
 * The reader is the one for lines in ini.c. libinih would have to be told to keep the numbers of lines,
 * to refuse names without a value, sections and lines that it cuts, and would be one more dependency: the
 * code around it would be as long as the code here.
 *
 * Ownership: a struct host_file owns its strings. Its goals point to them, so it has to outlive every
 * plan that is made for them.
 */
#ifndef KVMTUNE_HOST_FILE_H
#define KVMTUNE_HOST_FILE_H

#include <kvmtune/plan.h>

#define HOST_FILE	"/etc/kvmtune.conf"
#define HOST_FILE_DIR	HOST_FILE ".d"
#define HOST_FILE_BYTES (64 << 10) /* of one file; more is an error */
#define HOST_FILES_MAX	256	   /* in HOST_FILE_DIR */

/* Beyond these, errors are only counted. */
#define HOST_FILE_ERRORS 20

/* Where a name stands; file NULL: nowhere. */
struct host_line {
	const char *file;
	unsigned line;
};

struct host_file {
	struct strv files; /* their names, in the order of reading */
	struct goal *goals;
	size_t goal_count;
	struct host_line reserve_at, wait_at, defer_at;
	uint64_t reserve_bytes;
	int64_t wait_ms; /* WAIT_NOT, WAIT_FOREVER, or at most so long */
	enum defer defer;
	struct err *errors; /* at most HOST_FILE_ERRORS */
	size_t error_count;
	size_t more_errors; /* that were not kept */
};

/* Reads the text of a file. A NUL byte in it is an error, too. */
void host_file_add(struct host_file *f, const char *name, const char *text, size_t len);
/* Checks what no single line shows. To be called once, after the last file. */
void host_file_end(struct host_file *f);
/* Adds an error about a file that could not be read. */
void host_file_add_error(struct host_file *f, const struct err *e);
void host_file_free(struct host_file *f);

#endif
