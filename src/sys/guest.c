// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * guest.c - the test guest, see testguest.h.
 *
 * The child notes each stage before it tries it, in a page it shares with the parent. So the parent
 * knows where the child ended, whether it failed, hung or was killed.
 */
#include <kvmtune/process.h>
#include <kvmtune/testguest.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The guest's memory, from address 0 on: the code is in the second page, its result in the third. */
#define MEMORY_BYTES   0x4000
#define CODE_ADDRESS   0x1000
#define RESULT_ADDRESS 0x2000
#define CODE_MAX_BYTES (RESULT_ADDRESS - CODE_ADDRESS)

#define RESULT_PORT 0x10
#define ADDEND_A    2
#define ADDEND_B    3
#define SUM	    (ADDEND_A + ADDEND_B)

/*
 * Places below 4 GiB that no guest memory is at. A processor without EPT, or without unrestricted
 * guest, runs real mode in a way that needs three pages and one there.
 */
#define TSS_ADDRESS	     0xfffbd000UL
#define IDENTITY_MAP_ADDRESS 0xfffbc000UL

/* How long a killed child may take to be gone. */
#define REAP_MS 5000

enum stage {
	STAGE_START,
	STAGE_OPEN,
	STAGE_VERSION,
	STAGE_CREATE_VM,
	STAGE_TSS,
	STAGE_IDENTITY_MAP,
	STAGE_MEMORY,
	STAGE_SLOT,
	STAGE_CREATE_VCPU,
	STAGE_RUN_SIZE,
	STAGE_RUN_MAP,
	STAGE_REGISTERS,
	STAGE_RUN,
	STAGE_EXIT,
	STAGE_RESULT,
	STAGE_DONE,
};

static const char *const stage_names[] = {
	[STAGE_START] = "cannot start the test guest",
	[STAGE_OPEN] = "cannot open the device",
	[STAGE_VERSION] = "KVM_GET_API_VERSION",
	[STAGE_CREATE_VM] = "KVM_CREATE_VM",
	[STAGE_TSS] = "KVM_SET_TSS_ADDR",
	[STAGE_IDENTITY_MAP] = "KVM_SET_IDENTITY_MAP_ADDR",
	[STAGE_MEMORY] = "cannot map the test guest's memory",
	[STAGE_SLOT] = "KVM_SET_USER_MEMORY_REGION",
	[STAGE_CREATE_VCPU] = "KVM_CREATE_VCPU",
	[STAGE_RUN_SIZE] = "KVM_GET_VCPU_MMAP_SIZE",
	[STAGE_RUN_MAP] = "cannot map the virtual processor",
	[STAGE_REGISTERS] = "KVM_SET_REGS",
	[STAGE_RUN] = "KVM_RUN",
	[STAGE_EXIT] = "the test guest stopped elsewhere",
	[STAGE_RESULT] = "the test guest computed a wrong result",
	[STAGE_DONE] = "done",
};

/* In the shared page. */
struct outcome {
	enum stage stage;
	int error;	 /* errno at that stage; 0 where it has none */
	unsigned detail; /* the interface's version, or why KVM_RUN returned */
};

struct guest {
	int done; /* tells the parent that all is well */
	int device, vm, vcpu;
	unsigned char *memory;
	struct kvm_run *run;
	struct outcome *outcome;
};

static const unsigned char adding_code[] = {
	0xba, RESULT_PORT, 0x00, /* mov $RESULT_PORT, %dx */
	0x00, 0xd8,		 /* add %bl, %al */
	0xee,			 /* out %al, (%dx) */
	0xa2, 0x00,	   0x20, /* mov %al, RESULT_ADDRESS */
	0xf4,			 /* hlt */
};

/* The child's end: its status is the stage, too. */
static _Noreturn void fail(struct outcome *o, int error)
{
	o->error = error;
	_exit(o->stage);
}

static int must(struct guest *g, enum stage stage, int fd, unsigned long request, unsigned long arg)
{
	int r;

	g->outcome->stage = stage;
	r = ioctl(fd, request, arg);
	if (r < 0)
		fail(g->outcome, errno);
	return r;
}

static void *must_map(struct guest *g, enum stage stage, size_t size, int flags, int fd)
{
	void *p;

	g->outcome->stage = stage;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	if (p == MAP_FAILED)
		fail(g->outcome, errno);
	return p;
}

static void open_device(struct guest *g, const char *device)
{
	int version;

	g->outcome->stage = STAGE_OPEN;
	g->device = open(device, O_RDWR | O_CLOEXEC);
	if (g->device < 0)
		fail(g->outcome, errno);
	version = must(g, STAGE_VERSION, g->device, KVM_GET_API_VERSION, 0);
	g->outcome->detail = (unsigned)version;
	if (version != KVM_API_VERSION)
		fail(g->outcome, EPROTO);
}

