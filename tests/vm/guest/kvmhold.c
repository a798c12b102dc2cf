// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kvmhold - keep KVM in use, in each of the ways that programs do
 *
 *	kvmhold [--argv0 NAME] [--vcpus N] dev|vm|vcpu|guest [SECONDS] [-- WORDS...]
 *
 * dev	holds /dev/kvm only, as a probe does
 * vm	holds a VM, /dev/kvm is closed
 * vcpu	holds N vCPUs, VM and /dev/kvm are closed
 * guest	runs a real-mode guest on its first vCPU until the end; its first sum is checked
 *
 * "ready" on stdout says that it holds. It ends well at SIGTERM or after SECONDS (0: at once).
 * --argv0 makes it look like another program: it starts itself again as "NAME WORDS...".
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_VCPUS  64
#define GUEST_PORT 0xe9
#define GUEST_BASE 0x1000

struct request {
	const char *argv0;
	const char *kind;
	int vcpus;
	int seconds; /* -1: no end */
};

struct machine {
	int dev;
	int vm;
	int vcpus;
	int vcpu[MAX_VCPUS];
	struct kvm_run *run;
};

/* mov al,2; add al,3; then for ever: out GUEST_PORT,al; jmp back */
static const unsigned char guest_code[] = { 0xb0, 2, 0x04, 3, 0xe6, GUEST_PORT, 0xeb, 0xfc };

static volatile sig_atomic_t ended;

static void on_signal(int number)
{
	(void)number;
	ended = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "kvmhold: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int check(int result, const char *what)
{
	if (result < 0)
		die(what);
	return result;
}

static void usage(void)
{
	fputs("usage: kvmhold [--argv0 NAME] [--vcpus N] dev|vm|vcpu|guest [SECONDS] [-- "
	      "WORDS...]\n",
	      stderr);
	exit(2);
}

/* The second start finds its request in the environment: its command line is the disguise. */
static int request_from_environment(struct request *r)
{
	static char kind[16];
	const char *text = getenv("KVMHOLD");

	if (!text || sscanf(text, "%15s %d %d", kind, &r->vcpus, &r->seconds) != 3)
		return 0;
	r->kind = kind;
	unsetenv("KVMHOLD");
	return 1;
}

static void disguise(const struct request *r, char **words)
{
	char text[64];

	snprintf(text, sizeof(text), "%s %d %d", r->kind, r->vcpus, r->seconds);
	setenv("KVMHOLD", text, 1);
	*--words = (char *)r->argv0; /* takes the place of the "--" or SECONDS before the words */
	execv("/proc/self/exe", words);
	die("exec");
}

static void request_from_words(struct request *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "argv0", required_argument, NULL, 'a' },
		{ "vcpus", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 'a')
			r->argv0 = optarg;
		else if (c == 'c')
			r->vcpus = atoi(optarg);
		else
			usage();
	}
	if (optind == argc || r->vcpus < 1 || r->vcpus > MAX_VCPUS)
		usage();
	r->kind = argv[optind++];
	if (optind < argc && strcmp(argv[optind], "--"))
		r->seconds = atoi(argv[optind++]);
	if (optind < argc && !strcmp(argv[optind], "--"))
		optind++;
	if (r->argv0)
		disguise(r, argv + optind);
	if (optind < argc)
		usage();
}

static void close_fd(int *fd)
{
	close(*fd);
	*fd = -1;
}

static void make_vcpus(struct machine *m, int count)
{
	for (m->vcpus = 0; m->vcpus < count; m->vcpus++)
		m->vcpu[m->vcpus] =
			check(ioctl(m->vm, KVM_CREATE_VCPU, m->vcpus), "KVM_CREATE_VCPU");
}

/* Without unrestricted guests (no EPT) KVM needs room for a TSS and page tables to run real mode. */
static void make_room_for_real_mode(const struct machine *m)
{
	__u64 identity_map = 0xfffbc000;

	check(ioctl(m->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map), "KVM_SET_IDENTITY_MAP_ADDR");
	check(ioctl(m->vm, KVM_SET_TSS_ADDR, 0xfffbd000UL), "KVM_SET_TSS_ADDR");
}

static void give_memory(const struct machine *m)
{
	struct kvm_userspace_memory_region region = { .guest_phys_addr = GUEST_BASE,
						      .memory_size = 0x1000 };
	void *memory = mmap(NULL, region.memory_size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die("mmap");
	memcpy(memory, guest_code, sizeof(guest_code));
	region.userspace_addr = (__u64)(unsigned long)memory;
	check(ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region), "KVM_SET_USER_MEMORY_REGION");
}

static void set_registers(struct machine *m)
{
	struct kvm_regs regs = { .rip = GUEST_BASE, .rflags = 2 };
	struct kvm_sregs sregs;
	int size = check(ioctl(m->dev, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");

	m->run = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, m->vcpu[0], 0);
	if (m->run == MAP_FAILED)
		die("mmap vCPU");
	check(ioctl(m->vcpu[0], KVM_GET_SREGS, &sregs), "KVM_GET_SREGS");
	sregs.cs.base = 0;
	sregs.cs.selector = 0;
	check(ioctl(m->vcpu[0], KVM_SET_SREGS, &sregs), "KVM_SET_SREGS");
	check(ioctl(m->vcpu[0], KVM_SET_REGS, &regs), "KVM_SET_REGS");
}

/* To the guest's next output. */
static void run_guest(const struct machine *m)
{
	unsigned char sum;

	if (ioctl(m->vcpu[0], KVM_RUN, 0) < 0) {
		if (errno == EINTR)
			return;
		die("KVM_RUN");
	}
	sum = *((unsigned char *)m->run + m->run->io.data_offset);
	if (m->run->exit_reason != KVM_EXIT_IO || m->run->io.port != GUEST_PORT || sum != 5) {
		fprintf(stderr, "kvmhold: the guest failed: exit reason %u\n", m->run->exit_reason);
		exit(1);
	}
}

static void take_hold(struct machine *m, const struct request *r)
{
	m->dev = check(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
	if (!strcmp(r->kind, "dev"))
		return;
	m->vm = check(ioctl(m->dev, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
	if (!strcmp(r->kind, "vm")) {
		close_fd(&m->dev);
		return;
	}
	if (!strcmp(r->kind, "guest"))
		make_room_for_real_mode(m);
	make_vcpus(m, r->vcpus);
	if (!strcmp(r->kind, "vcpu")) {
		close_fd(&m->vm);
		close_fd(&m->dev);
		return;
	}
	give_memory(m);
	set_registers(m);
	run_guest(m);
}

static void keep_hold(const struct machine *m)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };

	while (!ended) {
		nanosleep(&pause, NULL);
		if (m->run)
			run_guest(m);
	}
}

static void end_at(int seconds)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGALRM, &action, NULL);
	if (seconds > 0)
		alarm((unsigned int)seconds);
	ended = seconds == 0;
}

static int is_kind(const char *word)
{
	return !strcmp(word, "dev") || !strcmp(word, "vm") || !strcmp(word, "vcpu") ||
	       !strcmp(word, "guest");
}

int main(int argc, char **argv)
{
	struct request request = { .vcpus = 1, .seconds = -1 };
	struct machine machine = { .dev = -1, .vm = -1 };

	if (request_from_environment(&request))
		prctl(PR_SET_NAME, argv[0]);
	else
		request_from_words(&request, argc, argv);
	if (!is_kind(request.kind))
		usage();
	end_at(request.seconds);
	take_hold(&machine, &request);
	puts("ready");
	fflush(stdout);
	keep_hold(&machine);
	return 0;
}
