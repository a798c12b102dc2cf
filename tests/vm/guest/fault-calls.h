/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fault-calls.h - the system calls, and the faults that each can really have where it is made
 *
 *	fault_mask(PID, REGS)		of the call at which a traced process stands
 *	call_by_number(), call_by_name(), call_name()
 *
 * By the ERRORS of the calls' manual pages and Linux 6.1's source, on local file systems and without
 * a security module or FUSE: there reading or opening is not interrupted (only by what kills),
 * closing what was read cannot fail, and what is in memory has no I/O errors. What a call does not
 * give by itself is not tried: the host would be judged by what cannot happen. Three beside the plain
 * ones are often seen: ENODEV (what a file in /sys or /proc is about is gone), EBUSY (somebody else
 * is at the module, or has the processor's virtualization), EPERM (a file that is immutable, modules
 * that may not be loaded any more).
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/kvm.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/vfs.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum fault {
	F_IO,
	F_SPACE,
	F_ACCESS,
	F_PERMISSION,
	F_READ_ONLY,
	F_INTR,
	F_MEMORY,
	F_AGAIN,
	F_FILES,
	F_BUSY,
	F_GONE,
	F_KILL_ENTRY,
	F_KILL_EXIT,
	FAULTS
};

static const struct {
	const char *name;
	int error;
} faults[FAULTS] = {
	[F_IO] = { "EIO", EIO },
	[F_SPACE] = { "ENOSPC", ENOSPC },
	[F_ACCESS] = { "EACCES", EACCES },
	[F_PERMISSION] = { "EPERM", EPERM },
	[F_READ_ONLY] = { "EROFS", EROFS },
	[F_INTR] = { "EINTR", EINTR },
	[F_MEMORY] = { "ENOMEM", ENOMEM },
	[F_AGAIN] = { "EAGAIN", EAGAIN },
	[F_FILES] = { "EMFILE", EMFILE },
	[F_BUSY] = { "EBUSY", EBUSY },
	[F_GONE] = { "ENODEV", ENODEV },
	[F_KILL_ENTRY] = { "kill-entry", 0 },
	[F_KILL_EXIT] = { "kill-exit", 0 },
};

#define IO     (1u << F_IO)
#define SPACE  (1u << F_SPACE)
#define ACCESS (1u << F_ACCESS)
#define PERM   (1u << F_PERMISSION)
#define RDONLY (1u << F_READ_ONLY)
#define INTR   (1u << F_INTR)
#define MEMORY (1u << F_MEMORY)
#define AGAIN  (1u << F_AGAIN)
#define FILES  (1u << F_FILES)
#define BUSY   (1u << F_BUSY)
#define GONE   (1u << F_GONE)
#define KILLS  (1u << F_KILL_ENTRY | 1u << F_KILL_EXIT)
#define ALTERS (1u << FAULTS) /* what is outside of the process, or what others see of it */

#define NAME_ERRORS (IO | ACCESS | MEMORY)
#define NODE_ERRORS (IO | PERM | MEMORY | RDONLY | ALTERS) /* mode, owner: nothing is looked up */
#define EDIT_ERRORS (NODE_ERRORS | ACCESS | SPACE)

/* What decides about a call, beside its number. */
enum by { BY_NUMBER, BY_PATH, BY_DESCRIPTOR, BY_USE };

