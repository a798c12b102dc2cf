/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe_writers.h - who else writes the attributes of sysfs that kvmtune sets: tmpfiles.d, units,
 * sysfsutils, udev, rc.local, tuned.
 *
 * One pass over the files serves all attributes that are watched.
 */
#ifndef KVMTUNE_OBSERVE_WRITERS_H
#define KVMTUNE_OBSERVE_WRITERS_H

#include <kvmtune/attribute.h>
#include <kvmtune/boot.h>
#include <kvmtune/facts.h>
#include <kvmtune/setting.h>
#include <kvmtune/tuned.h>

struct ports;

struct writers {
	struct ports *p;
	struct unread *unread;
	struct attribute_watch watches[SETTING_COUNT];
	/* Beside each watch: the kernel command line sets it, and tuned's plugin vm leaves it alone. */
	bool boot_said[SETTING_COUNT];
	/* Beside each watch: what a boot does behind tmpfiles.d. */
	struct attribute_writers later[SETTING_COUNT];
	size_t count;
};

/* Those who write this attribute are to be added to ret. */
void writers_watch(struct writers *w, const struct attribute *a, bool boot_said,
		   struct attribute_writers *ret);
/* text: what is written, NULL: cannot be told. */
void writers_add(struct writers *w, size_t watch, const char *who, const char *where,
		 const char *text);
/* One file of a unit that a boot starts: its commands, and the scripts that they run. */
void observe_unit_writer(struct writers *w, const char *unit, const char *file,
			 const struct boot_lines *lines);
void observe_tmpfiles(struct writers *w);
/* All others, in the order in which a boot comes to them. */
void observe_file_writers(struct writers *w, bool sysfsutils, bool rc_local);
/*
 * What tuned would apply: the profile that is active, and the one that an administrator has loaded
 * behind it, merged. Returns the name of the last one, to be freed; NULL: none.
 */
char *observe_tuned(struct writers *w, struct tuned *ret);
void observe_tuned_writers(struct writers *w, const struct tuned *t, const char *profile);
/* To be called last: adds what comes later behind the lines of tmpfiles.d. */
void writers_settle(struct writers *w);

#endif
