// SPDX-License-Identifier: GPL-2.0-or-later
#include "host_usage.h"

#include <kvmtune/memory.h>
#include <kvmtune/port.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#define HEAD	  16384
#define KVM_DEBUG "/sys/kernel/debug/kvm"
#define GOVERNOR  "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"
#define VMS_MOST  4096

/* Files of a guest, newest name first: the first that is there counts. pf_taken came with 5.19. */
static const char *const counter_files[KVM_COUNTERS][2] = {
	[KVM_EXITS] = { "exits", NULL },
	[KVM_FAULTS] = { "pf_taken", "pf_fixed" },
	[KVM_FLUSHES] = { "tlb_flush", "remote_tlb_flush" },
};

static const enum metric_id counter_metrics[KVM_COUNTERS] = {
	[KVM_EXITS] = METRIC_KVM_EXITS,
	[KVM_FAULTS] = METRIC_KVM_FAULTS,
	[KVM_FLUSHES] = METRIC_KVM_FLUSHES,
};

static bool read_text(struct ports *p, const char *path, struct buf *ret)
{
	return p->file.read_head(p, path, HEAD, ret) == 0 && ret->len;
}

/* ---- the CPUs and memory ---- */

/* "cpu  user nice system idle iowait irq softirq steal ...", proc(5). */
static void look_at_cpus(const struct host_usage *u, double *values)
{
	autobuf text = { 0 };
	unsigned long long v[8] = { 0 };

	if (!u->ticks || !read_text(u->p, "/proc/stat", &text) ||
	    sscanf(text.data, "cpu %llu %llu %llu %llu %llu %llu %llu %llu", &v[0], &v[1], &v[2],
		   &v[3], &v[4], &v[5], &v[6], &v[7]) < 8)
		return;
	values[METRIC_HOST_BUSY] = (double)(v[0] + v[1] + v[2] + v[5] + v[6]) / u->ticks;
	values[METRIC_HOST_STEAL] = (double)v[7] / u->ticks;
}

static void look_at_ksmd(const struct host_usage *u, double *values)
{
	autofree char *path = xasprintf("/proc/%d/stat", u->ksmd_pid);
	autobuf text = { 0 };
	uint64_t ticks;

	if (u->ksmd_pid && u->ticks && read_text(u->p, path, &text) &&
	    proc_ksmd_ticks(text.data, &ticks))
		values[METRIC_KSMD] = (double)ticks / u->ticks;
}

static void look_at_swap(const struct host_usage *u, double *values)
{
	autobuf text = { 0 };
	struct memory_facts m = { .swapped_in = UINT64_MAX, .swapped_out = UINT64_MAX };

	if (!read_text(u->p, "/proc/vmstat", &text))
		return;
	memory_read_vmstat(text.data, &m);
	if (m.swapped_in != UINT64_MAX)
		values[METRIC_SWAP_IN] = (double)m.swapped_in;
	if (m.swapped_out != UINT64_MAX)
		values[METRIC_SWAP_OUT] = (double)m.swapped_out;
}

static void look_at_host(const struct host_usage *u, double *values)
{
	for (size_t i = 0; i < METRIC_COUNT; i++)
		values[i] = NAN;
	look_at_cpus(u, values);
	look_at_ksmd(u, values);
	look_at_swap(u, values);
}

static bool is_ksmd(void *arg, const struct process_view *v)
{
	uint64_t ticks;

	if (v->files[PROC_STAT].error || !proc_ksmd_ticks(v->files[PROC_STAT].text, &ticks))
		return true;
	*(int *)arg = v->pid;
	return false;
}

/* ---- KVM's counters ---- */

static struct vm_counts *counts_of(struct host_usage *u, const char *name)
{
	struct vm_counts *c;

	for (size_t i = 0; i < u->vm_count; i++)
		if (strcmp(u->vms[i].name, name) == 0)
			return &u->vms[i];
	c = &array_push(u->vms, u->vm_count);
	c->name = xstrdup(name);
	return c;
}

