// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unmerge.c - unmerges, in a child.
 *
 * The kernel makes the process that writes 2 its first victim when memory runs out, and does all
 * the work inside that one write() (mm/ksm.c:run_store). A signal ends the work between two pages.
 */
#include "sys.h"

#include <kvmtune/process.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define RUN_FILE      "/sys/kernel/mm/ksm/run" /* KSM_RUN_FILE of the model, which is not for us */
#define UNMERGE	      "2"
#define CPUS_MAX      8192 /* NR_CPUS of the largest x86 kernels */
#define NAP_MS	      10
#define TERM_GRACE_MS 1000 /* from SIGTERM to SIGKILL */

/* ---- the child ---- */

/*
 * A new page of a guest without a NUMA policy of its own is placed by the policy and CPU of the
 * process that writes (mm/mempolicy.c:get_vma_policy): so by none in particular. Where that is not
 * allowed, it is done as it is.
 */
static void spread_memory(void)
{
	cpu_set_t *all = CPU_ALLOC(CPUS_MAX);
	size_t size = CPU_ALLOC_SIZE(CPUS_MAX);

	syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
	if (!all)
		return;
	memset(all, 0xff, size);
	sched_setaffinity(0, size, all);
	CPU_FREE(all);
}

/*
 * Memory that comes free when the kernel kills this process. By then the host has none left, and
 * without that air the next one that asks for a page has a guest killed (seen: two kills within
 * 80 ms). What cannot be had is done without.
 */
static void take_ballast(void)
{
	const size_t most = 32 << 20;
	size_t size = (size_t)sysconf(_SC_PHYS_PAGES) / 128 * (size_t)sysconf(_SC_PAGESIZE);
	void *ballast;

	size = size < most ? size : most;
	ballast = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (ballast != MAP_FAILED)
		mlock(ballast, size);
}

static _Noreturn void writer(int fd)
{
	ssize_t n;

	take_ballast();
	process_give_up();
	spread_memory();
	n = write(fd, UNMERGE, strlen(UNMERGE));
	_exit(n < 0 ? errno : n == (ssize_t)strlen(UNMERGE) ? 0 : EIO);
}

/*
 * The kernel takes a process for gone before its memory is free (mm/mmap.c:exit_mmap sets
 * MMF_OOM_SKIP first), and who asks for a page in between has one more killed: this one, before
 * any guest.
 */
static _Noreturn void second_victim(int unused)
{
	static const char most[] = "1000";
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	(void)unused;
	if (fd < 0 || write(fd, most, strlen(most)) < 0)
		_exit(errno);
	take_ballast();
	process_give_up();
	for (;;)
		pause();
}

/* It ends with its parent. */
static pid_t start(void (*child)(int fd), int fd)
{
	pid_t pid = process_fork();

	if (pid == 0) {
		child(fd);
		_exit(0);
	}
	return pid;
}

/* ---- the parent ---- */

static int unmerge_begin(struct ports *p, struct err *e)
{
	struct sys *s = sys_of(p);
	autoclose int fd = -1;

	if (p->image)
		return err_set(e, -EOPNOTSUPP, "an image has no memory to unmerge");
	if (s->unmerge_pid > 0)
		return err_set(e, -EBUSY, "pages are being unmerged already");
	fd = sys_open(p, RUN_FILE, O_WRONLY | O_NOFOLLOW | O_NOCTTY);
	if (fd < 0)
		return err_sys(e, fd, "cannot open %s for writing", RUN_FILE);
	/* Where it is ignored nobody is told how a child ended. */
	signal(SIGCHLD, SIG_DFL);
	s->unmerge_pid = start(writer, fd);
	if (s->unmerge_pid < 0) {
		s->unmerge_pid = 0;
		return err_sys(e, -errno, "cannot start the process that unmerges");
	}
	/* Where there cannot be one it is done without. */
	s->victim_pid = start(second_victim, -1);
	return 0;
}

