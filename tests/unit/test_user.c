// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What command lines and cgroups tell about guests. Words of a command line are divided by '|'.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/user.h>

struct line_case {
	const char *words;
	const char *program;
	const char *guest;
	int vcpus;
};

static const struct line_case lines[] = {
	/* QEMU, as people type it. */
	{ "qemu-system-x86_64|-enable-kvm|-name|web|-smp|2", "qemu-system-x86_64", "web", 2 },
	{ "qemu-system-x86_64|-name|web-01,debug-threads=on|-smp|8,sockets=8", "qemu-system-x86_64",
	  "web-01", 8 },
	{ "/usr/bin/qemu-system-x86_64|--name|two-dashes|--smp|3", "qemu-system-x86_64",
	  "two-dashes", 3 },
	{ "qemu-kvm|-smp|cpus=8,maxcpus=16", "qemu-kvm", NULL, 8 },
	{ "qemu-kvm|-smp|sockets=2,cores=4,threads=1", "qemu-kvm", NULL, 8 },
	{ "qemu-kvm|-smp|sockets=2,dies=2,cores=4,threads=2", "qemu-kvm", NULL, 32 },
	{ "qemu-kvm|-smp|maxcpus=6,cores=2", "qemu-kvm", NULL, 6 },
	{ "qemu-kvm|-smp|4|-smp|6", "qemu-kvm", NULL, 6 },
	{ "qemu-kvm|-name|debug-threads=on,guest=late", "qemu-kvm", "late", 0 },
	{ "qemu-kvm|-name|debug-threads=on", "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-name|a|-name|guest=b", "qemu-kvm", "b", 0 },
	{ "qemu-kvm|-name|guest=a,guest=b", "qemu-kvm", "b", 0 },
	/* libvirt of EL7, EL8, EL9; its commas. */
	{ "/usr/libexec/qemu-kvm|-name|web-01|-S|-machine|pc-i440fx-rhel7.0.0,accel=kvm|-smp|"
	  "2,sockets=2,cores=1,threads=1",
	  "qemu-kvm", "web-01", 2 },
	{ "/usr/libexec/qemu-kvm|-name|guest=web-01,debug-threads=on|-S|-object|"
	  "secret,id=masterKey0,format=raw|-smp|4,maxcpus=8,sockets=8,dies=1,cores=1,threads=1",
	  "qemu-kvm", "web-01", 4 },
	{ "/usr/libexec/qemu-kvm|-name|guest=a,,b,,,,c,debug-threads=on", "qemu-kvm", "a,b,,c", 0 },
	{ "/usr/libexec/qemu-kvm|-name|a,,guest=b", "qemu-kvm", NULL, 0 },
	/* Proxmox, Kata, OpenStack. */
	{ "/usr/bin/kvm|-id|101|-name|db,debug-threads=on|-no-shutdown|-smp|"
	  "4,sockets=1,cores=4,maxcpus=4",
	  "kvm", "db", 4 },
	{ "/opt/kata/bin/qemu-system-x86_64|-name|sandbox-0f3a,debug-threads=on|-uuid|1|-smp|"
	  "1,cores=1,threads=1,sockets=4,maxcpus=4",
	  "qemu-system-x86_64", "sandbox-0f3a", 1 },
	{ "/usr/bin/qemu-kvm|-name|guest=instance-0000a1b2,debug-threads=on|-smp|"
	  "16,sockets=16,cores=1,threads=1",
	  "qemu-kvm", "instance-0000a1b2", 16 },
	/* The others. */
	{ "/usr/bin/firecracker|--api-sock|/run/fc.sock|--id|vm-7", "firecracker", "vm-7", 0 },
	{ "/firecracker|--id=551e7604|--start-time-us=1|--", "firecracker", "551e7604", 0 },
	{ "cloud-hypervisor|--cpus|boot=4,max=8|--memory|size=1G", "cloud-hypervisor", NULL, 4 },
	{ "cloud-hypervisor|--cpus|max=8,boot=2,affinity=[0@[1,2],1@[3]]", "cloud-hypervisor", NULL,
	  2 },
	{ "crosvm|run|--cpus|4|--name|arc|vmlinux", "crosvm", "arc", 4 },
	{ "crosvm|run|--cpus|num-cores=4,clusters=[[0,1],[2,3]]|vmlinux", "crosvm", NULL, 4 },
	{ "crosvm|run|--cpus=num-cores=2|--name=x", "crosvm", "x", 2 },
	{ "crosvm|run|-c|3", "crosvm", NULL, 3 },
	{ "lkvm|run|-c|4|--name|t1|-m|512", "lkvm", "t1", 4 },
	{ "./lkvm-static|run|-c4|-k|bzImage", "lkvm-static", NULL, 4 },
	{ "lkvm|run|--cpus|2", "lkvm", NULL, 2 },
	{ "/opt/acme/vmm|--name|edge|--cpus|2", "vmm", "edge", 2 },
	{ "/opt/acme/vmm|--name=edge|--cpus=2", "vmm", "edge", 2 },
	/* Not for programs that mean something else by it. */
	{ "find|/|-name|kvm", "find", NULL, 0 },
	{ "python3|-c|4", "python3", NULL, 0 },
	/* Cut, empty, hostile. */
	{ "", "", NULL, 0 },
	{ "qemu-kvm", "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-name", "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-smp", "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-name||-smp|", "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-name|guest=|-smp|cpus=", "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-name|,|-smp|,", "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-name|,,|-smp|,,,", "qemu-kvm", ",", 0 },
	{ "qemu-kvm|-smp|-4", "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-smp|4x", "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-smp|99999999999999999999", "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-smp|2147483647", "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-smp|sockets=60000,cores=60000,threads=60000,dies=60000,books=60000",
	  "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-smp|sockets=0,cores=0", "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-names|x|-smpx|4", "qemu-kvm", NULL, 0 },
	{ "qemu-kvm|-|--|-name|dashes", "qemu-kvm", "dashes", 0 },
	{ "qemu-kvm|-name|\033[2J\nroot\xff", "qemu-kvm", "\033[2J\nroot\xff", 0 },
	{ "/usr/bin/|--name|x", "", "x", 0 },
	{ "crosvm|-c", "crosvm", NULL, 0 },
	{ "crosvm|run|--cpus|", "crosvm", NULL, 0 },
};

