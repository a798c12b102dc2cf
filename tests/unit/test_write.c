// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * write.c and files.c on a real directory: values and links.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kvmtune/port.h>

#include "tree.h"

#define WANTS "/etc/systemd/system/multi-user.target.wants"
#define LINK  WANTS "/ksm.service"
#define UNIT  "/lib/systemd/system/ksm.service"

static struct bed {
	char dir[64];
	struct ports ports;
	struct err e;
} bed;

/*
 * Without openat2() nothing is opened in an image: valgrind 3.19 does not know it. Then it is taken
 * for a running host.
 */
static int set_up(void **state)
{
	struct file_stat st;

	(void)state;
	bed = (struct bed){ .dir = "/tmp/kvmtune-write.XXXXXX" };
	assert_non_null(mkdtemp(bed.dir));
	assert_int_equal(ports_open(&bed.ports, bed.dir, &bed.e), 0);
	bed.ports.image = bed.ports.file.stat(&bed.ports, "/", &st) != -ENOSYS;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ports_close(&bed.ports);
	return remove_tree(bed.dir);
}

static int make_link(const char *path, const char *target)
{
	return bed.ports.file.make_link(&bed.ports, path, target, &bed.e);
}

static int write_value(const char *path, const char *text)
{
	return bed.ports.file.write_value(&bed.ports, path, text, &bed.e);
}

static void put_file(const char *path, const char *text)
{
	assert_int_equal(bed.ports.file.replace(&bed.ports, path, text, 0644, &bed.e), 0);
}

static void assert_text(const char *path, const char *text)
{
	autobuf b = { 0 };

	assert_int_equal(bed.ports.file.read(&bed.ports, path, &b), 0);
	assert_string_equal(buf_text(&b), text);
}

static void assert_link(const char *path, const char *target)
{
	autobuf b = { 0 };

	assert_int_equal(bed.ports.file.read_link(&bed.ports, path, &b), 0);
	assert_string_equal(buf_text(&b), target);
}

static void assert_entries(const char *dir, size_t count)
{
	autostrv names = { 0 };

	assert_int_equal(bed.ports.file.list(&bed.ports, dir, &names), 0);
	assert_int_equal(names.n, count);
}

/* ---- values ---- */

/* As sysfs does it: nothing is cut off, made or synced. */
static void test_value(void **state)
{
	(void)state;
	put_file("/run", "100");
	assert_int_equal(write_value("/run", "2"), 0);
	assert_text("/run", "200");
}

static void test_value_of_nothing(void **state)
{
	autostrv names = { 0 };

	(void)state;
	assert_int_equal(write_value("/sys/run", "2"), -ENOENT);
	assert_string_equal(bed.e.text, "cannot write /sys/run: No such file or directory");
	assert_int_equal(bed.ports.file.list(&bed.ports, "/", &names), 0);
	assert_int_equal(names.n, 0);
}

static void test_value_through_a_link(void **state)
{
	(void)state;
	put_file("/other", "1");
	assert_int_equal(make_link("/run", "other"), 0);
	assert_int_equal(write_value("/run", "2"), -ELOOP);
	assert_text("/other", "1");
}

/* /dev/full takes nothing: the error of write() itself. */
static void test_value_refused(void **state)
{
	struct ports host;

	(void)state;
	assert_int_equal(ports_open(&host, NULL, &bed.e), 0);
	assert_int_equal(host.file.write_value(&host, "/dev/full", "2", &bed.e), -ENOSPC);
	assert_string_equal(bed.e.text, "cannot write /dev/full: No space left on device");
	ports_close(&host);
}

/* Only a part of it was taken: a file may not grow beyond three bytes. */
static void test_value_cut_short(void **state)
{
	void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
	struct rlimit before, three;

	(void)state;
	put_file("/run", "");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	three = (struct rlimit){ .rlim_cur = 3, .rlim_max = before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &three), 0);
	assert_int_equal(write_value("/run", "12345"), -EIO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, handler);
	assert_text("/run", "123");
}

/* ---- links ---- */

static void test_link(void **state)
{
	(void)state;
	assert_int_equal(make_link(LINK, UNIT), 0);
	assert_link(LINK, UNIT);
	assert_entries(WANTS, 1);
}

static void test_link_again(void **state)
{
	(void)state;
	assert_int_equal(make_link(LINK, "/dev/null"), 0);
	assert_int_equal(make_link(LINK, UNIT), 0);
	assert_link(LINK, UNIT);
	assert_int_equal(make_link(LINK, UNIT), 0);
	assert_entries(WANTS, 1);
}

