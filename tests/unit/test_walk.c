// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walk.c against the kernel's own openat2(RESOLVE_IN_ROOT), on random trees full of links.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/sys.h"

#include "tree.h"

#define TREES	60
#define ENTRIES 30
#define PATHS	200

static char outside[64], root[80];
static int root_fd;

/* xorshift: the same trees in each run. */
static uint32_t next_random(uint32_t below)
{
	static uint32_t x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return x % below;
}

static int set_up(void **state)
{
	(void)state;
	strcpy(outside, "/tmp/kvmtune-walk.XXXXXX");
	assert_non_null(mkdtemp(outside));
	snprintf(root, sizeof(root), "%s/root", outside);
	assert_int_equal(mkdir(root, 0755), 0);
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	assert_true(root_fd >= 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(root_fd);
	return remove_tree(outside);
}

/* A path of a few names, of which most are somewhere. */
static void random_path(char *ret, size_t size, bool may_be_absolute)
{
	static const char *const names[] = { "a", "b", "c", "..", ".", "link", "other", "/", "" };
	size_t count = 1 + next_random(5), len = 0;

	len += (size_t)snprintf(ret, size, "%s", may_be_absolute && !next_random(3) ? "/" : "");
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(ret + len, size - len, "%s%s", i ? "/" : "",
					names[next_random(ARRAY_SIZE(names))]);
	if (!len)
		snprintf(ret, size, ".");
}

static int by_kernel(const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
				.resolve = RESOLVE_IN_ROOT };
	long fd;

	while (*path == '/')
		path++;
	/* -EAGAIN: a ".." on the way, while anything on this machine was renamed. */
	do
		fd = syscall(SYS_openat2, root_fd, *path ? path : ".", &how, sizeof(how));
	while (fd < 0 && errno == EAGAIN);
	return fd < 0 ? -errno : (int)fd;
}

/* Each in a directory that the kernel found: nothing is made outside. */
static void make_one(void)
{
	static const char *const names[] = { "a", "b", "c", "link", "other" };
	const char *name = names[next_random(ARRAY_SIZE(names))];
	char path[128], target[128];
	autoclose int dir = -1;
	autoclose int file = -1;

	random_path(path, sizeof(path), false);
	random_path(target, sizeof(target), true);
	dir = by_kernel(path, O_PATH | O_DIRECTORY);
	if (dir < 0)
		dir = by_kernel("/", O_PATH | O_DIRECTORY);
	switch (next_random(4)) {
	case 0:
		file = openat(dir, name, O_CREAT | O_NOFOLLOW | O_EXCL | O_WRONLY, 0644);
		break;
	case 1:
		if (symlinkat(target, dir, name) == 0)
			break;
		/* fall through */
	default:
		mkdirat(dir, name, 0755);
	}
}

static void compare(const char *path, int flags)
{
	autoclose int ours = sys_walk(root_fd, path, flags), theirs = by_kernel(path, flags);
	struct stat a, b;

	if (theirs < 0 || ours < 0) {
		if (ours != theirs)
			fail_msg("%s (%#x): %d, the kernel says %d", path, (unsigned)flags, ours,
				 theirs);
		return;
	}
	assert_int_equal(fstat(ours, &a), 0);
	assert_int_equal(fstat(theirs, &b), 0);
	if (a.st_ino != b.st_ino || a.st_dev != b.st_dev)
		fail_msg("%s (%#x): another file", path, (unsigned)flags);
}

static bool kernel_has_openat2(void)
{
	autoclose int fd = by_kernel("/", O_PATH);

	return fd != -ENOSYS && fd != -EPERM;
}

static void test_like_the_kernel(void **state)
{
	static const int flags[] = { O_RDONLY,
				     O_PATH,
				     O_PATH | O_NOFOLLOW,
				     O_RDONLY | O_NOFOLLOW,
				     O_RDONLY | O_DIRECTORY,
				     O_PATH | O_DIRECTORY };

	(void)state;
	if (!kernel_has_openat2())
		skip();
	for (int tree = 0; tree < TREES; tree++) {
		for (int i = 0; i < ENTRIES; i++)
			make_one();
		for (int i = 0; i < PATHS; i++) {
			char path[128];

			random_path(path, sizeof(path), true);
			compare(path, flags[next_random(ARRAY_SIZE(flags))]);
		}
		tear_down(NULL);
		set_up(NULL);
	}
}

static void assert_stays_inside(const char *path)
{
	autoclose int fd = sys_walk(root_fd, path, O_PATH | O_DIRECTORY);
	struct stat st, top;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(fstat(root_fd, &top), 0);
	assert_int_equal(st.st_ino, top.st_ino);
}

static void test_no_way_out(void **state)
{
	(void)state;
	assert_stays_inside("../../..");
	assert_int_equal(symlinkat("/../..", root_fd, "up"), 0);
	assert_stays_inside("/up");
	assert_stays_inside("/up/../up/..");
	assert_int_equal(symlinkat(outside, root_fd, "absolute"), 0);
	assert_int_equal(sys_walk(root_fd, "/absolute", O_PATH), -ENOENT);
}

/* Until it is killed. */
static pid_t start_renaming(void)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid)
		return pid;
	for (;;) {
		renameat(root_fd, "this", root_fd, "that");
		renameat(root_fd, "that", root_fd, "this");
	}
}

/*
 * The kernel does not say where ".." leads while anything on the machine is renamed: one in some
 * hundreds of these opens meets that.
 */
static void test_beside_renaming(void **state)
{
	struct ports ports;
	struct err e = { 0 };
	int failed = 0;
	pid_t pid;

	(void)state;
	assert_int_equal(mkdirat(root_fd, "this", 0755), 0);
	assert_int_equal(mkdirat(root_fd, "dir", 0755), 0);
	assert_int_equal(symlinkat("../dir/../dir", root_fd, "dir/link"), 0);
	assert_int_equal(ports_open(&ports, root, &e), 0);
	pid = start_renaming();
	for (int i = 0; i < 10000; i++) {
		autoclose int fd = sys_open(&ports, "/dir/link", O_RDONLY);

		failed += fd < 0 && fd != -ENOSYS;
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	ports_close(&ports);
	assert_int_equal(failed, 0);
}

static void test_circle_of_links(void **state)
{
	(void)state;
	assert_int_equal(symlinkat("two", root_fd, "one"), 0);
	assert_int_equal(symlinkat("one", root_fd, "two"), 0);
	assert_int_equal(sys_walk(root_fd, "one", O_RDONLY), -ELOOP);
}

static void test_name_too_long(void **state)
{
	char name[NAME_MAX + 100];

	(void)state;
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(sys_walk(root_fd, name, O_RDONLY), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_like_the_kernel, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_no_way_out, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_beside_renaming, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_circle_of_links, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_name_too_long, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
