// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * journal_evidence.c - what earlier changes of this host saw of its processor.
 *
 * With ept=0 loaded and no msr driver, nothing tells whether KVM could use EPT. The change that turned
 * it off read it as on: the plan in the journal says so. A journal goes where its disk goes. So only
 * an entry counts that was begun in this boot, or on this very kind of processor. A virtual processor
 * may be another one after each boot.
 */
#include <kvmtune/journal.h>
#include <kvmtune/port.h>

#include <string.h>

#include "journal_internal.h"

char *journal_cpu(struct ports *p)
{
	struct cpu_id cpu = { .hypervisor = UNKNOWN };

	if (p->image || p->cpu.identify(p, &cpu, &(struct err){ 0 }) < 0 || cpu.hypervisor != NO)
		return NULL;
	return xasprintf("%s %d-%d-%d %s", cpu.vendor, cpu.family, cpu.model, cpu.stepping,
			 cpu.brand);
}

struct machine {
	char *boot, *cpu; /* NULL: not known */
};

static bool is_same(const char *now, const char *then)
{
	return now && then && strcmp(now, then) == 0;
}

static bool is_of_machine(const struct machine *here, const struct journal_entry *entry)
{
	return is_same(here->boot, entry->boot) || is_same(here->cpu, entry->cpu);
}

/* Did this change find the module's page tables on? */
static bool saw_paging(const struct journal *j, const struct journal_entry *entry,
		       const struct kvm_module *module)
{
	struct err ignored = { 0 };

	if (!entry->plan_len || journal_read_steps(j, entry, &ignored) < 0 || entry->lost.n)
		return false;
	return steps_value_before(module->name, module->param, entry->steps, entry->step_count) ==
	       YES;
}

static const struct journal_entry *find_sight(const struct journal *j, const struct machine *here,
					      const struct kvm_module *module)
{
	for (size_t i = j->count; i-- > 0;)
		if (is_of_machine(here, &j->entries[i]) && saw_paging(j, &j->entries[i], module))
			return &j->entries[i];
	return NULL;
}

static void add_source(struct fact *f, const struct journal_entry *entry)
{
	if (f->value != UNKNOWN)
		return;
	strv_free(&f->source);
	f->value = YES;
	strv_addf(&f->source, JOURNAL_SOURCE "%d", entry->id);
}

/* Only where nothing says no: firmware and kernel may have changed since. */
static bool is_open(const struct module_facts *m)
{
	return m->usable.value == UNKNOWN && m->paging.value != NO && m->enabled.value != NO &&
	       m->virt.value != NO;
}

void journal_add_evidence(struct ports *p, const struct journal *j, struct host *host)
{
	struct machine here = { 0 };

	if (host->image || !(host->parts & HOST_MODULES) || !j->count)
		return;
	for (size_t i = 0; i < MODULE_COUNT; i++) {
		struct module_facts *m = &host->modules[i];
		const struct journal_entry *entry;

		if (!is_open(m) || !module_fits((enum module_id)i, &host->cpu))
			continue;
		here.boot = here.boot ?: journal_boot_id(p);
		here.cpu = here.cpu ?: journal_cpu(p);
		entry = find_sight(j, &here, &kvm_modules[i]);
		if (!entry)
			continue;
		add_source(&m->paging, entry);
		add_source(&m->usable, entry);
	}
	free(here.boot);
	free(here.cpu);
}
