/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * calls.h - the system calls, and the faults that each can really have where it is made
 *
 *	fault_mask(PID, REGS)		of the call at whose entry a traced process stands
 *	call_name(), call_by_name()	a call as it is printed and read
 *
 * By the ERRORS of the calls' manual pages and Linux 6.1's source, on local file systems and
 * without a security module or FUSE: there reading or opening is not interrupted (only by what
 * kills), closing what was read cannot fail, and what is in memory has no I/O errors. What a call
 * does not give by itself is not tried: the host would be judged by what cannot happen. Three
 * beside the plain ones are often seen: ENODEV (what a file in /sys or /proc is about is gone),
 * EBUSY (somebody else is at the module, or has the processor's virtualization), EPERM (a file that
 * is immutable, modules that may not be loaded any more).
 */
#ifndef FAULTS_CALLS_H
#define FAULTS_CALLS_H

#include <sys/types.h>
#include <sys/user.h>

enum fault {
	F_IO,
	F_SPACE,
	F_ACCESS,
	F_PERMISSION,
	F_READ_ONLY,
	F_INTR,
	F_MEMORY,
	F_AGAIN,
	F_FILES,
	F_BUSY,
	F_GONE,
	F_KILL_ENTRY, /* from here on: not an error, the process is killed */
	F_KILL_EXIT,
	FAULTS
};

extern const struct fault_kind {
	const char *name;
	int error;
} faults[FAULTS];

/* A mask has 1u << FAULT for each fault, and ALTERS. */
#define ERRORS ((1u << F_KILL_ENTRY) - 1)
#define KILLS  (1u << F_KILL_ENTRY | 1u << F_KILL_EXIT)
#define ALTERS (1u << FAULTS) /* what is outside of the process, or what others see of it */

unsigned fault_mask(pid_t pid, const struct user_regs_struct *regs);

/* One that is not in our table is "call-NUMBER"; text is room for that. */
const char *call_name(long number, char text[32]);

/* Below 0: there is none of that name. */
long call_by_name(const char *name);

#endif
