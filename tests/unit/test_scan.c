// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The scan of /proc: on trees made up of directories and links, and on real children that hold
 * real descriptors of KVM.
 *
 * Where there is no /dev/kvm, the second half is skipped: KVMTUNE_TESTS_MUST_RUN does not forbid
 * that, since a machine without it cannot have it. The made-up trees test the logic there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kvmtune/scan.h>

#include "tree.h"

/* ---- Made-up trees. Pids above what the kernel gives, so that none is real. ---- */

#define PID 5000001

struct tree {
	char path[64];
	int fd;
};

static void tree_dir(struct tree *t, const char *path)
{
	char *copy = xstrdup(path);

	for (char *s = strchr(copy, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		mkdirat(t->fd, copy, 0755);
		*s = '/';
	}
	mkdirat(t->fd, copy, 0755);
	free(copy);
}

static void tree_file(struct tree *t, const char *path, const char *text, size_t len)
{
	int fd = openat(t->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	close(fd);
}

static void tree_link(struct tree *t, const char *path, const char *target)
{
	char *dir = xstrndup(path, (size_t)(strrchr(path, '/') - path));

	tree_dir(t, dir);
	free(dir);
	assert_int_equal(symlinkat(target, t->fd, path), 0);
}

static void tree_text(struct tree *t, const char *path, const char *text)
{
	tree_file(t, path, text, strlen(text));
}

/* A process that may be described; what it holds is for the test to add. */
static void tree_process(struct tree *t, const char *pid)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/fd", pid);
	tree_dir(t, path);
	snprintf(path, sizeof(path), "%s/comm", pid);
	tree_text(t, path, "vmm\n");
}

static int tree_open(void **state)
{
	struct tree *t = xcalloc(1, sizeof(*t));

	strcpy(t->path, "/tmp/kvmtune-scan-XXXXXX");
	if (!mkdtemp(t->path))
		return -1;
	t->fd = open(t->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = t;
	return t->fd < 0 ? -1 : 0;
}

static int tree_close(void **state)
{
	struct tree *t = *state;
	int r = remove_tree(t->path);

	close(t->fd);
	free(t);
	return r;
}

static struct kvm_users scan(int proc_fd, bool deep)
{
	struct kvm_users users = { 0 };
	struct reader reader = { 0 };
	struct err e = { 0 };

	if (scan_kvm_users(&reader, proc_fd, deep, &users, &e) < 0)
		fail_msg("%s", e.text);
	reader_free(&reader);
	return users;
}

static void assert_nobody(int proc_fd, bool deep, size_t hidden)
{
	struct kvm_users users = scan(proc_fd, deep);

	assert_int_equal(users.count, 0);
	assert_int_equal(users.hidden, hidden);
	kvm_users_free(&users);
}

static void empty_tree(void **state)
{
	struct tree *t = *state;

	tree_dir(t, "sys");
	tree_text(t, "uptime", "1 1\n");
	assert_nobody(t->fd, false, 0);
	assert_nobody(t->fd, true, 0);
}

static void not_a_directory(void **state)
{
	struct kvm_users users = { .hidden = 77 };
	struct reader reader = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(scan_kvm_users(&reader, -1, false, &users, &e), -EBADF);
	assert_int_equal(users.hidden, 77); /* untouched */
	assert_non_null(strstr(e.text, "cannot list the processes"));
}

static void all_kinds_counted(void **state)
{
	static const char *const links[] = {
		"anon_inode:kvm-vm",
		"anon_inode:kvm-vcpu",
		"anon_inode:kvm-vcpu:0",
		"anon_inode:kvm-vcpu:131",
		"anon_inode:kvm-vm-stats",
		"anon_inode:kvm-vcpu-stats:0",
		"anon_inode:kvm-vfio",
		"anon_inode:[eventfd]",
		"socket:[77]",
		"anon_inode:kvm-vcpus",
		"anon_inode:kvmx",
		"/srv/anon_inode:kvm-vm",
		"anon_inode:kvm-vm (gone)",
		"pipe:[1]",
	};
	struct tree *t = *state;
	struct kvm_users users;
	char path[64];

	tree_process(t, "5000001");
	for (size_t i = 0; i < ARRAY_SIZE(links); i++) {
		snprintf(path, sizeof(path), "5000001/fd/%zu", i);
		tree_link(t, path, links[i]);
	}
	users = scan(t->fd, false);
	assert_int_equal(users.count, 1);
	assert_int_equal(users.users[0].pid, PID);
	assert_int_equal(users.users[0].kvm_fds, 0);
	assert_int_equal(users.users[0].vm_fds, 1);
	assert_int_equal(users.users[0].vcpu_fds, 3);
	assert_false(users.users[0].vcpus_mapped);
	kvm_users_free(&users);
}

static void device_by_name(void **state)
{
	struct tree *t = *state;
	struct kvm_users users;

	tree_process(t, "5000001");
	tree_link(t, "5000001/fd/7", "/dev/kvm (deleted)");
	tree_process(t, "5000002");
	tree_link(t, "5000002/fd/7", "/dev/kvmtune-no-such");
	users = scan(t->fd, false);
	assert_int_equal(users.count, 1);
	assert_int_equal(users.users[0].kvm_fds, 1);
	kvm_users_free(&users);
}

/* Copies made by mknod are what jailers put into a chroot. Needs root. */
static void device_by_number(void **state)
{
	struct tree *t = *state;
	char node[96];
	struct kvm_users users;

	snprintf(node, sizeof(node), "%s/some-name", t->path);
	if (mknod(node, S_IFCHR | 0600, makedev(10, 232)) < 0)
		skip(); /* not root: no nodes */
	tree_process(t, "5000001");
	tree_link(t, "5000001/fd/3", node);
	users = scan(t->fd, false);
	assert_int_equal(users.count, 1);
	assert_int_equal(users.users[0].kvm_fds, 1);
	kvm_users_free(&users);
}

static void statistics_only(void **state)
{
	struct tree *t = *state;
	struct kvm_users users;

	tree_process(t, "5000001");
	tree_link(t, "5000001/fd/9", "anon_inode:kvm-vm-stats");
	users = scan(t->fd, false);
	assert_int_equal(users.count, 1);
	assert_false(user_has_guest(&users.users[0]));
	kvm_users_free(&users);
}

static void sparse_numbers(void **state)
{
	struct tree *t = *state;
	struct kvm_users users;

	tree_process(t, "5000001");
	tree_link(t, "5000001/fd/0", "pipe:[1]");
	tree_link(t, "5000001/fd/900000", "anon_inode:kvm-vm");
	users = scan(t->fd, false);
	assert_int_equal(users.count, 1);
	assert_int_equal(users.users[0].vm_fds, 1);
	kvm_users_free(&users);
}

static void self_left_out(void **state)
{
	struct tree *t = *state;

	tree_process(t, "5000001");
	tree_link(t, "5000001/fd/3", "anon_inode:kvm-vm");
	assert_int_equal(symlinkat("5000001", t->fd, "self"), 0);
	assert_nobody(t->fd, false, 0);
}

/* No fd directory, no comm: the process went between two looks. */
static void vanished(void **state)
{
	struct tree *t = *state;

	tree_dir(t, "5000001");
	tree_link(t, "5000002/fd/3", "anon_inode:kvm-vm");
	assert_nobody(t->fd, false, 0);
	assert_nobody(t->fd, true, 0);
}

static void in_order_of_pids(void **state)
{
	struct tree *t = *state;
	struct kvm_users users;
	char pid[32], path[64];

	/* So many that the work is shared between two children. */
	for (int i = 0; i < 300; i++) {
		snprintf(pid, sizeof(pid), "%d", PID + (i * 7) % 300);
		tree_process(t, pid);
		snprintf(path, sizeof(path), "%s/fd/4", pid);
		tree_link(t, path, i % 3 ? "socket:[5]" : "anon_inode:kvm-vm");
	}
	users = scan(t->fd, false);
	assert_int_equal(users.count, 100);
	for (size_t i = 1; i < users.count; i++)
		assert_true(users.users[i - 1].pid < users.users[i].pid);
	kvm_users_free(&users);
}

static void facts(void **state)
{
	static const char cmdline[] = "/usr/bin/vmm\0--name\0\0a\nb\033[0m\xff\0last";
	struct tree *t = *state;
	struct kvm_users users;
	struct kvm_user *u;

	tree_process(t, "5000001");
	tree_link(t, "5000001/fd/3", "anon_inode:kvm-vm");
	tree_text(t, "5000001/comm", "odd) \n\n");
	tree_text(t, "5000001/status", "Name:\tx\\nUid:\nUid:\t4000001\t4000002\t3\t4\nGid:\t1\n");
	tree_file(t, "5000001/cmdline", cmdline, sizeof(cmdline) - 1);
	tree_text(t, "5000001/cgroup", "12:pids:/p\n1:name=systemd:/a:b/c.scope\n0::/\n");
	users = scan(t->fd, false);
	assert_int_equal(users.count, 1);
	u = &users.users[0];
	assert_string_equal(u->comm, "odd) \n");
	assert_int_equal(u->uid, 4000002);
	assert_string_equal(u->user, "4000002");
	assert_int_equal(u->args.n, 5);
	assert_string_equal(u->args.v[2], "");
	assert_string_equal(u->args.v[4], "last");
	assert_string_equal(u->cgroup, "/a:b/c.scope");
	kvm_users_free(&users);
}

static void unified_cgroup(void **state)
{
	struct tree *t = *state;
	struct kvm_users users;

	tree_process(t, "5000001");
	tree_link(t, "5000001/fd/3", "anon_inode:kvm-vm");
	tree_text(t, "5000001/cgroup", "0::/x.slice/y.service\n");
	tree_process(t, "5000002");
	tree_link(t, "5000002/fd/3", "anon_inode:kvm-vm");
	users = scan(t->fd, false);
	assert_int_equal(users.count, 2);
	assert_string_equal(users.users[0].cgroup, "/x.slice/y.service");
	assert_string_equal(users.users[1].cgroup, "");
	assert_string_equal(users.users[1].user, users.users[0].user);
	assert_int_equal(users.users[1].args.n, 0);
	kvm_users_free(&users);
}

static void long_command_line_cut(void **state)
{
	struct tree *t = *state;
	char *cmdline = xcalloc(100000, 1);
	size_t total = 0;
	struct kvm_users users;

	memset(cmdline, 'x', 100000);
	for (size_t i = 99; i < 100000; i += 100)
		cmdline[i] = '\0';
	tree_process(t, "5000001");
	tree_link(t, "5000001/fd/3", "anon_inode:kvm-vm");
	tree_file(t, "5000001/cmdline", cmdline, 100000);
	free(cmdline);
	users = scan(t->fd, false);
	assert_int_equal(users.count, 1);
	for (size_t i = 0; i < users.users[0].args.n; i++)
		total += strlen(users.users[0].args.v[i]) + 1;
	assert_in_range(total, 65536, 65537);
	kvm_users_free(&users);
}

static void mapped_only_when_deep(void **state)
{
	struct tree *t = *state;
	struct kvm_users users;

	tree_process(t, "5000001");
	tree_link(t, "5000001/fd/0", "pipe:[1]");
	tree_text(t, "5000001/maps",
		  "7f00-7f01 r--p 00000000 fe:00 1      /lib/libc.so.6\n"
		  "7f01-7f02 rw-p 00000000 00:00 0 \n"
		  "7f02-7f03 rw-s 00000000 00:10 1038       anon_inode:kvm-vcpu:0\n");
	/* File names that look like it are not. */
	tree_process(t, "5000002");
	tree_link(t, "5000002/fd/0", "pipe:[1]");
	tree_text(t, "5000002/maps",
		  "7f00-7f01 r--p 00000000 fe:00 1      /tmp/x anon_inode:kvm-vcpu:0\n"
		  "7f00-7f01 r--p 00000000 fe:00 1      /anon_inode:kvm-vcpu\n"
		  "anon_inode:kvm-vcpu\n");
	assert_nobody(t->fd, false, 0);
	users = scan(t->fd, true);
	assert_int_equal(users.count, 1);
	assert_int_equal(users.users[0].pid, PID);
	assert_true(users.users[0].vcpus_mapped);
	kvm_users_free(&users);
}

/* One that is known already as a holder is asked for its maps without deep. */
static void holder_with_mapped_vcpu(void **state)
{
	struct tree *t = *state;
	struct kvm_users users;

	tree_process(t, "5000001");
	tree_link(t, "5000001/fd/5", "/dev/kvm (deleted)");
	tree_text(t, "5000001/maps", "7f02-7f03 rw-s 00000000 00:10 1038 anon_inode:kvm-vcpu\n");
	users = scan(t->fd, false);
	assert_int_equal(users.count, 1);
	assert_true(users.users[0].vcpus_mapped);
	assert_int_equal(users.users[0].kvm_fds, 1);
	kvm_users_free(&users);
}

static void thread_when_deep(void **state)
{
	struct tree *t = *state;
	struct kvm_users users;

	tree_process(t, "5000001");
	tree_link(t, "5000001/fd/0", "pipe:[1]");
	tree_link(t, "5000001/task/5000001/fd/0", "pipe:[1]");
	tree_link(t, "5000001/task/5000002/fd/0", "pipe:[1]");
	tree_link(t, "5000001/task/5000003/fd/8", "anon_inode:kvm-vm");
	assert_nobody(t->fd, false, 0);
	users = scan(t->fd, true);
	assert_int_equal(users.count, 1);
	assert_int_equal(users.users[0].pid, PID);
	assert_int_equal(users.users[0].vm_fds, 1);
	kvm_users_free(&users);
}

/* The first thread has ended: its descriptors are gone, those of the process are not. */
static void first_thread_ended(void **state)
{
	struct tree *t = *state;
	struct kvm_users users;

	tree_process(t, "5000001");
	tree_dir(t, "5000001/task/5000001/fd");
	tree_link(t, "5000001/task/5000002/fd/8", "anon_inode:kvm-vm");
	tree_process(t, "5000003");
	tree_dir(t, "5000003/task/5000003/fd");
	tree_text(t, "5000003/maps", "");
	tree_dir(t, "5000003/task/5000004/fd");
	tree_text(t, "5000003/task/5000004/maps", "7-8 rw-s 0 00:10 1 anon_inode:kvm-vcpu:0\n");
	users = scan(t->fd, false);
	assert_int_equal(users.count, 1);
	assert_int_equal(users.users[0].pid, PID);
	kvm_users_free(&users);
	users = scan(t->fd, true);
	assert_int_equal(users.count, 2);
	assert_true(users.users[1].vcpus_mapped);
	kvm_users_free(&users);
}

static void scan_as_nobody(int proc_fd, size_t *ret_hidden)
{
	int channel[2];
	pid_t pid;

	assert_int_equal(pipe2(channel, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		struct kvm_users users = { 0 };
		struct reader reader = { 0 };
		struct err e = { 0 };

		if (setgid(65534) || setuid(65534) ||
		    scan_kvm_users(&reader, proc_fd, false, &users, &e))
			_exit(1);
		if (write(channel[1], &users.hidden, sizeof(users.hidden)) < 0)
			_exit(1);
		_exit(0);
	}
	assert_int_equal(read(channel[0], ret_hidden, sizeof(*ret_hidden)), sizeof(*ret_hidden));
	waitpid(pid, NULL, 0);
	close(channel[0]);
	close(channel[1]);
}

static void unreadable_is_hidden(void **state)
{
	struct tree *t = *state;
	size_t hidden;

	if (geteuid() != 0)
		skip(); /* not root: no other user to become */
	assert_int_equal(fchmod(t->fd, 0755), 0);
	tree_process(t, "5000001");
	tree_process(t, "5000002");
	tree_process(t, "5000003");
	tree_text(t, "5000002/stat", "5000002 (odd) name) S 2 0 0 0 -1 2129984 0\n");
	tree_text(t, "5000003/stat", "5000003 (bash) S 1 0 0 0 -1 4194304 0\n");
	for (int i = 0; i < 3; i++) {
		char path[32];

		snprintf(path, sizeof(path), "%d/fd", PID + i);
		assert_int_equal(fchmodat(t->fd, path, 0700, 0), 0);
	}
	scan_as_nobody(t->fd, &hidden);
	assert_int_equal(hidden, 2); /* not the kernel thread */
}

/* ---- Real processes. ---- */

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

struct holding {
	int kvm, vm, vcpu;
	void *run;
};

static struct holding hold_all(void)
{
	struct holding h = { .kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC) };

	h.vm = ioctl(h.kvm, KVM_CREATE_VM, 0);
	h.vcpu = ioctl(h.vm, KVM_CREATE_VCPU, 0);
	h.run = mmap(NULL, 4096, PROT_READ, MAP_SHARED, h.vcpu, 0);
	if (h.kvm < 0 || h.vm < 0 || h.vcpu < 0 || h.run == MAP_FAILED)
		_exit(1);
	return h;
}

/* Runs what in a child and waits until it says that it is ready. */
static pid_t start(void (*what)(void))
{
	int channel[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe2(channel, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		what();
		if (write(channel[1], "!", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(channel[1]);
	assert_int_equal(read(channel[0], &c, 1), 1);
	close(channel[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* The user of that pid, copied, or one with pid 0. Its texts are not kept. */
static struct kvm_user find(pid_t pid, bool deep)
{
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct kvm_users users = scan(proc, deep);
	struct kvm_user found = { 0 };

	for (size_t i = 0; i < users.count; i++) {
		if (users.users[i].pid != pid)
			continue;
		assert_non_null(users.users[i].user);
		assert_true(users.users[i].args.n > 0);
		found = users.users[i];
	}
	kvm_users_free(&users);
	close(proc);
	return found;
}

static void holds_everything(void)
{
	hold_all();
}

static void real_guest(void **state)
{
	pid_t pid;
	struct kvm_user u;

	(void)state;
	NEED_KVM();
	pid = start(holds_everything);
	u = find(pid, false);
	end(pid);
	assert_int_equal(u.pid, pid);
	assert_int_equal(u.uid, geteuid());
	assert_int_equal(u.kvm_fds, 1);
	assert_int_equal(u.vm_fds, 1);
	assert_int_equal(u.vcpu_fds, 1);
	assert_false(u.vcpus_mapped);
}

static void holds_device_high_up(void)
{
	int fd = open("/dev/kvm", O_RDONLY | O_CLOEXEC);

	dup2(fd, 1000);
	close(fd);
}

static void real_device_only(void **state)
{
	pid_t pid;
	struct kvm_user u;

	(void)state;
	NEED_KVM();
	pid = start(holds_device_high_up);
	u = find(pid, false);
	end(pid);
	assert_int_equal(u.pid, pid);
	assert_int_equal(u.kvm_fds, 1);
	assert_false(user_has_guest(&u));
}

static void holds_path_only(void)
{
	open("/dev/kvm", O_PATH | O_CLOEXEC);
}

static void real_path_only(void **state)
{
	pid_t pid;
	struct kvm_user u;

	(void)state;
	NEED_KVM();
	pid = start(holds_path_only);
	u = find(pid, true);
	end(pid);
	assert_int_equal(u.pid, 0);
}

/* Opens a copy of the device that has no name any more, or -1: not root, or mounted nodev. */
static int open_deleted_copy(void)
{
	char dir[] = "/tmp/kvmtune-node-XXXXXX", node[64];
	int fd = -1;

	if (!mkdtemp(dir))
		return -1;
	snprintf(node, sizeof(node), "%s/other-name", dir);
	if (mknod(node, S_IFCHR | 0600, makedev(10, 232)) == 0)
		fd = open(node, O_RDWR | O_CLOEXEC);
	unlink(node);
	rmdir(dir);
	return fd;
}

static void holds_deleted_copy(void)
{
	if (open_deleted_copy() < 0)
		_exit(1);
}

static void real_deleted_copy(void **state)
{
	pid_t pid;
	struct kvm_user u;
	int fd;

	(void)state;
	NEED_KVM();
	fd = open_deleted_copy();
	if (fd < 0)
		skip(); /* not root, or no devices below /tmp */
	close(fd);
	pid = start(holds_deleted_copy);
	u = find(pid, false);
	end(pid);
	assert_int_equal(u.kvm_fds, 1);
}

static void holds_mapping_only(void)
{
	struct holding h = hold_all();

	close(h.kvm);
	close(h.vm);
	close(h.vcpu);
}

static void real_mapping_only(void **state)
{
	pid_t pid;
	struct kvm_user fast, deep;

	(void)state;
	NEED_KVM();
	pid = start(holds_mapping_only);
	fast = find(pid, false);
	deep = find(pid, true);
	end(pid);
	assert_int_equal(fast.pid, 0);
	assert_int_equal(deep.pid, pid);
	assert_true(deep.vcpus_mapped);
	assert_true(user_has_guest(&deep));
}

static pthread_barrier_t thread_ready;

static _Noreturn void *own_table(void *arg)
{
	(void)arg;
	if (unshare(CLONE_FILES) < 0)
		_exit(1);
	hold_all();
	pthread_barrier_wait(&thread_ready);
	for (;;)
		pause();
}

static _Noreturn void *shared_table(void *arg)
{
	(void)arg;
	for (;;)
		pause();
}

static void holds_in_thread(void)
{
	pthread_t thread;

	pthread_barrier_init(&thread_ready, NULL, 2);
	pthread_create(&thread, NULL, shared_table, NULL);
	pthread_create(&thread, NULL, own_table, NULL);
	pthread_barrier_wait(&thread_ready);
}

static void real_thread(void **state)
{
	pid_t pid;
	struct kvm_user fast, deep;

	(void)state;
	NEED_KVM();
	pid = start(holds_in_thread);
	fast = find(pid, false);
	deep = find(pid, true);
	end(pid);
	/* Without descriptors of its own, the process shares the memory in which the vCPU is. */
	assert_int_equal(fast.pid, 0);
	assert_int_equal(deep.pid, pid);
	assert_true(user_has_guest(&deep));
}

static _Noreturn void *keeps_process(void *arg)
{
	int *ready = arg;

	hold_all();
	usleep(50000); /* the first thread is gone by now */
	if (write(*ready, "!", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void real_first_thread_ended(void **state)
{
	int channel[2];
	struct kvm_user u;
	pid_t pid;
	char c;

	(void)state;
	NEED_KVM();
	assert_int_equal(pipe2(channel, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		pthread_t thread;

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		pthread_create(&thread, NULL, keeps_process, &channel[1]);
		pthread_create(&thread, NULL, shared_table, NULL);
		syscall(SYS_exit, 0); /* of this thread alone */
	}
	close(channel[1]);
	assert_int_equal(read(channel[0], &c, 1), 1);
	close(channel[0]);
	/* Its command line cannot be read through the thread that ended. */
	{
		int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct kvm_users users = scan(proc, false);

		u = (struct kvm_user){ 0 };
		for (size_t i = 0; i < users.count; i++)
			if (users.users[i].pid == pid)
				u = users.users[i];
		kvm_users_free(&users);
		close(proc);
	}
	end(pid);
	assert_int_equal(u.pid, pid);
	assert_int_equal(u.vm_fds, 1);
	assert_int_equal(u.vcpu_fds, 1);
}

static int count_own_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Us it does not see, and no descriptor of ours it leaves open. */
static void real_self(void **state)
{
	int before = count_own_fds();
	struct kvm_user u;
	int kvm;

	(void)state;
	NEED_KVM();
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	u = find(getpid(), true);
	close(kvm);
	assert_int_equal(u.pid, 0);
	assert_int_equal(count_own_fds(), before);
}

/* Processes and descriptors that come and go all the time do not make a steady holder vanish. */
static void real_churn(void **state)
{
	pid_t pid, noise;

	(void)state;
	NEED_KVM();
	noise = fork();
	if (noise == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;) {
			pid_t child = fork();
			int fd = eventfd(0, 0);

			if (child == 0)
				_exit(0);
			waitpid(child, NULL, 0);
			close(fd);
		}
	}
	pid = start(holds_device_high_up);
	for (int i = 0; i < 20; i++)
		assert_int_equal(find(pid, i % 2).kvm_fds, 1);
	end(pid);
	end(noise);
}

#define ON_TREE(test) cmocka_unit_test_setup_teardown(test, tree_open, tree_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_TREE(empty_tree),
		cmocka_unit_test(not_a_directory),
		ON_TREE(all_kinds_counted),
		ON_TREE(device_by_name),
		ON_TREE(device_by_number),
		ON_TREE(statistics_only),
		ON_TREE(sparse_numbers),
		ON_TREE(self_left_out),
		ON_TREE(vanished),
		ON_TREE(in_order_of_pids),
		ON_TREE(facts),
		ON_TREE(unified_cgroup),
		ON_TREE(long_command_line_cut),
		ON_TREE(mapped_only_when_deep),
		ON_TREE(holder_with_mapped_vcpu),
		ON_TREE(thread_when_deep),
		ON_TREE(first_thread_ended),
		ON_TREE(unreadable_is_hidden),
		cmocka_unit_test(real_guest),
		cmocka_unit_test(real_device_only),
		cmocka_unit_test(real_path_only),
		cmocka_unit_test(real_deleted_copy),
		cmocka_unit_test(real_mapping_only),
		cmocka_unit_test(real_thread),
		cmocka_unit_test(real_first_thread_ended),
		cmocka_unit_test(real_self),
		cmocka_unit_test(real_churn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
