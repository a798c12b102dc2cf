/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe_attribute.h - settings that are a word in sysfs.
 */
#ifndef KVMTUNE_OBSERVE_ATTRIBUTE_H
#define KVMTUNE_OBSERVE_ATTRIBUTE_H

#include <kvmtune/observe.h>

/* Fills h->attributes, but for those who write them at boot (observe_ksm.h). */
void observe_attributes(struct ports *p, struct host *h);

#endif
