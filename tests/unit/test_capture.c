// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a capture is made of: doors that remember, text without identifiers, and files written whole or
 * not at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <kvmtune/port.h>
#include <kvmtune/record.h>
#include <kvmtune/scrub.h>

/* ---- identifiers ---- */

static void identifiers(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "root=UUID=01234567-89ab-cdef-0123-456789ABCDEF ro",
		  "root=UUID=00000000-0000-0000-0000-000000000000 ro" },
		{ "id 0123456789abcdef0123456789abcdef.",
		  "id 00000000-0000-0000-0000-000000000000." },
		{ "0123456789abcdef0123456789abcdef0", "0123456789abcdef0123456789abcdef0" },
		{ "ip=192.168.1.2::192.168.1.1 ro", "ip=0.0.0.0 ro" },
		{ "at 10.0.0.1, 10.0.0.2", "at 0.0.0.0, 0.0.0.0" },
		{ "fe80::1 and 52:54:00:aa:bb:cc", "0.0.0.0 and 0.0.0.0" },
		{ "6.1.0-28-amd64 ept=0 0x48b", "6.1.0-28-amd64 ept=0 0x48b" },
		{ "/srv/hv042/x on HV042.example.net.", "/srv/host/x on host." },
		{ "xhv042 hv0423 hv042_x", "xhv042 hv0423 hv042_x" },
		{ "", "" },
	};
	const struct scrub s = { .host_name = "hv042.example.net" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autobuf got = { 0 };

		scrub_identifiers(&s, cases[i].text, strlen(cases[i].text), &got);
		assert_string_equal(buf_text(&got), cases[i].want);
	}
}

/* A short name is part of too many words. */
static void short_host_name(void **state)
{
	const struct scrub s = { .host_name = "hv" };
	autobuf got = { 0 };

	(void)state;
	scrub_identifiers(&s, "hv", 2, &got);
	assert_string_equal(buf_text(&got), "hv");
}

/* ---- names ---- */

static void names(void **state)
{
	struct scrub s = { .host_name = "" };
	autofree char *one = scrub_name(&s, SCRUB_GUEST, "web-01");
	autofree char *two = scrub_name(&s, SCRUB_GUEST, "db-01");
	autofree char *again = scrub_name(&s, SCRUB_GUEST, "web-01");
	autofree char *root = scrub_name(&s, SCRUB_USER, "root");
	autofree char *group = scrub_cgroup(&s, "/machine.slice/machine-web.scope/libvirt");

	(void)state;
	assert_string_equal(one, "guest-1");
	assert_string_equal(two, "guest-2");
	assert_string_equal(again, one);
	assert_string_equal(root, "root");
	assert_string_equal(group, "/machine.slice/group-1.scope/libvirt");
	scrub_free(&s);
}

/* What is read from the new command line is what was read from the old one. */
static void command_lines(void **state)
{
	static const char *const programs[] = { "qemu-system-x86_64", "crosvm", "lkvm", "other" };
	struct scrub s = { .host_name = "" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct kvm_user *u = xcalloc(2, sizeof(*u));
		struct kvm_users users = { .users = u, .count = 2 };

		strv_add(&u[0].args, programs[i]);
		strv_add(&u[0].args, "--name");
		strv_add(&u[0].args, "web");
		strv_add(&u[0].args, i == 0 ? "-smp" : "--cpus");
		strv_add(&u[0].args, "4");
		user_describe(&u[0]);
		scrub_args(&s, &u[0], &u[1].args);
		user_describe(&u[1]);
		assert_string_equal(u[1].guest, "guest-1");
		assert_int_equal(u[1].vcpus, 4);
		assert_int_equal(u[0].vcpus, 4);
		kvm_users_free(&users);
	}
	scrub_free(&s);
}

/* ---- files ---- */

