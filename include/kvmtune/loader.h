/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loader.h - what the boot loader's files say of the kernel command line of the next boot.
 *
 * An entry is one kernel command line that a boot may have: of grub.cfg, of the Boot Loader
 * Specification, or the template from which such are made (/etc/default/grub, /etc/kernel/cmdline).
 * Which one will be booted is not known. So a value is known where all of them end in it. Entries for
 * rescue are left out. Only words about the kvm modules, blacklists and huge pages are kept.
 *
 * Order of calls: loader_add_grubenv() first, then the other loader_add_...(), then the
 * questions. Pure: no I/O. Work and memory grow with the length of the texts, no faster; texts may hold
 * any bytes. loader_free() frees what a struct loader holds.
 *
 * Not known: command lines inside of EFI images, and what GRUB computes at boot (if, eval).
 */
#ifndef KVMTUNE_LOADER_H
#define KVMTUNE_LOADER_H

#include <kvmtune/base.h>
#include <kvmtune/modconf.h>

#define LOADER_ENTRIES_MAX  4096
#define LOADER_VARS_MAX	    64
#define LOADER_EXPANDED_MAX (4 << 20) /* bytes of values of variables */

/* Words from one line of a file. */
struct loader_part {
	char *file;
	unsigned line;
	char *words; /* those of note */
	struct modconf conf;
};

struct loader_entry {
	struct loader_part *parts; /* of several for a parameter the last one counts */
	size_t count;
	bool unclear; /* a part of it is computed: what that says is not known */
};

struct loader_var {
	char *name, *value;
};

struct loader {
	struct loader_entry *entries;
	size_t count;
	bool too_many;				 /* more than the limits: the rest was left out */
	struct loader_var vars[LOADER_VARS_MAX]; /* of GRUB */
	size_t var_count, expanded;
};

/* GRUB's saved variables: "name=value" lines. */
void loader_add_grubenv(struct loader *b, const char *text);
/* Each linux line is an entry. */
void loader_add_grub_cfg(struct loader *b, const char *file, const char *text);
/* One entry of the Boot Loader Specification. */
void loader_add_bls(struct loader *b, const char *file, const char *text);
/* /etc/kernel/cmdline: one line. */
void loader_add_cmdline(struct loader *b, const char *file, const char *text);

/* /etc/default/grub, and then the files of /etc/default/grub.d, in the order of their names. */
struct grub_default {
	struct loader_entry linux_line, linux_default;
	bool any;     /* a file was read */
	bool unclear; /* it has conditions */
};
void grub_default_add(struct grub_default *d, const char *file, const char *text);
/* Makes an entry of them, if there is one. d is empty again. */
void loader_add_grub_default(struct loader *b, struct grub_default *d);

/* What all entries say of one parameter. */
struct loader_says {
	bool any;	  /* at least one names it */
	bool same;	  /* all that name it say the same */
	bool silent;	  /* at least one does not name it */
	bool unclear;	  /* of at least one it is not known */
	enum tri value;	  /* with same */
	const char *file; /* of the first that names it; NULL: none does */
	unsigned line;
};
void loader_say(const struct loader *b, const char *module, const char *param,
		struct loader_says *ret);
/* The value after a boot where files of modprobe.d give `files`. UNKNOWN: it depends on the entry. */
enum tri loader_value(const struct loader_says *says, enum tri files);

/* The first part that keeps one of these modules from being loaded, or NULL. */
const struct loader_part *loader_find_blacklist(const struct loader *b, const char *const *modules,
						size_t n);
/* Adds each word of note once with its place, "FILE:LINE"; at most so many. */
void loader_words(const struct loader *b, size_t max, struct strv *ret_words,
		  struct strv *ret_places);

void loader_free(struct loader *b);

#endif
