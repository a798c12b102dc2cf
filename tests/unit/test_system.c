// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Signals as the program has them caught: they ask to stop, as often as they come, and end nothing.
 */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "sys/sys.h"

/* Each test in a process of its own: what is caught stays so. Its exit status. */
static int in_child(int (*test)(struct ports *p, int number), int number)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0) {
		struct ports p = { 0 };

		sys_system(&p);
		p.system.catch_signals(&p);
		_exit(test(&p, number));
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const int stops[] = { SIGINT, SIGTERM, SIGHUP };

/* The second one, of the same kind or another, finds the handler still there. */
static int catch_all(struct ports *p, int number)
{
	if (p->system.interrupted(p))
		return 1;
	for (int times = 0; times < 3; times++)
		if (raise(number) != 0 || p->system.interrupted(p) != number)
			return 2;
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		if (raise(stops[i]) != 0 || !p->system.interrupted(p))
			return 3;
	return 0;
}

static void stops_are_caught(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		assert_int_equal(in_child(catch_all, stops[i]), 0);
}

static int write_to_nobody(struct ports *p, int number)
{
	int fds[2];

	(void)number;
	if (pipe(fds) < 0 || close(fds[0]) < 0)
		return 1;
	if (write(fds[1], "x", 1) != -1 || errno != EPIPE)
		return 2;
	return p->system.interrupted(p) ? 3 : 0;
}

static void closed_pipe_is_an_error(void **state)
{
	(void)state;
	assert_int_equal(in_child(write_to_nobody, 0), 0);
}

static int ignore_first(struct ports *p, int number)
{
	(void)p;
	/* As nohup does, before the program begins. */
	signal(number, SIG_IGN);
	p->system.catch_signals(p);
	return raise(number) != 0 || p->system.interrupted(p);
}

static void hang_up_under_nohup(void **state)
{
	(void)state;
	assert_int_equal(in_child(ignore_first, SIGHUP), 0);
}

static int sleep_on(struct ports *p, int number)
{
	int64_t start = p->system.monotonic_ms(p);

	(void)number;
	/* What was caught before does not wake it: a wait during a rollback is a wait. */
	raise(SIGTERM);
	p->system.sleep_ms(p, 20);
	return p->system.monotonic_ms(p) - start < 19;
}

static void later_waits_are_whole(void **state)
{
	(void)state;
	assert_int_equal(in_child(sleep_on, 0), 0);
}

/* This host's own, where it may be read: whole messages, without what is in front of them. */
static void test_kernel_log(void **state)
{
	struct ports p;
	struct err e = { 0 };
	autobuf log = { 0 };
	int r;

	(void)state;
	assert_int_equal(ports_open(&p, NULL, &e), 0);
	r = p.system.kernel_log(&p, &log);
	ports_close(&p);
	assert_true(r == 0 || r == -EPERM || r == -EACCES || r == -ENOENT);
	if (!log.len)
		return;
	assert_int_equal(log.data[log.len - 1], '\n');
	assert_true(log.len < (4 << 20) + 8192);
	assert_null(strstr(log.data, ",-;"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kernel_log),	   cmocka_unit_test(stops_are_caught),
		cmocka_unit_test(closed_pipe_is_an_error), cmocka_unit_test(hang_up_under_nohup),
		cmocka_unit_test(later_waits_are_whole),
	};

	/* A shell starts what is in the background with SIGINT ignored. */
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++)
		signal(stops[i], SIG_DFL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
