/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sysfs_writer.h - what files of others say about one attribute of sysfs, whichever it is: commands
 * of units and scripts, sysfs.conf(5), rules of udev.
 *
 * Pure; texts are of unknown origin. A line of 0 means that the file says nothing of the attribute.
 */
#ifndef KVMTUNE_SYSFS_WRITER_H
#define KVMTUNE_SYSFS_WRITER_H

#include <kvmtune/base.h>

/* The value that a file writes into an attribute: by its last such line. */
struct sysfs_write {
	unsigned line; /* 0: none */
	char *value;   /* NULL: it cannot be told from the text. The caller frees it. */
};

/* sysfsutils: "kernel/mm/ksm/run = 1", below /sys. path: "/sys/kernel/mm/ksm/run". */
struct sysfs_write sysfs_read_conf(const char *text, const char *path);
/* udev: ATTR{...}="1" of the attribute, or a RUN+= that names it. */
struct sysfs_write sysfs_read_udev(const char *text, const char *path);
/*
 * A command, or a shell script: `echo 1 >PATH`, `PATH` anywhere else. Of a line that is a comment
 * nothing is taken.
 */
struct sysfs_write sysfs_read_script(const char *text, const char *path);

#endif
