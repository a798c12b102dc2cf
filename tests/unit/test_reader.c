// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The reader: children that look, over real pipes, some of which never come back. Processes are made up
 * by their numbers; what a look does with each is told by that number.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <kvmtune/reader.h>

#include "sys/sys.h"

#define FIRST	   5000001 /* above what the kernel gives: none is real */
#define COUNT	   300
#define PATIENT_MS 10000
#define TICK_MS	   20 /* of four; the R of a busy host is not counted */

/* What the process of that number does when it is looked at. */
enum does { TELLS, HANGS, HANGS_ALWAYS, SLOW, LARGE, NONSENSE, DIES, EXITS };

struct bed {
	int pids[COUNT];
	enum does does[COUNT];
	struct reader reader;
	struct reader_job job;
	int proc_fd;
	/* What was told of each. */
	unsigned told[COUNT];
	enum answer answers[COUNT];
	size_t bytes, stop_after, left;
};

static void hang(void)
{
	for (;;)
		pause();
}

static void look(struct look *l, int pid, void *arg)
{
	const struct bed *bed = arg;
	static char large[300000];

	switch (bed->does[pid - FIRST]) {
	case TELLS:
		break;
	case HANGS:
		if (look_may_ask(l))
			hang();
		break;
	case HANGS_ALWAYS:
		hang();
		break;
	case SLOW:
		for (int i = 0; i < 12; i++) {
			usleep(TICK_MS * 1000);
			look_goes_on(l);
		}
		break;
	case LARGE:
		memset(large, 'x', sizeof(large));
		look_tell(l, 1, 0, large, sizeof(large));
		break;
	case NONSENSE:
		/* Into every descriptor that may lead to the parent. */
		for (int fd = 3; fd < 64; fd++)
			if (fd != bed->proc_fd &&
			    write(fd, "nonsense nonsense nonsense nonsense", 32) < 0)
				continue;
		break;
	case DIES:
		raise(SIGKILL);
		break;
	case EXITS:
		_exit(3);
	}
	look_tell(l, 2, pid, "text", 4);
}

static bool told(void *arg, int pid, enum answer answer, const struct record *records, size_t count)
{
	struct bed *bed = arg;

	assert_in_range(pid, FIRST, FIRST + COUNT - 1);
	bed->told[pid - FIRST]++;
	bed->answers[pid - FIRST] = answer;
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(strnlen(records[i].text, records[i].len + 1), records[i].len);
		bed->bytes += records[i].len;
	}
	return !bed->stop_after || --bed->stop_after;
}

static int set_up(void **state)
{
	struct bed *bed = xcalloc(1, sizeof(*bed));

	for (int i = 0; i < COUNT; i++)
		bed->pids[i] = FIRST + i;
	bed->proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bed->reader.tick_ms = TICK_MS;
	bed->job = (struct reader_job){ .proc_fd = bed->proc_fd,
					.pids = bed->pids,
					.count = COUNT,
					.look = look,
					.told = told,
					.arg = bed };
	*state = bed;
	return bed->proc_fd < 0 ? -1 : 0;
}

/* Nothing is left of any test: no child, no descriptor. */
static int tear_down(void **state)
{
	struct bed *bed = *state;

	close(bed->proc_fd);
	reader_free(&bed->reader);
	free(bed);
	errno = 0;
	return waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD ? 0 : -1;
}

static int run(struct bed *bed, struct err *e)
{
	memset(bed->told, 0, sizeof(bed->told));
	bed->bytes = 0;
	return reader_run(&bed->reader, &bed->job, &bed->left, e);
}

static void run_well(struct bed *bed)
{
	struct err e = { 0 };

	if (run(bed, &e) < 0)
		fail_msg("%s", e.text);
}

static void check_each(const struct bed *bed, const int *silent, size_t count)
{
	for (int i = 0; i < COUNT; i++) {
		enum answer wanted = ANSWERS;

		for (size_t n = 0; n < count; n++)
			if (silent[n] == i)
				wanted = ANSWERS_NOT;
		if (bed->told[i] != 1 || bed->answers[i] != wanted)
			fail_msg("process %d: told %u times, answer %d", i, bed->told[i],
				 bed->answers[i]);
	}
}

