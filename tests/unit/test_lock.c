// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lock.c on a real directory, and the kernel's list of locks: who has the lock, without taking it.
 * Two tables of ports stand for two processes: to flock() they are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kvmtune/port.h>

#include "tree.h"

#define DIR  "/var/lib/kvmtune"
#define NAME DIR "/lock"
#define WHO  "kvmtune ept off, PID 123"

static struct bed {
	char dir[64];
	char *path; /* of the lock file, from outside */
	struct ports here, other;
	struct err e;
} bed;

static void open_ports(struct ports *p)
{
	struct file_stat st;

	assert_int_equal(ports_open(p, bed.dir, &bed.e), 0);
	/* Without openat2() (valgrind 3.19 does not know it) nothing is opened in an image. */
	p->image = p->file.stat(p, "/", &st) != -ENOSYS;
}

static int set_up(void **state)
{
	(void)state;
	bed = (struct bed){ .dir = "/tmp/kvmtune-lock.XXXXXX" };
	assert_non_null(mkdtemp(bed.dir));
	bed.path = xasprintf("%s" NAME, bed.dir);
	open_ports(&bed.here);
	open_ports(&bed.other);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	ports_close(&bed.here);
	ports_close(&bed.other);
	free(bed.path);
	return remove_tree(bed.dir);
}

static int take(struct ports *p, const char *who)
{
	autobuf holder = { 0 };

	bed.e = (struct err){ 0 };
	return p->file.lock(p, NAME, who, &holder, &bed.e);
}

/* NULL: nobody else has it. */
static void assert_holder(struct ports *p, const char *expected)
{
	autobuf holder = { 0 };
	bool locked = p->file.is_locked(p, NAME, &holder);

	if (locked != (expected != NULL))
		fail_msg("%s", locked ? "locked" : "not locked");
	assert_string_equal(buf_text(&holder), expected ? expected : "");
}

static void open_dir_to_others(bool open)
{
	autofree char *dir = xasprintf("%s" DIR, bed.dir);

	assert_int_equal(chmod(dir, open ? 0755 : 0711), 0);
}

static void nobody_has_it(void **state)
{
	(void)state;
	assert_holder(&bed.here, NULL);
	/* It was not made by looking for it. */
	assert_int_equal(access(bed.path, F_OK), -1);
	assert_int_equal(take(&bed.other, WHO "\n"), 0);
	ports_close(&bed.other);
	open_ports(&bed.other);
	/* There, with the text of who had it last. */
	assert_int_equal(access(bed.path, F_OK), 0);
	assert_holder(&bed.here, NULL);
}

static void another_has_it(void **state)
{
	(void)state;
	assert_int_equal(take(&bed.other, WHO "\n"), 0);
	assert_holder(&bed.here, WHO);
	assert_int_equal(take(&bed.here, "late\n"), -EWOULDBLOCK);
	assert_holder(&bed.here, WHO);
	/* Ours is not another's. */
	assert_holder(&bed.other, NULL);
}

static void looking_takes_no_lock(void **state)
{
	(void)state;
	assert_int_equal(take(&bed.other, WHO), 0);
	assert_holder(&bed.here, WHO);
	ports_close(&bed.other);
	open_ports(&bed.other);
	assert_int_equal(take(&bed.other, WHO), 0);
}

/* Who did not write who he is, and who shares it with others. */
static void the_kernel_tells_who(void **state)
{
	autofree char *pid = xasprintf("kvmtune, PID %d", (int)getpid());
	int fd;

	(void)state;
	assert_int_equal(take(&bed.other, "\n"), 0);
	assert_holder(&bed.here, pid);
	ports_close(&bed.other);
	open_ports(&bed.other);
	fd = open(bed.path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_SH), 0);
	assert_holder(&bed.here, pid);
	close(fd);
	assert_holder(&bed.here, NULL);
}

static void odd_text_is_made_safe(void **state)
{
	(void)state;
	assert_int_equal(take(&bed.other, "\033[31mred\nlines\n"), 0);
	assert_holder(&bed.here, "\\x1b[31mred\\x0alines");
}

