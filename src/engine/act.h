/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * act.h - one act of a step, done on the host through the ports.
 */
#ifndef KVMTUNE_ACT_H
#define KVMTUNE_ACT_H

#include <kvmtune/apply.h>

struct act_context {
	struct ports *ports;
	const struct host *before;
	struct apply_report *report;
	const struct apply_what *what;
	int64_t unloaded_at; /* monotonic ms; -1: the module is there */
	struct memory_usual {
		struct memory_facts from, to;
		int64_t ms;
	} usual; /* how memory was in the second before the change; ms 0: not looked at */
};

/* Does one act. 0, or a negative errno with e filled; then the act itself has left no trace. */
int act_do(struct act_context *c, const struct act *act, struct err *e);

/* Those of KSM and its services (act_ksm.c). */
int act_ksm_do(struct act_context *c, const struct act *act, struct err *e);

/*
 * Has nobody changed the file that this step writes since the plan was made? Else -ESTALE. 0 for all
 * other steps.
 */
int act_check_unchanged(struct act_context *c, const struct step *step, struct err *e);

/* Takes a step back, as far as it was done. Of a file only what the step wrote: others' lines stay. */
int act_roll_back(struct act_context *c, const struct step *step, struct err *e);

#endif