static void each_is_told_once(void **state)
{
	struct bed *bed = *state;

	run_well(bed);
	check_each(bed, NULL, 0);
	assert_int_equal(bed->bytes, 4 * COUNT);
	assert_int_equal(bed->left + bed->reader.given_up, 0);
	/* One child. */
	bed->job.count = 1;
	run_well(bed);
	assert_int_equal(bed->bytes, 4);
	bed->job.count = 0;
	run_well(bed);
	assert_int_equal(bed->bytes, 0);
}

static void the_work_goes_on(void **state)
{
	static const int silent[] = { 0, 150, 299 };
	struct bed *bed = *state;

	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		bed->does[silent[i]] = i == 1 ? HANGS_ALWAYS : HANGS;
	run_well(bed);
	check_each(bed, silent, ARRAY_SIZE(silent));
	/* Two of them told what does not take an answer, on the second look. */
	assert_int_equal(bed->bytes, 4 * (COUNT - 1));
	assert_int_equal(bed->reader.given_up, 4);
	assert_int_equal(bed->reader.silent_count, 3);
}

/* The next walk does not wait for them again. */
static void silence_is_remembered(void **state)
{
	static const int silent[] = { 7 };
	struct bed *bed = *state;

	bed->does[7] = HANGS;
	run_well(bed);
	assert_int_equal(bed->reader.given_up, 1);
	run_well(bed);
	check_each(bed, silent, 1);
	assert_int_equal(bed->reader.given_up, 1);
}

/* All of one user: three are waited for, by each child perhaps one more. */
static void a_user_is_given_up(void **state)
{
	struct bed *bed = *state;
	unsigned silent = 0, not_asked = 0;

	for (int i = 0; i < COUNT; i++)
		bed->does[i] = HANGS;
	run_well(bed);
	for (int i = 0; i < COUNT; i++) {
		assert_int_equal(bed->told[i], 1);
		silent += bed->answers[i] == ANSWERS_NOT;
		not_asked += bed->answers[i] == NOT_ASKED;
	}
	assert_in_range(silent, 3, 4);
	assert_int_equal(not_asked, COUNT - silent);
	assert_int_equal(bed->bytes, 4 * COUNT);
	assert_int_equal(bed->left, 0);
}

/* What hangs whatever is asked: it ends all the same, and says of how many nothing is known. */
static void all_is_given_up(void **state)
{
	struct bed *bed = *state;
	size_t known = 0;

	for (int i = 0; i < COUNT; i++)
		bed->does[i] = HANGS_ALWAYS;
	run_well(bed);
	for (int i = 0; i < COUNT; i++)
		known += bed->told[i];
	assert_true(bed->left > 0 && bed->left < COUNT);
	/* Those that were at work when it ended are neither. */
	assert_in_range(known + bed->left, COUNT - 2, COUNT);
	assert_true(bed->reader.waited_ms <= 70 * TICK_MS);
	/* There is no patience left for a next walk. */
	run_well(bed);
	assert_int_equal(bed->left, COUNT);
}

static void slow_is_not_silent(void **state)
{
	struct bed *bed = *state;

	bed->does[3] = bed->does[200] = SLOW;
	run_well(bed);
	check_each(bed, NULL, 0);
	assert_int_equal(bed->reader.given_up, 0);
}

static void much_is_told(void **state)
{
	struct bed *bed = *state;

	for (int i = 0; i < 40; i++)
		bed->does[i] = LARGE;
	/* Nobody hangs: on a loaded machine so much takes its time. */
	bed->reader.tick_ms = PATIENT_MS;
	run_well(bed);
	check_each(bed, NULL, 0);
	assert_int_equal(bed->bytes, 40 * 300000 + 4 * COUNT);
}

static void nonsense_is_an_error(void **state)
{
	struct bed *bed = *state;
	struct err e = { 0 };

	bed->does[100] = NONSENSE;
	assert_int_equal(run(bed, &e), -EPROTO);
}

