/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.h - doors that remember which files were read through them, and what was in them.
 *
 *	struct recording rec;
 *	recording_begin(&rec, ports);
 *	host_observe(&rec.ports, HOST_ALL, &host, &e);
 *	... rec.entries: by path, each path once
 *	recording_free(&rec);
 *
 * Whoever reads a host through rec.ports need not say what: a fact that is added later is remembered
 * without a line here. Only file_port's reading functions are watched; all else goes on to the doors
 * behind. Nothing that alters the host may be called through it.
 */
#ifndef KVMTUNE_RECORD_H
#define KVMTUNE_RECORD_H

#include <kvmtune/port.h>

struct recorded {
	char *path;
	bool is_file; /* it was read: text */
	bool is_dir;
	bool is_there;	 /* somebody asked whether it is: st */
	struct buf text; /* the longest that any reader got */
	char *target;	 /* a symbolic link leads there; NULL: none, or not asked */
	int error; /* why it could not be read: negative errno; 0: it could, or is not there */
	struct file_stat st;
};

struct recording {
	struct ports ports; /* first: the functions find the rest behind it */
	struct ports *behind;
	struct recorded *entries;
	size_t count;
};

void recording_begin(struct recording *ret, struct ports *behind);
/* NULL: nobody asked for this path, or it is not there. */
const struct recorded *recording_find(const struct recording *rec, const char *path);
void recording_free(struct recording *rec);

#endif
