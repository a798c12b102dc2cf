/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conf_lines.h - every line of modprobe.d and the kernel command line about a setting.
 */
#ifndef KVMTUNE_CONF_LINES_H
#define KVMTUNE_CONF_LINES_H

#include <kvmtune/host.h>

struct conf_line {
	char *text;	   /* "options kvm_intel ept=1 (overridden)" */
	size_t remark_len; /* of the remark at the end of text; 0: none */
	char *where;	   /* "/etc/modprobe.d/kvm.conf:3", "kernel command line" */
	const char *kind;  /* "options", "install", "remove", "blacklist", "softdep" */
	bool decides;	   /* the next load */
	bool refused;	   /* the module would not load with it */
};

struct conf_lines {
	struct conf_line *v;
	size_t count;
	size_t left_out; /* beyond CONF_LINES_MAX; the one that decides is never among them */
};

#define CONF_LINES_MAX 1000

/* Of a setting in this module. */
void find_conf_lines(const struct host *h, const struct setting *s, enum module_id module,
		     struct conf_lines *ret);
void conf_lines_free(struct conf_lines *m);

/* Adds the source of the next load: file and line, "kernel command line", "default". */
void module_next_source(const struct host *h, const struct setting *s, enum module_id module,
			struct strv *ret);

/* The file and line that decide the next boot, by the boot entries; else "boot entries". */
void next_boot_source(const struct param_facts *of, struct strv *ret);
/* The value after the next boot: "on", "by default", "depends on the boot entry". */
const char *next_boot_word(const struct param_facts *of);

#endif
