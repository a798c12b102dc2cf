/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan_ksm.h - what the files that plan KSM share; nobody else includes this.
 *
 * plan_ksm.c turns a goal into a target, plan_ksm_back.c the steps of the past; plan_ksm_steps.c
 * makes the steps from the host to a target, whichever it is, with plan_ksm_links.c (what starts at
 * boot) and plan_ksm_jobs.c (what runs); plan_ksm_refuse.c says what else stands in the way.
 */
#ifndef KVMTUNE_PLAN_KSM_H
#define KVMTUNE_PLAN_KSM_H

#include <kvmtune/plan.h>

#define RUN_AS_IS (-1)

#define KSM_ATTRIBUTE (settings[SETTING_KSM].attribute)

struct unit_target {
	enum tri enabled, active; /* UNKNOWN: as it is */
	enum tri masked;	  /* by a link of ours: UNKNOWN: as it is */
	bool runtime;		  /* enabled until the next boot only: said by 0.1.0 */
};

/* What is wanted of KSM and those that drive it. */
struct ksm_target {
	int run; /* 0, 1, 2; RUN_AS_IS */
	struct unit_target units[KSM_UNIT_DRIVERS];
	bool file_known;   /* file_run is what our file of tmpfiles.d shall say; else as it is */
	int file_run;	   /* -1: nothing */
	bool preset_known; /* preset_units is what our preset file shall disable */
	unsigned preset_units; /* a bit each */
	bool wants;	       /* what a service wants is started with it, not only what it needs */
	/* Where the links of a service were changed in the past: these very ones. NULL: as it is. */
	const struct step *past;
	size_t past_count;
	bool back; /* past is undone; else its links are only made again */
};

/* All that these functions need to know; made once for each goal. */
struct ksm_work {
	const struct host *host;
	const struct ksm_facts *k;
	const struct plan_options *options;
	struct plan *plan;
	struct ksm_target target;
	size_t first_step;
	bool live; /* the running kernel and services are to be changed, too */
};

void ksm_work_begin(struct ksm_work *w, const struct host *host, const struct plan_options *options,
		    struct plan *plan);

/* The functions of this kind of settings: see plan.c. */
void plan_ksm(const struct host *host, const struct plan_options *options, struct plan *plan);
void plan_ksm_back(const struct host *host, const struct step *steps, size_t count,
		   const struct plan_options *options, struct plan *plan);
unsigned ksm_goal_parts(const struct goal *goal);
unsigned ksm_past_parts(const struct step *steps, size_t count);

/* The steps to w->target. */
void ksm_add_steps(struct ksm_work *w);
bool ksm_has_steps(const struct ksm_work *w);
/* The steps for the links; systemd reads its files again after the last one. */
void ksm_add_link_steps(struct ksm_work *w);
/* Is this one to be stopped, or started? Also one that is already being stopped is waited for. */
bool ksm_stops(const struct ksm_work *w, size_t unit);
bool ksm_starts(const struct ksm_work *w, size_t unit);
void ksm_add_stop_steps(struct ksm_work *w);
void ksm_add_start_steps(struct ksm_work *w);
/* Keeps for an undo after the next boot what runs, where the target is otherwise. */
void ksm_keep_running_state(struct ksm_work *w);
/* Does what runs differ from the target? */
bool ksm_running_differs(const struct ksm_work *w);
/* Is `run` to be written for the target, services aside? */
bool ksm_run_changes(const struct ksm_work *w);
/* How many bytes are to free. */
uint64_t ksm_reserve(const struct ksm_work *w);

/* Does something start this unit at boot that goes with no link of ours? What it is, or NULL. */
const struct boot_cause *ksm_foreign_cause(const struct ksm_work *w, size_t unit);

/* Each fills plan->refusal and returns true, or returns false: nothing in the way. */
/* Also where there is no KSM, and it is off as wanted: then the change is `already`. */
bool ksm_refuse_impossible(struct ksm_work *w);
bool ksm_refuse_target(struct ksm_work *w); /* a unit that cannot be enabled or disabled */
bool ksm_refuse_jobs(struct ksm_work *w);   /* other units stand in the way */
/* For `off`: a unit that would start one of the services again. */
bool ksm_refuse_revived(struct ksm_work *w);
bool ksm_refuse_rights(struct ksm_work *w);
bool ksm_refuse_memory(struct ksm_work *w);
/* Is it too little to unmerge now? *ret says why. */
bool ksm_memory_is_short(struct ksm_work *w, struct err *ret);

/* The state that these earlier steps found: the target of the undo. */
struct ksm_target ksm_target_of_past(const struct step *steps, size_t count);

#endif
