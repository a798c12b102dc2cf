// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
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
#include <sys/vfs.h>

#include "base.h"
#include "calls.h"

const struct fault_kind faults[FAULTS] = {
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

#define NAME_ERRORS (IO | ACCESS | MEMORY)
#define NODE_ERRORS (IO | PERM | MEMORY | RDONLY | ALTERS) /* mode, owner: nothing is looked up */
#define EDIT_ERRORS (NODE_ERRORS | ACCESS | SPACE)

/* What decides about a call, beside its number. */
enum by { BY_NUMBER, BY_PATH, BY_DESCRIPTOR, BY_USE };

static const struct kind {
	enum by by;
	unsigned faults;
	struct call {
		long number;
		const char *name;
	} calls[32]; /* the last one is followed by one without a name */
} kinds[] = {
#define KIND(by, errors, ...)                                                                      \
	{                                                                                          \
		by, errors,                                                                        \
		{                                                                                  \
			__VA_ARGS__                                                                \
		}                                                                                  \
	}
#define CALL(name)                                                                                 \
	{                                                                                          \
		SYS_##name, #name                                                                  \
	}
	KIND(BY_PATH, NAME_ERRORS, CALL(access), CALL(faccessat), CALL(faccessat2), CALL(lstat),
	     CALL(newfstatat), CALL(readlink), CALL(readlinkat), CALL(stat), CALL(statfs),
	     CALL(statx)),
	KIND(BY_PATH, NAME_ERRORS | FILES, CALL(openat)),
	/* AGAIN: a rename anywhere meanwhile, with RESOLVE_* */
	KIND(BY_PATH, NAME_ERRORS | FILES | AGAIN, CALL(openat2)),
	KIND(BY_PATH, NODE_ERRORS, CALL(fchmodat), CALL(fchownat), CALL(getxattr),
	     CALL(removexattr), CALL(setxattr)),
	KIND(BY_PATH, EDIT_ERRORS, CALL(chmod), CALL(mkdirat), CALL(renameat), CALL(renameat2),
	     CALL(symlinkat)),
	KIND(BY_PATH, EDIT_ERRORS & ~SPACE, CALL(unlinkat)),

	KIND(BY_DESCRIPTOR, NODE_ERRORS, CALL(fchmod), CALL(fchown)),
	KIND(BY_DESCRIPTOR, IO | MEMORY, CALL(getdents64), CALL(pread64), CALL(read)),
	KIND(BY_DESCRIPTOR, IO | SPACE | MEMORY | RDONLY | ALTERS, CALL(pwrite64), CALL(write)),
	KIND(BY_DESCRIPTOR, IO | MEMORY | RDONLY | ALTERS, CALL(ftruncate)),
	KIND(BY_DESCRIPTOR, IO | SPACE | RDONLY | ALTERS, CALL(fdatasync), CALL(fsync)),

	KIND(BY_USE, 0, CALL(close), CALL(fcntl), CALL(futex), CALL(getrandom), CALL(ioctl),
	     CALL(madvise)),

	KIND(BY_NUMBER, 0, CALL(arch_prctl), CALL(capget), CALL(capset), CALL(clock_gettime),
	     CALL(close_range), CALL(exit_group), CALL(fstat), CALL(fstatfs), CALL(getegid),
	     CALL(geteuid), CALL(getpid), CALL(getppid), CALL(getsockname), CALL(getsockopt),
	     CALL(gettid), CALL(getuid), CALL(kill), CALL(lseek), CALL(prctl), CALL(prlimit64),
	     CALL(rt_sigaction), CALL(rt_sigprocmask), CALL(rt_sigreturn), CALL(set_robust_list),
	     CALL(setsockopt), CALL(sysinfo), CALL(umask), CALL(uname)),
	KIND(BY_NUMBER, MEMORY, CALL(brk), CALL(mmap), CALL(mprotect), CALL(mremap), CALL(munmap),
	     CALL(sched_getaffinity), CALL(sched_setaffinity), CALL(set_mempolicy)),
	KIND(BY_NUMBER, MEMORY | FILES, CALL(dup), CALL(dup2), CALL(dup3), CALL(eventfd2),
	     CALL(memfd_create), CALL(pidfd_open), CALL(pipe2), CALL(socket)),
	KIND(BY_NUMBER, MEMORY | AGAIN, CALL(mlock), CALL(recvfrom), CALL(recvmsg)),
	KIND(BY_NUMBER, MEMORY | AGAIN | ACCESS, CALL(connect)), /* to a local socket */
	KIND(BY_NUMBER, MEMORY | AGAIN | ALTERS, CALL(clone), CALL(clone3), CALL(fork),
	     CALL(sendmsg), CALL(sendto), CALL(vfork)),
	KIND(BY_NUMBER, MEMORY | AGAIN | ALTERS, CALL(flock)), /* it does not wait */
	KIND(BY_NUMBER, INTR, CALL(clock_nanosleep), CALL(nanosleep), CALL(poll), CALL(ppoll),
	     CALL(wait4), CALL(waitid)),
	KIND(BY_NUMBER, INTR | BUSY | PERM | AGAIN | ALTERS, CALL(delete_module)),
	KIND(BY_NUMBER, INTR | BUSY | PERM | MEMORY | ALTERS, CALL(init_module)),
	KIND(BY_NUMBER, INTR | BUSY | PERM | MEMORY | IO | ALTERS, CALL(finit_module)),
#undef CALL
#undef KIND
};

/* NULL: it is not in the table. */
static const struct kind *kind_of(long number, const struct call **ret)
{
	for (const struct kind *kind = kinds; kind < kinds + COUNT(kinds); kind++)
		for (const struct call *call = kind->calls; call->name; call++)
			if (call->number == number) {
				*ret = call;
				return kind;
			}
	return NULL;
}

const char *call_name(long number, char text[32])
{
	const struct call *call;

	if (kind_of(number, &call))
		return call->name;
	snprintf(text, 32, "call-%ld", number);
	return text;
}

long call_by_name(const char *name)
{
	for (const struct kind *kind = kinds; kind < kinds + COUNT(kinds); kind++)
		for (const struct call *call = kind->calls; call->name; call++)
			if (strcmp(call->name, name) == 0)
				return call->number;
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
		[ON_DISK] = 0, [IN_MEMORY] = IO, [IN_KERNEL] = IO | SPACE | PERM,
		[DEVICE] = IO, [PIPE] = ERRORS,	 [OTHER_PLACE] = ERRORS,
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

unsigned fault_mask(pid_t pid, const struct user_regs_struct *regs)
{
	const struct call *call;
	const struct kind *kind = kind_of((long)regs->orig_rax, &call);
	unsigned kills = regs->orig_rax == SYS_exit_group ? 1u << F_KILL_ENTRY : KILLS;

	if (!kind)
		return kills;
	switch (kind->by) {
	case BY_PATH:
		return kills | of_path(pid, regs, kind->faults);
	case BY_DESCRIPTOR:
		return kills | of_descriptor(pid, regs, kind->faults);
	case BY_USE:
		return kills | of_use(pid, regs);
	default:
		return kills | kind->faults;
	}
}
