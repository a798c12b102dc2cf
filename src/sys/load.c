// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * load.c - runs a command of the user's and measures it.
 *
 * Between kvmtune and the command stands a child that the kernel makes the parent of all processes
 * that the command leaves (PR_SET_CHILD_SUBREAPER): so it can tell what all of them used, and end all
 * of them when kvmtune asks or is gone.
 */
#include "sys.h"

#include <kvmtune/process.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define VARIABLE     "KVMTUNE_BENCH_VARIANT="
#define OUTPUT_MOST  (1 << 20)
#define GRACE_MS     2000 /* from SIGTERM to SIGKILL */
#define PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct load {
	pid_t keeper; /* our child, its parent */
	int result_fd, output_fd, errors_fd;
	struct buf output, errors;
};

/* ---- the command itself ---- */

static char **new_environment(const char *variant)
{
	char *const *given = environment_given();
	size_t count = 0, kept = 0;
	char **env;

	while (given && given[count])
		count++;
	env = xcalloc(count + 2, sizeof(*env));
	for (size_t i = 0; i < count; i++)
		if (!starts_with(given[i], VARIABLE))
			env[kept++] = given[i];
	env[kept] = xasprintf(VARIABLE "%s", variant);
	return env;
}

static const char *path_of(char *const *env)
{
	for (; *env; env++)
		if (starts_with(*env, "PATH="))
			return *env + strlen("PATH=");
	return PATH_DEFAULT;
}

/* As libc does it, but without its shell for a file that has no #! line. Returns an errno. */
static int execute(char *const *argv, char *const *env)
{
	const char *dir = path_of(env);
	int error = ENOENT;

	if (strchr(argv[0], '/')) {
		execve(argv[0], argv, env);
		return errno;
	}
	for (;;) {
		int len = (int)strcspn(dir, ":");
		autofree char *file = xasprintf("%.*s%s%s", len, dir, len ? "/" : "", argv[0]);

		execve(file, argv, env);
		/* One that may not be run is told of where no other is found. */
		if (errno != ENOENT && errno != ENOTDIR)
			error = errno;
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			break;
		if (!dir[len])
			break;
		dir += len + 1;
	}
	return error;
}

