// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * meddle - let another tool act in the middle of a program
 *
 *	meddle CALL[@PATH] N SCRIPT COMMAND [ARG...]
 *
 * Runs COMMAND, holds it right after its Nth system call CALL (on a descriptor of PATH), has
 * `sh -c SCRIPT` do its work meanwhile, and lets COMMAND go on by itself. Exit status: COMMAND's;
 * 99 where it never came to that call, or SCRIPT failed; 98 at any other failure.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct {
	const char *name;
	unsigned long long number;
} calls[] = {
	{ "write", SYS_write },
	{ "flock", SYS_flock },
	{ "ioctl", SYS_ioctl },
	{ "fsync", SYS_fsync },
	{ "fdatasync", SYS_fdatasync },
	{ "renameat", SYS_renameat },
	{ "unlinkat", SYS_unlinkat },
	{ "symlinkat", SYS_symlinkat },
	{ "wait4", SYS_wait4 },
	{ "delete_module", SYS_delete_module },
	{ "finit_module", SYS_finit_module },
};

struct point {
	unsigned long long number;
	const char *path; /* NULL: any */
	int n;
};

static void die(const char *what)
{
	fprintf(stderr, "meddle: %s: %s\n", what, strerror(errno));
	exit(98);
}

static void parse_point(struct point *p, char *call, const char *n)
{
	char *at = strchr(call, '@');

	if (at) {
		*at = '\0';
		p->path = at + 1;
	}
	p->n = atoi(n);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		if (strcmp(calls[i].name, call) == 0) {
			p->number = calls[i].number;
			return;
		}
	}
	errno = EINVAL;
	die(call);
}

static pid_t start(char **command)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execvp(command[0], command);
		die(command[0]);
	}
	/* Stopped by its exec */
	if (waitpid(pid, &status, 0) < 0 || !WIFSTOPPED(status))
		die(command[0]);
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	return pid;
}

static bool is_on_path(pid_t pid, unsigned long long fd, const char *path)
{
	char link[64], target[4096];
	ssize_t n;

	if (!path)
		return true;
	snprintf(link, sizeof(link), "/proc/%d/fd/%llu", (int)pid, fd);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	return strcmp(target, path) == 0;
}

/* To the next beginning or end of a system call. False: it has ended, with *ret_status. */
static bool go_to_call(pid_t pid, int *ret_status)
{
	int number = 0;

	for (;;) {
		if (ptrace(PTRACE_SYSCALL, pid, NULL, number) < 0 ||
		    waitpid(pid, ret_status, 0) < 0)
			die("ptrace");
		if (!WIFSTOPPED(*ret_status))
			return false;
		if (WSTOPSIG(*ret_status) == (SIGTRAP | 0x80))
			return true;
		number = WSTOPSIG(*ret_status);
	}
}

/* To the end of the call. False: it has ended before that. */
static bool go_to_point(pid_t pid, const struct point *p, int *ret_status)
{
	struct user_regs_struct regs;

	for (int n = 0; n < p->n;) {
		if (!go_to_call(pid, ret_status))
			return false;
		if (ptrace(PTRACE_GETREGS, pid, NULL, &regs) < 0)
			die("registers");
		n += regs.orig_rax == p->number && is_on_path(pid, regs.rdi, p->path);
		if (!go_to_call(pid, ret_status))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	struct point point = { 0 };
	bool met, meddled;
	int status = 0;
	pid_t pid;

	if (argc < 5) {
		fputs("usage: meddle CALL[@PATH] N SCRIPT COMMAND [ARG...]\n", stderr);
		return 98;
	}
	parse_point(&point, argv[1], argv[2]);
	pid = start(argv + 4);
	met = go_to_point(pid, &point, &status);
	meddled = met && system(argv[3]) == 0;
	if (met && (ptrace(PTRACE_DETACH, pid, NULL, NULL) < 0 || waitpid(pid, &status, 0) < 0))
		die("detach");
	if (!meddled) {
		fprintf(stderr, "meddle: %s\n",
			met ? "the script failed" : "it never came to that call");
		return 99;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
