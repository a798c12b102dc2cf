/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reset.h - the host is put back to what it was, and only where it differs
 *
 *	note_load(&before);		once, on the running host that all is put back to
 *	reset(&before, merged);		after each fault
 *
 * The host that is handed on stays the caller's. What modprobe said is kept for as long as the
 * program runs.
 */
#ifndef FAULTS_RESET_H
#define FAULTS_RESET_H

#include <stdbool.h>

#include "host.h"

/* What modprobe would do on the host as it is, without starting it each time. */
void note_load(const struct host *h);

/* merged: KSM's pages, too. False: it cannot be put back, and what differs is printed. */
bool reset(const struct host *want, bool merged);

#endif
