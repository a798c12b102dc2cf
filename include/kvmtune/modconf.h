/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * modconf.h - what modprobe.d and the kernel command line say about modules, with file and line.
 *
 * libkmod gives the effective options of a module but not where they come from, so kvmtune reads
 * the same files itself. It must agree with libkmod on every tree; tests/diff holds it to that.
 * The rules (libkmod-config.c, kmod 30):
 *
 *   - files are named *.conf or *.alias, do not start with a dot, and are no directories;
 *   - a name in a directory of higher priority hides the same name in the lower ones;
 *   - the survivors are read in the order of their names (strcmp), whatever their directory;
 *   - every `options` line counts, in that order; the kernel reads left to right: the last wins;
 *   - the kernel command line (module.param=value) comes behind all files, and so beats them.
 *
 * Order of calls: modconf_select() over the directory listings, modconf_add_file() for each
 * survivor in its order, modconf_add_cmdline(), then the questions. Pure: no I/O.
 * Work and memory grow with the length of the texts, no faster.
 * Ownership: struct modconf owns all it holds; modconf_free() frees it.
 */
#ifndef KVMTUNE_MODCONF_H
#define KVMTUNE_MODCONF_H

#include <kvmtune/base.h>

enum modconf_kind {
	MODCONF_OPTIONS,
	MODCONF_ALIAS,
	MODCONF_BLACKLIST,
	MODCONF_INSTALL,
	MODCONF_REMOVE,
	MODCONF_SOFTDEP,
};

/* One directive. line is where it begins, from 1; for the kernel command line it is 0. */
struct modconf_line {
	enum modconf_kind kind;
	unsigned line;
	const char *file; /* path, or MODCONF_CMDLINE */
	/* First word, '-' turned into '_' as libkmod does; an alias line: the alias. */
	const char *module;
	const char *value; /* the rest of the line as libkmod keeps it; "" where there is none */
};

#define MODCONF_CMDLINE "/proc/cmdline"

struct modconf {
	struct modconf_line *lines;
	size_t count;
	char **texts; /* that the lines point into */
	size_t text_count;
};

/* The directories, highest priority first; NULL-terminated. */
extern const char *const modconf_dirs[];

/* A candidate: a name found in the directory modconf_dirs[dir]. */
struct modconf_name {
	size_t dir;
	char *name;
};

/* Does libkmod read a file of this name? (The caller leaves directories out.) */
bool modconf_is_config_name(const char *name);

/*
 * Sorts names[0..n) into reading order and moves the hidden ones behind: returns how many survive.
 * The same name twice in one directory cannot be.
 */
size_t modconf_select(struct modconf_name *names, size_t n);

/* Reads one file, which may hold any bytes; lines libkmod would not understand are passed over. */
void modconf_add_file(struct modconf *c, const char *path, const char *text, size_t len);

/* Reads the kernel command line, at most the first 4095 bytes, as libkmod does. */
void modconf_add_cmdline(struct modconf *c, const char *text);

/*
 * The part of the kernel command line that is the kernel's, and so that of modules built into it: up
 * to a lone "--", behind which are the words of init (kernel/params.c:parse_args). The caller frees it.
 */
char *modconf_kernel_words(const char *cmdline);
/* Does a `name=a,b` in it have one of these in its list? */
bool modconf_kernel_list_has(const char *words, const char *name, const char *const *any, size_t n);

/*
 * Returns in ret what it would be with another file in place: `path` (in the directory of the highest
 * priority) holds this text, or is not there (NULL). The caller frees ret, and before c: the lines
 * of other files point into the texts of c.
 */
void modconf_with_file(const struct modconf *c, const char *path, const char *text,
		       struct modconf *ret);

void modconf_free(struct modconf *c);

/*
 * The options the module would be loaded with, as kmod_module_get_options() gives them for a
 * module looked up by its name: all values joined by a space. The caller frees it; NULL for none.
 */
char *modconf_options(const struct modconf *c, const char *module);

/* One `param[=value]` among the options of a module. */
struct modconf_token {
	const struct modconf_line *at;
	char param[64];
	char value[128]; /* "" with has_value false: the name stands alone, which means true */
	bool has_value;
};

/* The value of the option for the kernel: its text, or "1" if the name stands alone. */
const char *modconf_token_value(const struct modconf_token *t);

/*
 * Calls each() for every option of the module in effective order, its words split as the kernel
 * splits them (white space, double quotes); '-' and '_' in param count as the same, and param is
 * given with '_'. Words longer than the token's fields are cut. Stops early when each() returns
 * false. Options given for an alias of the module are not among them.
 */
void modconf_each_option(const struct modconf *c, const char *module,
			 bool (*each)(const struct modconf_token *t, void *arg), void *arg);

/* The option of a parameter that takes precedence. False: there is none. */
bool modconf_winner(const struct modconf *c, const char *module, const char *param,
		    struct modconf_token *ret);

/* The first line of this kind for the module, or NULL. */
const struct modconf_line *modconf_find(const struct modconf *c, enum modconf_kind kind,
					const char *module);

/* Is this name an alias of the module, by an `alias` line whose pattern is plain text? */
bool modconf_is_alias(const struct modconf *c, const char *name, const char *module);
/* Adds all such aliases of the module: each as its line has it, sorted. */
void modconf_aliases(const struct modconf *c, const char *module, struct strv *ret);

#endif
