/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan.h - from a host and goals to a list of steps, or to a refusal.
 *
 * plan_build() is pure: no I/O, no clock, no globals. The steps carry everything that applying
 * them needs, each with the act that undoes it; dry run, apply, undo, journal and report read
 * this one list. A plan without steps verifies that the host has reached its goal.
 *
 *	struct plan plan = { 0 };
 *	plan_build(&host, goals, n, &options, &plan);
 *	if (plan.refusal.code) ...       nothing may be touched
 *	apply(&ports, &plan, ...)
 *	plan_free(&plan);
 *
 * Ownership: a plan owns its strings; it does not point into the host.
 */
#ifndef KVMTUNE_PLAN_H
#define KVMTUNE_PLAN_H

#include <kvmtune/advice.h>
#include <kvmtune/err.h>
#include <kvmtune/host.h>

enum act_kind {
	ACT_NONE,
	ACT_WRITE_FILE,	 /* target: path; text: its whole new content; mode */
	ACT_REMOVE_FILE, /* target: path */
	/*
	 * target: module; wanted: libkmod must say so for the next load. expects: what the running
	 * module has of these; empty where it is not loaded.
	 */
	ACT_CONFIRM,
	ACT_UNLOAD, /* target: module */
	ACT_LOAD, /* target: module; text: exactly these options, or NULL: as configured; wanted */
	/*
	 * target: module; text, wanted, expects, device: all as it was. With the options in `wanted`
	 * alone, should the kernel refuse the text: better than no KVM.
	 */
	ACT_RESTORE,
	/* target: module; expects: what each parameter must be afterwards; wanted: for people */
	ACT_CHECK_PARAMS,
	ACT_CHECK_DEVICE, /* target: path; device: owner, mode and ACL it must have again */
	ACT_CHECK_GUEST,  /* a test guest runs */
	/*
	 * target: unit; runtime. Only in journals of 0.1.0, as what leads back: links are made and
	 * removed one by one since.
	 */
	ACT_ENABLE_UNIT,
	ACT_DISABLE_UNIT,
	ACT_START_UNIT, /* target: unit */
	ACT_STOP_UNIT,
	ACT_MAKE_LINK,	 /* target: path; text: where it leads; reload */
	ACT_REMOVE_LINK, /* target: path; text: where it led; reload, new_dir */
	/*
	 * target: KSM_RUN_FILE; text: "0", "1" or "2"; reserve_bytes, which "2" must leave free. It
	 * is read back.
	 */
	ACT_SET_RUN,
	ACT_SET_ATTRIBUTE, /* target: path of an attribute; text: its word. It is read back. */
	ACT_WATCH_MEMORY,  /* watch_ms: so long the host must not begin to swap */
	ACT_KIND_COUNT
};
const char *act_name(enum act_kind kind); /* "write", "unload"...: in text and in JSON */
enum act_kind act_find(const char *name, bool *ret_found);

/* The value of a parameter before a reload, and the expected one after it. */
struct expect {
	char *param;
	char *before;
	char *after;	/* NULL: the kernel sets it as it likes */
	bool announced; /* the plan mentions it, or it is obvious */
};

/* The value of a parameter that a change is about; UNKNOWN: the default, whatever that is. */
struct wanted {
	char *param;
	enum tri value;
	bool by_default; /* no option may say anything of it, or all that do must agree */
};

struct act {
	enum act_kind kind;
	char *target;
	char *text;
	struct wanted *wanted;
	size_t wanted_count;
	unsigned mode;
	bool runtime;
	bool reload;  /* the last of several links: systemd reads its files again, once for all */
	bool new_dir; /* its directory was made for it, and goes with it when it is empty */
	uint64_t reserve_bytes;
	int64_t watch_ms;
	struct device_facts device;
	struct expect *expects;
	size_t expect_count;
};

struct step {
	struct act act;
	struct act back; /* ACT_NONE: nothing to undo */
	char *note;	 /* for people: why, or what comes with it; NULL */
	/* KVM is away until this step is done: not even a signal comes between. */
	bool urgent;
};

/* Something else that a reload changes: an option edited since the module was loaded. */
struct effect {
	char *module, *param;
	char *from, *to;
	char *file;    /* who asks for it */
	unsigned line; /* 0: the kernel command line */
};

/* What a parameter of the running module was before these steps; UNKNOWN: they do not say. */
enum tri steps_value_before(const char *module, const char *param, const struct step *steps,
			    size_t count);

/* One goal, before and after. */
struct change {
	const struct setting *setting;
	const char *value; /* wanted; in an undo: what it was */
	const char *file;  /* of the goal: where it is wanted; NULL: not in a file */
	unsigned line;
	/*
	 * Before the change: the state and that after the next load or boot, in the setting's own
	 * words ("on", "off", "unmerged"); NULL: unknown.
	 */
	const char *now, *next;
	/* The same once it is done; NULL: unknown. A boot leaves nothing merged: `ksm unmerged` brings next "off". */
	const char *brings_now, *brings_next;
	bool waits;	     /* takes effect at the next module load or boot only */
	bool already;	     /* nothing to do */
	struct err deferred; /* with DEFER_IF_BUSY: why it waits; code 0: nothing is in the way */
	/* Why this host can never have it; code 0: it can. The refusal of the plan says so, too. */
	struct err impossible;
};

