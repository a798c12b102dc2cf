// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * holdup KIND COUNT - processes of an ordinary user that nobody can read.
 *
 * KIND  memory  /dev/kvm is held, and the lock of the memory (mmap_lock): cmdline, maps wait for ever
 *       merge   likewise; waits before until pages of each are merged, and run is 0
 *       exec    /dev/kvm is held, and exec_update_lock: maps waits for ever
 *
 * A file server of its own (FUSE, in a user and a mount name space) has one file, "page", and never
 * answers a READ or a FLUSH. One thread reads the page through /proc/self/mem and so waits for it with
 * the lock for reading; another one wants it for writing, and all who come later wait behind that
 * one. For exec, a descriptor of the file is closed in the middle of execve(), which waits for FLUSH.
 *
 * Prints "ready" when all of them are stuck, and their PIDs before. Ends well at SIGTERM.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	     4096
#define MERGED_PAGES 256

static void die(const char *what)
{
	fprintf(stderr, "holdup: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

/* ---- the file server ---- */

static void answer(int fd, uint64_t unique, int error, const void *data, size_t len)
{
	struct fuse_out_header head = { .len = (uint32_t)(sizeof(head) + len),
					.error = error,
					.unique = unique };
	char out[512];

	memcpy(out, &head, sizeof(head));
	memcpy(out + sizeof(head), data, len);
	if (write(fd, out, head.len) < 0 && errno != ENOENT)
		exit(1);
}

static struct fuse_attr attr_of(uint64_t node)
{
	return (struct fuse_attr){ .ino = node,
				   .size = node == 1 ? 0 : PAGE,
				   .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0444,
				   .nlink = 1 };
}

static void serve_one(int fd, const struct fuse_in_header *in)
{
	struct fuse_init_out init = { .major = FUSE_KERNEL_VERSION,
				      .minor = FUSE_KERNEL_MINOR_VERSION,
				      .max_readahead = PAGE,
				      .max_write = PAGE,
				      .time_gran = 1 };
	struct fuse_entry_out entry = { .nodeid = 2,
					.attr_valid = 1 << 20,
					.entry_valid = 1 << 20 };
	struct fuse_attr_out attr = { .attr_valid = 1 << 20, .attr = attr_of(in->nodeid) };
	struct fuse_open_out opened = { .fh = 1 };

	entry.attr = attr_of(2);
	switch (in->opcode) {
	case FUSE_INIT:
		return answer(fd, in->unique, 0, &init, sizeof(init));
	case FUSE_LOOKUP:
		return answer(fd, in->unique, 0, &entry, sizeof(entry));
	case FUSE_GETATTR:
		return answer(fd, in->unique, 0, &attr, sizeof(attr));
	case FUSE_OPEN:
		return answer(fd, in->unique, 0, &opened, sizeof(opened));
	case FUSE_READ:
	case FUSE_FLUSH:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return;
	default:
		return answer(fd, in->unique, -ENOSYS, "", 0);
	}
}

static _Noreturn void serve(int fd)
{
	static char in[1 << 17];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		ssize_t n = read(fd, in, sizeof(in));

		if (n < 0 && errno != EINTR && errno != ENOENT)
			exit(1);
		if (n > 0)
			serve_one(fd, (const struct fuse_in_header *)in);
	}
}

static pid_t start_server(const char *dir)
{
	unsigned uid = getuid(), gid = getgid();
	char text[128];
	pid_t pid;
	int fd;

	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		die("unshare");
	write_file("/proc/self/setgroups", "deny");
	snprintf(text, sizeof(text), "0 %u 1", uid);
	write_file("/proc/self/uid_map", text);
	snprintf(text, sizeof(text), "0 %u 1", gid);
	write_file("/proc/self/gid_map", text);
	/* Its opener and its mounter have to be of the same name space. */
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("/dev/fuse");
	snprintf(text, sizeof(text), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	if (mount("holdup", dir, "fuse", MS_NOSUID | MS_NODEV, text) < 0)
		die("mount");
	pid = fork();
	if (pid == 0)
		serve(fd);
	close(fd);
	return pid;
}

/* ---- who cannot be read ---- */

static char *page;
static volatile int go;

static void *read_page(void *arg)
{
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	char c;

	(void)arg;
	go = 1;
	if (pread(mem, &c, 1, (off_t)(uintptr_t)page) < 0)
		return NULL;
	return NULL;
}

static void *want_lock(void *arg)
{
	(void)arg;
	while (!go)
		usleep(1000);
	usleep(300000);
	mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return NULL;
}

static long number_in(const char *path)
{
	char text[32] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	return n > 0 ? atol(text) : -1;
}

static void get_merged(void)
{
	char *all = mmap(NULL, MERGED_PAGES * PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (all == MAP_FAILED)
		die("mmap");
	memset(all, 0x5a, MERGED_PAGES * PAGE);
	if (madvise(all, MERGED_PAGES * PAGE, MADV_MERGEABLE) < 0)
		die("madvise");
	while (number_in("/proc/self/ksm_merging_pages") <= 0 ||
	       number_in("/sys/kernel/mm/ksm/run") != 0)
		usleep(50000);
}

static _Noreturn void victim(const char *kind, const char *dir)
{
	char path[64];
	pthread_t a, b;
	int fd;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (strcmp(kind, "merge") == 0)
		get_merged();
	else if (open("/dev/kvm", O_RDWR) < 0)
		die("/dev/kvm");
	snprintf(path, sizeof(path), "%s/page", dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die(path);
	if (strcmp(kind, "exec") == 0) {
		execl("/proc/self/exe", "holdup", "sleep", "0", NULL);
		die("exec");
	}
	page = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0);
	if (page == MAP_FAILED)
		die("mmap of the page");
	pthread_create(&b, NULL, want_lock, NULL);
	pthread_create(&a, NULL, read_page, NULL);
	for (;;)
		pause();
}

/* ---- all of it ---- */

/* Threads of a process that wait where no signal wakes them. */
static int stuck_threads(pid_t pid)
{
	char path[300], line[256];
	struct dirent *entry;
	int count = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", (int)pid, entry->d_name);
		f = entry->d_name[0] == '.' ? NULL : fopen(path, "re");
		while (f && fgets(line, sizeof(line), f))
			count += strncmp(line, "State:\tD", 8) == 0;
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
	return count;
}

static void on_term(int number)
{
	(void)number;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_term };
	char dir[] = "/tmp/holdup-XXXXXX";
	int count = argc == 3 ? atoi(argv[2]) : 0, wanted;
	pid_t server, *pids = calloc((size_t)count + 1, sizeof(*pids));
	sigset_t term, before;

	if (argc == 3 && strcmp(argv[1], "sleep") == 0)
		for (;;)
			pause();
	if (count <= 0 || !pids || !mkdtemp(dir)) {
		fprintf(stderr, "usage: holdup memory|merge|exec COUNT\n");
		return 2;
	}
	/*
	 * A wait for the server is first one that any signal ends, in state S as all others are.
	 * The wait for the lock is in state D: one thread of each process.
	 */
	wanted = strcmp(argv[1], "exec") == 0 ? 0 : 1;
	server = start_server(dir);
	for (int i = 0; i < count; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			victim(argv[1], dir);
	}
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, &before);
	sigaction(SIGTERM, &action, NULL);
	for (int i = 0; i < count; i++) {
		while (stuck_threads(pids[i]) < wanted && kill(pids[i], 0) == 0 &&
		       sigpending(&term) == 0 && !sigismember(&term, SIGTERM))
			usleep(50000);
		printf("%d\n", (int)pids[i]);
	}
	if (!wanted)
		sleep(2);
	puts("ready");
	fflush(stdout);
	sigsuspend(&before);
	/* Without a server the kernel gives up all that waits for it. */
	kill(server, SIGKILL);
	for (int i = 0; i < count; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return 0;
}
