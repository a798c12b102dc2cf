/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tuned.h - profiles of tuned (tuned.conf(5)), as it merges them: what a profile includes comes before
 * it, and a section of the same name takes over, key by key.
 *
 * Pure. A section counts unless it says enabled=0; replace=1 drops what was said before, drop=a,b some
 * of it. Ownership: struct tuned owns all it holds; tuned_free() frees it.
 */
#ifndef KVMTUNE_TUNED_H
#define KVMTUNE_TUNED_H

#include <kvmtune/base.h>

struct tuned_option {
	char *key, *value;
	char *where; /* FILE:LINE */
};

struct tuned_section {
	char *name, *type; /* the plugin: by default the name */
	bool enabled;
	struct tuned_option *options;
	size_t count;
};

struct tuned {
	struct tuned_section *sections;
	size_t count;
};

/* The profiles that a profile includes, added to ret. They are to be added before it. */
void tuned_read_includes(const char *text, struct strv *ret);
void tuned_add(struct tuned *t, const char *file, const char *text);
void tuned_free(struct tuned *t);

/*
 * The value that the plugin `sysfs` writes into an attribute: the last option whose path or pattern is it. NULL:
 * none.
 */
const struct tuned_option *tuned_sysfs(const struct tuned *t, const char *path);
/* The action of the plugin `service` on a unit, "ksmtuned": "start,enable". NULL: none. */
const struct tuned_option *tuned_service(const struct tuned *t, const char *unit);
/* What the plugin `vm` says by one of these options, NULL-terminated. NULL: nothing. */
const struct tuned_option *tuned_vm(const struct tuned *t, const char *const *keys);

#endif