/* A run that was killed between link and rename. */
static void test_link_left_over(void **state)
{
	(void)state;
	assert_int_equal(make_link(WANTS "/.ksm.service.kvmtune-new", "/x"), 0);
	assert_int_equal(make_link(LINK, UNIT), 0);
	assert_link(LINK, UNIT);
	assert_entries(WANTS, 1);
}

static void test_link_in_the_way_of_a_file(void **state)
{
	(void)state;
	put_file(LINK, "mine");
	assert_int_equal(make_link(LINK, UNIT), -EEXIST);
	assert_string_equal(bed.e.text, "cannot make the link " LINK ": File exists");
	assert_text(LINK, "mine");
	put_file("/etc/dir/x", "");
	assert_int_equal(make_link("/etc/dir", UNIT), -EEXIST);
	assert_entries("/etc", 2);
	assert_entries(WANTS, 1);
}

static void test_link_that_cannot_be(void **state)
{
	(void)state;
	put_file("/etc/systemd", "a file");
	assert_int_equal(make_link(LINK, UNIT), -ENOTDIR);
	assert_entries("/etc", 1);
}

/* A directory of the path may be a link, which leads nowhere outside. */
static void test_link_stays_below_root(void **state)
{
	(void)state;
	if (!bed.ports.image) {
		print_message("skipped: there is no openat2()\n");
		skip();
	}
	assert_int_equal(make_link("/etc", "/../../../../elsewhere"), 0);
	put_file("/elsewhere/x", "");
	assert_int_equal(make_link("/etc/y", "/z"), 0);
	assert_link("/elsewhere/y", "/z");
}

static void test_remove_link(void **state)
{
	(void)state;
	put_file(UNIT, "unit");
	assert_int_equal(make_link(LINK, UNIT), 0);
	assert_int_equal(bed.ports.file.remove(&bed.ports, LINK, &bed.e), 0);
	assert_entries(WANTS, 0);
	assert_text(UNIT, "unit");
}

/* Only what our own writing leaves, where it was killed. */
static void test_sweep(void **state)
{
	(void)state;
	put_file("/etc/own.conf", "own");
	put_file("/etc/.own.conf.kvmtune-new", "half");
	put_file("/etc/.other.conf.kvmtune-new", "another's");
	bed.ports.file.sweep(&bed.ports, "/etc/own.conf");
	assert_entries("/etc", 2);
	assert_text("/etc/own.conf", "own");
	bed.ports.file.sweep(&bed.ports, "/etc/own.conf");
	bed.ports.file.sweep(&bed.ports, "/none/own.conf");
	assert_entries("/etc", 2);
}

static void test_read_link(void **state)
{
	autobuf b = { 0 };

	(void)state;
	put_file("/file", "");
	assert_int_equal(bed.ports.file.read_link(&bed.ports, "/file", &b), -EINVAL);
	assert_int_equal(bed.ports.file.read_link(&bed.ports, "/", &b), -EINVAL);
	assert_int_equal(bed.ports.file.read_link(&bed.ports, "/none", &b), -ENOENT);
	assert_int_equal(b.len, 0);
	assert_int_equal(make_link("/link", "to nowhere"), 0);
	buf_puts(&b, "leads ");
	assert_int_equal(bed.ports.file.read_link(&bed.ports, "/link", &b), 0);
	assert_string_equal(buf_text(&b), "leads to nowhere");
}

/* ---- what is the same in an image ---- */

static void test_identify_image(void **state)
{
	struct host_id id;

	(void)state;
	bed.ports.image = true;
	bed.ports.system.identify(&bed.ports, &id);
	assert_int_equal(id.page_bytes, sysconf(_SC_PAGESIZE));
	assert_int_equal(id.ticks_per_second, sysconf(_SC_CLK_TCK));
	assert_string_equal(id.kernel, "");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_value),
		TEST(test_value_of_nothing),
		TEST(test_value_through_a_link),
		TEST(test_value_refused),
		TEST(test_value_cut_short),
		TEST(test_link),
		TEST(test_link_again),
		TEST(test_link_left_over),
		TEST(test_link_in_the_way_of_a_file),
		TEST(test_link_that_cannot_be),
		TEST(test_link_stays_below_root),
		TEST(test_remove_link),
		TEST(test_sweep),
		TEST(test_read_link),
		TEST(test_identify_image),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
