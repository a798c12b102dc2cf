// SPDX-License-Identifier: GPL-2.0-or-later
#include "observe_ksm.h"

#include <kvmtune/port.h>

/* The bit of run that says that memory goes offline, so that ksmd waits (mm/ksm.c:KSM_RUN_OFFLINE). */
#define RUN_VALUES 3
/* The only size of a base page on x86, where the host does not tell. */
#define PAGE_BYTES 4096

static int read_run(struct ports *p)
{
	autofree char *line = read_line_of(p, KSM_RUN_FILE);
	uint64_t value;

	return line && parse_u64(chomp(line), &value) == 0 && value <= INT32_MAX ? (int)value : -1;
}

int observe_ksm_run(struct ports *p)
{
	int value = read_run(p);

	if (value < 0 || value > 7 || (value & RUN_VALUES) > 2)
		return -1;
	return value & RUN_VALUES;
}

int observe_ksm_counters(struct ports *p, struct param **ret, size_t *ret_count)
{
	autostrv names = { 0 }, values = { 0 };
	int r = p->file.read_lines(p, KSM_DIR, &names, &values);

	for (size_t i = 0; r == 0 && i < names.n; i++)
		array_push(*ret, *ret_count) = (struct param){ .name = xstrdup(names.v[i]),
							       .value = xstrdup(values.v[i]) };
	return r;
}

/* Not by read_head(): vmstat is longer than what one read() gives. */
static void read_into(struct ports *p, const char *path,
		      void (*read)(const char *text, struct memory_facts *ret),
		      struct memory_facts *ret)
{
	autobuf text = { 0 };

	/* Pressure: not there before Linux 4.20; EOPNOTSUPP where psi=0 (kernel/sched/psi.c). */
	if (p->file.read(p, path, &text) == 0)
		read(buf_text(&text), ret);
}

void observe_memory(struct ports *p, struct memory_facts *ret)
{
	*ret = (struct memory_facts){ 0 };
	read_into(p, "/proc/meminfo", memory_read_meminfo, ret);
	read_into(p, "/proc/vmstat", memory_read_vmstat, ret);
	read_into(p, "/proc/pressure/memory", memory_read_pressure, ret);
}

static void observe_kernel(struct ports *p, struct host *h)
{
	struct ksm_facts *k = &h->ksm;
	struct file_stat st;

	observe_memory(p, &h->memory);
	/* Without sysfs nobody knows. */
	k->present = !error_is_absence(p->file.stat(p, KSM_DIR, &st)) ||
		     error_is_absence(p->file.stat(p, "/sys/module", &st));
	if (!k->present)
		return;
	k->writable = p->file.writable(p, KSM_DIR);
	k->run = observe_ksm_run(p);
	k->run_file = read_run(p);
	observe_ksm_counters(p, &k->counters, &k->counter_count);
}

void observe_ksm(struct ports *p, struct host *h)
{
	h->ksm.run = h->ksm.run_file = -1;
	h->ksm.page_bytes = h->id.page_bytes ? h->id.page_bytes : PAGE_BYTES;
	if (!h->image && h->parts & (HOST_KSM | HOST_KSM_USERS))
		observe_kernel(p, h);
	observe_ksm_drivers(p, h);
	if (h->parts & HOST_KSM_USERS && !h->image && h->ksm.present)
		observe_ksm_users(p, h);
}