static const struct call {
	long number;
	const char *name;
	enum by by;
	unsigned faults;
} calls[] = {
#define CALL(name, by, errors)                                                                     \
	{                                                                                          \
		SYS_##name, #name, by, errors                                                      \
	}
	CALL(access, BY_PATH, NAME_ERRORS),
	CALL(arch_prctl, BY_NUMBER, 0),
	CALL(brk, BY_NUMBER, MEMORY),
	CALL(capget, BY_NUMBER, 0),
	CALL(capset, BY_NUMBER, 0),
	CALL(chmod, BY_PATH, EDIT_ERRORS),
	CALL(clock_gettime, BY_NUMBER, 0),
	CALL(clock_nanosleep, BY_NUMBER, INTR),
	CALL(clone, BY_NUMBER, AGAIN | MEMORY | ALTERS),
	CALL(clone3, BY_NUMBER, AGAIN | MEMORY | ALTERS),
	CALL(close, BY_USE, 0),
	CALL(close_range, BY_NUMBER, 0),
	CALL(connect, BY_NUMBER, ACCESS | MEMORY | AGAIN), /* to a local socket */
	CALL(delete_module, BY_NUMBER, INTR | AGAIN | BUSY | PERM | ALTERS),
	CALL(dup, BY_NUMBER, FILES | MEMORY),
	CALL(dup2, BY_NUMBER, FILES | MEMORY),
	CALL(dup3, BY_NUMBER, FILES | MEMORY),
	CALL(eventfd2, BY_NUMBER, FILES | MEMORY),
	CALL(exit_group, BY_NUMBER, 0),
	CALL(faccessat, BY_PATH, NAME_ERRORS),
	CALL(faccessat2, BY_PATH, NAME_ERRORS),
	CALL(fchmod, BY_DESCRIPTOR, NODE_ERRORS),
	CALL(fchmodat, BY_PATH, NODE_ERRORS),
	CALL(fchown, BY_DESCRIPTOR, NODE_ERRORS),
	CALL(fchownat, BY_PATH, NODE_ERRORS),
	CALL(fcntl, BY_USE, 0),
	CALL(fdatasync, BY_DESCRIPTOR, IO | SPACE | RDONLY | ALTERS),
	CALL(finit_module, BY_NUMBER, IO | INTR | MEMORY | BUSY | PERM | ALTERS),
	CALL(flock, BY_NUMBER, MEMORY | AGAIN | ALTERS), /* it does not wait */
	CALL(fork, BY_NUMBER, AGAIN | MEMORY | ALTERS),
	CALL(fstat, BY_NUMBER, 0),
	CALL(fstatfs, BY_NUMBER, 0),
	CALL(fsync, BY_DESCRIPTOR, IO | SPACE | RDONLY | ALTERS),
	CALL(ftruncate, BY_DESCRIPTOR, IO | MEMORY | RDONLY | ALTERS),
	CALL(futex, BY_USE, 0),
	CALL(getdents64, BY_DESCRIPTOR, IO | MEMORY),
	CALL(getegid, BY_NUMBER, 0),
	CALL(geteuid, BY_NUMBER, 0),
	CALL(getpid, BY_NUMBER, 0),
	CALL(getppid, BY_NUMBER, 0),
	CALL(getrandom, BY_USE, 0),
	CALL(getsockname, BY_NUMBER, 0),
	CALL(getsockopt, BY_NUMBER, 0),
	CALL(gettid, BY_NUMBER, 0),
	CALL(getuid, BY_NUMBER, 0),
	CALL(init_module, BY_NUMBER, INTR | MEMORY | BUSY | PERM | ALTERS),
	CALL(ioctl, BY_USE, 0),
	CALL(kill, BY_NUMBER, 0),
	CALL(lseek, BY_NUMBER, 0),
	CALL(lstat, BY_PATH, NAME_ERRORS),
	CALL(madvise, BY_USE, 0),
	CALL(memfd_create, BY_NUMBER, FILES | MEMORY),
	CALL(mkdirat, BY_PATH, EDIT_ERRORS),
	CALL(mlock, BY_NUMBER, MEMORY | AGAIN),
	CALL(mmap, BY_NUMBER, MEMORY),
	CALL(mprotect, BY_NUMBER, MEMORY),
	CALL(mremap, BY_NUMBER, MEMORY),
	CALL(munmap, BY_NUMBER, MEMORY),
	CALL(nanosleep, BY_NUMBER, INTR),
	CALL(newfstatat, BY_PATH, NAME_ERRORS),
	CALL(openat, BY_PATH, NAME_ERRORS | FILES),
	CALL(openat2, BY_PATH, NAME_ERRORS | FILES | AGAIN), /* renames elsewhere: RESOLVE_* */
	CALL(pidfd_open, BY_NUMBER, FILES | MEMORY),
	CALL(pipe2, BY_NUMBER, FILES | MEMORY),
	CALL(poll, BY_NUMBER, INTR),
	CALL(ppoll, BY_NUMBER, INTR),
	CALL(prctl, BY_NUMBER, 0),
	CALL(pread64, BY_DESCRIPTOR, IO | MEMORY),
	CALL(prlimit64, BY_NUMBER, 0),
	CALL(pwrite64, BY_DESCRIPTOR, IO | SPACE | MEMORY | RDONLY | ALTERS),
	CALL(read, BY_DESCRIPTOR, IO | MEMORY),
	CALL(readlink, BY_PATH, NAME_ERRORS),
	CALL(readlinkat, BY_PATH, NAME_ERRORS),
	CALL(recvfrom, BY_NUMBER, MEMORY | AGAIN),
	CALL(recvmsg, BY_NUMBER, MEMORY | AGAIN),
	CALL(renameat, BY_PATH, EDIT_ERRORS),
	CALL(renameat2, BY_PATH, EDIT_ERRORS),
	CALL(rt_sigaction, BY_NUMBER, 0),
	CALL(rt_sigprocmask, BY_NUMBER, 0),
	CALL(rt_sigreturn, BY_NUMBER, 0),
	CALL(sched_getaffinity, BY_NUMBER, MEMORY),
	CALL(sched_setaffinity, BY_NUMBER, MEMORY),
	CALL(sendmsg, BY_NUMBER, MEMORY | AGAIN | ALTERS),
	CALL(sendto, BY_NUMBER, MEMORY | AGAIN | ALTERS),
	CALL(set_mempolicy, BY_NUMBER, MEMORY),
	CALL(set_robust_list, BY_NUMBER, 0),
	CALL(setsockopt, BY_NUMBER, 0),
	CALL(socket, BY_NUMBER, MEMORY | FILES),
	CALL(stat, BY_PATH, NAME_ERRORS),
	CALL(statfs, BY_PATH, NAME_ERRORS),
	CALL(statx, BY_PATH, NAME_ERRORS),
	CALL(symlinkat, BY_PATH, EDIT_ERRORS),
	CALL(sysinfo, BY_NUMBER, 0),
	CALL(umask, BY_NUMBER, 0),
	CALL(uname, BY_NUMBER, 0),
	CALL(unlinkat, BY_PATH, EDIT_ERRORS & ~SPACE),
	CALL(vfork, BY_NUMBER, AGAIN | MEMORY | ALTERS),
	CALL(wait4, BY_NUMBER, INTR),
	CALL(waitid, BY_NUMBER, INTR),
	CALL(write, BY_DESCRIPTOR, IO | SPACE | MEMORY | RDONLY | ALTERS),
#undef CALL
};

