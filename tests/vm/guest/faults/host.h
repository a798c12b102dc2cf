/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host.h - what is looked at of a host, or of an image, and compared
 *
 *	host_look(&host);		all that a command of kvmtune may alter
 *	host_differences(&host, &other)	how many of them matter; and the like
 *	host_free(&host);
 *
 *	host_settled(&want, &host)	looks, too, until others have done their part
 *
 * Who has looked frees. An item that is found is the host's.
 * Of an image the files are looked at only, never what the kernel that runs says.
 */
#ifndef FAULTS_HOST_H
#define FAULTS_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define KSM "/sys/kernel/mm/ksm/"

struct item {
	char *path; /* without the root */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	char *text; /* of a file, or where a link leads */
	size_t len;
};

struct host {
	struct item *items; /* by path */
	size_t count;
};

void host_look(struct host *ret);
void host_free(struct host *h);

/* NULL: it is not there. */
const struct item *host_find(const struct host *h, const char *path);

/* What is in one only, or differs: is told to `each` with NULL for what is not there. */
typedef void difference_fn(const struct item *have, const struct item *want, void *arg);
void host_compare(const struct host *have, const struct host *want, difference_fn *each, void *arg);

/* Those that matter: the journal may differ, what a torn write left over may not. */
unsigned host_differences(const struct host *have, const struct host *want);
void host_print_differences(const struct host *have, const struct host *want);

/* Byte for byte, the journal too: what kvmtune says of one it says of the other. */
bool host_is_identical(const struct host *a, const struct host *b);

/* Looks until nothing differs that others set a little later; false: there are differences. */
bool host_settled(const struct host *want, struct host *ret);

/* Of a path without the root: can it be put back as a file? Is it a directory, or in it? */
bool is_in_trees(const char *path);
bool is_below(const char *path, const char *dir);

/* Are there pages that KSM shares? Never in an image. */
bool is_merged(void);

/* A lock that somebody holds when all of them have ended would be held for ever. */
bool is_locked(void);

#endif
