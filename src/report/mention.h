/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * mention.h - every place of modprobe.d and the kernel command line that has a say in a setting.
 */
#ifndef KVMTUNE_MENTION_H
#define KVMTUNE_MENTION_H

#include <kvmtune/host.h>

struct mention {
	char *text;	  /* "options kvm_intel ept=1 (overridden)" */
	char *where;	  /* "/etc/modprobe.d/kvm.conf:3", "kernel command line" */
	const char *kind; /* "options", "install", "remove", "blacklist", "softdep" */
	bool wins;	  /* this one decides */
};

struct mentions {
	struct mention *v;
	size_t count;
	size_t left_out; /* beyond MENTIONS_MAX; the one that decides is never among them */
};

#define MENTIONS_MAX 1000

/* Of a setting in this module. */
void find_mentions(const struct host *h, const struct setting *s, enum module_id module,
		   struct mentions *ret);
void mentions_free(struct mentions *m);

/* Adds who decides the next load of this module: file and line, "kernel command line", "default". */
void module_next_source(const struct host *h, const struct setting *s, enum module_id module,
			struct strv *ret);

#endif
