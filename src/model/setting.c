// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/setting.h>

#include <errno.h>
#include <string.h>

#include <kvmtune/cpu.h>
#include <kvmtune/plan.h>

static const char *const values_on_off[] = { "on", "off", NULL };
static const char *const values_ksm[] = { "on", "off", "unmerged", NULL };

/* vmx.c:hardware_setup, Linux 3.10 (EL7) to 6.18. */
static const char *const ept_forced_off[] = { "eptad", "pml", "unrestricted_guest", "tdx", NULL };
static const char *const ept_also_moves[] = { "pt_mode", "allow_smaller_maxphyaddr",
					      "vmentry_l1d_flush", NULL };

/* svm.c:svm_hardware_setup, sev.c:sev_hardware_setup, avic.c:avic_hardware_setup, up to 6.18. */
static const char *const npt_forced_off[] = { "avic", "vls", "sev", "sev_es", "sev_snp", NULL };
static const char *const npt_also_moves[] = { NULL };

static const struct module_setting ept_module = {
	.kind = VIRT_VMX,
	.module = "kvm_intel",
	.param = "ept",
	.virt = "VT-x",
	.paging = "EPT",
	.forced_off = ept_forced_off,
	.also_moves = ept_also_moves,
};

static const struct module_setting npt_module = {
	.kind = VIRT_SVM,
	.module = "kvm_amd",
	.param = "npt",
	.number_once = true,
	.virt = "SVM",
	.paging = "NPT",
	.forced_off = npt_forced_off,
	.also_moves = npt_also_moves,
};

const struct setting settings[SETTING_COUNT] = {
	[SETTING_EPT] = {
		.id = SETTING_EPT,
		.name = "ept",
		.title = "extended page tables",
		.summary = "Turn Intel's extended page tables (kvm_intel ept) on or off",
		.values = values_on_off,
		.next = "next load",
		.parts = HOST_MODULES | HOST_PARAMS,
		.module = &ept_module,
		.plan = plan_module_setting,
	},
	[SETTING_NPT] = {
		.id = SETTING_NPT,
		.name = "npt",
		.title = "nested page tables",
		.summary = "Turn AMD's nested page tables (kvm_amd npt) on or off",
		.values = values_on_off,
		.next = "next load",
		.parts = HOST_MODULES | HOST_PARAMS,
		.module = &npt_module,
		.plan = plan_module_setting,
	},
	[SETTING_KSM] = {
		.id = SETTING_KSM,
		.name = "ksm",
		.title = "kernel same-page merging",
		.summary = "Turn kernel same-page merging (KSM) off or on, or take merged pages apart",
		.values = values_ksm,
		.next = "next boot",
		.parts = HOST_KSM | HOST_KSM_USERS | HOST_KSM_MARKED,
		.plan = plan_ksm,
	},
};

/* Whose pages are merged matters only where they are taken apart; to look at all of /proc costs. */
static unsigned goal_parts(const struct goal *goal)
{
	if (goal->setting->id != SETTING_KSM)
		return goal->setting->parts;
	unsigned parts = HOST_KSM | HOST_KSM_UNITS;

	return strcmp(goal->value, "unmerged") == 0 ? parts | HOST_KSM_USERS : parts;
}

unsigned goals_parts(const struct goal *goals, size_t count)
{
	unsigned parts = 0;

	for (size_t i = 0; i < count; i++)
		parts |= goal_parts(&goals[i]);
	return parts;
}

const struct setting *setting_find(const char *name)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	return NULL;
}

const char *setting_value(const struct setting *s, const char *value)
{
	for (const char *const *v = s->values; *v; v++)
		if (strcmp(*v, value) == 0)
			return *v;
	return NULL;
}

void setting_values_text(const struct setting *s, struct buf *ret)
{
	for (const char *const *v = s->values; *v; v++) {
		if (v != s->values)
			buf_puts(ret, "|");
		buf_puts(ret, *v);
	}
}

enum tri cpu_virt(const struct cpu_id *cpu, enum virt_kind kind)
{
	return kind == VIRT_SVM ? cpu->svm : cpu->vmx;
}

bool setting_fits(const struct setting *s, const struct cpu_id *cpu)
{
	bool unknown = !cpu->vendor[0] && cpu->svm != YES && cpu->vmx != YES;

	if (!s->module || unknown)
		return true;
	return (cpu->svm == YES || cpu_is_amd(cpu)) == (s->module->kind == VIRT_SVM);
}

const char *value_name(enum tri t)
{
	return t == YES ? "on" : t == NO ? "off" : NULL;
}

const char *on_off(enum tri t)
{
	return value_name(t) ?: "unknown";
}

enum tri param_bool(const char *value)
{
	if (!value)
		return YES;
	switch (value[0]) {
	case 'y':
	case 'Y':
	case '1':
	case 't':
	case 'T':
		return YES;
	case 'n':
	case 'N':
	case '0':
	case 'f':
	case 'F':
		return NO;
	case 'o':
	case 'O':
		if (value[1] == 'n' || value[1] == 'N')
			return YES;
		if (value[1] == 'f' || value[1] == 'F')
			return NO;
		return UNKNOWN;
	default:
		return UNKNOWN;
	}
}

/* Exactly Y, N, 1 or 0: how sysfs spells a bool. */
static bool is_sysfs_bool(const char *value)
{
	return value[0] && !value[1] && strchr("YN10", value[0]);
}

static bool number(const char *s, long long *ret)
{
	char *end;

	errno = 0;
	*ret = strtoll(s, &end, 0);
	return end != s && !*end && !errno;
}

bool param_same(const char *a, const char *b)
{
	long long x, y;

	if (strcmp(a, b) == 0)
		return true;
	if (number(a, &x) && number(b, &y))
		return x == y;
	if (!is_sysfs_bool(a) && !is_sysfs_bool(b))
		return false;
	return param_bool(a) != UNKNOWN && param_bool(a) == param_bool(b);
}
