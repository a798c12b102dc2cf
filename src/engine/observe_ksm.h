/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe_ksm.h - what is to be known of KSM, who drives it, and memory.
 */
#ifndef KVMTUNE_OBSERVE_KSM_H
#define KVMTUNE_OBSERVE_KSM_H

#include <kvmtune/observe.h>

/*
 * Fills h->ksm and h->memory, by h->parts. A service manager that does not answer, and processes
 * that may not be looked at, are told in h->ksm and in h->unseen; files, in h->ksm.unread.
 */
void observe_ksm(struct ports *p, struct host *h);

/* Its parts: who may turn KSM on (observe_ksm_drivers.c), and whose pages are merged. */
void observe_ksm_drivers(struct ports *p, struct host *h);
void observe_ksm_users(struct ports *p, struct host *h);
/* The links of units (observe_ksm_links.c); fills h->ksm.link_dirs and each unit's links. */
void observe_ksm_links(struct ports *p, struct host *h);
/* The units that theirs have to do with (observe_ksm_jobs.c); fails where systemd does not answer. */
int observe_ksm_jobs(struct ports *p, struct host *h, struct err *e);

#endif
