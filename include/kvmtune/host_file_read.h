/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host_file_read.h - reads the host file of a host, or of an image.
 *
 * Root acts on what it says. So each file has to be a regular file that nobody but root (and this user;
 * in an image, its owner) can write, in a directory of which the same is true, and no link. Other files
 * are errors in f->errors, with the ids "host-file-not-trusted" and "host-file-unreadable"; nothing that
 * is no regular file is opened.
 */
#ifndef KVMTUNE_HOST_FILE_READ_H
#define KVMTUNE_HOST_FILE_READ_H

#include <kvmtune/host_file.h>

struct ports;

/* Reads HOST_FILE, then HOST_FILE_DIR/(*).conf by name. f->files is empty where there are none. */
void host_file_read(struct ports *p, struct host_file *f);
/* Reads this file alone: a path as it was typed, not below the root; "-" is standard input. */
void host_file_read_one(struct ports *p, const char *path, struct host_file *f);

#endif
