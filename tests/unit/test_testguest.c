// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The test guest: run for real where /dev/kvm works, and the ways in which it can fail.
 *
 * Where there is no /dev/kvm, what needs it is skipped: KVMTUNE_TESTS_MUST_RUN does not forbid
 * that, since a machine without it cannot have it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <kvmtune/testguest.h>

#define RUN_CODE(code, ms, e) testguest_run_code("/dev/kvm", code, sizeof(code), ms, e)

static bool have_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	bool works = fd >= 0 && ioctl(fd, KVM_GET_API_VERSION, 0) == KVM_API_VERSION;

	if (fd >= 0)
		close(fd);
	return works;
}

#define NEED_KVM()                                                                                 \
	do {                                                                                       \
		if (!have_kvm()) {                                                                 \
			print_message("skipped: /dev/kvm is missing or may not be opened\n");      \
			skip();                                                                    \
		}                                                                                  \
	} while (0)

static int count_own_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int fds_before;

static int before(void **state)
{
	(void)state;
	fds_before = count_own_fds();
	return 0;
}

/* After each: no descriptor more, and no child, not even a dead one. */
static int after(void **state)
{
	(void)state;
	if (count_own_fds() != fds_before)
		return -1;
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

static void guest_runs(void **state)
{
	struct err e = { 0 };

	(void)state;
	NEED_KVM();
	for (int i = 0; i < 20; i++)
		if (testguest_run("/dev/kvm", 10000, &e) != 0)
			fail_msg("%s", e.text);
	assert_string_equal(e.text, "");
}

static void no_device(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(testguest_run("/no/such/device", 10000, &e), -ENOENT);
	assert_string_equal(e.text, "cannot open /no/such/device: No such file or directory");
}

static void other_device(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(testguest_run("/dev/null", 10000, &e), -ENOTTY);
	assert_non_null(strstr(e.text, "KVM_GET_API_VERSION: "));
}

static void directory(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(testguest_run("/", 10000, &e), -EISDIR);
}

static void endless_guest_is_killed(void **state)
{
	static const unsigned char code[] = { 0xeb, 0xfe }; /* jmp . */
	struct err e = { 0 };
	int64_t start = now_ms(), took;

	(void)state;
	NEED_KVM();
	assert_int_equal(RUN_CODE(code, 150, &e), -ETIMEDOUT);
	took = now_ms() - start;
	assert_true(took >= 149);
	assert_true(took < 5000);
	assert_string_equal(e.text, "the test guest did not end within 150 ms");
}

static volatile sig_atomic_t alarms;

static void on_alarm(int signal)
{
	(void)signal;
	alarms++;
	ualarm(10000, 0);
}

/* Signals to the parent end neither the wait nor the deadline. */
static void signals_while_waiting(void **state)
{
	static const unsigned char code[] = { 0xeb, 0xfe };
	struct sigaction action = { .sa_handler = on_alarm }, old;
	struct err e = { 0 };

	(void)state;
	NEED_KVM();
	sigaction(SIGALRM, &action, &old);
	ualarm(10000, 0);
	assert_int_equal(RUN_CODE(code, 200, &e), -ETIMEDOUT);
	ualarm(0, 0);
	sigaction(SIGALRM, &old, NULL);
	/* How many there were is a matter of how busy the machine is; one is what it takes. */
	assert_true(alarms > 0);
}

static void no_time_at_all(void **state)
{
	static const unsigned char code[] = { 0xeb, 0xfe };
	struct err e = { 0 };

	(void)state;
	NEED_KVM();
	assert_int_equal(RUN_CODE(code, 0, &e), -ETIMEDOUT);
}

static void halts_at_once(void **state)
{
	static const unsigned char code[] = { 0xf4 };
	struct err e = { 0 };

	(void)state;
	NEED_KVM();
	assert_int_equal(RUN_CODE(code, 10000, &e), -EIO);
	assert_non_null(strstr(e.text, "stopped unexpectedly (KVM exit reason 5)"));
}

static void computes_wrong(void **state)
{
	/* The same with 1 added to the sum before; before the store; another port; no store. */
	static const unsigned char before_port[] = { 0xba, 0x10, 0,    0, 0xd8, 0xfe,
						     0xc0, 0xee, 0xa2, 0, 0x20, 0xf4 };
	static const unsigned char before_store[] = { 0xba, 0x10, 0,	0, 0xd8, 0xee,
						      0xfe, 0xc0, 0xa2, 0, 0x20, 0xf4 };
	static const unsigned char other_port[] = { 0xba, 0x11, 0, 0,	 0xd8,
						    0xee, 0xa2, 0, 0x20, 0xf4 };
	static const unsigned char no_store[] = { 0xba, 0x10, 0,    0,	  0xd8,
						  0xee, 0x90, 0x90, 0x90, 0xf4 };
	struct err e = { 0 };

	(void)state;
	NEED_KVM();
	assert_int_equal(RUN_CODE(before_port, 10000, &e), -EIO);
	assert_string_equal(e.text, "the test guest computed a wrong result");
	assert_int_equal(RUN_CODE(before_store, 10000, &e), -EIO);
	assert_int_equal(RUN_CODE(other_port, 10000, &e), -EIO);
	assert_int_equal(RUN_CODE(no_store, 10000, &e), -EIO);
}

static void code_too_long(void **state)
{
	static const unsigned char code[4097];
	struct err e = { 0 };

	(void)state;
	assert_int_equal(RUN_CODE(code, 10000, &e), -E2BIG);
}

/* Where SIGCHLD is ignored, as some parents leave it, nobody tells the status of a child. */
static void ignored_sigchld(void **state)
{
	struct err e = { 0 };

	(void)state;
	signal(SIGCHLD, SIG_IGN);
	assert_int_equal(testguest_run("/dev/null", 10000, &e), -ENOTTY);
	if (have_kvm())
		assert_int_equal(testguest_run("/dev/kvm", 10000, &e), 0);
	signal(SIGCHLD, SIG_DFL);
}

/* Blocked and handled signals of the parent do not make the child one that cannot be ended. */
static void blocked_signals(void **state)
{
	static const unsigned char code[] = { 0xeb, 0xfe };
	struct err e = { 0 };
	sigset_t all, old;

	(void)state;
	NEED_KVM();
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &old);
	assert_int_equal(RUN_CODE(code, 100, &e), -ETIMEDOUT);
	assert_int_equal(testguest_run("/dev/kvm", 10000, &e), 0);
	sigprocmask(SIG_SETMASK, &old, NULL);
}

/* The child does not outlive us: as its next parent we see it end. */
static void ends_with_parent(void **state)
{
	static const unsigned char code[] = { 0xeb, 0xfe };
	int status = 0;
	pid_t runner;

	(void)state;
	NEED_KVM();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	runner = fork();
	assert_true(runner >= 0);
	if (runner == 0) {
		struct err e = { 0 };

		alarm(30);
		_exit(RUN_CODE(code, 60000, &e) != 0);
	}
	usleep(300000);
	kill(runner, SIGKILL);
	assert_int_equal(waitpid(runner, NULL, 0), runner);
	assert_true(waitpid(-1, &status, 0) > 0);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, before, after)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(guest_runs),
		TEST(no_device),
		TEST(other_device),
		TEST(directory),
		TEST(endless_guest_is_killed),
		TEST(signals_while_waiting),
		TEST(no_time_at_all),
		TEST(halts_at_once),
		TEST(computes_wrong),
		TEST(code_too_long),
		TEST(ignored_sigchld),
		TEST(blocked_signals),
		TEST(ends_with_parent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