static void set_words(struct kvm_user *u, const char *words)
{
	while (*words) {
		size_t len = strcspn(words, "|");
		char *word = xstrndup(words, len);

		strv_add(&u->args, word);
		free(word);
		words += len;
		if (*words == '|' && words[1] == '\0')
			strv_add(&u->args, "");
		words += *words == '|';
	}
}

static void free_one(struct kvm_user *u)
{
	struct kvm_users users = { 0 };

	array_push(users.users, users.count) = *u;
	kvm_users_free(&users);
	assert_null(users.users);
	assert_int_equal(users.count, 0);
}

static void assert_text(const char *got, const char *expected, const char *about)
{
	if (!got != !expected || (got && strcmp(got, expected) != 0))
		fail_msg("%s: got %s, not %s", about, got ? got : "NULL",
			 expected ? expected : "NULL");
}

static void command_lines(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		struct kvm_user u = { .vm_fds = 1 };

		set_words(&u, lines[i].words);
		user_describe(&u);
		assert_text(u.program, lines[i].program, lines[i].words);
		assert_text(u.guest, lines[i].guest, lines[i].words);
		if (u.vcpus != lines[i].vcpus)
			fail_msg("%s: %d vCPUs, not %d", lines[i].words, u.vcpus, lines[i].vcpus);
		free_one(&u);
	}
}