static void read_counters(struct host_usage *u, const char *vm, double *ret)
{
	for (size_t i = 0; i < KVM_COUNTERS; i++) {
		for (size_t k = 0; k < 2 && counter_files[i][k]; k++) {
			autofree char *path =
				xasprintf(KVM_DEBUG "/%s/%s", vm, counter_files[i][k]);
			autobuf text = { 0 };
			uint64_t value;

			if (!read_text(u->p, path, &text) ||
			    parse_u64(chomp(text.data), &value) < 0)
				continue;
			ret[i] = (double)value;
			u->has_kvm = true;
			break;
		}
	}
}

/* A guest's directory is named by its process and descriptor: "4711-12". */
static void look_at_guests(struct host_usage *u, bool first)
{
	autostrv names = { 0 };
	const char *name;

	if (u->p->file.list(u->p, KVM_DEBUG, &names) < 0)
		return;
	strv_foreach (name, &names) {
		struct vm_counts *c;

		if (!strchr(name, '-') || u->vm_count >= VMS_MOST)
			continue;
		c = counts_of(u, name);
		read_counters(u, name, c->last);
		if (first)
			memcpy(c->first, c->last, sizeof(c->first));
	}
}

static void forget_guests(struct host_usage *u)
{
	for (size_t i = 0; i < u->vm_count; i++)
		free(u->vms[i].name);
	free(u->vms);
	u->vms = NULL;
	u->vm_count = 0;
	u->has_kvm = false;
}

/* ---- a run ---- */

void host_usage_open(struct ports *p, struct host_usage *ret)
{
	struct host_id id;
	struct err ignored = { 0 };

	p->system.identify(p, &id);
	*ret = (struct host_usage){ .p = p,
				    .ticks = id.ticks_per_second,
				    .page_bytes = id.page_bytes };
	p->process.read(p, NULL, 0, 1 << PROC_STAT, is_ksmd, &ret->ksmd_pid, &ignored);
}

void host_usage_close(struct host_usage *u)
{
	forget_guests(u);
}

void host_usage_begin(struct host_usage *u)
{
	forget_guests(u);
	look_at_guests(u, true);
	look_at_host(u, u->at_start);
}

void host_usage_look(struct host_usage *u)
{
	look_at_guests(u, false);
}

void host_usage_end(struct host_usage *u, double seconds, double *values)
{
	double now[METRIC_COUNT];

	look_at_host(u, now);
	look_at_guests(u, false);
	for (size_t i = 0; i < METRIC_COUNT; i++)
		if (!isnan(now[i] - u->at_start[i]))
			values[i] = fmax(now[i] - u->at_start[i], 0);
	for (size_t i = 0; u->has_kvm && seconds > 0 && i < KVM_COUNTERS; i++) {
		double sum = 0;

		for (size_t k = 0; k < u->vm_count; k++)
			sum += fmax(u->vms[k].last[i] - u->vms[k].first[i], 0);
		values[counter_metrics[i]] = sum / seconds;
	}
}

/* ---- before the first run ---- */

double host_load(struct ports *p)
{
	autobuf text = { 0 }, stat = { 0 };
	const char *line;
	double load;
	unsigned cpus = 0;

	if (!read_text(p, "/proc/loadavg", &text) || sscanf(text.data, "%lf", &load) != 1 ||
	    !read_text(p, "/proc/stat", &stat))
		return NAN;
	for (line = stat.data; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		cpus += starts_with(line, "cpu") && line[3] >= '0' && line[3] <= '9';
	}
	return cpus ? load / cpus : NAN;
}

bool host_clock_changes(struct ports *p)
{
	autobuf text = { 0 };

	return read_text(p, GOVERNOR, &text) && strcmp(chomp(text.data), "performance") != 0;
}