static _Noreturn void command(char *const *argv, char *const *env, int error_fd)
{
	sigset_t none;
	int error;

	setpgid(0, 0);
	/* Of kvmtune's own making: the command shall not inherit it. */
	signal(SIGPIPE, SIG_DFL);
	signal(SIGXFSZ, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	error = execute(argv, env);
	_exit(write(error_fd, &error, sizeof(error)) == sizeof(error) ? 127 : 126);
}

/* ---- its keeper ---- */

static int read_parent(const char *pid)
{
	autofree char *path = xasprintf("/proc/%s/stat", pid);
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[512];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *end;
	int parent;

	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* "75 (any name) S 1" */
	end = strrchr(text, ')');
	return end && sscanf(end, ") %*c %d", &parent) == 1 ? parent : 0;
}

static void signal_children(int number)
{
	DIR *proc = opendir("/proc");
	const struct dirent *entry;

	while (proc && (entry = readdir(proc))) {
		int pid;

		if (parse_int(entry->d_name, &pid) == 0 && read_parent(entry->d_name) == getpid())
			kill(pid, number);
	}
	if (proc)
		closedir(proc);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* All processes, also those that get a new parent on the way. */
static void end_tree(pid_t leader)
{
	int64_t start = now_ns();

	for (;;) {
		bool late = now_ns() - start > (int64_t)GRACE_MS * 1000000;
		pid_t gone;

		kill(-leader, late ? SIGKILL : SIGTERM);
		signal_children(late ? SIGKILL : SIGTERM);
		usleep(10000);
		while ((gone = waitpid(-1, NULL, WNOHANG)) > 0)
			;
		if (gone < 0)
			return;
	}
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void take_usage(struct load_result *ret)
{
	struct rusage usage;

	getrusage(RUSAGE_CHILDREN, &usage);
	ret->user_seconds = seconds(usage.ru_utime);
	ret->system_seconds = seconds(usage.ru_stime);
	ret->minor_faults = (uint64_t)usage.ru_minflt;
	ret->major_faults = (uint64_t)usage.ru_majflt;
	ret->peak_bytes = (uint64_t)usage.ru_maxrss << 10;
}

/* Waits for the first process. False: asked to end. */
static bool await(pid_t leader, const sigset_t *signals, struct load_result *ret)
{
	int64_t start = now_ns();
	siginfo_t info;

	for (;;) {
		int status;
		pid_t pid;

		while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
			if (pid != leader)
				continue;
			ret->wall_seconds = (double)(now_ns() - start) / 1e9;
			ret->status =
				WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
			/* Others may have ended at the same time. */
			while (waitpid(-1, NULL, WNOHANG) > 0)
				;
			take_usage(ret);
			return true;
		}
		if (sigwaitinfo(signals, &info) == SIGTERM)
			return false;
	}
}

/* In the child, with the three standard descriptors as the command shall have them. */
static _Noreturn void keep(char *const *argv, char *const *env, int result_fd, pid_t parent)
{
	struct load_result result = { 0 };
	int error_pipe[2] = { -1, -1 };
	sigset_t signals;
	pid_t leader;

	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	sigaddset(&signals, SIGTERM);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	setpgid(0, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || pipe2(error_pipe, O_CLOEXEC) < 0)
		_exit(1);
	leader = fork();
	if (leader == 0)
		command(argv, env, error_pipe[1]);
	close(error_pipe[1]);
	if (leader < 0)
		result.error = errno;
	else if (!await(leader, &signals, &result))
		end_tree(leader);
	if (read(error_pipe[0], &result.error, sizeof(result.error)) < 0)
		_exit(1);
	_exit(write(result_fd, &result, sizeof(result)) == sizeof(result) ? 0 : 1);
}

static _Noreturn void become_keeper(char *const *argv, const char *variant, const int *output,
				    const int *errors, const int *result, pid_t parent)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	process_restore_rights();
	if (null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(output[1], STDOUT_FILENO) < 0 ||
	    dup2(errors[1], STDERR_FILENO) < 0)
		_exit(1);
	/* Above all not the lock, which would outlive kvmtune. */
	process_keep_only(result[1], -1);
	keep(argv, new_environment(variant), result[1], parent);
}

/* ---- kvmtune's side ---- */

static void close_pair(int *pair)
{
	closep(&pair[0]);
	closep(&pair[1]);
}

static void forget(struct sys *s)
{
	struct load *l = s->load;

	closep(&l->result_fd);
	closep(&l->output_fd);
	closep(&l->errors_fd);
	buf_free(&l->output);
	buf_free(&l->errors);
	free(l);
	s->load = NULL;
}

static int load_begin(struct ports *p, char *const *argv, const char *variant, struct err *e)
{
	struct sys *s = sys_of(p);
	int output[2] = { -1, -1 }, errors[2] = { -1, -1 }, result[2] = { -1, -1 }, r = 0;
	pid_t parent = getpid(), pid = -1;

	p->load.stop(p);
	if (pipe2(output, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0 ||
	    pipe2(result, O_CLOEXEC) < 0)
		r = -errno;
	if (r == 0 && (pid = process_fork()) == 0)
		become_keeper(argv, variant, output, errors, result, parent);
	if (r == 0 && pid < 0)
		r = -errno;
	if (r < 0) {
		close_pair(output);
		close_pair(errors);
		close_pair(result);
		return err_sys(e, r, "cannot start a load");
	}
	s->load = xcalloc(1, sizeof(*s->load));
	*s->load = (struct load){ pid, result[0], output[0], errors[0], { 0 }, { 0 } };
	close(output[1]);
	close(errors[1]);
	close(result[1]);
	fcntl(output[0], F_SETFL, O_NONBLOCK);
	fcntl(errors[0], F_SETFL, O_NONBLOCK);
	return 0;
}

/* Reads what is there. Closes the pipe at its end. */
static void drain(int *fd, struct buf *b)
{
	char chunk[16384];
	ssize_t n = 0;

	/* Bounded: a load that prints without end gets its turn again. */
	for (int turn = 0; *fd >= 0 && turn < 64; turn++) {
		n = read(*fd, chunk, sizeof(chunk));
		if (n <= 0)
			break;
		buf_add(b, chunk, (size_t)n);
	}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		closep(fd), *fd = -1;
	if (b->len > OUTPUT_MOST) {
		memmove(b->data, b->data + b->len - OUTPUT_MOST / 2, OUTPUT_MOST / 2 + 1);
		b->len = OUTPUT_MOST / 2;
	}
}

/* A text for people and for a search: a NUL in it would end it. */
static void give(struct buf *from, struct buf *ret)
{
	for (size_t i = 0; i < from->len; i++)
		if (!from->data[i])
			from->data[i] = ' ';
	buf_add(ret, buf_text(from), from->len);
}

static int finish(struct sys *s, struct load_result *ret, struct buf *ret_output,
		  struct buf *ret_errors, struct err *e)
{
	struct load *l = s->load;
	struct load_result result;
	ssize_t n = read(l->result_fd, &result, sizeof(result));

	drain(&l->output_fd, &l->output);
	drain(&l->errors_fd, &l->errors);
	give(&l->output, ret_output);
	give(&l->errors, ret_errors);
	waitpid(l->keeper, NULL, 0);
	forget(s);
	if (n != sizeof(result))
		return err_set(e, -ECHILD, "the process that watches the load was killed");
	*ret = result;
	return 0;
}

static int load_wait(struct ports *p, unsigned timeout_ms, struct load_result *ret,
		     struct buf *ret_output, struct buf *ret_errors, struct err *e)
{
	struct sys *s = sys_of(p);
	int64_t end = now_ns() + (int64_t)timeout_ms * 1000000;

	if (!s->load)
		return err_set(e, -ESRCH, "no load runs");
	for (;;) {
		struct load *l = s->load;
		struct pollfd fds[] = { { .fd = l->result_fd, .events = POLLIN },
					{ .fd = l->output_fd, .events = POLLIN },
					{ .fd = l->errors_fd, .events = POLLIN } };
		int64_t left = (end - now_ns()) / 1000000;

		/* -1 among them is passed over. A signal ends the waiting. */
		if (poll(fds, ARRAY_SIZE(fds), left > 0 ? (int)left : 0) < 0)
			return 1;
		if (fds[0].revents)
			return finish(s, ret, ret_output, ret_errors, e);
		drain(&l->output_fd, &l->output);
		drain(&l->errors_fd, &l->errors);
		if (left <= 0)
			return 1;
	}
}

static void load_stop(struct ports *p)
{
	struct sys *s = sys_of(p);

	if (!s->load)
		return;
	kill(s->load->keeper, SIGTERM);
	/* A process that waits to print would not end. */
	closep(&s->load->output_fd);
	closep(&s->load->errors_fd);
	s->load->output_fd = s->load->errors_fd = -1;
	while (waitpid(s->load->keeper, NULL, 0) < 0 && errno == EINTR)
		;
	forget(s);
}

void sys_load(struct ports *p)
{
	p->load.begin = load_begin;
	p->load.wait = load_wait;
	p->load.stop = load_stop;
}
