// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * process.c - signals, limits and capabilities of this process, see process.h.
 */
#include <kvmtune/process.h>

#include <errno.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAP(name) (UINT64_C(1) << CAP_##name)

/*
 * Whose descriptors are KVM's is asked of every process; registers are behind /dev/cpu/N/msr, and the
 * kernel's log is closed to others where kernel.dmesg_restrict is set.
 */
#define CAPS_READ (CAP(DAC_READ_SEARCH) | CAP(SYS_PTRACE) | CAP(SYS_RAWIO) | CAP(SYSLOG))

/* The kernel answers whether it would load a module only to those who may. */
#define CAPS_CHECK (CAPS_READ | CAP(SYS_MODULE))

/* A file that is replaced keeps its owner. */
#define CAPS_FILES (CAPS_READ | CAP(DAC_OVERRIDE) | CAP(CHOWN))

/* The module; owner and mode of the new /dev/kvm; the ballast of the child that unmerges. */
#define CAPS_CHANGE (CAPS_FILES | CAP(SYS_MODULE) | CAP(FOWNER) | CAP(IPC_LOCK))

static const uint64_t caps_of_rights[] = {
	[RIGHTS_READ] = CAPS_READ,     [RIGHTS_CHECK] = CAPS_CHECK, [RIGHTS_FILES] = CAPS_FILES,
	[RIGHTS_CHANGE] = CAPS_CHANGE, [RIGHTS_LOAD] = CAPS_CHANGE,
};

/* Below these nothing can be told truly: what cannot be opened looks like what is not there. */
#define FILES_NEEDED 32
#define STACK_NEEDED (256 << 10)

#define FILES_WANTED 1024
#define STACK_WANTED (8 << 20)

/* Of who started this process. */
static struct rlimit limits_given[RLIMIT_NLIMITS];
static mode_t mask_given = 022;

static void settle_signals(void)
{
	sigset_t none;

	/* Where it is ignored nobody is told how a child ended. */
	signal(SIGCHLD, SIG_DFL);
	/* A file that is too big is an error of write(), which is rolled back. */
	signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* As far as it is allowed. Returns what is allowed now. */
static rlim_t raise_limit(int kind, rlim_t wanted)
{
	struct rlimit limit, more;

	if (getrlimit(kind, &limit) < 0 || limit.rlim_cur >= wanted)
		return RLIM_INFINITY;
	more = (struct rlimit){ wanted, limit.rlim_max > wanted ? limit.rlim_max : wanted };
	if (setrlimit(kind, &more) == 0)
		return wanted;
	/* Without CAP_SYS_RESOURCE no further than this. */
	more = (struct rlimit){ limit.rlim_max, limit.rlim_max };
	return setrlimit(kind, &more) == 0 ? more.rlim_cur : limit.rlim_cur;
}

/* A shell's or a service's limits shall not end a change halfway. */
static void lift_limits(void)
{
	static const int kinds[] = { RLIMIT_AS, RLIMIT_CPU, RLIMIT_DATA, RLIMIT_FSIZE,
				     RLIMIT_NPROC };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		raise_limit(kinds[i], RLIM_INFINITY);
}

static int require_limits(struct err *e)
{
	rlim_t files = raise_limit(RLIMIT_NOFILE, FILES_WANTED);
	rlim_t stack = raise_limit(RLIMIT_STACK, STACK_WANTED);

	if (files < FILES_NEEDED)
		return err_set(e, -EMFILE,
			       "the limit of open files is %u; kvmtune needs %u (ulimit -n)",
			       (unsigned)files, FILES_NEEDED);
	if (stack < STACK_NEEDED)
		return err_set(e, -ENOMEM,
			       "the stack limit is %u KiB; kvmtune needs %u (ulimit -s)",
			       (unsigned)(stack >> 10), STACK_NEEDED >> 10);
	return 0;
}

/* What is put aside stays permitted, and can be taken up again. */
static int use_capabilities(uint64_t wanted)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		data[i].effective = data[i].permitted & (uint32_t)(wanted >> 32 * i);
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/* Effective and permitted alike; none to be inherited. */
static int keep_capabilities(uint64_t wanted)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, data) < 0)
		return -errno;
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].permitted &= (uint32_t)(wanted >> 32 * i);
		data[i].effective = data[i].permitted;
		data[i].inheritable = 0;
	}
	return syscall(SYS_capset, &header, data) < 0 ? -errno : 0;
}

/*
 * The bounding set may stay as it is: under no_new_privs a new program gets nothing that was not
 * there before, not even as root (security/commoncap.c:cap_bprm_creds_from_file).
 */
static int keep_rights(enum rights rights, struct err *e)
{
	int r;

	if (rights == RIGHTS_LOAD) {
		r = use_capabilities(caps_of_rights[rights]);
		return r < 0 ? err_sys(e, r, "cannot drop the capabilities that are not needed")
			     : 0;
	}
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, -errno, "cannot set no_new_privs");
	r = keep_capabilities(caps_of_rights[rights]);
	return r < 0 ? err_sys(e, r, "cannot drop the capabilities that are not needed") : 0;
}

int process_begin(enum rights rights, struct err *e)
{
	settle_signals();
	for (int kind = 0; kind < RLIMIT_NLIMITS; kind++)
		getrlimit(kind, &limits_given[kind]);
	if (require_limits(e) < 0)
		return e->code;
	if (rights == RIGHTS_CHANGE || rights == RIGHTS_LOAD)
		lift_limits();
	return keep_rights(rights, e);
}

void process_set_umask(unsigned mask)
{
	mask_given = umask(mask);
}

void process_restore_rights(void)
{
	for (int kind = 0; kind < RLIMIT_NLIMITS; kind++)
		setrlimit(kind, &limits_given[kind]);
	umask(mask_given);
	use_capabilities(UINT64_MAX);
}

void process_give_up(void)
{
	keep_capabilities(0);
}

void process_only_look(void)
{
	keep_capabilities(CAP(DAC_READ_SEARCH) | CAP(SYS_PTRACE));
}

/* The parent's handlers are for the parent. What was ignored from the beginning stays so. */
static void default_signals(void)
{
	for (int s = 1; s < NSIG; s++) {
		struct sigaction old;

		if (sigaction(s, NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			signal(s, SIG_DFL);
	}
}

int process_fork(void)
{
	pid_t parent = getpid(), pid;
	sigset_t all, mask;
	int saved;

	/* No signal shall meet the parent's handlers in the child. */
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &mask);
	pid = fork();
	saved = errno;
	if (pid == 0) {
		default_signals();
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	}
	sigprocmask(SIG_SETMASK, &mask, NULL);
	/* It may have ended before it could be waited for. */
	if (pid == 0 && getppid() != parent)
		_exit(EINTR);
	errno = saved;
	return pid;
}

static void close_between(int first, int last)
{
	if (first > last || syscall(SYS_close_range, first, last, 0) == 0)
		return;
	/* Before Linux 5.9. Those above are marked close-on-exec, or were another program's. */
	for (int fd = first; fd <= last && fd < 1024; fd++)
		close(fd);
}

void process_keep_only(int fd, int other)
{
	int low = fd < other ? fd : other, high = fd < other ? other : fd;
	int next = STDERR_FILENO + 1;

	for (int i = 0; i < 2; i++) {
		int keep = i ? high : low;

		if (keep < next)
			continue;
		close_between(next, keep - 1);
		next = keep + 1;
	}
	close_between(next, INT32_MAX);
}