/* A lock of another kind, and one on another file. */
static void other_locks_are_none(void **state)
{
	autofree char *beside = xasprintf("%s-not", bed.path);
	struct flock range = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int fd;

	(void)state;
	assert_int_equal(take(&bed.other, WHO), 0);
	ports_close(&bed.other);
	open_ports(&bed.other);
	fd = open(bed.path, O_RDWR | O_CLOEXEC);
	assert_int_equal(fcntl(fd, F_SETLK, &range), 0);
	assert_holder(&bed.here, NULL);
	close(fd);
	fd = open(beside, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_holder(&bed.here, NULL);
	close(fd);
}

/* What others could have put there, and locked, does not hide that a change was interrupted. */
static void what_is_not_ours_is_none(void **state)
{
	autofree char *beside = xasprintf("%s-not", bed.path);

	(void)state;
	assert_int_equal(take(&bed.other, WHO), 0);
	assert_int_equal(chmod(bed.path, 0622), 0);
	open_dir_to_others(true);
	assert_holder(&bed.here, NULL);
	open_dir_to_others(false);
	assert_int_equal(chmod(bed.path, 0600), 0);
	assert_holder(&bed.here, WHO);
	/* Nobody else can open the directory: its lock is still seen. */
	assert_int_equal(link(bed.path, beside), 0);
	open_dir_to_others(true);
	assert_holder(&bed.here, NULL);
	assert_int_equal(unlink(bed.path), 0);
	assert_int_equal(symlink("lock-not", bed.path), 0);
	assert_holder(&bed.here, NULL);
}

/* ---- what happens to the file ---- */

static void the_lock_outlives_its_file(void **state)
{
	autofree char *pid = xasprintf("kvmtune, PID %d", (int)getpid());

	(void)state;
	assert_int_equal(take(&bed.other, WHO), 0);
	assert_int_equal(unlink(bed.path), 0);
	assert_int_equal(take(&bed.here, "late\n"), -EWOULDBLOCK);
	assert_holder(&bed.here, pid);
	assert_int_equal(access(bed.path, F_OK), -1);
	ports_close(&bed.other);
	open_ports(&bed.other);
	assert_int_equal(take(&bed.here, WHO), 0);
	assert_holder(&bed.other, WHO);
}

/* The tree was copied by hard links, as by cp -al: the other tree's lock is not ours. */
static void a_shared_file_is_made_anew(void **state)
{
	autofree char *beside = xasprintf("%s-not", bed.path);
	struct stat st;

	(void)state;
	assert_int_equal(take(&bed.other, WHO), 0);
	ports_close(&bed.other);
	open_ports(&bed.other);
	assert_int_equal(link(bed.path, beside), 0);
	assert_int_equal(take(&bed.here, "another\n"), 0);
	assert_holder(&bed.other, "another");
	assert_int_equal(stat(beside, &st), 0);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_size, strlen(WHO));
}

/* Who is let in afterwards has his own file under that name. */
static void it_is_given_back(void **state)
{
	(void)state;
	assert_int_equal(take(&bed.here, WHO), 0);
	bed.here.file.unlock(&bed.here);
	assert_holder(&bed.other, NULL);
	assert_int_equal(take(&bed.other, "next\n"), 0);
	assert_holder(&bed.here, "next");
	assert_int_equal(take(&bed.here, WHO), -EWOULDBLOCK);
	bed.other.file.unlock(&bed.other);
	bed.other.file.unlock(&bed.other);
	assert_int_equal(take(&bed.here, WHO), 0);
}

static void others_cannot_open_its_directory(void **state)
{
	autofree char *dir = xasprintf("%s" DIR, bed.dir);
	struct stat st;

	(void)state;
	assert_int_equal(take(&bed.here, WHO), 0);
	bed.here.file.unlock(&bed.here);
	open_dir_to_others(true);
	assert_int_equal(take(&bed.here, WHO), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0711);
}

/* Somebody removes it all the time. */
static volatile bool done;

static void *remove_all_the_time(void *path)
{
	while (!done)
		unlink(path);
	return NULL;
}

static void never_two_at_once(void **state)
{
	pthread_t remover;
	unsigned taken = 0;

	(void)state;
	done = false;
	assert_int_equal(pthread_create(&remover, NULL, remove_all_the_time, bed.path), 0);
	for (int i = 0; i < 300; i++) {
		int r = take(&bed.here, WHO);

		/* It may be removed more often than we try. */
		if (r == -ESTALE)
			continue;
		assert_int_equal(r, 0);
		taken++;
		for (int k = 0; k < 10; k++)
			assert_int_equal(take(&bed.other, WHO), -EWOULDBLOCK);
		bed.here.file.unlock(&bed.here);
	}
	done = true;
	assert_int_equal(pthread_join(remover, NULL), 0);
	assert_true(taken > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nobody_has_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(another_has_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(looking_takes_no_lock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_kernel_tells_who, set_up, tear_down),
		cmocka_unit_test_setup_teardown(odd_text_is_made_safe, set_up, tear_down),
		cmocka_unit_test_setup_teardown(other_locks_are_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_not_ours_is_none, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_lock_outlives_its_file, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_shared_file_is_made_anew, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_is_given_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(others_cannot_open_its_directory, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(never_two_at_once, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
