/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan_common.h - what all plan functions share; nobody outside of them includes this.
 */
#ifndef KVMTUNE_PLAN_COMMON_H
#define KVMTUNE_PLAN_COMMON_H

#include <kvmtune/plan.h>

/* The next step of the plan, empty. It stays where it is until the next one is added. */
struct step *plan_add_step(struct plan *plan);
/*
 * Writes (NULL: removes) a file of ours; its undo is what was there before. A plan has one such step
 * for each file: another setting's lines join it.
 */
void plan_add_file_step(struct plan *plan, const char *path, const char *text, const char *before);
/* Does it write or remove this file? */
bool plan_changes_file(const struct act *act, const char *path);
/* The text that the plan gives this file, or else `now`. */
const char *plan_file_text(const struct plan *plan, const char *path, const char *now);
/* Has our line in OWN_TMPFILES for this attribute say this (NULL: there is none) at each boot. */
void plan_keep_attribute(struct plan *plan, const struct host *host, const struct attribute *a,
			 const char *want);
/* Does a step of the past change that line? */
bool plan_changes_attribute_line(const struct step *s, const struct attribute *a);
/* What steps of the past wrote into this file and found there, NULL: no file. False: they did not. */
bool plan_file_texts(const struct step *steps, size_t count, const char *path,
		     const char **ret_ours, const char **ret_before);

/* What becomes of a setting; NULL: the plan is not about it. */
struct change *plan_find_change(const struct plan *plan, const struct setting *s);
/* Adds one, with the setting's state now and later. It stays there until the next one is added. */
struct change *plan_add_change(struct plan *plan, const struct host *host, const struct setting *s,
			       const char *value);

/* The directory of OWN_TMPFILES, or sysfs with this attribute, cannot be written. */
bool plan_refuse_tmpfiles(const struct host *host, struct plan *plan);
bool plan_refuse_sysfs(struct plan *plan, const char *path, int code);
/* Adds a reason why nothing of the plan may be done. Returns true, so that checks read as a chain. */
bool plan_refuse(struct plan *plan, enum exit_status status, const char *id, const char *text,
		 const char *hint);
bool plan_refuse_not_root(const struct host *host, struct plan *plan);
/* The directory, in which something has to change, is generated or cannot be written. */
bool plan_refuse_nixos(const struct host *host, struct plan *plan, const char *dir,
		       const char *hint);
bool plan_refuse_unwritable(struct plan *plan, const char *dir, int code);

#endif