static void end_victim(struct sys *s)
{
	if (s->victim_pid > 0 && kill(s->victim_pid, SIGKILL) == 0)
		while (waitpid(s->victim_pid, NULL, 0) < 0 && errno == EINTR)
			;
	s->victim_pid = 0;
}

static int explain_signal(int number, struct err *e)
{
	switch (number) {
	case SIGKILL:
		return err_set(e, -ENOMEM,
			       "the process that unmerges was killed (SIGKILL), as the kernel does "
			       "where memory runs out");
	case SIGINT:
	case SIGTERM:
	case SIGHUP:
		return err_set(e, -EINTR, "unmerging was stopped by signal %d", number);
	default:
		return err_set(e, -ECHILD, "the process that unmerges was ended by signal %d",
			       number);
	}
}

static int explain(int status, struct err *e)
{
	int error;

	if (WIFSIGNALED(status))
		return explain_signal(WTERMSIG(status), e);
	error = WEXITSTATUS(status);
	switch (error) {
	case 0:
		return 0;
	case ENOMEM:
		return err_set(e, -ENOMEM,
			       "not enough memory to unmerge: a guest has reached the memory limit "
			       "of its cgroup");
	case EINTR:
		return err_set(e, -EINTR, "unmerging was stopped by a signal");
	default:
		return err_sys(e, -error, "cannot write " UNMERGE " to %s", RUN_FILE);
	}
}

/* True: it is gone, with *ret_status as waitpid() gives it. */
static bool reap(struct sys *s, int *ret_status)
{
	pid_t r;

	do {
		r = waitpid(s->unmerge_pid, ret_status, WNOHANG);
	} while (r < 0 && errno == EINTR);
	if (r == 0)
		return false;
	/* Somebody else has reaped it: how it ended is not known. */
	if (r < 0)
		*ret_status = ECHILD << 8;
	s->unmerge_pid = 0;
	end_victim(s);
	return true;
}

static int unmerge_wait(struct ports *p, unsigned timeout_ms, struct err *e)
{
	struct sys *s = sys_of(p);
	int64_t deadline = p->system.monotonic_ms(p) + timeout_ms;
	int signal_before = p->system.interrupted(p), status;

	if (s->unmerge_pid <= 0)
		return err_set(e, -ECHILD, "no pages are being unmerged");
	for (;;) {
		int64_t left;

		if (reap(s, &status))
			return explain(status, e);
		left = deadline - p->system.monotonic_ms(p);
		/* A signal that came meanwhile is for the caller to judge, at once. */
		if (left <= 0 || p->system.interrupted(p) != signal_before)
			return 1;
		p->system.sleep_ms(p, left < NAP_MS ? (unsigned)left : NAP_MS);
	}
}

static bool gone_within(struct ports *p, unsigned ms)
{
	int64_t deadline = p->system.monotonic_ms(p) + ms;
	int status;

	while (!reap(sys_of(p), &status)) {
		if (p->system.monotonic_ms(p) >= deadline)
			return false;
		p->system.sleep_ms(p, NAP_MS);
	}
	return true;
}

/* No limit behind SIGKILL: whoever writes run next would wait for the same lock of the kernel. */
static void unmerge_stop(struct ports *p)
{
	struct sys *s = sys_of(p);
	int status;

	if (s->unmerge_pid <= 0)
		return;
	kill(s->unmerge_pid, SIGTERM);
	if (gone_within(p, TERM_GRACE_MS))
		return;
	kill(s->unmerge_pid, SIGKILL);
	while (waitpid(s->unmerge_pid, &status, 0) < 0 && errno == EINTR)
		;
	s->unmerge_pid = 0;
	end_victim(s);
}

void sys_unmerge(struct ports *p)
{
	p->ksm.unmerge_begin = unmerge_begin;
	p->ksm.unmerge_wait = unmerge_wait;
	p->ksm.unmerge_stop = unmerge_stop;
}
