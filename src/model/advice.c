// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/advice.h>

#include <string.h>

#include <kvmtune/plan.h>
#include <kvmtune/shadow_paging.h>

const struct advice advices[ADVICE_COUNT] = {
	[ADVICE_SHADOW_PAGING_HOLES] = {
		.name = "shadow-paging-holes",
		.text = "guests then run on KVM's shadow page tables, where vulnerabilities were "
			"published in 2026",
		.source = "CVE records, August 2026",
	},
	[ADVICE_EPT_OFF_SLOWER] = {
		.name = "ept-off-slower",
		.text = "EPT off gained 6 % in one HEP benchmark, but some real loads became "
			"several times slower: measure yours",
		.source = "CERN, August and September 2015",
	},
	[ADVICE_EPT_OFF_CENTOS7_CPUS] = {
		.name = "ept-off-centos7-cpus",
		.text = "with EPT off, CentOS 7 guests came up with one CPU: check nproc in a "
			"test guest",
		.source = "CERN, August 2015",
	},
	[ADVICE_EPT_OFF_OVMF_SMP] = {
		.name = "ept-off-ovmf-smp",
		.text = "with EPT off, SMP guests under OVMF (UEFI) may fail to start",
		.source = "tianocore/edk2 issue 80",
	},
	[ADVICE_EPT_OFF_NESTED] = {
		.name = "ept-off-nested",
		.text = "guests inside guests lose nested EPT and become very slow",
		.source = "Linux, kvm/vmx/nested.c",
	},
	[ADVICE_EPT_OFF_TDX] = {
		.name = "ept-off-tdx",
		.text = "TDX guests need EPT and will not start",
		.source = "Linux 6.16, kvm/vmx/main.c",
	},
	[ADVICE_EPT_OFF_L1TF] = {
		.name = "ept-off-l1tf",
		.text = "EPT off is by itself a full mitigation of L1TF for guests",
		.source = "Linux, hw-vuln/l1tf.rst",
	},
	[ADVICE_NPT_OFF_SLOWER] = {
		.name = "npt-off-slower",
		.text = "the known gains and losses were measured for EPT, not for NPT; without "
			"NPT KVM also uses shadow page tables: measure your own load",
		.source = "Linux, kvm/mmu/mmu.c",
	},
	[ADVICE_NPT_OFF_NESTED] = {
		.name = "npt-off-nested",
		.text = "guests inside guests lose nested NPT and become very slow",
		.source = "Linux, kvm/svm/svm.c",
	},
	[ADVICE_NPT_OFF_SEV] = {
		.name = "npt-off-sev",
		.text = "encrypted guests (SEV, SEV-ES, SEV-SNP) need NPT and will not start",
		.source = "Linux, kvm/svm/sev.c",
	},
	[ADVICE_NESTED_OFF_GUESTS] = {
		.name = "nested-off-guests",
		.text = "guests with VMX or SVM in their CPU model will not start and cannot be "
			"restored or migrated here: Windows with VBS, Credential Guard or WSL2, "
			"nested hypervisors",
		.source = "QEMU, target/i386",
	},
	[ADVICE_NESTED_OFF_HOLES] = {
		.name = "nested-off-holes",
		.text = "with EPT or NPT on, nested off keeps guests away from KVM's shadow page "
			"tables: the known mitigation for the vulnerabilities published in 2026",
		.source = "CVE records, August 2026",
	},
	[ADVICE_NESTED_ON_HOLES] = {
		.name = "nested-on-holes",
		.text = "with nested on, a guest can reach KVM's shadow page tables, where "
			"vulnerabilities were published in 2026",
		.source = "CVE records, August 2026",
	},
	[ADVICE_OTHER_KVM_MODULE] = {
		.name = "other-kvm-module",
		.text = "another module makes /dev/kvm now",
		.source = "Linux, kvm_x86_vendor_init() in kvm/x86.c",
	},
	[ADVICE_BOOT_ENTRIES] = {
		.name = "boot-entries",
		.text = "at the next boot the kernel command line takes precedence",
		.source = "the boot loader's files",
	},
	[ADVICE_KVM_CONTAINERS] = {
		.name = "kvm-containers",
		.text = "/dev/kvm is a new node after the reload: restart containers that "
			"bind-mount it",
		.source = "Linux, devtmpfs.c",
	},
	[ADVICE_LIBVIRT_CACHE] = {
		.name = "libvirt-cache",
		.text = "libvirt keeps its old capability cache: empty "
			"/var/cache/libvirt/qemu/capabilities and restart libvirtd or virtqemud",
		.source = "libvirt 9.0",
	},
	[ADVICE_KSM_OFF_GAIN] = {
		.name = "ksm-off-gain",
		.text = "KSM off gained 1 % in one HEP benchmark; its effect on other loads is "
			"unknown: measure yours",
		.source = "CERN, August 2015",
	},
	[ADVICE_KSM_OFF_MEMORY] = {
		.name = "ksm-off-memory",
		.text = "merged pages are unmerged as guests write to them: memory use will grow "
			"by up to the amount KSM saves now; watch swap",
		.source = "Linux, mm/ksm.c",
	},
	[ADVICE_KSM_ON_SIDE_CHANNEL] = {
		.name = "ksm-on-side-channel",
		.text = "with pages merged across guests, one guest can learn by timing what "
			"another has in memory",
		.source = "VUSec, VUsion, 2017",
	},
	[ADVICE_KSM_NO_PROFIT] = {
		.name = "ksm-no-profit",
		.text = "KSM merges pages, but its own bookkeeping takes more memory than that "
			"saves now",
		.source = "Linux, general_profit in mm/ksm.rst",
	},
	[ADVICE_THP_RUNNING_GUESTS] = {
		.name = "thp-running-guests",
		.text = "it acts on memory that is mapped from now on: guests that run keep what they "
			"have until they are started again",
		.source = "Linux, mm/transhuge.rst",
	},
};