static const struct call *call_by_number(long number)
{
	for (size_t i = 0; i < COUNT(calls); i++)
		if (calls[i].number == number)
			return &calls[i];
	return NULL;
}

static const char *call_name(long number, char text[32])
{
	const struct call *call = call_by_number(number);

	if (call)
		return call->name;
	snprintf(text, 32, "call-%ld", number);
	return text;
}

static long call_by_name(const char *name)
{
	for (size_t i = 0; i < COUNT(calls); i++)
		if (strcmp(calls[i].name, name) == 0)
			return calls[i].number;
	return strncmp(name, "call-", 5) == 0 ? atol(name + 5) : -1;
}

/* ---- where it is made ---- */

enum place { ON_DISK, IN_MEMORY, IN_KERNEL, DEVICE, PIPE, OTHER_PLACE };

static enum place place_of(const char *path)
{
	struct statfs fs;
	struct stat st;

	if (stat(path, &st) < 0 || statfs(path, &fs) < 0)
		return OTHER_PLACE;
	if (S_ISCHR(st.st_mode))
		return DEVICE;
	if (S_ISFIFO(st.st_mode))
		return PIPE;
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))
		return OTHER_PLACE;
	switch ((unsigned long)fs.f_type) {
	case TMPFS_MAGIC: /* devtmpfs too */
	case RAMFS_MAGIC:
		return IN_MEMORY;
	case PROC_SUPER_MAGIC:
	case SYSFS_MAGIC:
	case CGROUP2_SUPER_MAGIC:
		return IN_KERNEL;
	default:
		return ON_DISK;
	}
}

