// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * scan.c - a walk over /proc that asks each descriptor what it is, see scan.h.
 *
 * Nearly all of the time goes into the kernel finding the link of each descriptor in memory. So
 * there is one call for most descriptors (statx tells devices by their number, and anonymous
 * inodes by having no type; only these are asked for their name), relative to the open directory,
 * and two threads wait for memory at the same time. Guessing descriptor numbers instead of listing
 * them is not faster, and would miss some.
 */
#include <kvmtune/proc_text.h>
#include <kvmtune/scan.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define KVM_DEVICE makedev(10, 232)

/* From so many processes on, a second thread is worth its start. */
#define PARALLEL_FROM 128
#define THREAD_STACK  (256 << 10)

#define CMDLINE_MAX_BYTES (64 << 10)
#define TEXT_MAX_BYTES	  (16 << 10)

struct job {
	int proc_fd;
	bool deep;
	int *pids;
	size_t count;
	atomic_size_t next;
};

struct worker {
	struct job *job;
	struct kvm_users found;
};

/* What the descriptors of one process are. */
struct tally {
	unsigned kvm, vms, vcpus, others;
	size_t seen;  /* descriptors of any kind */
	bool refused; /* some could not be read */
};

static bool any_kvm(const struct tally *t)
{
	return t->kvm || t->vms || t->vcpus || t->others;
}

/* Processes and descriptors come and go while we look. */
static bool is_gone(int error)
{
	return error == ENOENT || error == ESRCH;
}

static void count_by_name(const char *link, struct tally *t)
{
	switch (proc_kvm_link(link)) {
	case KVM_LINK_DEVICE:
		/* Where its number could not be asked for. */
		t->kvm++;
		break;
	case KVM_LINK_VM:
		t->vms++;
		break;
	case KVM_LINK_VCPU:
		t->vcpus++;
		break;
	case KVM_LINK_OTHER:
		t->others++;
		break;
	case KVM_LINK_NONE:
		break;
	}
}

static void look_at_link(int fd_dir, const char *name, struct tally *t)
{
	char link[64]; /* longer ones are cut: none of ours is */
	ssize_t len = readlinkat(fd_dir, name, link, sizeof(link) - 1);

	if (len >= 0) {
		link[len] = '\0';
		count_by_name(link, t);
	} else if (!is_gone(errno)) {
		t->refused = true;
	}
}