/* What is saved for the next module load or boot, while the running host is left alone. */
enum defer {
	DEFER_NO,
	DEFER_ALL,
	DEFER_IF_BUSY, /* only what running guests or too little memory keep from being done now */
};
#define DEFER_WORDS "yes, no or if-busy"
/* By these words. False: it is none of them, and *ret stays. */
bool defer_find(const char *word, enum defer *ret);

/* How long a change waits until nothing stands in its way, beside a number of milliseconds. */
#define WAIT_NOT     (-1)
#define WAIT_FOREVER INT64_MAX

/* The larger of 5 % of the memory and 1 GiB. */
#define RESERVE_DEFAULT UINT64_MAX

/* Is what is wanted there already, whatever the next load or boot gives? */
bool change_is_so_now(const struct change *c);
/* Is it saved, so that only what runs now differs until the next load or boot? */
bool change_is_saved(const struct change *c);
/* The state of a goal on this host; the worst last. Running guests do not matter. */
enum goal_state {
	GOAL_OK,
	GOAL_PENDING, /* saved, it waits for the next load or boot */
	GOAL_REFUSED, /* never on this host */
	GOAL_UNKNOWN,
	GOAL_DIFFERS,
};
enum goal_state change_state(const struct change *c);
const char *goal_state_name(enum goal_state s); /* "ok", "pending"...: in JSON */

struct plan_options {
	const char *again; /* what to type to do it again; NULL: by the goal, "ept off" */
	enum defer defer;
	unsigned
		busy; /* with DEFER_IF_BUSY: settings (a bit each) that wait, whatever the host says */
	uint64_t reserve_bytes; /* of memory to be left free; RESERVE_DEFAULT */
	int64_t watch_ms;	/* how long to watch for swapping after unmerging; 0: not */
	/*
	 * The steps of the change that turned KSM off: `ksm on` brings back what it found. NULL:
	 * none is known.
	 */
	const struct step *ksm_before;
	size_t ksm_before_count;
	bool revive; /* what was interrupted may have left the module out: bring it back */
	bool booted; /* for plan_back(): the host was booted since the change */
	bool exact;  /* for plan_back(): of an interrupted change, to exactly what was before */
};

struct plan {
	struct change *changes;
	size_t change_count;
	struct step *steps;
	size_t step_count;
	/*
	 * With `defer`: the state of the running host, as inverses of steps that do nothing. They are
	 * not done, only kept in the journal: after a boot an undo has to know.
	 */
	struct step *kept;
	size_t kept_count;
	struct strv lost; /* what of a past change cannot be undone any more, a sentence each */
	struct effect *effects;
	size_t effect_count;
	enum advice_id *advice;
	size_t advice_count;
	struct err refusal; /* the first, which decides the exit status; code 0: none */
	struct err *also;   /* the others */
	size_t also_count;
	bool refused_for_users; /* show the holders of KVM */
	/*
	 * It rests on whether the module could be loaded again, which was not looked at: plan again
	 * after observe_reload().
	 */
	bool asks_reload;
	enum exit_status
		status; /* what a run that succeeds gives: DONE, PENDING or the refusal's */
};

void plan_build(const struct host *host, const struct goal *goals, size_t count,
		const struct plan_options *options, struct plan *ret);

/*
 * Plans the undo of an earlier change, given as its steps: what the host still needs so that
 * each step is undone, files first, then modules. Works from any state in between.
 */
void plan_back(const struct host *host, const struct step *steps, size_t count,
	       const struct plan_options *options, struct plan *ret);

/* Has the host all that these steps of an interrupted change were to bring? */
bool plan_is_reached(const struct host *host, const struct step *steps, size_t count);

/* Does the plan need a module reload? */
bool plan_reloads(const struct plan *plan);

/* The next step for the user after this error of file.writable(). */
const char *plan_unwritable_hint(int code);

/* The parts of the host that plans for these goals need, or an undo of these steps. */
unsigned goals_parts(const struct goal *goals, size_t count);
unsigned past_parts(const struct step *steps, size_t count);

/* Do these steps of the past have to do with KSM? Did they turn it off, or on? */
bool plan_touches_ksm(const struct step *steps, size_t count);
bool plan_turned_ksm_off(const struct step *steps, size_t count);
bool plan_turned_ksm_on(const struct step *steps, size_t count);

void plan_free(struct plan *plan);
void step_free(struct step *step);
void act_free(struct act *act);

/* One line for people: "/etc/modprobe.d/zz-kvmtune.conf   options kvm_intel ept=0". */
void act_target_text(const struct act *act, struct buf *ret);
void act_detail_text(const struct act *act, struct buf *ret);

#endif