static enum place place_of_descriptor(pid_t pid, int fd)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	return place_of(path);
}

/* The memory behind it may end with its page. */
static bool read_path(pid_t pid, unsigned long address, char ret[PATH_MAX])
{
	size_t page_rest = 4096 - address % 4096;
	struct iovec here = { ret, PATH_MAX - 1 };
	struct iovec there[] = { { (void *)address, page_rest },
				 { (void *)(address + page_rest), 4096 } };
	ssize_t n = process_vm_readv(pid, &here, 1, there, 2, 0);

	ret[n > 0 ? n : 0] = '\0';
	return n > 0;
}

/* Of what is there on the way to that name: it may be one that is not there yet. */
static enum place place_of_name(pid_t pid, int directory, const char *name)
{
	char path[PATH_MAX + 64], *slash;
	enum place place;

	if (*name == '/')
		snprintf(path, sizeof(path), "%s", name);
	else if (directory == AT_FDCWD)
		snprintf(path, sizeof(path), "/proc/%d/cwd/%s", (int)pid, name);
	else
		snprintf(path, sizeof(path), "/proc/%d/fd/%d/%s", (int)pid, directory, name);
	while ((place = place_of(path)) == OTHER_PLACE && (slash = strrchr(path, '/')) &&
	       slash != path)
		*slash = '\0';
	return place;
}

/* ---- what fits there ---- */

static unsigned where_it_fits(enum place place, unsigned mask)
{
	static const unsigned not_there[] = {
		[ON_DISK] = 0, [IN_MEMORY] = IO,    [IN_KERNEL] = IO | SPACE | PERM,
		[DEVICE] = IO, [PIPE] = ALTERS - 1, [OTHER_PLACE] = ALTERS - 1,
	};

	return mask & ~not_there[place];
}

static unsigned open_flags(pid_t pid, const struct user_regs_struct *regs)
{
	if (regs->orig_rax == SYS_openat)
		return (unsigned)regs->rdx;
	return (unsigned)ptrace(PTRACE_PEEKDATA, pid, regs->rdx + offsetof(struct open_how, flags),
				0);
}

/* The name a call is about, and the directory it is relative to. */
static bool name_of_call(pid_t pid, const struct user_regs_struct *regs, int *ret_directory,
			 char ret[PATH_MAX])
{
	*ret_directory = (int)regs->rdi;
	switch (regs->orig_rax) {
	case SYS_access:
	case SYS_chmod:
	case SYS_lstat:
	case SYS_readlink:
	case SYS_stat:
	case SYS_statfs:
		*ret_directory = AT_FDCWD;
		return read_path(pid, regs->rdi, ret);
	case SYS_symlinkat:
		*ret_directory = (int)regs->rsi;
		return read_path(pid, regs->rdx, ret);
	default:
		return read_path(pid, regs->rsi, ret);
	}
}

