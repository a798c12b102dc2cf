// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * devwatch.c - runs a command, then prints its wall time, how long /dev/kvm was away meanwhile (0:
 * it stayed), both in microseconds, and its peak memory in KiB: "TOTAL AWAY PEAK".
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long long)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

struct watch {
	int fd;
	long long gone, back;
};

static void take_event(struct watch *w, const struct inotify_event *e)
{
	if (!e->len || strcmp(e->name, "kvm") != 0)
		return;
	if (e->mask & IN_DELETE)
		w->gone = now_us();
	else if (w->gone)
		w->back = now_us();
}

static void take_events(struct watch *w)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n = read(w->fd, buf, sizeof(buf));

	for (char *at = buf; at < buf + n;) {
		const struct inotify_event *e = (const struct inotify_event *)at;

		take_event(w, e);
		at += sizeof(*e) + e->len;
	}
}

static pid_t start(char **argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		execvp(argv[0], argv);
		perror(argv[0]);
		_exit(127);
	}
	return pid;
}

int main(int argc, char **argv)
{
	struct watch w = { .fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK) };
	struct pollfd fds[] = { { .fd = w.fd, .events = POLLIN }, { .events = POLLIN } };
	long long begin = now_us(), end;
	struct rusage usage;
	int status = 0;
	pid_t pid;

	if (argc < 2 || w.fd < 0 || inotify_add_watch(w.fd, "/dev", IN_CREATE | IN_DELETE) < 0)
		return 2;
	pid = start(argv + 1);
	fds[1].fd = (int)syscall(SYS_pidfd_open, pid, 0);
	/* No polling in steps: on one processor it would be measured too. */
	while (poll(fds, 2, -1) > 0 && !(fds[1].revents & POLLIN))
		take_events(&w);
	end = now_us();
	wait4(pid, &status, 0, &usage);
	take_events(&w);
	printf("%lld %lld %ld\n", end - begin, w.back ? w.back - w.gone : 0, usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
