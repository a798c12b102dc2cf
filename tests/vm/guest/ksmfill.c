// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ksmfill - fill memory as guests do, for KSM to merge
 *
 *	ksmfill [--different K] [--more MIB] [--work] MIB [-- WORDS...]
 *
 * MIB of memory is for merging (MADV_MERGEABLE): K different pages (1) over and over, none of them
 * zero. --more holds other memory besides, that KSM leaves alone; with --work it is written to
 * without end, some 6000 pages a second in turn, as the working set of a busy guest.
 *
 * "ready" on stdout says that all of it is there. SIGUSR1 writes to every page that is for merging,
 * so that no two are equal, then "dirty" is printed. It stays until it is killed. WORDS are for
 * those who look at its command line (give it another name by `exec -a`).
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MIB	   (1024UL * 1024)
#define WORK_PAGES 128 /* each 20 ms */

struct request {
	size_t bytes;	  /* for merging */
	size_t different; /* pages */
	size_t more;	  /* bytes that are not */
	int work;
};

static volatile sig_atomic_t dirty_wanted;

static void on_signal(int number)
{
	(void)number;
	dirty_wanted = 1;
}

static void die(const char *what)
{
	fprintf(stderr, "ksmfill: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void usage(void)
{
	fputs("usage: ksmfill [--different K] [--more MIB] [--work] MIB [-- WORDS...]\n", stderr);
	exit(2);
}

static size_t number(const char *text)
{
	char *end;
	unsigned long n = strtoul(text, &end, 10);

	if (end == text || *end)
		usage();
	return n;
}

static void read_request(struct request *r, int argc, char **argv)
{
	static const struct option options[] = {
		{ "different", required_argument, NULL, 'd' },
		{ "more", required_argument, NULL, 'm' },
		{ "work", no_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "+", options, NULL)) != -1) {
		if (c == 'd')
			r->different = number(optarg);
		else if (c == 'm')
			r->more = number(optarg) * MIB;
		else if (c == 'w')
			r->work = 1;
		else
			usage();
	}
	if (optind == argc || r->different == 0)
		usage();
	r->bytes = number(argv[optind++]) * MIB;
	if (optind < argc && strcmp(argv[optind], "--"))
		usage();
}

/* The kernel names a process after its file; who gave it another name wants to see that. */
static void take_name(const char *argv0)
{
	const char *slash = strrchr(argv0, '/');

	prctl(PR_SET_NAME, slash ? slash + 1 : argv0);
}

static char *get_memory(size_t bytes)
{
	char *memory;

	if (bytes == 0)
		return NULL;
	memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	return memory;
}

/* A word in each page suffices to make it differ from the others. */
static void mark_pages(char *memory, size_t bytes, uint64_t salt)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t at = 0; at < bytes; at += page)
		*(volatile uint64_t *)(memory + at) = salt + at / page;
}

static void fill_pages(char *memory, const struct request *r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t at = 0; at < r->bytes; at += page) {
		memset(memory + at, 'k', page);
		*(uint64_t *)(memory + at) = 1 + at / page % r->different;
	}
}

static void say(const char *what)
{
	puts(what);
	fflush(stdout);
}

/* The next part of it, and again from its beginning. */
static void work(const struct request *r, char *more, uint64_t salt)
{
	static size_t at;
	size_t bytes = WORK_PAGES * (size_t)sysconf(_SC_PAGESIZE);

	if (at + bytes > r->more)
		at = 0;
	if (bytes <= r->more)
		mark_pages(more + at, bytes, salt);
	at += bytes;
}

static void stay(const struct request *r, char *memory, char *more)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	uint64_t salt = 1UL << 32; /* beyond what fill_pages() writes */

	for (;;) {
		if (dirty_wanted) {
			dirty_wanted = 0;
			mark_pages(memory, r->bytes, salt);
			say("dirty");
		}
		if (r->work)
			work(r, more, salt);
		nanosleep(&pause, NULL);
		salt += 1UL << 32;
	}
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct request request = { .different = 1 };
	char *memory, *more;

	read_request(&request, argc, argv);
	take_name(argv[0]);
	sigaction(SIGUSR1, &action, NULL);
	memory = get_memory(request.bytes);
	more = get_memory(request.more);
	if (memory && madvise(memory, request.bytes, MADV_MERGEABLE))
		die("madvise");
	fill_pages(memory, &request);
	mark_pages(more, request.more, 1);
	say("ready");
	stay(&request, memory, more);
}
