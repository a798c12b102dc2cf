// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/advice.h>

#include <string.h>

#include <kvmtune/plan.h>

const struct advice advices[ADVICE_COUNT] = {
	[ADVICE_EPT_OFF_SLOWER] = {
		.name = "ept-off-slower",
		.text = "EPT off gained 6 % in one HEP benchmark, but some real loads became several "
			"times slower: measure yours",
		.source = "CERN, August and September 2015",
	},
	[ADVICE_EPT_OFF_CENTOS7_CPUS] = {
		.name = "ept-off-centos7-cpus",
		.text = "with EPT off, CentOS 7 guests came up with one CPU: look at nproc in a test "
			"guest",
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
		.text = "the gain and the losses that are known were measured for EPT, not for NPT; "
			"without NPT KVM keeps shadow page tables, too: measure your own load",
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
	[ADVICE_KVM_CONTAINERS] = {
		.name = "kvm-containers",
		.text = "/dev/kvm is a new node after the reload: restart containers that bind-mount it",
		.source = "Linux, devtmpfs.c",
	},
	[ADVICE_LIBVIRT_CACHE] = {
		.name = "libvirt-cache",
		.text = "libvirt's capability cache does not notice: empty "
			"/var/cache/libvirt/qemu/capabilities and restart libvirtd or virtqemud",
		.source = "libvirt 9.0",
	},
	[ADVICE_KSM_OFF_GAIN] = {
		.name = "ksm-off-gain",
		.text = "KSM off gained 1 % in one HEP benchmark; what it does for other loads is not "
			"known: measure yours",
		.source = "CERN, August 2015",
	},
	[ADVICE_KSM_OFF_MEMORY] = {
		.name = "ksm-off-memory",
		.text = "merged pages come apart as guests write to them: memory in use will grow by "
			"up to what KSM saves now; watch swap",
		.source = "Linux, mm/ksm.c",
	},
	[ADVICE_KSM_ON_SIDE_CHANNEL] = {
		.name = "ksm-on-side-channel",
		.text = "where pages are merged across guests, one guest can find out by timing what "
			"another has in its memory",
		.source = "VUSec, VUsion, 2017",
	},
	[ADVICE_KSM_NO_PROFIT] = {
		.name = "ksm-no-profit",
		.text = "KSM merges, but its own bookkeeping takes more memory than merging saves now",
		.source = "Linux, general_profit in mm/ksm.rst",
	},
};

/* Where the ids go: a plan's list or a report's. */
struct list {
	enum advice_id **ids;
	size_t *count;
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

/* What goes with the turning off of a module's parameter. */
static const struct {
	enum setting_id setting;
	enum advice_id advice;
	const char *param; /* only where this one is on; NULL: always */
} off_advice[] = {
	{ SETTING_EPT, ADVICE_EPT_OFF_SLOWER, NULL },
	{ SETTING_EPT, ADVICE_EPT_OFF_CENTOS7_CPUS, NULL },
	{ SETTING_EPT, ADVICE_EPT_OFF_OVMF_SMP, NULL },
	{ SETTING_EPT, ADVICE_EPT_OFF_NESTED, "nested" },
	{ SETTING_EPT, ADVICE_EPT_OFF_TDX, "tdx" },
	{ SETTING_NPT, ADVICE_NPT_OFF_SLOWER, NULL },
	{ SETTING_NPT, ADVICE_NPT_OFF_NESTED, "nested" },
	{ SETTING_NPT, ADVICE_NPT_OFF_SEV, "sev" },
};

static void advise_off(const struct host *host, enum setting_id id, const struct list *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(off_advice); i++) {
		const char *param = off_advice[i].param;

		if (off_advice[i].setting == id && (!param || is_on(&host->modules[id], param)))
			add(l, off_advice[i].advice);
	}
	if (id == SETTING_EPT && host->l1tf && strcmp(host->l1tf, "Not affected") != 0)
		add(l, ADVICE_EPT_OFF_L1TF);
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

static void advise_change(const struct host *host, const struct change *c, const struct list *l)
{
	bool ksm_off = turns(c, SETTING_KSM, "off");

	if (c->setting->module && turns(c, c->setting->id, "off"))
		advise_off(host, c->setting->id, l);
	if ((ksm_off || turns(c, SETTING_KSM, "unmerged")) && was_on(c))
		add(l, ADVICE_KSM_OFF_GAIN);
	/* Guests will want it back. */
	if (ksm_off && ksm_anything_merged(&host->ksm))
		add(l, ADVICE_KSM_OFF_MEMORY);
	if (turns(c, SETTING_KSM, "on"))
		add(l, ADVICE_KSM_ON_SIDE_CHANNEL);
}

void advise_plan(const struct host *host, struct plan *plan)
{
	struct list l = { &plan->advice, &plan->advice_count };

	for (size_t i = 0; i < plan->change_count; i++)
		advise_change(host, &plan->changes[i], &l);
	if (!plan_reloads(plan))
		return;
	add(&l, ADVICE_KVM_CONTAINERS);
	if (host->libvirt)
		add(&l, ADVICE_LIBVIRT_CACHE);
}

/* The kernel reckons that itself, since 6.4; in bytes, and negative where merging costs more. */
static bool merges_for_nothing(const struct ksm_facts *k)
{
	const char *profit = param_value(k->counters, k->counter_count, "general_profit");

	return k->run == 1 && profit && profit[0] == '-';
}

/* Off by somebody's choice, not for want of hardware. */
static bool is_off_by_choice(const struct module_facts *m)
{
	return (m->now == NO || m->next == NO) && m->next_decided && m->paging.value != NO;
}

void advise_host(const struct host *host, enum advice_id **ret, size_t *ret_count)
{
	struct list l = { ret, ret_count };

	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (settings[i].module && is_off_by_choice(&host->modules[i]))
			advise_off(host, (enum setting_id)i, &l);
	if (merges_for_nothing(&host->ksm))
		add(&l, ADVICE_KSM_NO_PROFIT);
}