/* A file that no rule knows is not captured. */
static void unknown_file(void **state)
{
	const struct modconf none = { 0 };
	struct scrub s = { .host_name = "", .conf = &none };
	autobuf text = { 0 }, left = { 0 };

	(void)state;
	buf_puts(&text, "secret\n");
	assert_int_equal(scrub_file(&s, "/etc/shadow", &text, &left), SCRUB_UNKNOWN);
	assert_int_equal(scrub_file(&s, "/etc/modprobe.d/a.conf", &text, &left), SCRUB_NOTHING);
	assert_int_equal(scrub_file(&s, "/lib/systemd/system/x.service", &text, &left),
			 SCRUB_NOTHING);
	assert_int_equal(left.len, 0);
	/* Known, and with nothing left: it is no mask. */
	assert_int_equal(scrub_file(&s, "/lib/systemd/system/ksm.service", &text, &left),
			 SCRUB_LEFT);
	assert_string_equal(buf_text(&left), "\n");
	scrub_free(&s);
}

static void remembers(void **state)
{
	struct recording rec;
	struct ports ports;
	struct err e = { 0 };
	struct file_stat st;
	autobuf text = { 0 };
	const struct recorded *r;

	(void)state;
	assert_int_equal(ports_open(&ports, NULL, &e), 0);
	recording_begin(&rec, &ports);
	assert_int_equal(rec.ports.file.read_head(&rec.ports, "/proc/self/comm", 4, &text), 0);
	assert_int_equal(rec.ports.file.read(&rec.ports, "/proc/self/comm", &text), 0);
	assert_true(rec.ports.file.read(&rec.ports, "/proc/none", &text) < 0);
	assert_int_equal(rec.ports.file.stat(&rec.ports, "/proc", &st), 0);
	assert_int_equal(rec.count, 2);
	r = recording_find(&rec, "/proc/self/comm");
	assert_non_null(r);
	assert_true(r->is_file);
	/* The longer of the two. */
	assert_int_equal(r->text.len + 4, text.len);
	assert_true(recording_find(&rec, "/proc")->is_dir);
	recording_free(&rec);
	ports_close(&ports);
}

/* ---- written ---- */

static int entries_in(const char *dir)
{
	struct stat st;

	assert_int_equal(stat(dir, &st), 0);
	return (int)st.st_nlink - 2; /* directories below it */
}

static void all_or_nothing(void **state)
{
	char top[] = "/tmp/kvmtune-capture.XXXXXX";
	const struct user_file good[] = { { .name = "root" },
					  { .name = "root/a/b", .text = "x\n\0y", .len = 4 },
					  { .name = "root/l", .target = "/dev/null" } };
	const struct user_file bad[] = {
		good[0], good[1], good[2], { .name = "root/a/b/c", .text = "", .len = 0 }
	};
	autofree char *dir = NULL, *file = NULL;
	struct ports ports;
	struct err e = { 0 };
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(top));
	dir = xasprintf("%s/new", top);
	file = xasprintf("%s/root/a/b", dir);
	assert_int_equal(ports_open(&ports, NULL, &e), 0);
	assert_true(ports.user.write_dir(&ports, dir, bad, ARRAY_SIZE(bad), &e) < 0);
	assert_int_equal(stat(dir, &st), -1);
	/* One that was there stays, empty. */
	assert_int_equal(mkdir(dir, 0755), 0);
	assert_true(ports.user.write_dir(&ports, dir, bad, ARRAY_SIZE(bad), &e) < 0);
	assert_int_equal(entries_in(dir), 0);
	assert_int_equal(ports.user.write_dir(&ports, dir, good, ARRAY_SIZE(good), &e), 0);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_size, 4);
	assert_int_equal(ports.user.write_dir(&ports, dir, good, ARRAY_SIZE(good), &e), -ENOTEMPTY);
	assert_int_equal(unlink(file), 0);
	ports_close(&ports);
	for (size_t i = 0; i < 4; i++) {
		static const char *const rest[] = { "/root/l", "/root/a", "/root", "" };
		autofree char *path = xasprintf("%s%s", dir, rest[i]);

		assert_int_equal(remove(path), 0);
	}
	assert_int_equal(rmdir(top), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(identifiers),	  cmocka_unit_test(short_host_name),
		cmocka_unit_test(names),	  cmocka_unit_test(command_lines),
		cmocka_unit_test(unknown_file),	  cmocka_unit_test(remembers),
		cmocka_unit_test(all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