/* Where the ids go: a plan's list or a report's. */
struct list {
	enum advice_id **ids;
	size_t *count;
	const struct plan *plan; /* NULL: the host as it is */
};

static void add(const struct list *l, enum advice_id id)
{
	array_push(*l->ids, *l->count) = id;
}

static bool is_on(const struct module_facts *m, const char *param)
{
	const char *value = module_param(m, param);

	return value && param_bool(value) == YES;
}

static void other_module_text(const struct host *host, struct buf *ret)
{
	buf_add_safe(ret, host_other_module(host) ?: "another module", 64);
	buf_puts(ret, " makes /dev/kvm now: its guests do not follow this setting, and the kernel "
		      "loads no second such module while it is loaded");
}

/* Each parameter that a boot entry names, with the first place. */
static void boot_entries_text(const struct host *host, struct buf *ret)
{
	for (size_t i = 0; i < SETTING_COUNT * MODULE_COUNT; i++) {
		const struct setting *s = &settings[i / MODULE_COUNT];
		const struct module_param *row = s->params[i % MODULE_COUNT];
		const struct loader_says *says = &host->modules[i % MODULE_COUNT].of[s->id].boot;

		if (!row || s->other_name || !says->any)
			continue;
		buf_add_safe(ret, says->file, 200);
		buf_printf(ret, ":%u names %s.%s; ", says->line, kvm_modules[i % MODULE_COUNT].name,
			   row->name);
	}
	buf_puts(ret, "the kernel command line beats every file, so the next boot may differ: take "
		      "it off there, and make the boot loader's configuration anew");
}

char *advice_text(enum advice_id id, const struct host *host)
{
	struct buf b = { 0 };

	if (id == ADVICE_SHADOW_PAGING_HOLES)
		shadow_paging_text(&host->id, &b);
	else if (id == ADVICE_BOOT_ENTRIES)
		boot_entries_text(host, &b);
	else if (id == ADVICE_OTHER_KVM_MODULE)
		other_module_text(host, &b);
	else
		buf_puts(&b, advices[id].text);
	return buf_steal(&b);
}

