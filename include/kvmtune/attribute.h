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
	const char *absent;	  /* what a kernel without it does as if this were written */
	/*
	 * The word of the kernel command line that sets it first ("transparent_hugepage"), and the
	 * options of tuned's plugin vm that write it, NULL-terminated; NULL: none. Where that word
	 * is given, tuned leaves the attribute alone (tuned, plugin_vm.py).
	 */
	const char *boot_word;
	const char *const *tuned_vm;
};

/* The table's spelling of a text that is written; NULL: no kernel takes it. */
const char *attribute_text(const struct attribute *a, const char *text);
/*
 * "always [madvise] never": the word that is chosen, NULL: none of the table's; and all words, added
 * to ret.
 */
const char *attribute_chosen(const struct attribute *a, const char *shown, struct strv *ret);
/* What the kernel's words of its command line set it to; NULL: nothing. The last one counts. */
const char *attribute_boot_text(const struct attribute *a, const char *kernel_words);

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

/* What is known of an attribute on a host. */
struct attribute_facts {
	bool present;	   /* this kernel has it */
	int writable;	   /* 0, or why not: -EROFS, -EACCES */
	const char *now;   /* of attribute.texts; NULL: unknown */
	struct strv words; /* that this kernel takes */
	const char *boot;  /* what the kernel command line sets it to; NULL: nothing */
	struct attribute_writers writers;
};
void attribute_facts_free(struct attribute_facts *f);
/*
 * What the next boot gives, of attribute.texts, and who decides, added to ret_who (which may be
 * NULL). NULL: unknown: the kernel's default, or somebody whose text cannot be told.
 */
const char *attribute_next(const struct attribute_facts *f, struct strv *ret_who);

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