static void enough_is_enough(void **state)
{
	struct bed *bed = *state;

	bed->does[250] = HANGS_ALWAYS;
	bed->stop_after = 5;
	run_well(bed);
	assert_int_equal(bed->left, 0);
}

/* The kernel kills it for memory: one may be lost, and the rest is looked at. */
static void a_child_that_is_killed(void **state)
{
	static const int lost[] = { 9 };
	struct bed *bed = *state;
	struct err e = { 0 };

	bed->does[9] = DIES;
	run_well(bed);
	check_each(bed, lost, 1);
	for (int i = 0; i < COUNT; i++)
		bed->does[i] = i % 2 ? DIES : EXITS;
	assert_int_equal(run(bed, &e), -ECHILD);
}

static volatile int signalled;

static void on_signal(int number)
{
	signalled = number;
}

static int interrupted(struct ports *p)
{
	(void)p;
	return signalled;
}

/* Whoever has signals caught hears them here, too. */
static void a_signal_ends_it(void **state)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct ports ports = { .system.interrupted = interrupted };
	struct bed *bed = *state;
	struct err e = { 0 };
	pid_t pid;

	bed->reader.ports = &ports;
	bed->reader.tick_ms = 5000;
	bed->does[0] = HANGS_ALWAYS;
	sigaction(SIGTERM, &action, NULL);
	pid = fork();
	if (pid == 0) {
		usleep(100000);
		kill(getppid(), SIGTERM);
		_exit(0);
	}
	assert_int_equal(run(bed, &e), -EINTR);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	/* One that came before does not: a read at the end of the walk counts. */
	bed->does[0] = TELLS;
	run_well(bed);
	signal(SIGTERM, SIG_DFL);
}

/* In the child: how it is. */
struct child_facts {
	int descriptors, parent_death;
	bool caught;
};

static void look_at_self(struct look *l, int pid, void *arg)
{
	struct child_facts facts = { 0 };
	struct sigaction action;

	(void)arg, (void)pid;
	for (int fd = 3; fd < 1024; fd++)
		facts.descriptors += fcntl(fd, F_GETFD) >= 0;
	prctl(PR_GET_PDEATHSIG, &facts.parent_death);
	sigaction(SIGTERM, NULL, &action);
	facts.caught = action.sa_handler != SIG_DFL;
	look_tell(l, 0, 0, (const char *)&facts, sizeof(facts));
}

static bool take_facts(void *arg, int pid, enum answer answer, const struct record *records,
		       size_t count)
{
	(void)pid, (void)answer;
	assert_int_equal(count, 1);
	assert_int_equal(records[0].len, sizeof(struct child_facts));
	memcpy(arg, records[0].text, records[0].len);
	return true;
}

/* It holds no lock of its parent's, ends with it, and a signal ends it. */
static void how_a_child_is(void **state)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct bed *bed = *state;
	struct child_facts facts = { 0 };
	char path[] = "/tmp/kvmtune-reader-XXXXXX";
	int lock = mkstemp(path);

	assert_int_equal(flock(lock, LOCK_EX | LOCK_NB), 0);
	sigaction(SIGTERM, &action, NULL);
	bed->job.look = look_at_self;
	bed->job.told = take_facts;
	bed->job.arg = &facts;
	bed->job.count = 1;
	run_well(bed);
	signal(SIGTERM, SIG_DFL);
	close(lock);
	unlink(path);
	assert_int_equal(facts.descriptors, 2);
	assert_int_equal(facts.parent_death, SIGKILL);
	assert_false(facts.caught);
}

#define WITH_BED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BED(each_is_told_once),	 WITH_BED(the_work_goes_on),
		WITH_BED(silence_is_remembered), WITH_BED(a_user_is_given_up),
		WITH_BED(all_is_given_up),	 WITH_BED(slow_is_not_silent),
		WITH_BED(much_is_told),		 WITH_BED(nonsense_is_an_error),
		WITH_BED(enough_is_enough),	 WITH_BED(a_child_that_is_killed),
		WITH_BED(a_signal_ends_it),	 WITH_BED(how_a_child_is),
	};

	/* A shell starts what is in the background with SIGINT ignored. */
	signal(SIGTERM, SIG_DFL);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
