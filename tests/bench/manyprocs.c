// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * manyprocs PROCESSES DESCRIPTORS - a busy host for the benchmark of the scan.
 *
 * Starts PROCESSES processes that hold DESCRIPTORS descriptors each, of the kinds a server has:
 * files, sockets, pipes, event descriptors. Says "ready" on standard output, waits until its
 * standard input ends, then ends them all. The processes also end when this one does.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int pipe_end(void)
{
	int ends[2];

	if (pipe(ends) < 0)
		return -1;
	close(ends[1]);
	return ends[0];
}

/* Half of them have paths, as the loggers, libraries and terminals of real processes do. */
static int open_one(int n)
{
	switch (n % 6) {
	case 0:
		return open("/dev/null", O_RDWR);
	case 1:
		return open("/etc/passwd", O_RDONLY);
	case 2:
		return socket(AF_UNIX, SOCK_STREAM, 0);
	case 3:
		return pipe_end();
	case 4:
		return eventfd(0, 0);
	default:
		return open("/usr/lib/os-release", O_RDONLY);
	}
}

static _Noreturn void hold(int descriptors, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	close_range(3, ~0U, 0);
	for (int n = 3; n < descriptors; n++)
		if (open_one(n) < 0)
			_exit(1);
	kill(getpid(), SIGSTOP);
	for (;;)
		pause();
}

/* A child that stops itself has all its descriptors; anything else is a failure. */
static int start(int descriptors, pid_t *ret)
{
	pid_t parent = getpid();
	int status;

	*ret = fork();
	if (*ret < 0)
		return -errno;
	if (*ret == 0)
		hold(descriptors, parent);
	if (waitpid(*ret, &status, WUNTRACED) < 0 || !WIFSTOPPED(status))
		return -EIO;
	kill(*ret, SIGCONT);
	return 0;
}

static void end_all(const pid_t *pids, int count)
{
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	for (int i = 0; i < count; i++)
		waitpid(pids[i], NULL, 0);
}

static void wait_for_end_of_input(void)
{
	char c;

	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

int main(int argc, char **argv)
{
	int processes = argc == 3 ? atoi(argv[1]) : 0;
	int descriptors = argc == 3 ? atoi(argv[2]) : 0;
	pid_t *pids;
	int started;

	if (processes <= 0 || descriptors < 3) {
		fprintf(stderr, "usage: manyprocs PROCESSES DESCRIPTORS (at least 3)\n");
		return 2;
	}
	pids = calloc((size_t)processes, sizeof(*pids));
	for (started = 0; pids && started < processes; started++)
		if (start(descriptors, &pids[started]) < 0)
			break;
	if (started == processes) {
		puts("ready");
		fflush(stdout);
		wait_for_end_of_input();
	}
	end_all(pids, started);
	free(pids);
	return started == processes ? 0 : 1;
}
