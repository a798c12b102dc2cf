/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * plan_attribute.h - the functions of the settings that are a word in sysfs: see plan.c.
 */
#ifndef KVMTUNE_PLAN_ATTRIBUTE_H
#define KVMTUNE_PLAN_ATTRIBUTE_H

#include <kvmtune/plan.h>

void plan_attributes(const struct host *host, const struct plan_options *options,
		     struct plan *plan);
void plan_attributes_back(const struct host *host, const struct step *steps, size_t count,
			  const struct plan_options *options, struct plan *plan);
unsigned attribute_goal_parts(const struct goal *goal);
unsigned attribute_past_parts(const struct step *steps, size_t count);

#endif
