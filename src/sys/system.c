// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * system.c - who and when: names, rights, signals, clocks.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

/* Asked to stop: a change is rolled back at the next step. */
static void system_catch_signals(struct ports *p)
{
	static const int stops[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction catch = { .sa_handler = on_signal };

	(void)p;

	for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
		struct sigaction old;

		/* Under nohup a hang-up stays ignored. */
		if (sigaction(stops[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(stops[i], &catch, NULL);
	}
}

static int system_interrupted(struct ports *p)
{
	(void)p;
	return caught;
}

static unsigned above_zero(long value)
{
	return value > 0 ? (unsigned)value : 0;
}

static void system_identify(struct ports *p, struct host_id *ret)
{
	struct utsname u;

	/* The same for every Linux on this processor: an image's, too. */
	*ret = (struct host_id){ .page_bytes = above_zero(sysconf(_SC_PAGESIZE)),
				 .ticks_per_second = above_zero(sysconf(_SC_CLK_TCK)) };
	if (p->image || uname(&u) < 0)
		return;
	snprintf(ret->name, sizeof(ret->name), "%s", u.nodename);
	snprintf(ret->kernel, sizeof(ret->kernel), "%s", u.release);
	snprintf(ret->version, sizeof(ret->version), "%s", u.version);
	snprintf(ret->machine, sizeof(ret->machine), "%s", u.machine);
}

static bool system_is_root(struct ports *p)
{
	(void)p;
	return geteuid() == 0;
}

static void system_sleep_ms(struct ports *p, unsigned ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)p;
	nanosleep(&t, NULL);
}

static int64_t system_monotonic_ms(struct ports *p)
{
	struct timespec t;

	(void)p;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t system_wall_seconds(struct ports *p)
{
	(void)p;
	return time(NULL);
}

/* ---- the kernel's log ---- */

#define KERNEL_LOG	  "/dev/kmsg"
#define KERNEL_LOG_DEVICE makedev(1, 11)
#define KERNEL_LOG_BYTES  (4 << 20)
#define KERNEL_LOG_READS  65536

/* In a container another file may have its name. */
static int open_kernel_log(struct ports *p)
{
	int fd = p->image ? -ENOENT : sys_open(p, KERNEL_LOG, O_RDONLY | O_NONBLOCK);
	struct stat st;

	if (fd >= 0 &&
	    (fstat(fd, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != KERNEL_LOG_DEVICE)) {
		close(fd);
		return -ENOENT;
	}
	return fd;
}

/*
 * "6,339,5140900,-;message" (Documentation/ABI/testing/dev-kmsg). The first number is level and
 * facility; what programs write there has never the kernel's facility, 0 (printk.c:devkmsg_write).
 */
static void add_kernel_message(char *record, struct buf *ret)
{
	char *text = strchr(record, ';'), *end;
	unsigned long number = strtoul(record, &end, 10);

	if (!text || *end != ',' || number >> 3)
		return;
	text[strcspn(text, "\n")] = '\0';
	buf_puts(ret, text + 1);
	buf_puts(ret, "\n");
}

static int system_kernel_log(struct ports *p, struct buf *ret)
{
	autoclose int fd = open_kernel_log(p);
	char record[8192 + 1]; /* the longest that there is: CONSOLE_EXT_LOG_MAX */

	if (fd < 0)
		return fd;
	for (int i = 0; i < KERNEL_LOG_READS && ret->len < KERNEL_LOG_BYTES; i++) {
		ssize_t n = read(fd, record, sizeof(record) - 1);

		/* EPIPE: the oldest ones were overwritten meanwhile; EINVAL: one is too long. */
		if (n < 0 && errno != EPIPE && errno != EINVAL && errno != EINTR)
			return errno == EAGAIN ? 0 : -errno;
		if (n == 0)
			break;
		if (n < 0)
			continue;
		record[n] = '\0';
		add_kernel_message(record, ret);
	}
	return 0;
}

void sys_system(struct ports *p)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	/* A closed pipe is an error of write(), no end. */
	sigaction(SIGPIPE, &ignore, NULL);
	p->system.identify = system_identify;
	p->system.is_root = system_is_root;
	p->system.catch_signals = system_catch_signals;
	p->system.interrupted = system_interrupted;
	p->system.sleep_ms = system_sleep_ms;
	p->system.monotonic_ms = system_monotonic_ms;
	p->system.wall_seconds = system_wall_seconds;
	p->system.kernel_log = system_kernel_log;
}
