/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_switch.h - brings the host from one variant of a bench to another, and back.
 *
 * Each variant is a change of the host as it was found. To leave a variant its change is undone, and
 * the journal becomes what it was: at any moment it has at most that one change, and after a kill
 * `kvmtune undo`, or the next bench, brings the host back. The lock is held from the first switch on.
 */
#ifndef KVMTUNE_BENCH_SWITCH_H
#define KVMTUNE_BENCH_SWITCH_H

#include "cli.h"

#include <kvmtune/bench.h>
#include <kvmtune/port.h>

struct switch_variant {
	char *command;	    /* for journal and lock: "bench ept=off" */
	struct goal *goals; /* none: the host as it was found */
	size_t count;
};

struct switcher {
	struct ports *ports;
	struct ports held; /* the same, but for what differs once a change was made */
	struct switch_variant variants[BENCH_VARIANTS_MAX];
	size_t count;
	int now;	    /* the variant that the host is in; -1: as it was found */
	bool applied;	    /* a change is in the journal */
	bool stuck;	    /* neither here nor there: nothing more can be done */
	bool knows_journal; /* as it was found */
	bool had_journal;
	struct buf journal;
	char *recovered; /* the variant of a killed bench, which was left first; NULL: none */
};

/* Takes the variants apart; "current" is one. STATUS_USAGE where one is none. */
enum exit_status switcher_parse(struct switcher *s, const struct strv *variants, struct err *e);

/*
 * Would each of them be possible now? 0 or the refusal. The host is changed only where an earlier bench
 * was killed: it is brought back from the variant of that one.
 */
int switcher_check(struct switcher *s, struct err *e);

/* Does a variant turn EPT or NPT off? */
bool switcher_has_shadow(const struct switcher *s);

/* Costs nothing where the host is in it already. After a failure the host is as it was found. */
int switcher_to(struct switcher *s, size_t variant, struct err *e);

/* Back to the host as it was found, also after a signal. */
int switcher_restore(struct switcher *s, struct err *e);

void switcher_free(struct switcher *s);

#endif
