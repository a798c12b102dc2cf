/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * base.h - what all files of faults need: the way out, time, and files below the root
 *
 *	set_root(DIR)		before anything else, if it is an image that is tried
 *	below_root(PATH)	a path of the host, as it is to be opened; the text is overwritten by
 *				the next call
 *	read_text(PATH, &LEN)	a path as it is; the caller frees the text
 */
#ifndef FAULTS_BASE_H
#define FAULTS_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define JOURNAL "/var/lib/kvmtune/journal"

/* Status 99: nothing is said about kvmtune. */
void die(const char *what) __attribute__((noreturn));
void *must(void *p);

int64_t now_ms(void);
void nap(void);

void set_root(const char *dir);
const char *root(void); /* "" on the running host */
bool is_image(void);
const char *below_root(const char *path);

/* Of a link where it leads; "" where there is nothing to read. ret_len: may be NULL. */
char *read_text(const char *path, size_t *ret_len);

#endif
