/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe_use.h - which module makes /dev/kvm, and who holds KVM; for observe.c.
 */
#ifndef KVMTUNE_OBSERVE_USE_H
#define KVMTUNE_OBSERVE_USE_H

#include <kvmtune/host.h>

struct ports;

/* Fills use and users of a host whose modules and device were observed. */
void observe_use(struct ports *p, struct host *h);

#endif
