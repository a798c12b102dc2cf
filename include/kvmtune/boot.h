/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * boot.h - what unit files and presets say about the next boot (systemd.unit(5), systemd.preset(5)).
 *
 * Pure: texts and names in, facts out. Reading the files is the engine's (observe_boot.h). Texts are
 * of unknown origin: lines that make no sense are passed over.
 * Agrees with systemd on generated trees: tests/diff/boot_systemd.py.
 */
#ifndef KVMTUNE_BOOT_H
#define KVMTUNE_BOOT_H

#include <kvmtune/base.h>

/* Ours alone: keeps the first boot of an image from enabling the services. */
#define OWN_PRESET "/etc/systemd/system-preset/00-kvmtune.preset"

/* ---- unit files ---- */

enum boot_key {
	BOOT_WANTS,    /* Wants=, Upholds=, Sockets= */
	BOOT_REQUIRES, /* Requires=, BindsTo=: the unit fails without */
	BOOT_TRIGGERS, /* Unit= of a timer or a path, Service= of a socket */
	BOOT_WANTED_BY,
	BOOT_REQUIRED_BY,
	BOOT_UPHELD_BY,
	BOOT_ALIAS,
	BOOT_ALSO,
	BOOT_DEFAULT_INSTANCE,
	BOOT_EXEC,	   /* ExecStart= and its kin: the whole command */
	BOOT_DEFAULT_DEPS, /* DefaultDependencies=: "yes" or "no" */
};

/* One word of an assignment, in the order of the file; of BOOT_EXEC the whole value. */
struct boot_line {
	enum boot_key key;
	unsigned line;
	char *value;
};

struct boot_lines {
	struct boot_line *v;
	size_t n;
};

/* Adds what a unit file or a drop-in says to ret, which boot_lines_free() frees. */
void boot_read_unit(const char *text, struct boot_lines *ret);
void boot_lines_free(struct boot_lines *l);

/* ---- names ---- */

bool boot_is_unit_name(const char *name);
/* The word with the specifiers of this unit resolved; NULL: no name of a unit. The caller frees it. */
char *boot_expand(const char *word, const char *unit);
/* "foo@bar.service" gives "foo@.service"; NULL: it is no instance. The caller frees it. */
char *boot_template_of(const char *name);
/* May a link of the first name give the second one another name? Type and kind must agree. */
bool boot_is_alias_pair(const char *name, const char *target);
/* "foo.timer" gives "foo.service": what a unit of this type starts by default. The caller frees it. */
char *boot_default_trigger(const char *name);
/* Does a unit of this type start another one when something happens: socket, timer, path? */
bool boot_is_trigger(const char *name);
/*
 * Adds the names whose directories NAME.d, NAME.wants and so on belong to a unit: its own, those of
 * its template, of the prefixes that end with a dash, and of its type ("service").
 */
void boot_dir_names(const char *name, struct strv *ret);

/* ---- presets ---- */

struct boot_rule {
	bool enable;
	char *pattern;	       /* for fnmatch(3) */
	struct strv instances; /* of a template */
	char *where;	       /* FILE:LINE */
};

struct boot_presets {
	struct boot_rule *rules; /* the first one that matches decides */
	size_t count;
};

/* Adds the rules of one file. The files are read in the order of their names. */
void boot_read_presets(const char *file, const char *text, struct boot_presets *ret);
void boot_presets_free(struct boot_presets *p);
/* The rule that decides about a unit; NULL: none, which enables it. */
const struct boot_rule *boot_preset(const struct boot_presets *p, const char *unit);

/* ---- what starts a unit ---- */

struct boot_cause {
	char *by; /* the unit that starts it, as "multi-user.target"; NULL: the preset of a first boot */
	char *where; /* the link, or FILE:LINE */
	bool hard;   /* `by` fails without it */
	bool sure;   /* at each boot; else only when something happens, as a connection */
	bool early;  /* of a preset: its file is read before OWN_PRESET */
};

struct boot_causes {
	struct boot_cause *v;
	size_t n;
};
void boot_causes_free(struct boot_causes *c);
/* YES: a boot starts it; UNKNOWN: something may start it later; NO: nothing does. */
enum tri boot_starts(const struct boot_causes *c);

#endif