static const struct {
	const char *cgroup, *unit;
} cgroups[] = {
	{ "/machine.slice/machine-qemu\\x2d1\\x2dweb\\x2d01.scope", "machine-qemu-1-web-01.scope" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/emulator",
	  "machine-qemu-1-web.scope" },
	{ "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope/libvirt/vcpu0",
	  "machine-qemu-1-web.scope" },
	{ "/system.slice/firecracker@7.service", "firecracker@7.service" },
	{ "/user.slice/user-1000.slice/user@1000.service/app.slice/app-boxes.scope",
	  "app-boxes.scope" },
	{ "/user.slice/user-1000.slice/session-3.scope", "session-3.scope" },
	{ "/qemu.slice/101.scope", "101.scope" },
	{ "/machine.slice/libpod-0f3a.scope/container", "libpod-0f3a.scope" },
	{ "/system.slice/gone.service (deleted)", "gone.service" },
	{ "/kata_overhead/0f3a", "0f3a" },
	{ "/firecracker/vm-7/", "vm-7" },
	{ "/system.slice", "system.slice" },
	{ "/.service", ".service" },
	{ "/a\\x2", "a\\x2" },
	{ "/a\\x2g", "a\\x2g" },
	{ "/a\\x", "a\\x" },
	{ "/a\\", "a\\" },
	{ "/a\\x00b", "a\\x00b" },
	{ "/a\\xC3\\xA9", "a\xc3\xa9" },
	{ "/..", NULL },
	{ "/../../other", "other" },
	{ "/", NULL },
	{ "///", NULL },
	{ "", NULL },
	{ " (deleted)", " (deleted)" },
	{ NULL, NULL },
};

static void units(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cgroups); i++) {
		const char *cgroup = cgroups[i].cgroup;
		struct kvm_user u = { .cgroup = cgroup ? xstrdup(cgroup) : NULL };

		user_describe(&u);
		assert_text(u.unit, cgroups[i].unit, cgroup ? cgroup : "NULL");
		free_one(&u);
	}
}

static void program_falls_back_to_comm(void **state)
{
	struct kvm_user u = { .comm = xstrdup("qemu-kvm") };

	(void)state;
	user_describe(&u);
	assert_string_equal(u.program, "qemu-kvm");
	free_one(&u);
}

/* A QEMU that rewrote argv[0] is still read as one. */
static void comm_tells_the_kind(void **state)
{
	struct kvm_user u = { .comm = xstrdup("qemu-kvm") };

	(void)state;
	set_words(&u, "web-01|-name|guest=web-01|-smp|4");
	user_describe(&u);
	assert_string_equal(u.program, "web-01");
	assert_string_equal(u.guest, "web-01");
	assert_int_equal(u.vcpus, 4);
	free_one(&u);
}

static void descriptors_before_words(void **state)
{
	struct kvm_user u = { .vcpu_fds = 3 };

	(void)state;
	set_words(&u, "qemu-kvm|-smp|8");
	user_describe(&u);
	assert_int_equal(u.vcpus, 3);
	u.vcpu_fds = UINT32_MAX;
	user_describe(&u); /* again: nothing leaks */
	assert_true(u.vcpus > 0);
	free_one(&u);
}

static void guest_or_holder(void **state)
{
	(void)state;
	assert_false(user_has_guest(&(struct kvm_user){ 0 }));
	assert_false(user_has_guest(&(struct kvm_user){ .kvm_fds = 2 }));
	assert_true(user_has_guest(&(struct kvm_user){ .vm_fds = 1 }));
	assert_true(user_has_guest(&(struct kvm_user){ .vcpu_fds = 1 }));
	assert_true(user_has_guest(&(struct kvm_user){ .vcpus_mapped = true }));
}

/* 64 KiB of anything: no crash, no long wait. Sanitizers and valgrind watch. */
static void noise(void **state)
{
	static const char alphabet[] = "-=,|namesmpcpusguestboot0123456789\\x/.scope";
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 200; round++) {
		autobuf text = { 0 };
		struct kvm_user u = { 0 };

		buf_puts(&text, round % 2 ? "qemu-kvm|-name|" : "crosvm|--name|");
		for (int i = 0; i < (round ? 400 : 65536); i++) {
			seed = seed * 1103515245 + 12345;
			buf_add(&text, &alphabet[(seed >> 16) % (sizeof(alphabet) - 1)], 1);
		}
		set_words(&u, buf_text(&text));
		u.cgroup = xstrdup(buf_text(&text));
		user_describe(&u);
		assert_non_null(u.program);
		assert_in_range(u.vcpus, 0, 65536);
		free_one(&u);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(command_lines),
		cmocka_unit_test(units),
		cmocka_unit_test(program_falls_back_to_comm),
		cmocka_unit_test(comm_tells_the_kind),
		cmocka_unit_test(descriptors_before_words),
		cmocka_unit_test(guest_or_holder),
		cmocka_unit_test(noise),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
