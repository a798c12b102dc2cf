/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe_loader.h - reads the files of boot loaders; for observe.c.
 */
#ifndef KVMTUNE_OBSERVE_LOADER_H
#define KVMTUNE_OBSERVE_LOADER_H

#include <kvmtune/host.h>

struct ports;

/* Fills loader; what could not be read is noted in loader_unread. */
void observe_loader(struct ports *p, struct host *h);
/* What the boot entries say of one parameter, and what the next boot gives. conf, next are known. */
void observe_next_boot(struct host *h, enum module_id id, const struct module_param *row,
		       struct param_facts *of);

#endif