/* The link of a descriptor opened with O_PATH allows neither reading nor writing. */
static bool is_path_only(int fd_dir, const char *name)
{
	struct stat st;

	return fstatat(fd_dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !(st.st_mode & 0600);
}

static void look_at_fd(int fd_dir, const char *name, struct tally *t)
{
	struct statx stx;

	t->seen++;
	/* Without DONT_SYNC a dead file server would hold us. */
	if (statx(fd_dir, name, AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0) {
		look_at_link(fd_dir, name, t);
	} else if (S_ISCHR(stx.stx_mode)) {
		if (makedev(stx.stx_rdev_major, stx.stx_rdev_minor) == KVM_DEVICE &&
		    !is_path_only(fd_dir, name))
			t->kvm++;
	} else if (!(stx.stx_mode & S_IFMT)) {
		look_at_link(fd_dir, name, t);
	}
}

/* NULL and errno where it cannot be opened. */
static DIR *open_list(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir && fd >= 0)
		close(fd);
	return dir;
}

static void look_at_fds(DIR *dir, struct tally *t)
{
	struct dirent *entry;

	while ((errno = 0, entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			look_at_fd(dirfd(dir), entry->d_name, t);
	t->refused |= errno && !is_gone(errno);
}

/* Appends at most max bytes of a file. 0 or -errno. */
static int read_text(int dir, const char *name, size_t max, struct buf *ret)
{
	autoclose int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	char block[4096];

	if (fd < 0)
		return -errno;
	while (max) {
		ssize_t len = read(fd, block, max < sizeof(block) ? max : sizeof(block));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		if (len == 0)
			break;
		buf_add(ret, block, (size_t)len);
		max -= (size_t)len;
	}
	return 0;
}

/* The user it acts as. Of the directory's owner no: it is root where no core may be dumped. */
static unsigned effective_uid(int pid_dir, const char *status)
{
	struct stat st;
	unsigned uid;

	if (proc_effective_uid(status, &uid))
		return uid;
	return fstat(pid_dir, &st) == 0 ? st.st_uid : 0;
}

/* Everything is read relative to the same directory, which a new process of that pid is not in. */
static int read_facts(int pid_dir, struct kvm_user *u)
{
	autobuf comm = { 0 };
	autobuf status = { 0 };
	autobuf cmdline = { 0 };
	autobuf cgroup = { 0 };
	int r = read_text(pid_dir, "comm", TEXT_MAX_BYTES, &comm);

	if (r < 0)
		return r;
	/* What of these cannot be read stays unknown. */
	read_text(pid_dir, "status", TEXT_MAX_BYTES, &status);
	read_text(pid_dir, "cmdline", CMDLINE_MAX_BYTES, &cmdline);
	read_text(pid_dir, "cgroup", TEXT_MAX_BYTES, &cgroup);
	u->comm = proc_comm(buf_text(&comm));
	u->uid = effective_uid(pid_dir, buf_text(&status));
	strv_add_words(&u->args, &cmdline);
	u->cgroup = proc_unit_cgroup(buf_text(&cgroup));
	return 0;
}

/* Is a vCPU mapped? -ENODATA: nothing is mapped at all, as in a thread that has ended. */
static int maps_vcpu(int dir, const char *path)
{
	int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	FILE *maps = fd < 0 ? NULL : fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;
	int result = -ENODATA;

	if (!maps) {
		closep(&fd);
		return -ENODATA;
	}
	while (result != YES && getline(&line, &size, maps) >= 0)
		result = proc_maps_vcpu(line) ? YES : NO;
	free(line);
	fclose(maps);
	return result;
}

/* Where the kernel does not tell, they do not: looking twice is better than not at all. */
static bool share_descriptors(int tid, int other)
{
	return syscall(SYS_kcmp, tid, other, KCMP_FILES, 0, 0) == 0;
}

/*
 * Descriptors, and memory where the first thread has none (mapped is -ENODATA), of the other
 * threads. It ends at the first find: threads that share a table would be counted twice.
 */
static int look_at_threads(int pid_dir, int pid, struct tally *t, int mapped)
{
	DIR *tasks = open_list(pid_dir, "task");
	struct dirent *entry;
	int looked_at = pid;

	while (tasks && !any_kvm(t) && mapped != YES && (entry = readdir(tasks))) {
		autofree char *fd_path = xasprintf("task/%s/fd", entry->d_name);
		autofree char *maps_path = xasprintf("task/%s/maps", entry->d_name);
		DIR *fds;
		int tid;

		if (parse_int(entry->d_name, &tid) < 0 || tid == pid)
			continue;
		if (mapped == -ENODATA)
			mapped = maps_vcpu(pid_dir, maps_path);
		if (share_descriptors(tid, looked_at))
			continue;
		looked_at = tid;
		fds = open_list(pid_dir, fd_path);
		if (!fds)
			continue;
		look_at_fds(fds, t);
		closedir(fds);
	}
	if (tasks)
		closedir(tasks);
	return mapped;
}

static void add_user(struct worker *w, int pid_dir, int pid, const struct tally *t, bool mapped)
{
	struct kvm_user u = { .pid = pid,
			      .kvm_fds = t->kvm,
			      .vm_fds = t->vms,
			      .vcpu_fds = t->vcpus,
			      .vcpus_mapped = mapped && !t->vcpus };

	if (read_facts(pid_dir, &u) == 0)
		array_push(w->found.users, w->found.count) = u;
}

/* For the few that the first look does not settle: holders, those without descriptors, all if deep. */
static void look_closer(struct worker *w, int fd_dir, int pid, struct tally *t)
{
	autoclose int pid_dir = openat(fd_dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int mapped = NO;

	if (pid_dir < 0) {
		w->found.hidden += !is_gone(errno);
		return;
	}
	if (w->job->deep || any_kvm(t))
		mapped = maps_vcpu(pid_dir, "maps");
	/* None at all: the first thread has ended perhaps, and took its table's name with it. */
	if (w->job->deep || !t->seen)
		mapped = look_at_threads(pid_dir, pid, t, mapped);
	if (any_kvm(t) || mapped == YES)
		add_user(w, pid_dir, pid, t, mapped == YES);
	else if (t->refused)
		w->found.hidden++;
}

static bool is_kernel_thread(int proc_fd, int pid)
{
	autofree char *path = xasprintf("%d/stat", pid);
	autobuf text = { 0 };

	if (read_text(proc_fd, path, TEXT_MAX_BYTES, &text) < 0)
		return false;
	return proc_is_kernel_thread(buf_text(&text));
}

static void look_at_process(struct worker *w, int pid)
{
	struct tally t = { 0 };
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "%d/fd", pid);
	dir = open_list(w->job->proc_fd, path);
	if (!dir) {
		if (!is_gone(errno) && !is_kernel_thread(w->job->proc_fd, pid))
			w->found.hidden++;
		return;
	}
	look_at_fds(dir, &t);
	if (w->job->deep || any_kvm(&t) || !t.seen || t.refused)
		look_closer(w, dirfd(dir), pid, &t);
	closedir(dir);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	size_t i;

	while ((i = atomic_fetch_add(&w->job->next, 1)) < w->job->count)
		look_at_process(w, w->job->pids[i]);
	return NULL;
}

/* The limit of the stack (ulimit -s) may be too little for it. */
static bool start_thread(pthread_t *ret, struct worker *helper)
{
	pthread_attr_t attr;
	bool started;

	if (pthread_attr_init(&attr) != 0)
		return false;
	started = pthread_attr_setstacksize(&attr, THREAD_STACK) == 0 &&
		  pthread_create(ret, &attr, work, helper) == 0;
	pthread_attr_destroy(&attr);
	return started;
}

/* A helper that cannot be started is no failure: the work is shared as it gets done. */
static void work_together(struct worker *self, struct worker *helper)
{
	sigset_t all, before;
	pthread_t thread;
	bool started;

	/* Signals are for the thread that called us. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	started = self->job->count >= PARALLEL_FROM && start_thread(&thread, helper);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	work(self);
	if (started)
		pthread_join(thread, NULL);
}

/* Our pid as this /proc has it, which may be that of another name space. */
static int own_pid(int proc_fd)
{
	char text[32];
	ssize_t len = readlinkat(proc_fd, "self", text, sizeof(text) - 1);
	int pid;

	if (len < 0)
		return -1;
	text[len] = '\0';
	return parse_int(text, &pid) < 0 ? -1 : pid;
}

static int list_pids(struct job *job, struct err *e)
{
	DIR *dir = open_list(job->proc_fd, ".");
	int self = own_pid(job->proc_fd), pid, r;
	struct dirent *entry;

	if (!dir)
		return err_sys(e, -errno, "cannot list the processes");
	while ((errno = 0, entry = readdir(dir)))
		if (parse_int(entry->d_name, &pid) == 0 && pid > 0 && pid != self)
			array_push(job->pids, job->count) = pid;
	r = -errno;
	closedir(dir);
	return r < 0 ? err_sys(e, r, "cannot list the processes") : 0;
}

static void merge(struct kvm_users *into, struct kvm_users *from)
{
	for (size_t i = 0; i < from->count; i++)
		array_push(into->users, into->count) = from->users[i];
	into->hidden += from->hidden;
	free(from->users);
}

static int compare_pids(const void *a, const void *b)
{
	const struct kvm_user *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

/* Not in the workers: the C library's look-up is for one thread. */
static char *user_name(unsigned uid)
{
	const struct passwd *entry = getpwuid(uid);

	return entry ? xstrdup(entry->pw_name) : xasprintf("%u", uid);
}

int scan_kvm_users(int proc_fd, bool deep, struct kvm_users *ret, struct err *e)
{
	struct job job = { .proc_fd = proc_fd, .deep = deep };
	struct worker self = { .job = &job }, helper = { .job = &job };
	int r = list_pids(&job, e);

	if (r == 0) {
		work_together(&self, &helper);
		merge(&self.found, &helper.found);
		if (self.found.count)
			qsort(self.found.users, self.found.count, sizeof(*self.found.users),
			      compare_pids);
		for (size_t i = 0; i < self.found.count; i++)
			self.found.users[i].user = user_name(self.found.users[i].uid);
		*ret = self.found;
	}
	free(job.pids);
	return r;
}
