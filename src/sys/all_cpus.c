// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * all_cpus.c - CPUID on each logical CPU that this process may run on.
 *
 * Processors differ: hybrid ones, mixed steppings, firmware that forgot one. libcpuid can visit all
 * (cpuid_get_all_raw_data), but 0.6 leaves the thread on the last one and gives up at the first
 * that it may not run on. So the walk is our own, and ends where it began.
 */
#include "sys.h"

#include <cpuid.h>
#include <errno.h>
#include <sched.h>

#define MAX_CPUS      8192 /* NR_CPUS of the largest kernels */
#define MAX_LEAVES    64   /* of a range: no processor has as many */
#define MAX_SUBLEAVES 16

#define LEAF_SERIAL	3
#define LEAF_HYPERVISOR 0x40000000
#define LEAF_EXTENDED	0x80000000

struct walk {
	cpuid_sink sink;
	void *arg;
	unsigned cpu;
};

static void ask(uint32_t leaf, uint32_t subleaf, uint32_t r[4])
{
	__cpuid_count(leaf, subleaf, r[0], r[1], r[2], r[3]);
}

static void give(const struct walk *w, uint32_t leaf, uint32_t subleaf)
{
	uint32_t r[4];

	ask(leaf, subleaf, r);
	w->sink(w->arg, w->cpu, leaf, subleaf, r);
}

/* Caches and topology (4, Bh, 1Fh, 8000001Dh) are lists: type 0 is the end (Intel SDM, CPUID). */
static void give_list(const struct walk *w, uint32_t leaf)
{
	bool caches = leaf == 4 || leaf == 0x8000001d;
	uint32_t r[4];

	for (uint32_t i = 0; i < MAX_SUBLEAVES; i++) {
		ask(leaf, i, r);
		w->sink(w->arg, w->cpu, leaf, i, r);
		if (caches ? !(r[0] & 0x1f) : !(r[2] >> 8 & 0xff))
			return;
	}
}

static void give_range(const struct walk *w, uint32_t first)
{
	uint32_t r[4], last;

	ask(first, 0, r);
	/* A range that is not there answers with something else. */
	last = r[0] >= first && r[0] - first < MAX_LEAVES ? r[0] : first;
	for (uint32_t leaf = first; leaf <= last; leaf++) {
		if (leaf == LEAF_SERIAL)
			continue;
		if (leaf == 4 || leaf == 0xb || leaf == 0x1f || leaf == 0x8000001d)
			give_list(w, leaf);
		else
			give(w, leaf, 0);
	}
}

static void give_cpu(const struct walk *w)
{
	uint32_t r[4];

	give_range(w, 0);
	ask(1, 0, r);
	if (r[2] >> 31)
		give(w, LEAF_HYPERVISOR, 0);
	give_range(w, LEAF_EXTENDED);
}

/* Moves from CPU to CPU. Their number, or -errno: a filter may forbid it. */
static int visit_all(struct walk *w, const cpu_set_t *allowed, cpu_set_t *one, size_t size)
{
	int visited = 0;

	for (w->cpu = 0; w->cpu < MAX_CPUS; w->cpu++) {
		if (!CPU_ISSET_S(w->cpu, size, allowed))
			continue;
		CPU_ZERO_S(size, one);
		CPU_SET_S(w->cpu, size, one);
		/* One that just went offline is no reason to stop. */
		if (sched_setaffinity(0, size, one) < 0)
			continue;
		give_cpu(w);
		visited++;
	}
	return visited;
}

int sys_read_all_cpus(struct ports *p, cpuid_sink sink, void *arg, struct err *e)
{
	struct walk w = { .sink = sink, .arg = arg };
	size_t size = CPU_ALLOC_SIZE(MAX_CPUS);
	autofree cpu_set_t *allowed = xcalloc(1, size);
	autofree cpu_set_t *one = xcalloc(1, size);
	int visited = 0;

	(void)p;
	if (!__get_cpuid_max(0, NULL))
		return err_set(e, -EIO, "this processor has no CPUID");
	if (sched_getaffinity(0, size, allowed) == 0) {
		visited = visit_all(&w, allowed, one, size);
		sched_setaffinity(0, size, allowed);
	}
	if (!visited) {
		w.cpu = 0;
		give_cpu(&w);
	}
	return 0;
}