static void make_vm(struct guest *g, const void *code, size_t size)
{
	uint64_t identity_map = IDENTITY_MAP_ADDRESS;
	struct kvm_userspace_memory_region slot = { .memory_size = MEMORY_BYTES };

	g->vm = must(g, STAGE_CREATE_VM, g->device, KVM_CREATE_VM, 0);
	must(g, STAGE_TSS, g->vm, KVM_SET_TSS_ADDR, TSS_ADDRESS);
	must(g, STAGE_IDENTITY_MAP, g->vm, KVM_SET_IDENTITY_MAP_ADDR, (unsigned long)&identity_map);
	g->memory = must_map(g, STAGE_MEMORY, MEMORY_BYTES, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	memcpy(g->memory + CODE_ADDRESS, code, size);
	slot.userspace_addr = (uintptr_t)g->memory;
	must(g, STAGE_SLOT, g->vm, KVM_SET_USER_MEMORY_REGION, (unsigned long)&slot);
}

static void make_vcpu(struct guest *g)
{
	struct kvm_regs regs = {
		.rip = CODE_ADDRESS, .rax = ADDEND_A, .rbx = ADDEND_B, .rflags = 2
	};
	struct kvm_sregs sregs;
	int size;

	g->vcpu = must(g, STAGE_CREATE_VCPU, g->vm, KVM_CREATE_VCPU, 0);
	size = must(g, STAGE_RUN_SIZE, g->device, KVM_GET_VCPU_MMAP_SIZE, 0);
	g->run = must_map(g, STAGE_RUN_MAP, (size_t)size, MAP_SHARED, g->vcpu);
	/* A new vCPU is as after reset, but for where it executes: not at the top of 4 GiB. */
	must(g, STAGE_REGISTERS, g->vcpu, KVM_GET_SREGS, (unsigned long)&sregs);
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	must(g, STAGE_REGISTERS, g->vcpu, KVM_SET_SREGS, (unsigned long)&sregs);
	must(g, STAGE_REGISTERS, g->vcpu, KVM_SET_REGS, (unsigned long)&regs);
}

static void run_until_exit(struct guest *g, unsigned reason)
{
	int r;

	g->outcome->stage = STAGE_RUN;
	do {
		r = ioctl(g->vcpu, KVM_RUN, 0);
	} while (r < 0 && (errno == EINTR || errno == EAGAIN));
	if (r < 0)
		fail(g->outcome, errno);
	g->outcome->stage = STAGE_EXIT;
	g->outcome->detail = g->run->exit_reason;
	if (g->run->exit_reason != reason)
		fail(g->outcome, 0);
}

static bool wrote_sum_to_port(const struct kvm_run *run)
{
	const unsigned char *data = (const unsigned char *)run + run->io.data_offset;

	return run->io.direction == KVM_EXIT_IO_OUT && run->io.port == RESULT_PORT &&
	       run->io.size == 1 && run->io.count == 1 && *data == SUM;
}

static void run_guest(struct guest *g)
{
	struct kvm_regs regs;
	bool right;

	run_until_exit(g, KVM_EXIT_IO);
	right = wrote_sum_to_port(g->run);
	run_until_exit(g, KVM_EXIT_HLT);
	must(g, STAGE_RESULT, g->vcpu, KVM_GET_REGS, (unsigned long)&regs);
	if (!right || g->memory[RESULT_ADDRESS] != SUM || (regs.rax & 0xff) != SUM ||
	    regs.rip != CODE_ADDRESS + sizeof(adding_code))
		fail(g->outcome, 0);
}

/* The parent's handlers are for the parent; and without it there is nobody to tell. */
static void become_child(pid_t parent)
{
	sigset_t none;

	for (int s = 1; s < NSIG; s++)
		signal(s, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(STAGE_START);
}

static _Noreturn void child(const char *device, const void *code, size_t size, struct outcome *o,
			    int done)
{
	struct guest g = { .outcome = o, .done = done };

	open_device(&g, device);
	/* From here on it needs nothing but these two. */
	process_keep_only(g.device, done);
	process_give_up();
	make_vm(&g, code, size);
	make_vcpu(&g);
	run_guest(&g);
	o->stage = STAGE_DONE;
	/* The parent need not wait for the kernel to take the guest apart. */
	if (write(g.done, "", 1) < 0)
		_exit(0);
	_exit(0);
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Without a pidfd nobody wakes us: look every other millisecond. */
static int nap_ms(bool woken, int64_t left)
{
	int64_t longest = woken ? INT32_MAX : 2;

	return (int)(left < longest ? left : longest);
}

/*
 * Waits until the child is reaped, or the time has come: false. *ret_status is 0 where SIGCHLD is
 * ignored and nobody is told. done: a pipe, readable when the guest has done all it should, which
 * ends the waiting too; -1: none.
 */
static bool reap(struct testguest *g, int done, int64_t deadline, int *ret_status)
{
	struct pollfd fds[] = { { .fd = g->pidfd, .events = POLLIN },
				{ .fd = done, .events = POLLIN } };

	for (;;) {
		pid_t r = waitpid(g->pid, ret_status, WNOHANG);
		int64_t left = deadline - now_ms();

		if (r == g->pid || (r < 0 && errno == ECHILD)) {
			*ret_status = r < 0 ? 0 : *ret_status;
			g->pid = 0;
			return true;
		}
		if (fds[1].revents & POLLIN)
			return true;
		if (left <= 0)
			return false;
		/* It has ended, but is not ours to reap yet: a debugger comes first (strace -f). */
		if (fds[0].revents & POLLIN)
			fds[0].fd = -1;
		poll(fds, ARRAY_SIZE(fds), nap_ms(fds[0].fd >= 0, left));
	}
}

static int timed_out(struct testguest *g, const struct outcome *o, unsigned timeout_ms,
		     struct err *e)
{
	enum stage stage = o->stage; /* before the child ends */
	bool in_guest = stage == STAGE_RUN || stage == STAGE_EXIT || stage == STAGE_DONE;
	pid_t pid = g->pid;
	int status;

	kill(pid, SIGKILL);
	if (!reap(g, -1, now_ms() + REAP_MS, &status))
		return err_set(e, -ETIMEDOUT,
			       "the test guest did not end within %u ms and cannot be killed "
			       "(process %d)",
			       timeout_ms, (int)pid);
	return err_set(e, -ETIMEDOUT, "the test guest did not end within %u ms%s%s", timeout_ms,
		       in_guest ? "" : ", waiting at: ", in_guest ? "" : stage_names[stage]);
}

static int explain(const struct outcome *o, int status, const char *device, struct err *e)
{
	if (WIFSIGNALED(status))
		return err_set(e, -ECHILD, "the test guest was killed by signal %d (%s)",
			       WTERMSIG(status), stage_names[o->stage]);
	switch (o->stage) {
	case STAGE_DONE:
		return 0;
	case STAGE_OPEN:
		return err_sys(e, -o->error, "cannot open %s", device);
	case STAGE_VERSION:
		if (o->error != EPROTO)
			break;
		return err_set(e, -EPROTO, "%s has version %u of the KVM interface, not %d", device,
			       o->detail, KVM_API_VERSION);
	case STAGE_EXIT:
		return err_set(e, -EIO, "the test guest stopped unexpectedly (KVM exit reason %u)",
			       o->detail);
	default:
		break;
	}
	if (o->error)
		return err_sys(e, -o->error, "%s", stage_names[o->stage]);
	return err_set(e, -EIO, "%s", stage_names[o->stage]);
}

static int watch(struct testguest *g, int done, const struct outcome *o, const char *device,
		 unsigned timeout_ms, struct err *e)
{
	int64_t deadline = now_ms() + timeout_ms;
	int status = 0;

	g->pidfd = (int)syscall(SYS_pidfd_open, g->pid, 0);
	if (!reap(g, done, deadline, &status))
		return timed_out(g, o, timeout_ms, e);
	return explain(o, status, device, e);
}

static int begin(const char *device, const void *code, size_t size, unsigned timeout_ms,
		 struct outcome *o, struct testguest *ret, struct err *e)
{
	pid_t parent = getpid();
	int done[2], r;

	if (pipe2(done, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "%s", stage_names[STAGE_START]);
	ret->pid = fork();
	if (ret->pid == 0) {
		become_child(parent);
		child(device, code, size, o, done[1]);
	}
	if (ret->pid < 0) {
		ret->pid = 0;
		r = err_sys(e, -errno, "%s", stage_names[STAGE_START]);
	} else {
		r = watch(ret, done[0], o, device, timeout_ms, e);
	}
	close(done[0]);
	close(done[1]);
	return r;
}

static int begin_code(const char *device, const void *code, size_t size, unsigned timeout_ms,
		      struct testguest *ret, struct err *e)
{
	struct outcome *o;
	int r;

	*ret = (struct testguest){ .pidfd = -1 };
	if (size > CODE_MAX_BYTES)
		return err_set(e, -E2BIG, "the test guest's code is too long");
	o = mmap(NULL, sizeof(*o), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (o == MAP_FAILED)
		return err_sys(e, -errno, "%s", stage_names[STAGE_START]);
	r = begin(device, code, size, timeout_ms, o, ret, e);
	munmap(o, sizeof(*o));
	return r;
}

int testguest_begin(const char *device, unsigned timeout_ms, struct testguest *ret, struct err *e)
{
	return begin_code(device, adding_code, sizeof(adding_code), timeout_ms, ret, e);
}

void testguest_end(struct testguest *g)
{
	int status;

	if (g->pid > 0 && !reap(g, -1, now_ms() + REAP_MS, &status)) {
		kill(g->pid, SIGKILL);
		reap(g, -1, now_ms() + REAP_MS, &status);
	}
	closep(&g->pidfd);
	*g = (struct testguest){ .pidfd = -1 };
}

int testguest_run_code(const char *device, const void *code, size_t size, unsigned timeout_ms,
		       struct err *e)
{
	struct testguest g;
	int r = begin_code(device, code, size, timeout_ms, &g, e);

	testguest_end(&g);
	return r;
}

int testguest_run(const char *device, unsigned timeout_ms, struct err *e)
{
	return testguest_run_code(device, adding_code, sizeof(adding_code), timeout_ms, e);
}
