/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * library.h - what becomes of a program where a library is not what it should be.
 */
#ifndef KVMTUNE_TEST_LIBRARY_H
#define KVMTUNE_TEST_LIBRARY_H

#include <stddef.h>

/* The word with which run_with_library() starts the test once more. */
#define WITH_LIBRARY "--with-library"

/*
 * Starts this test once more, in a process of its own, because a library that was loaded stays: one
 * that finds a link to `target` where soname should be, or an empty file where target is NULL. Gives
 * what it wrote to stdout. Its exit status; -1: it could not be started, or crashed.
 */
int run_with_library(const char *soname, const char *target, char *text, size_t size);

/* The path of the running test itself. The caller frees it. */
char *own_path(void);

#endif
