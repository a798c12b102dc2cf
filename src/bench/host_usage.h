/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host_usage.h - what the whole host did during a run: two looks, and their difference.
 */
#ifndef KVMTUNE_HOST_USAGE_H
#define KVMTUNE_HOST_USAGE_H

#include <kvmtune/bench.h>

struct ports;

enum { KVM_EXITS, KVM_FAULTS, KVM_FLUSHES, KVM_COUNTERS };

/* Of one guest, by its directory in debugfs, which goes when the guest ends. */
struct vm_counts {
	char *name;
	double first[KVM_COUNTERS], last[KVM_COUNTERS];
};

struct host_usage {
	struct ports *p;
	int ksmd_pid; /* 0: none */
	double ticks; /* a second */
	double page_bytes;
	double at_start[METRIC_COUNT]; /* NAN: not known */
	struct vm_counts *vms;
	size_t vm_count;
	bool has_kvm; /* counters were seen in this run */
};

void host_usage_open(struct ports *p, struct host_usage *ret);
void host_usage_close(struct host_usage *u);

void host_usage_begin(struct host_usage *u);
/* A few times a second: the counters of a guest end with it. */
void host_usage_look(struct host_usage *u);
/* Fills what the host tells, into the values of a run of so many seconds. */
void host_usage_end(struct host_usage *u, double seconds, double *values);

/* The share of the host that is busy now, by its load average; NAN: not known. */
double host_load(struct ports *p);
/* Is the clock of the processor bound to change? */
bool host_clock_changes(struct ports *p);

#endif
