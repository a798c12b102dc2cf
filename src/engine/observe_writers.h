/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe_writers.h - who else writes an attribute of sysfs at boot: units, sysfsutils, udev, rc.local.
 *
 * For any attribute. tmpfiles.d and tuned have rules of their own (observe_ksm_drivers.c).
 */
#ifndef KVMTUNE_OBSERVE_WRITERS_H
#define KVMTUNE_OBSERVE_WRITERS_H

#include <kvmtune/boot.h>
#include <kvmtune/facts.h>

struct ports;

/* value: what is written, NULL: cannot be told. Nothing is to be kept. */
typedef void (*writer_sink)(void *arg, const char *who, const char *where, const char *value);

struct writers {
	struct ports *p;
	struct unread *unread;
	const char *path; /* "/sys/kernel/mm/ksm/run" */
	writer_sink each;
	void *arg;
};

/* One file of a unit that a boot starts: its commands, and the scripts that they run. */
void observe_unit_writer(struct writers *w, const char *unit, const char *file,
			 const struct boot_lines *lines);
/* All others, in the order in which a boot comes to them. */
void observe_file_writers(struct writers *w, bool sysfsutils, bool rc_local);

#endif
