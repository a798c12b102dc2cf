/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scrub.h - takes out of a host's files what says whose host it is, and keeps what kvmtune looks at.
 *
 * Files that others write (modprobe.d, unit files, tuned, the kernel command line...) lose every line
 * and word that kvmtune makes nothing of; what is left keeps its line. Names of guests, users,
 * programs and cgroups become numbered words ("guest-1"), the same one everywhere. In all that is left
 * UUIDs, addresses and the host's name are replaced. A file that no rule knows is left out whole.
 *
 * Pure. struct scrub is made with { 0 } and the two members below; scrub_free() frees it.
 */
#ifndef KVMTUNE_SCRUB_H
#define KVMTUNE_SCRUB_H

#include <kvmtune/modconf.h>
#include <kvmtune/user.h>

enum scrub_kind { SCRUB_GUEST, SCRUB_USER, SCRUB_PROGRAM, SCRUB_GROUP, SCRUB_KINDS };

struct scrub {
	const char *host_name;	    /* "" unknown */
	const struct modconf *conf; /* of the host: which names stand for a module of KVM */
	struct strv names[SCRUB_KINDS];
};
void scrub_free(struct scrub *s);

/* What SCRUB_HOST_NAME stands for is the host's name. */
#define SCRUB_HOST_NAME "host"

/* A name's word; programs and users that are part of a distribution keep theirs. To be freed. */
char *scrub_name(struct scrub *s, enum scrub_kind kind, const char *name);
/* A cgroup's path, part by part: "/machine.slice/group-1.scope/libvirt". To be freed. */
char *scrub_cgroup(struct scrub *s, const char *path);
/* "ID:CONTROLLERS:PATH" a line, as in /proc/PID/cgroup. Appended. */
void scrub_cgroups(struct scrub *s, const char *text, struct buf *ret);
/* A command line from which user_describe() reads the same, but for the names. Appended. */
void scrub_args(struct scrub *s, const struct kvm_user *u, struct strv *ret);

enum scrub_result {
	SCRUB_UNKNOWN, /* no rule knows what in it is private */
	SCRUB_NOTHING, /* kvmtune makes nothing of it */
	SCRUB_LEFT
};
/* What is left of a file, appended. */
enum scrub_result scrub_file(struct scrub *s, const char *path, const struct buf *text,
			     struct buf *ret);
/* UUIDs, addresses and the host's name, wherever they stand. Appended. */
void scrub_identifiers(const struct scrub *s, const char *text, size_t len, struct buf *ret);

#endif
