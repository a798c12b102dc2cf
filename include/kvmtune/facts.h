/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * facts.h - plain facts that the ports return and struct host holds.
 */
#ifndef KVMTUNE_FACTS_H
#define KVMTUNE_FACTS_H

#include <kvmtune/base.h>

/* CPUID of the logical CPU this runs on. */
struct cpu_id {
	char vendor[16];
	char brand[64];
	int family, model, stepping;
	enum tri vmx, svm;
	enum tri hypervisor;	  /* this is itself a guest */
	char hypervisor_name[32]; /* "" unknown */
};

struct host_id {
	char name[65];
	char kernel[65];  /* release */
	char version[65]; /* as uname -v has it: when and by whom it was built */
	char machine[65];
	unsigned page_bytes;	   /* of a base page; 0 unknown */
	unsigned ticks_per_second; /* of the times in /proc/PID/stat */
};

/*
 * The state of a unit by the service manager, in systemd's own words (org.freedesktop.systemd1(5));
 * "" is unknown.
 */
struct unit_state {
	char load[32];	 /* "loaded", "not-found", "masked", "bad-setting", "error" */
	char active[32]; /* "active", "inactive", "failed", "activating", ... */
	char file[32];	 /* "enabled", "disabled", "static", "masked", ...; "" no unit file */
	char job[32];	 /* what waits to be done to it, or is being done: "start", "stop"; "" */
	bool no_start, no_stop; /* not by hand: RefuseManualStart=, RefuseManualStop= */
};

/*
 * Names of the units that a start or a stop of a unit has to do with (systemd.unit(5), "Mapping of
 * unit properties to their inverses").
 */
struct unit_relations {
	struct strv needs;	/* Requires, BindsTo: started with it, and it fails without them */
	struct strv requisites; /* Requisite: it fails unless they run already */
	struct strv wants;	/* Wants, Upholds: started with it where that works */
	struct strv conflicts;	/* Conflicts, ConflictedBy: stopped by its start */
	struct strv stops;	/* RequiredBy, RequisiteOf, BoundBy, ConsistsOf, PropagatesStopTo */
	struct strv revived_by; /* UpheldBy, TriggeredBy: they start it again */
};
void unit_relations_free(struct unit_relations *r);

/*
 * Files that are there, or may be, and cannot be read: what they say is unknown. error is a negative
 * errno; -EINVAL is a file of a kind that nobody reads, as a FIFO; -EFBIG is too much.
 */
struct unread_file {
	char *path;
	int error;
};

struct unread {
	struct unread_file *files;
	size_t count;
	void *paths; /* of these files, for tsearch(3) */
	/* Amount read of this kind so far: there is a limit on each. */
	size_t names, bytes, lines;
};

void unread_free(struct unread *u);
/* Not a regular file, as a FIFO: opening it may block for ever, in libkmod too. */
bool unread_is_special(const struct unread_file *file);
/* Does one of them say more than kvmtune reads? */
bool unread_has_too_much(const struct unread *u);
const char *unread_reason(const struct unread_file *file); /* "Permission denied"; do not free */

#endif
