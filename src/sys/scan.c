// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * scan.c - a walk over /proc that asks each descriptor what it is, see scan.h.
 *
 * Nearly all of the time goes into the kernel finding the link of each descriptor in memory. So
 * there is one call for most descriptors (statx tells devices by their number, and anonymous
 * inodes by having no type; only these are asked for their name), relative to the open directory.
 * Guessing descriptor numbers instead of listing them is not faster, and would miss some.
 * The children of reader.c do it, two at the same time.
 */
#include <kvmtune/proc_text.h>
#include <kvmtune/scan.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kcmp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define KVM_DEVICE makedev(10, 232)

#define CMDLINE_MAX_BYTES (64 << 10)
#define TEXT_MAX_BYTES	  (16 << 10)

/* What a look tells. A holder ends with TOLD_HOLDER. */
enum told { TOLD_COMM, TOLD_CGROUP, TOLD_UID, TOLD_CMDLINE, TOLD_HOLDER, TOLD_HIDDEN };

struct scan {
	int proc_fd;
	bool deep;
	struct kvm_users found; /* by the parent */
};

/* What the descriptors of one process are. */
struct tally {
	unsigned kvm, vms, vcpus, others;
	size_t seen;  /* descriptors of any kind */
	bool refused; /* some could not be read */
	bool mapped;  /* a vCPU is in its memory */
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

/*
 * Without DONT_SYNC a file server that does not answer would hold us; with it some still do (NFS, to
 * see whether the file is the same). A careful look goes by the name alone, which none of them is
 * asked for.
 */
static void look_at_fd(int fd_dir, const char *name, bool careful, struct tally *t)
{
	struct statx stx;

	t->seen++;
	if (careful) {
		look_at_link(fd_dir, name, t);
	} else if (statx(fd_dir, name, AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0) {
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

static void look_at_fds(struct look *l, DIR *dir, struct tally *t)
{
	bool careful = look_is_careful(l);
	struct dirent *entry;

	while ((errno = 0, entry = readdir(dir))) {
		look_goes_on(l);
		if (entry->d_name[0] != '.')
			look_at_fd(dirfd(dir), entry->d_name, careful, t);
	}
	t->refused |= errno && !is_gone(errno);
}

/* Is a vCPU mapped? -ENODATA: nothing is mapped at all, as in a thread that has ended. */
static int maps_vcpu(struct look *l, int dir, const char *path)
{
	int fd = look_may_ask(l) ? openat(dir, path, O_RDONLY | O_CLOEXEC) : -1;
	FILE *maps = fd < 0 ? NULL : fdopen(fd, "r");
	char *line = NULL;
	size_t size = 0;
	int result = -ENODATA;

	if (!maps) {
		closep(&fd);
		return -ENODATA;
	}
	while (result != YES && getline(&line, &size, maps) >= 0) {
		look_goes_on(l);
		result = proc_maps_vcpu(line) ? YES : NO;
	}
	free(line);
	fclose(maps);
	return result;
}

/*
 * Where the kernel does not tell, they do not: looking twice is better than not at all. It takes a
 * lock of each (kernel/kcmp.c: exec_update_lock), which they can hold up.
 */
static bool share_descriptors(struct look *l, int tid, int other)
{
	return look_may_ask(l) && syscall(SYS_kcmp, tid, other, KCMP_FILES, 0, 0) == 0;
}

/*
 * Descriptors, and memory where the first thread has none (mapped is -ENODATA), of the other
 * threads. It ends at the first find: threads that share a table would be counted twice.
 */
static int look_at_threads(struct look *l, int pid_dir, int pid, struct tally *t, int mapped)
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
			mapped = maps_vcpu(l, pid_dir, maps_path);
		if (share_descriptors(l, tid, looked_at))
			continue;
		looked_at = tid;
		fds = open_list(pid_dir, fd_path);
		if (!fds)
			continue;
		look_at_fds(l, fds, t);
		closedir(fds);
	}
	if (tasks)
		closedir(tasks);
	return mapped;
}

static void tell_text(struct look *l, int pid_dir, enum told what, const char *name, size_t max)
{
	autobuf text = { 0 };

	/* What cannot be read stays unknown. */
	look_read(l, pid_dir, name, max, &text);
	look_tell(l, what, 0, buf_text(&text), text.len);
}

/* Everything is read relative to the same directory, which a new process of that pid is not in. */
static void tell_holder(struct look *l, int pid_dir, const struct tally *t)
{
	autobuf comm = { 0 };
	unsigned uid = look_uid(l);

	if (look_read(l, pid_dir, "comm", TEXT_MAX_BYTES, &comm) < 0)
		return;
	look_tell(l, TOLD_COMM, 0, buf_text(&comm), comm.len);
	look_tell(l, TOLD_UID, 0, (const char *)&uid, sizeof(uid));
	tell_text(l, pid_dir, TOLD_CGROUP, "cgroup", TEXT_MAX_BYTES);
	if (look_may_ask(l))
		tell_text(l, pid_dir, TOLD_CMDLINE, "cmdline", CMDLINE_MAX_BYTES);
	look_tell(l, TOLD_HOLDER, 0, (const char *)t, sizeof(*t));
}

/* For the few that the first look does not settle: holders, those without descriptors, all if deep. */
static void look_closer(struct look *l, const struct scan *scan, int fd_dir, int pid,
			struct tally *t)
{
	autoclose int pid_dir = openat(fd_dir, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int mapped = NO;

	if (pid_dir < 0) {
		if (!is_gone(errno))
			look_tell(l, TOLD_HIDDEN, 0, "", 0);
		return;
	}
	look_in(l, pid_dir);
	if (scan->deep || any_kvm(t))
		mapped = maps_vcpu(l, pid_dir, "maps");
	/* None at all: the first thread has ended perhaps, and took its table's name with it. */
	if (scan->deep || !t->seen)
		mapped = look_at_threads(l, pid_dir, pid, t, mapped);
	t->mapped = mapped == YES;
	if (any_kvm(t) || t->mapped)
		tell_holder(l, pid_dir, t);
	else if (t->refused)
		look_tell(l, TOLD_HIDDEN, 0, "", 0);
}

static bool is_kernel_thread(struct look *l, int proc_fd, int pid)
{
	autofree char *path = xasprintf("%d/stat", pid);
	autobuf text = { 0 };

	if (!look_may_ask(l) || look_read(l, proc_fd, path, TEXT_MAX_BYTES, &text) < 0)
		return false;
	return proc_is_kernel_thread(buf_text(&text));
}

/* In a child of the reader. */
static void look_at_process(struct look *l, int pid, void *arg)
{
	const struct scan *scan = arg;
	struct tally t = { 0 };
	char path[32];
	DIR *dir;

	snprintf(path, sizeof(path), "%d/fd", pid);
	dir = open_list(scan->proc_fd, path);
	if (!dir) {
		if (!is_gone(errno) && !is_kernel_thread(l, scan->proc_fd, pid))
			look_tell(l, TOLD_HIDDEN, 0, "", 0);
		return;
	}
	look_at_fds(l, dir, &t);
	if (scan->deep || any_kvm(&t) || !t.seen || t.refused)
		look_closer(l, scan, dirfd(dir), pid, &t);
	closedir(dir);
}

/* ---- here ---- */

static void take_cmdline(struct kvm_user *u, const struct record *record)
{
	autobuf text = { 0 };

	buf_add(&text, record->text, record->len);
	strv_add_words(&u->args, &text);
}

static void take_fact(struct kvm_user *u, const struct record *record)
{
	switch (record->what) {
	case TOLD_COMM:
		free(u->comm);
		u->comm = proc_comm(record->text);
		break;
	case TOLD_CGROUP:
		free(u->cgroup);
		u->cgroup = proc_unit_cgroup(record->text);
		break;
	case TOLD_UID:
		if (record->len == sizeof(u->uid))
			memcpy(&u->uid, record->text, sizeof(u->uid));
		break;
	case TOLD_CMDLINE:
		take_cmdline(u, record);
		break;
	}
}

static bool take_tally(struct kvm_user *u, const struct record *record)
{
	struct tally t;

	if (record->what != TOLD_HOLDER || record->len != sizeof(t))
		return false;
	memcpy(&t, record->text, sizeof(t));
	u->kvm_fds = t.kvm;
	u->vm_fds = t.vms;
	u->vcpu_fds = t.vcpus;
	u->vcpus_mapped = t.mapped && !t.vcpus;
	return true;
}

static bool told(void *arg, int pid, enum answer answer, const struct record *records, size_t count)
{
	struct scan *scan = arg;
	struct kvm_user u = { .pid = pid, .answer = answer };
	bool holds = false;

	for (size_t i = 0; i < count; i++) {
		take_fact(&u, &records[i]);
		holds |= take_tally(&u, &records[i]);
		scan->found.hidden += records[i].what == TOLD_HIDDEN;
	}
	unanswered_note(&scan->found.unanswered, pid, answer);
	if (holds)
		array_push(scan->found.users, scan->found.count) = u;
	else
		kvm_user_free(&u);
	return true;
}

static int compare_pids(const void *a, const void *b)
{
	const struct kvm_user *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static char *user_name(unsigned uid)
{
	const struct passwd *entry = getpwuid(uid);

	return entry ? xstrdup(entry->pw_name) : xasprintf("%u", uid);
}

int scan_kvm_users(struct reader *reader, int proc_fd, bool deep, struct kvm_users *ret,
		   struct err *e)
{
	struct scan scan = { .proc_fd = proc_fd, .deep = deep };
	struct reader_job job = {
		.proc_fd = proc_fd, .look = look_at_process, .told = told, .arg = &scan
	};
	autofree int *pids = NULL;
	size_t left = 0;
	int r = reader_list(proc_fd, &pids, &job.count, e);

	if (r < 0)
		return r;
	job.pids = pids;
	r = reader_run(reader, &job, &left, e);
	if (r < 0) {
		kvm_users_free(&scan.found);
		return r;
	}
	scan.found.hidden += left;
	if (scan.found.count)
		qsort(scan.found.users, scan.found.count, sizeof(*scan.found.users), compare_pids);
	for (size_t i = 0; i < scan.found.count; i++)
		scan.found.users[i].user = user_name(scan.found.users[i].uid);
	*ret = scan.found;
	return 0;
}
