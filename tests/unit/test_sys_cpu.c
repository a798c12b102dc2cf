// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The real ports that `kvmtune cpu` uses: CPUID on each CPU, and files of the user's.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <kvmtune/port.h>

static struct ports ports;

/* ---- CPUID ---- */

struct seen {
	unsigned cpus[CPU_SETSIZE];
	size_t count, leaves, serials, features;
};

static void see(void *arg, unsigned cpu, uint32_t leaf, uint32_t subleaf, const uint32_t r[4])
{
	struct seen *s = arg;

	(void)subleaf, (void)r;
	/* Each begins with leaf 0, and comes once. */
	if (!s->count || s->cpus[s->count - 1] != cpu) {
		assert_int_equal(leaf, 0);
		assert_true(!s->count || s->cpus[s->count - 1] < cpu);
		s->cpus[s->count++] = cpu;
	}
	s->leaves++;
	s->serials += leaf == 3;
	s->features += leaf == 1;
}

static void each_cpu_that_is_allowed(void **state)
{
	cpu_set_t before, one, after;
	struct seen all = { .count = 0 }, last = { .count = 0 };
	struct err e = { 0 };
	unsigned cpu = 0;

	(void)state;
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	assert_int_equal(ports.cpu.read_all(&ports, see, &all, &e), 0);
	assert_int_equal(all.count, CPU_COUNT(&before));
	assert_int_equal(all.features, all.count);
	assert_int_equal(all.serials, 0);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&before, &after));

	/* The last one alone. */
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		cpu = CPU_ISSET(i, &before) ? i : cpu;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(ports.cpu.read_all(&ports, see, &last, &e), 0);
	assert_int_equal(last.count, 1);
	assert_int_equal(last.cpus[0], cpu);
	assert_int_equal(sched_getaffinity(0, sizeof(after), &after), 0);
	assert_true(CPU_EQUAL(&one, &after));
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
}

static void not_of_an_image(void **state)
{
	struct seen s = { .count = 0 };
	struct ports image;
	struct err e = { 0 };

	(void)state;
	assert_int_equal(ports_open(&image, "/usr", &e), 0);
	assert_int_equal(image.cpu.read_all(&image, see, &s, &e), -EOPNOTSUPP);
	assert_int_equal(s.leaves, 0);
	ports_close(&image);
}

/* ---- files of the user's ---- */

static char scratch[] = "/tmp/kvmtune-test-XXXXXX";

static const struct user_file two[] = { { .name = "a.txt", .text = "one\n" },
					{ .name = "b.txt", .text = "" } };

static bool exists(const char *name)
{
	struct stat st;

	return lstat(name, &st) == 0;
}

static void write_and_read(void **state)
{
	autobuf text = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(ports.user.write_dir(&ports, "new", two, 2, &e), 0);
	assert_int_equal(ports.user.read(&ports, "new/a.txt", &text), 0);
	assert_string_equal(buf_text(&text), "one\n");
	assert_int_equal(ports.user.read(&ports, "new/b.txt", &text), 0);
	assert_int_equal(text.len, 4);
	/* One that is empty is taken as it is. */
	assert_int_equal(mkdir("empty", 0700), 0);
	assert_int_equal(ports.user.write_dir(&ports, "empty/", two, 2, &e), 0);
	assert_true(exists("empty/b.txt"));
}

static void nothing_is_overwritten(void **state)
{
	struct err e = { 0 };

	(void)state;
	assert_int_equal(mkdir("full", 0700), 0);
	closep(&(int){ open("full/other", O_CREAT | O_WRONLY, 0600) });
	assert_int_equal(ports.user.write_dir(&ports, "full", two, 2, &e), -ENOTEMPTY);
	assert_false(exists("full/a.txt"));
	assert_int_equal(symlink("full", "link"), 0);
	assert_true(ports.user.write_dir(&ports, "link", two, 2, &e) < 0);
	assert_true(ports.user.write_dir(&ports, "full/other", two, 2, &e) < 0);
	assert_int_equal(ports.user.write_dir(&ports, "missing/dir", two, 2, &e), -ENOENT);
	assert_non_null(strstr(e.text, "missing/dir"));
}

/* The second cannot be written: the first, and the directory, go again. */
static void all_or_nothing(void **state)
{
	const struct user_file bad[] = { { .name = "a.txt", .text = "one\n" },
					 { .name = "a.txt/no/dir", .text = "" } };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(ports.user.write_dir(&ports, "gone", bad, 2, &e), -ENOTDIR);
	assert_false(exists("gone"));
	assert_int_equal(mkdir("stays", 0700), 0);
	assert_int_equal(ports.user.write_dir(&ports, "stays", bad, 2, &e), -ENOTDIR);
	assert_false(exists("stays/a.txt"));
	assert_true(exists("stays"));
}

static void what_cannot_be_read(void **state)
{
	autobuf text = { 0 };

	(void)state;
	assert_int_equal(ports.user.read(&ports, "nothing", &text), -ENOENT);
	assert_int_equal(ports.user.read(&ports, ".", &text), -EISDIR);
	assert_int_equal(ports.user.read(&ports, "/dev/zero", &text), -EFBIG);
	assert_int_equal(text.len, 0);
}

static int begin(void **state)
{
	struct err e = { 0 };

	(void)state;
	if (!mkdtemp(scratch) || chdir(scratch) < 0)
		return -1;
	return ports_open(&ports, NULL, &e);
}

static int end(void **state)
{
	static const char *const left[] = { "new/a.txt",   "new/b.txt", "new",	"empty/a.txt",
					    "empty/b.txt", "empty",	"link", "full/other",
					    "full",	   "stays",	scratch };

	(void)state;
	ports_close(&ports);
	for (size_t i = 0; i < ARRAY_SIZE(left); i++)
		remove(left[i]);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cpu_that_is_allowed),
		cmocka_unit_test(not_of_an_image),
		cmocka_unit_test(write_and_read),
		cmocka_unit_test(nothing_is_overwritten),
		cmocka_unit_test(all_or_nothing),
		cmocka_unit_test(what_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
