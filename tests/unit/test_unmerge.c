// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The child that unmerges, on a made-up /sys below a directory: a file that takes the 2, or a full
 * pipe that never does. This machine's KSM is not touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/sys.h"

#define RUN_FILE "/sys/kernel/mm/ksm/run"
#define LONG_MS	 30000

static struct bed {
	char dir[64], run[128];
	struct ports ports;
	struct err e;
	int pipe; /* the end that nobody reads; -1: run is a file */
	int fds;
} bed;

static int count_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void make_dirs(void)
{
	static const char *const below[] = { "/sys", "/sys/kernel", "/sys/kernel/mm",
					     "/sys/kernel/mm/ksm" };

	for (size_t i = 0; i < ARRAY_SIZE(below); i++) {
		autofree char *path = xasprintf("%s%s", bed.dir, below[i]);

		assert_int_equal(mkdir(path, 0755), 0);
	}
	snprintf(bed.run, sizeof(bed.run), "%s%s", bed.dir, RUN_FILE);
}

static void remove_dirs(void)
{
	char *slash = bed.run + strlen(bed.run);

	while (slash > bed.run + strlen(bed.dir) - 1) {
		*slash = '\0';
		remove(bed.run);
		slash = strrchr(bed.run, '/');
	}
}

static int set_up(void **state)
{
	(void)state;
	/* A shell starts what is in the background with SIGINT ignored. */
	signal(SIGINT, SIG_DFL);
	bed = (struct bed){ .dir = "/tmp/kvmtune-unmerge.XXXXXX", .pipe = -1, .fds = count_fds() };
	assert_non_null(mkdtemp(bed.dir));
	make_dirs();
	assert_int_equal(ports_open(&bed.ports, bed.dir, &bed.e), 0);
	/* As if it were the running host. */
	bed.ports.image = false;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ports_close(&bed.ports);
	closep(&bed.pipe);
	remove_dirs();
	if (count_fds() != bed.fds)
		return -1;
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

static void read_file(const char *path, struct buf *ret)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[64];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));

	assert_true(n >= 0);
	buf_add(ret, text, (size_t)n);
}