static unsigned of_path(pid_t pid, const struct user_regs_struct *regs, unsigned mask)
{
	bool opens = regs->orig_rax == SYS_openat || regs->orig_rax == SYS_openat2;
	unsigned flags = opens ? open_flags(pid, regs) : 0;
	char name[PATH_MAX];
	enum place place;
	int directory;

	if (!name_of_call(pid, regs, &directory, name))
		return mask;
	if (!*name) { /* AT_EMPTY_PATH: the descriptor itself, nothing is looked up */
		mask &= mask & ALTERS ? ~ACCESS : ~(ACCESS | IO);
		return where_it_fits(place_of_descriptor(pid, directory), mask);
	}
	place = place_of_name(pid, directory, name);
	if (flags & (O_WRONLY | O_RDWR | O_CREAT) && place != DEVICE)
		mask |= RDONLY | ALTERS | (flags & O_CREAT ? SPACE : 0);
	return where_it_fits(place, mask);
}

static unsigned of_descriptor(pid_t pid, const struct user_regs_struct *regs, unsigned mask)
{
	enum place place = place_of_descriptor(pid, (int)regs->rdi);
	bool writes = regs->orig_rax == SYS_write || regs->orig_rax == SYS_pwrite64;
	bool reads = regs->orig_rax == SYS_read || regs->orig_rax == SYS_pread64;
	bool syncs = regs->orig_rax == SYS_fsync || regs->orig_rax == SYS_fdatasync;

	if (syncs && place != ON_DISK)
		return mask & ALTERS;
	if (reads && place == IN_KERNEL)
		return MEMORY | GONE;
	if (writes && place == IN_KERNEL)
		return MEMORY | INTR | GONE | ALTERS;
	if (place == PIPE || place == DEVICE)
		return reads ? INTR : INTR | MEMORY | (mask & ALTERS);
	return where_it_fits(place, mask);
}

/* isatty(), and those of KVM (virt/kvm/kvm_main.c); its constants cannot fail. */
static unsigned of_ioctl(unsigned long command)
{
	switch (command) {
	case TCGETS:
	case TIOCGWINSZ:
		return IO;
	case KVM_GET_API_VERSION:
	case KVM_CHECK_EXTENSION:
	case KVM_GET_VCPU_MMAP_SIZE:
		return 0;
	case KVM_CREATE_VM:
		return IO | INTR | MEMORY | FILES | BUSY;
	case KVM_CREATE_VCPU:
		return IO | MEMORY | FILES;
	case KVM_RUN:
		return IO | INTR | AGAIN | MEMORY;
	default:
		return IO | MEMORY;
	}
}

/* A file that was written, on a disk that is one of another machine: only there can it fail. */
static unsigned of_close(pid_t pid, int fd)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	return lstat(path, &st) == 0 && st.st_mode & 0200 && place_of(path) == ON_DISK ? IO : 0;
}

static unsigned of_use(pid_t pid, const struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_close:
		return of_close(pid, (int)regs->rdi);
	case SYS_fcntl:
		return regs->rsi == F_DUPFD || regs->rsi == F_DUPFD_CLOEXEC ? FILES | MEMORY : 0;
	case SYS_futex:
		return (regs->rsi & FUTEX_CMD_MASK) == FUTEX_WAKE ? 0 : INTR | AGAIN;
	case SYS_getrandom:
		return regs->rdx & GRND_NONBLOCK ? AGAIN : regs->rdx ? 0 : INTR;
	case SYS_ioctl:
		return of_ioctl(regs->rsi);
	case SYS_madvise:
		return regs->rdx == MADV_DONTNEED ? 0 : MEMORY | AGAIN;
	default:
		return 0;
	}
}

static unsigned fault_mask(pid_t pid, const struct user_regs_struct *regs)
{
	const struct call *call = call_by_number((long)regs->orig_rax);
	unsigned kills = regs->orig_rax == SYS_exit_group ? 1u << F_KILL_ENTRY : KILLS;

	if (!call)
		return kills;
	switch (call->by) {
	case BY_PATH:
		return kills | of_path(pid, regs, call->faults);
	case BY_DESCRIPTOR:
		return kills | of_descriptor(pid, regs, call->faults);
	case BY_USE:
		return kills | of_use(pid, regs);
	default:
		return kills | call->faults;
	}
}
