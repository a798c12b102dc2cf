/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * attribute.h - attributes of sysfs that kvmtune sets, and who else writes them at boot.
 *
 * Pure: texts in, facts out. Texts of files are of unknown origin: lines that make no sense are
 * passed over. attribute_writers_free() frees what a list of writers owns.
 */
#ifndef KVMTUNE_ATTRIBUTE_H
#define KVMTUNE_ATTRIBUTE_H

#include <kvmtune/base.h>

/* Ours alone: what attributes shall be at each boot. Of all lines for a path the first counts. */
#define OWN_TMPFILES "/etc/tmpfiles.d/00-kvmtune.conf"

struct attribute {
	const char *path;	  /* "/sys/kernel/mm/ksm/run" */
	const char *const *texts; /* all that a kernel may take, NULL-terminated */
};

/* The table's spelling of a text that is written; NULL: no kernel takes it. */
const char *attribute_text(const struct attribute *a, const char *text);

/* Somebody who writes an attribute at boot, or whenever he likes. */
struct attribute_writer {
	char *who;   /* "tuned profile realtime-virtual-host", "tmpfiles.d", "qemu-kvm.service" */
	char *where; /* file, with its line where there is one: "/etc/tmpfiles.d/ksm.conf:3" */
	const char *value; /* of attribute.texts; NULL: a policy of its own, or not to be told */
	bool tmpfiles;	   /* a line of tmpfiles.d that does not count when ours comes before it */
	char *path;	   /* of tmpfiles.d: that of the attribute, or a pattern; else NULL */
	bool append;	   /* of tmpfiles.d: w+, of which several count */
	bool ours;
	bool may; /* nobody can tell whether it does: it is named, and stands in no way */
};

struct attribute_writers {
	struct attribute_writer *v; /* in the order in which a boot comes to them */
	size_t n;
	const char *tmpfiles_others; /* what tmpfiles.d writes without our file; NULL: nothing */
};
void attribute_writers_free(struct attribute_writers *w);

/* An attribute, and the list to which those who write it are added. */
struct attribute_watch {
	const struct attribute *attribute;
	struct attribute_writers *to;
};

/* ---- tmpfiles.d ---- */

/*
 * The lines of one file of tmpfiles.d (tmpfiles.d(5)) that write one of the attributes: w, w+ and
 * their modifiers, also by a pattern. Adds a writer for each. Files come in the order of reading.
 */
void attribute_read_tmpfiles(const char *file, const char *text,
			     const struct attribute_watch *watches, size_t count);
/*
 * Of all lines for one path only the first counts, whatever follows; only where it is a `w+`, do
 * the `w+` behind it, too (seen with systemd 252: "Duplicate line for path, ignoring"; so is any
 * `w+` behind a `w`). Drops the other writers, and sets tmpfiles_others. A pattern is a path of its
 * own, and not marked as tmpfiles: a line of ours does not drop it. To be called once all files are
 * read, before writers of other kinds are added.
 */
void attribute_settle_tmpfiles(struct attribute_writers *w);

#endif