static void make_file(void)
{
	autoclose int fd = open(bed.run, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
}

/* Whoever writes to it waits for ever. */
static void make_full_pipe(void)
{
	static const char much[4096];
	autoclose int in = -1;

	assert_int_equal(mkfifo(bed.run, 0644), 0);
	bed.pipe = open(bed.run, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	in = open(bed.run, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(bed.pipe >= 0 && in >= 0);
	while (write(in, much, sizeof(much)) > 0)
		;
	assert_int_equal(errno, EAGAIN);
}

static int begin(void)
{
	return bed.ports.ksm.unmerge_begin(&bed.ports, &bed.e);
}

static int wait_for(unsigned ms)
{
	return bed.ports.ksm.unmerge_wait(&bed.ports, ms, &bed.e);
}

static pid_t child_pid(void)
{
	return sys_of(&bed.ports)->unmerge_pid;
}

static void assert_said(const char *text)
{
	if (!strstr(bed.e.text, text))
		fail_msg("\"%s\" does not say \"%s\"", bed.e.text, text);
}

/* ---- that it writes ---- */

static void test_writes_2(void **state)
{
	autobuf text = { 0 };

	(void)state;
	make_file();
	assert_int_equal(begin(), 0);
	assert_int_equal(wait_for(LONG_MS), 0);
	assert_int_equal(child_pid(), 0);
	assert_int_equal(bed.ports.file.read(&bed.ports, RUN_FILE, &text), 0);
	assert_string_equal(buf_text(&text), "2");
}

static void test_again(void **state)
{
	(void)state;
	make_file();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(begin(), 0);
		assert_int_equal(wait_for(LONG_MS), 0);
	}
}

/* Under SIGCHLD ignored nobody would be told how it ended. */
static void test_where_dead_children_are_ignored(void **state)
{
	void (*before)(int) = signal(SIGCHLD, SIG_IGN);

	(void)state;
	make_file();
	assert_int_equal(begin(), 0);
	assert_int_equal(wait_for(LONG_MS), 0);
	signal(SIGCHLD, before);
}

/* A file that may not grow; the signal of it is ignored, in the child too. */
static void test_write_error(void **state)
{
	void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
	struct rlimit limit, none;

	(void)state;
	make_file();
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	none = (struct rlimit){ .rlim_cur = 0, .rlim_max = limit.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(begin(), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, before);
	assert_int_equal(wait_for(LONG_MS), -EFBIG);
	assert_said("cannot write 2 to " RUN_FILE ": File too large");
}

/* ---- that it cannot ---- */

static void test_missing(void **state)
{
	(void)state;
	assert_int_equal(begin(), -ENOENT);
	assert_said(RUN_FILE);
	assert_int_equal(child_pid(), 0);
	assert_int_equal(wait_for(0), -ECHILD);
	bed.ports.ksm.unmerge_stop(&bed.ports);
}

/* Root may write what is read-only; so it is a directory, which nobody may, and a link. */
static void test_not_writable(void **state)
{
	(void)state;
	assert_int_equal(mkdir(bed.run, 0755), 0);
	assert_int_equal(begin(), -EISDIR);
	rmdir(bed.run);
	assert_int_equal(symlink("/tmp/x", bed.run), 0);
	assert_int_equal(begin(), -ELOOP);
	unlink(bed.run);
	make_file();
	if (geteuid() != 0) {
		chmod(bed.run, 0444);
		assert_int_equal(begin(), -EACCES);
	}
}

static void test_image(void **state)
{
	(void)state;
	make_file();
	bed.ports.image = true;
	assert_int_equal(begin(), -EOPNOTSUPP);
	assert_said("image");
	bed.ports.image = false;
}

static void test_only_one(void **state)
{
	(void)state;
	make_full_pipe();
	assert_int_equal(begin(), 0);
	assert_int_equal(begin(), -EBUSY);
}

/* ---- that it takes long ---- */

static void test_still_at_work(void **state)
{
	pid_t pid;

	(void)state;
	make_full_pipe();
	assert_int_equal(begin(), 0);
	pid = child_pid();
	assert_int_equal(wait_for(0), 1);
	assert_int_equal(wait_for(50), 1);
	assert_int_equal(kill(pid, 0), 0);
	bed.ports.ksm.unmerge_stop(&bed.ports);
	assert_int_equal(child_pid(), 0);
	assert_int_equal(kill(pid, 0), -1);
	assert_int_equal(wait_for(0), -ECHILD);
}

/* ports_close() in tear_down() ends it. */
static void test_left_alone(void **state)
{
	(void)state;
	make_full_pipe();
	assert_int_equal(begin(), 0);
}

/* It is made deaf to SIGTERM by who started us: it is killed a second later. */
static void test_stop_of_a_deaf_one(void **state)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
	pid_t pid;

	(void)state;
	make_full_pipe();
	sigaction(SIGTERM, &ignore, &old);
	assert_int_equal(begin(), 0);
	sigaction(SIGTERM, &old, NULL);
	pid = child_pid();
	assert_int_equal(kill(pid, SIGTERM), 0);
	assert_int_equal(wait_for(50), 1);
	bed.ports.ksm.unmerge_stop(&bed.ports);
	assert_int_equal(kill(pid, 0), -1);
}

/* Whom the kernel kills where the one that writes is not enough: before any guest. */
static void test_second_victim(void **state)
{
	autofree char *path = NULL;
	autobuf score = { 0 };
	pid_t victim;

	(void)state;
	make_full_pipe();
	assert_int_equal(begin(), 0);
	victim = sys_of(&bed.ports)->victim_pid;
	assert_true(victim > 0);
	path = xasprintf("/proc/%d/oom_score_adj", (int)victim);
	for (int i = 0; i < LONG_MS / 10 && strcmp(buf_text(&score), "1000\n") != 0; i++) {
		assert_int_equal(wait_for(10), 1);
		buf_free(&score);
		read_file(path, &score);
	}
	assert_string_equal(buf_text(&score), "1000\n");
	bed.ports.ksm.unmerge_stop(&bed.ports);
	assert_int_equal(sys_of(&bed.ports)->victim_pid, 0);
	assert_int_equal(kill(victim, 0), -1);
}

/* ---- that it is ended ---- */

static void ended_by(int number, int expected)
{
	make_full_pipe();
	assert_int_equal(begin(), 0);
	assert_int_equal(wait_for(20), 1);
	assert_int_equal(kill(child_pid(), number), 0);
	assert_int_equal(wait_for(LONG_MS), expected);
	assert_int_equal(child_pid(), 0);
}

static void test_killed(void **state)
{
	(void)state;
	ended_by(SIGKILL, -ENOMEM);
	assert_said("memory");
}

static void test_terminated(void **state)
{
	(void)state;
	ended_by(SIGTERM, -EINTR);
}

static void test_interrupted(void **state)
{
	(void)state;
	ended_by(SIGINT, -EINTR);
}

static void test_hung_up(void **state)
{
	(void)state;
	ended_by(SIGHUP, -EINTR);
}

static void test_crashed(void **state)
{
	(void)state;
	ended_by(SIGALRM, -ECHILD);
	assert_said("signal 14");
}

static int times_asked;
static int later_interrupted(struct ports *p)
{
	(void)p;
	return ++times_asked > 3 ? SIGTERM : 0;
}

/* A signal to us comes back to the caller at once; one that came before is no news. */
static void test_returns_for_a_signal(void **state)
{
	int64_t begun = bed.ports.system.monotonic_ms(&bed.ports);

	(void)state;
	make_full_pipe();
	bed.ports.system.interrupted = later_interrupted;
	times_asked = 0;
	assert_int_equal(begin(), 0);
	assert_int_equal(wait_for(LONG_MS), 1);
	assert_true(bed.ports.system.monotonic_ms(&bed.ports) - begun < LONG_MS);
	times_asked = 10;
	assert_int_equal(wait_for(30), 1);
	assert_true(times_asked > 11);
}

/* ---- what kind of child it is ---- */

/* The value of a line of /proc/PID/status. */
static char *status_of(pid_t pid, const char *key)
{
	autofree char *path = xasprintf("/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "re");
	char line[4096], *ret = NULL;

	assert_non_null(f);
	while (!ret && fgets(line, sizeof(line), f))
		if (starts_with(line, key))
			ret = xstrdup(chomp(line) + strlen(key));
	fclose(f);
	return ret;
}

static uint64_t signals_of(pid_t pid, const char *key)
{
	autofree char *text = status_of(pid, key);

	return strtoull(text, NULL, 16);
}

/* It has got there when it sleeps in write(). */
static void wait_until_it_writes(void)
{
	bool there = false;

	while (!there) {
		autofree char *state = status_of(child_pid(), "State:");

		assert_int_equal(wait_for(10), 1);
		there = strchr(state, 'S');
	}
}

static void test_child_has_no_handlers(void **state)
{
	const uint64_t c_library = 3ULL << 31; /* its own two, for threads */

	(void)state;
	if (signals_of(getpid(), "SigCgt:") & 1 << (SIGUSR2 - 1)) {
		print_message("skipped: somebody else handles all signals (valgrind)\n");
		skip();
	}
	make_full_pipe();
	assert_int_not_equal(signals_of(getpid(), "SigCgt:"), 0);
	assert_int_equal(begin(), 0);
	wait_until_it_writes();
	assert_int_equal(signals_of(child_pid(), "SigCgt:") & ~c_library, 0);
	assert_int_equal(signals_of(child_pid(), "SigBlk:"), 0);
}

/* It may run on all CPUs, although we are tied to one. */
static void test_child_is_not_tied(void **state)
{
	autofree char *before = status_of(getpid(), "Cpus_allowed:"), *after = NULL;
	cpu_set_t all, one;
	int cpu = 0;

	(void)state;
	make_full_pipe();
	assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
	while (!CPU_ISSET(cpu, &all))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(begin(), 0);
	sched_setaffinity(0, sizeof(all), &all);
	wait_until_it_writes();
	after = status_of(child_pid(), "Cpus_allowed:");
	assert_string_equal(after, before);
}

/* By then it has asked to die with its parent, however loaded the machine is. */
static void wait_until_it_sleeps(pid_t pid)
{
	bool sleeps = false;

	while (!sleeps) {
		autofree char *state = status_of(pid, "State:");

		sleeps = strchr(state, 'S');
		bed.ports.system.sleep_ms(&bed.ports, 10);
	}
}

static bool ends_within(pid_t pid, int ms, int *ret_status)
{
	for (; ms > 0 && waitpid(pid, ret_status, WNOHANG) == 0; ms -= 10)
		bed.ports.system.sleep_ms(&bed.ports, 10);
	if (ms > 0)
		return true;
	kill(pid, SIGKILL);
	waitpid(pid, ret_status, 0);
	return false;
}

/* When we die, it dies. */
static void test_dies_with_parent(void **state)
{
	int told[2], status;
	pid_t middle, pids[2];

	(void)state;
	make_full_pipe();
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	middle = fork();
	if (middle == 0) {
		if (begin() < 0 || wait_for(50) != 1)
			_exit(1);
		pids[0] = child_pid();
		pids[1] = sys_of(&bed.ports)->victim_pid;
		for (int i = 0; i < 2; i++)
			wait_until_it_sleeps(pids[i]);
		if (write(told[1], pids, sizeof(pids)) < 0)
			_exit(1);
		pause();
	}
	close(told[1]);
	assert_int_equal(read(told[0], pids, sizeof(pids)), sizeof(pids));
	close(told[0]);
	kill(middle, SIGKILL);
	assert_int_equal(waitpid(middle, &status, 0), middle);
	for (int i = 0; i < 2; i++) {
		assert_true(ends_within(pids[i], LONG_MS, &status));
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGKILL);
	}
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_writes_2),
		TEST(test_again),
		TEST(test_where_dead_children_are_ignored),
		TEST(test_write_error),
		TEST(test_missing),
		TEST(test_not_writable),
		TEST(test_image),
		TEST(test_only_one),
		TEST(test_still_at_work),
		TEST(test_left_alone),
		TEST(test_second_victim),
		TEST(test_stop_of_a_deaf_one),
		TEST(test_killed),
		TEST(test_terminated),
		TEST(test_interrupted),
		TEST(test_hung_up),
		TEST(test_crashed),
		TEST(test_returns_for_a_signal),
		TEST(test_child_has_no_handlers),
		TEST(test_child_is_not_tied),
		TEST(test_dies_with_parent),
	};
	static const int deadly[] = { SIGHUP, SIGINT, SIGTERM };

	/* nohup and shell scripts start it with some of these ignored, and a child inherits that. */
	for (size_t i = 0; i < sizeof(deadly) / sizeof(*deadly); i++)
		signal(deadly[i], SIG_DFL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