/* What goes with a value of a module's parameter. */
static const struct {
	enum module_id module;
	const char *param;
	enum tri value;
	enum advice_id advice;
	const char *only_with; /* where this other one is on; NULL: always */
} module_advice[] = {
	{ MODULE_KVM_INTEL, "ept", NO, ADVICE_SHADOW_PAGING_HOLES, NULL },
	{ MODULE_KVM_INTEL, "ept", NO, ADVICE_EPT_OFF_SLOWER, NULL },
	{ MODULE_KVM_INTEL, "ept", NO, ADVICE_EPT_OFF_CENTOS7_CPUS, NULL },
	{ MODULE_KVM_INTEL, "ept", NO, ADVICE_EPT_OFF_OVMF_SMP, NULL },
	{ MODULE_KVM_INTEL, "ept", NO, ADVICE_EPT_OFF_NESTED, "nested" },
	{ MODULE_KVM_INTEL, "ept", NO, ADVICE_EPT_OFF_TDX, "tdx" },
	{ MODULE_KVM_AMD, "npt", NO, ADVICE_SHADOW_PAGING_HOLES, NULL },
	{ MODULE_KVM_AMD, "npt", NO, ADVICE_NPT_OFF_SLOWER, NULL },
	{ MODULE_KVM_AMD, "npt", NO, ADVICE_NPT_OFF_NESTED, "nested" },
	{ MODULE_KVM_AMD, "npt", NO, ADVICE_NPT_OFF_SEV, "sev" },
	{ MODULE_KVM_INTEL, "nested", NO, ADVICE_NESTED_OFF_GUESTS, NULL },
	{ MODULE_KVM_INTEL, "nested", NO, ADVICE_NESTED_OFF_HOLES, NULL },
	{ MODULE_KVM_INTEL, "nested", YES, ADVICE_NESTED_ON_HOLES, NULL },
	{ MODULE_KVM_AMD, "nested", NO, ADVICE_NESTED_OFF_GUESTS, NULL },
	{ MODULE_KVM_AMD, "nested", NO, ADVICE_NESTED_OFF_HOLES, NULL },
	{ MODULE_KVM_AMD, "nested", YES, ADVICE_NESTED_ON_HOLES, NULL },
};

static bool has(const struct list *l, enum advice_id id)
{
	for (size_t i = 0; i < *l->count; i++)
		if ((*l->ids)[i] == id)
			return true;
	return false;
}

/* Is it on, and does the plan leave it so? */
static bool stays_on(const struct host *host, enum module_id module, const char *param,
		     const struct list *l)
{
	for (size_t i = 0; l->plan && i < l->plan->change_count; i++) {
		const struct change *c = &l->plan->changes[i];
		const struct module_param *row = c->setting->params[module];

		if (row && strcmp(row->name, param) == 0 && strcmp(c->value, "off") == 0)
			return false;
	}
	return is_on(&host->modules[module], param);
}

static void advise_param(const struct host *host, enum module_id module, const char *param,
			 enum tri value, const struct list *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(module_advice); i++) {
		const char *only = module_advice[i].only_with;

		if (module_advice[i].module == module && module_advice[i].value == value &&
		    strcmp(module_advice[i].param, param) == 0 &&
		    (!only || stays_on(host, module, only, l)) && !has(l, module_advice[i].advice))
			add(l, module_advice[i].advice);
	}
	if (strcmp(param, "ept") == 0 && value == NO && host->l1tf &&
	    strcmp(host->l1tf, "Not affected") != 0)
		add(l, ADVICE_EPT_OFF_L1TF);
}

/* In an image it is about all modules that have it. */
static void advise_module(const struct host *host, const struct change *c, const struct list *l)
{
	for (size_t i = 0; i < MODULE_COUNT; i++)
		if (c->setting->params[i] && (host->image || setting_module(host, c->setting) == i))
			advise_param(host, (enum module_id)i, c->setting->params[i]->name,
				     param_bool(c->value), l);
}

