/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.h - this process, apart from what it does: made independent of who started it and how,
 * and left with no more rights than its command needs.
 *
 * Order of calls, from main: environment_clean() before anything else, process_begin() once it is
 * known what is to be done. Neither can be reverted.
 */
#ifndef KVMTUNE_PROCESS_H
#define KVMTUNE_PROCESS_H

#include <kvmtune/err.h>

/* The rights that a command keeps of those it was started with. */
enum rights {
	RIGHTS_READ, /* to look at what is root's and other users' */
	RIGHTS_CHECK, /* likewise, and to ask the kernel whether it would load a module: loads none */
	RIGHTS_FILES, /* to look, and to write files where others may: an image, a user's directory */
	RIGHTS_CHANGE, /* likewise, and to change this host */
	RIGHTS_LOAD, /* likewise, and to run a command of the user's with all that the user may do */
};

/* Removes all variables from the environment but those that the manual names. */
void environment_clean(void);

/* The environment as it was before; for a command of the user's. */
char *const *environment_given(void);

/*
 * Signals as a program expects them, whatever was blocked or ignored by who started this one, and
 * room on the stack and for descriptors. For a change, also lifts the limits that could end it
 * halfway, where that is allowed. Gives up all capabilities but those that these rights take, for
 * good: nothing that is executed later gets any. 0 or a negative errno.
 */
int process_begin(enum rights rights, struct err *e);

/* As umask(); the old one is kept for a command of the user's. */
void process_set_umask(unsigned mask);

/*
 * With RIGHTS_LOAD, in a child that executes a command of the user's: rights, limits and umask as they
 * were from the start.
 */
void process_restore_rights(void);

/* Drops the remaining capabilities, in a child. Those that cannot be dropped are not used. */
void process_give_up(void);

/* Likewise, but for those that it takes to look at other people's processes. */
void process_only_look(void);

/*
 * A child that ends with this process, and whose signals do what they do by default. As fork():
 * 0 in the child, -1 and errno where there can be none.
 */
int process_fork(void);

/* Closes all descriptors above 2 but these two (-1: none), in a child. */
void process_keep_only(int fd, int other);

#endif
