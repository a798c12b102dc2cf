/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe_boot.h - what systemd starts at the next boot, and what wants it, read from the unit files.
 *
 * The files are followed from default.target: links in .wants, .requires and .upholds of all unit
 * directories, Wants=, Requires=, BindsTo=, Upholds= of units and drop-ins, aliases, templates,
 * sockets, timers, paths, systemd.wants= of the kernel command line, and at a first boot presets. What
 * is in /run is gone by then, but for generated units, which are taken for what the next boot
 * generates. Conditions, conflicts and failures of units are not followed.
 */
#ifndef KVMTUNE_OBSERVE_BOOT_H
#define KVMTUNE_OBSERVE_BOOT_H

#include <kvmtune/boot.h>
#include <kvmtune/facts.h>

struct ports;

/* A file of a unit that the next boot starts, or (not sure) may start. */
typedef void (*boot_file_sink)(void *arg, const char *unit, const char *file,
			       const struct boot_lines *lines);

struct boot_watch {
	const char *const *names; /* the units that are asked about */
	size_t count;
	struct boot_causes
		*causes;     /* of each: what starts it; nothing, where it is masked or absent */
	bool first_boot;     /* it will apply the presets */
	bool other_init;     /* no systemd: only init scripts start anything */
	boot_file_sink each; /* NULL: not wanted */
	void *arg;
};

/*
 * Fills causes and first_boot. Files that are there and cannot be read are noted in unread. A tree
 * without default.target (a part of an image) is not followed from there: each unit in it counts as
 * started but those that are asked about.
 */
void observe_boot(struct ports *p, struct boot_watch *w, struct unread *unread);

#endif