/* Would a setting be at this value in the end, and was it not before? */
static bool turns(const struct change *c, enum setting_id id, const char *value)
{
	return c->setting->id == id && !c->already && c->value && strcmp(c->value, value) == 0;
}

static bool was_on(const struct change *c)
{
	return (c->now && strcmp(c->now, "on") == 0) || (c->next && strcmp(c->next, "on") == 0);
}

/* Would a word of the boot entries override it? An image refuses that. */
static bool boot_overrides(const struct host *host, const struct change *c)
{
	enum module_id module = setting_module(host, c->setting);
	const struct loader_says *says;

	if (c->setting->kind != KIND_MODULE || host->image || !c->value || module == MODULE_COUNT)
		return false;
	says = &host->modules[module].of[c->setting->id].boot;
	return says->any && param_bool(c->value) != UNKNOWN &&
	       loader_value(says, param_bool(c->value)) != param_bool(c->value);
}

static void advise_change(const struct host *host, const struct change *c, const struct list *l)
{
	bool ksm_off = turns(c, SETTING_KSM, "off");

	if (boot_overrides(host, c) && !has(l, ADVICE_BOOT_ENTRIES))
		add(l, ADVICE_BOOT_ENTRIES);
	if (c->setting->kind == KIND_MODULE && c->value && !c->already && host_other_module(host) &&
	    !has(l, ADVICE_OTHER_KVM_MODULE))
		add(l, ADVICE_OTHER_KVM_MODULE);
	if (c->setting->kind == KIND_MODULE && c->value && !c->already)
		advise_module(host, c, l);
	if ((ksm_off || turns(c, SETTING_KSM, "unmerged")) && was_on(c))
		add(l, ADVICE_KSM_OFF_GAIN);
	/* Guests will want it back. */
	if (ksm_off && ksm_anything_merged(&host->ksm))
		add(l, ADVICE_KSM_OFF_MEMORY);
	if (turns(c, SETTING_KSM, "on"))
		add(l, ADVICE_KSM_ON_SIDE_CHANNEL);
	if (c->setting->id == SETTING_THP && c->now && !change_is_so_now(c))
		add(l, ADVICE_THP_RUNNING_GUESTS);
}

void advise_plan(const struct host *host, struct plan *plan)
{
	struct list l = { &plan->advice, &plan->advice_count, plan };

	for (size_t i = 0; i < plan->change_count; i++)
		advise_change(host, &plan->changes[i], &l);
	if (!plan_reloads(plan))
		return;
	add(&l, ADVICE_KVM_CONTAINERS);
	if (host->libvirt)
		add(&l, ADVICE_LIBVIRT_CACHE);
}

/* The kernel computes that since 6.4, in bytes; it is negative if merging costs more. */
static bool merges_for_nothing(const struct ksm_facts *k)
{
	const char *profit = param_value(k->counters, k->counter_count, "general_profit");

	return k->run == 1 && profit && profit[0] == '-';
}

/* By somebody's choice, not for want of hardware. */
static bool is_chosen(const struct module_facts *m, const struct param_facts *of)
{
	return of->next_decided && m->paging.value != NO;
}

static void advise_module_host(const struct host *host, enum module_id module, const struct list *l)
{
	const struct module_facts *m = &host->modules[module];

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct module_param *row = settings[i].params[module];
		const struct param_facts *of = &m->of[i];

		if (row && !settings[i].other_name && is_chosen(m, of) &&
		    (of->now == NO || of->next == NO))
			advise_param(host, module, row->name, NO, l);
	}
}

void advise_host(const struct host *host, enum advice_id **ret, size_t *ret_count)
{
	struct list l = { ret, ret_count, NULL };

	for (size_t i = 0; i < MODULE_COUNT; i++)
		advise_module_host(host, (enum module_id)i, &l);
	if (merges_for_nothing(&host->ksm))
		add(&l, ADVICE_KSM_NO_PROFIT);
}
