/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe_units.h - which unit files a host has, and which file a name stands for
 * (systemd 252: shared/unit-file.c).
 *
 * A link to another unit file is an alias of that unit. A link to /dev/null, or an empty file, masks the
 * unit. What is in /run/systemd/system is gone at the next boot, and is not read. Files that exist and
 * cannot be read are noted in unread.
 */
#ifndef KVMTUNE_OBSERVE_UNITS_H
#define KVMTUNE_OBSERVE_UNITS_H

#include <kvmtune/base.h>

struct ports;
struct unread;

/* The directory in which a preset makes its links, and the administrator his own. */
#define UNIT_LINKS_DIR "/etc/systemd/system"

/* A name in a unit directory. */
struct unit_entry {
	char *name;
	size_t dir;
	char *target; /* where a link leads, NULL: no link */
};

/* Another name of a unit: a link beside the unit files. */
struct unit_alias {
	const char *id, *name;
};

struct unit_files {
	struct ports *p;
	struct unread *unread;
	struct strv masked;	  /* by the kernel command line */
	struct unit_entry *units; /* sorted by name, then by priority */
	size_t unit_count;
	struct unit_entry *subdirs; /* X.d, X.wants... likewise */
	size_t subdir_count;
	struct unit_alias *aliases; /* sorted by id */
	size_t alias_count;
	void *resolved; /* for tsearch(3) */
};

enum unit_kind { UNIT_MISSING, UNIT_MASKED, UNIT_FOUND };

struct unit_file {
	enum unit_kind kind;
	char *id;   /* the unit's own name, where it was found by another one */
	char *path; /* of UNIT_FOUND */
};

/* Lists the unit directories; p and unread are set, all else is zero. unit_files_free() frees it. */
void unit_files_list(struct unit_files *u);
/* Finds the other names of all units, once masked is known: without it unit_files_names() has none. */
void unit_files_find_aliases(struct unit_files *u);
void unit_files_free(struct unit_files *u);

/* The file of a unit, by any of its names; unit_files_free() frees it. */
const struct unit_file *unit_files_resolve(struct unit_files *u, const char *name);
/* Does an entry with this name of higher priority stand before it? */
bool unit_files_is_hidden(const struct unit_files *u, size_t unit);
/* Adds the names whose directories belong to a unit, those of its other names among them. */
void unit_files_names(const struct unit_files *u, const char *id, struct strv *ret);
/* Where a link leads, the caller frees it; NULL: it is no link, or cannot be read. */
char *unit_files_target(struct unit_files *u, const char *path);
/* An empty file or a device: what masks a unit. Links are followed. */
bool unit_files_is_empty(struct unit_files *u, const char *path);

/* False: another file of this name, in a directory of lower priority, is wanted, too. */
typedef bool (*unit_subdir_sink)(void *arg, const char *path, const char *suffix);
/* Calls each() for the files in NAME<suffix> of all directories: where a name is twice, for the first. */
void unit_files_in_subdirs(struct unit_files *u, const struct strv *names, const char *suffix,
			   unit_subdir_sink each, void *arg);

#endif
