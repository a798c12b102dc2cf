/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan_module.h - what the files that plan module parameters share; nobody else includes this.
 *
 * plan_module.c decides, plan_refuse.c says what stands in the way, own_conf.c knows the text of
 * our file, plan_reload.c makes the steps of a reload, plan_module_back.c plans the undo.
 */
#ifndef KVMTUNE_PLAN_MODULE_H
#define KVMTUNE_PLAN_MODULE_H

#include <kvmtune/plan.h>

/* One parameter of the module, and what it has to become. */
struct want {
	const struct setting *setting;
	const struct module_param *row;
	const struct param_facts *is;
	enum tri value; /* UNKNOWN: by an undo, where the default is in force again */
};

/* All that these functions need to know; made once for each module. */
struct work {
	const struct host *host;
	enum module_id id;
	const struct kvm_module *module;
	const struct module_facts *m;
	struct plan *plan;
	const char *again; /* what the user has to type again: "ept off", "undo" */
	struct want wants[SETTING_COUNT];
	size_t want_count;
	const char *own_conf; /* text of our file, as planned so far */
	bool reload;	      /* the module is to be removed and inserted */
	struct err busy;      /* why it is not, with DEFER_IF_BUSY */
	struct modconf next;  /* modprobe.d as it will be */
	bool file_changes;    /* own file differs from now: file_text, NULL: to be removed */
	char *file_text;
	struct modconf_token *asked; /* for each parameter: the option of `next` in force */
	size_t asked_count;
	bool others_move; /* the reload applies other options, which were not in force before */
};
void work_begin(struct work *w, const struct host *host, enum module_id module, struct plan *plan);
void work_end(struct work *w);
void work_add_want(struct work *w, const struct setting *s, enum tri value);
/* NULL: the change is not about this parameter. */
const struct want *work_find_want(const struct work *w, const char *param);

/* The functions of this kind of settings: see plan.c. */
void plan_modules(const struct host *host, const struct plan_options *options, struct plan *plan);
void plan_modules_back(const struct host *host, const struct step *steps, size_t count,
		       const struct plan_options *options, struct plan *plan);
unsigned module_goal_parts(const struct goal *goal);
unsigned module_past_parts(const struct step *steps, size_t count);

/* Each fills plan->refusal and returns true, or returns false: nothing in the way. */
bool refuse_impossible(struct work *w, const struct want *x); /* what this host can never do */
bool refuse_builtin(struct work *w, const struct want *x);
bool refuse_unclear(struct work *w);	/* being loaded or removed, or not readable */
bool refuse_lost_file(struct work *w);	/* our option would not win; finds our file's text, too */
bool refuse_bad_option(struct work *w); /* one that the kernel refuses: nothing would load */
bool refuse_install_line(struct work *w);
bool refuse_rights(struct work *w);	  /* not root, or /etc/modprobe.d is not to be written */
bool refuse_other_module(struct work *w); /* one that keeps ours from being loaded */
bool refuse_reload(struct work *w);	  /* what stands in the way of a reload just now */

/*
 * Finds the text of our file with which the next load gives all that is wanted. NULL: there it is;
 * else what it would not give.
 */
const struct want *own_conf_find(struct work *w);
/* What the next load gives by these options; UNKNOWN: it cannot be told. */
enum tri next_value(const struct work *w, const struct modconf *c, const struct want *x);

/* Notes what each change brings: a module that stays unloaded runs with nothing. */
void work_note_brings(const struct work *w);

/* Is the module loaded with another value than wanted? */
bool want_needs_reload(const struct work *w, const struct want *x);
bool work_reload_needed(const struct work *w); /* for one of them */
/* Is a reload put off to the next load, as these options say? Sets w->busy if only because of guests. */
bool work_defers(struct work *w, const struct plan_options *options);
/* Is KVM in use, or another hypervisor active? *ret says which. */
bool work_is_busy(struct work *w, struct err *ret);
/*
 * The undo of the module's removal, if it was among these steps: it knows the module as it was
 * before. Not that of another module, whatever a journal says: what is planned is about this one.
 */
const struct act *work_find_restore(const struct work *w, const struct step *steps, size_t count);
/* The change of our file and the check that it wins; only the check where the file stays. */
void work_add_file_steps(struct work *w);
/* Unload, load (options NULL: as configured) and all checks. */
void work_add_reload_steps(struct work *w, const char *options);
/* Load a module that is away, as above. */
void work_add_load_steps(struct work *w, const char *options, const struct device_facts *device);
/* Unload, if it is loaded, and load exactly as this act says. */
void work_add_restore_steps(struct work *w, const struct act *restore);
void work_add_device_check(struct work *w, const struct device_facts *device);

#endif
