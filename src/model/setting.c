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

static const char *const nothing[] = { NULL };

/* vmx/nested.c: without nested it is left as the option says, whatever the processor has. */
static const char *const nested_also_moves_vmx[] = { "enable_shadow_vmcs", NULL };

const struct kvm_module kvm_modules[MODULE_COUNT] = {
	[MODULE_KVM_INTEL] = { "kvm_intel", VIRT_VMX, "VT-x", "EPT", "ept" },
	[MODULE_KVM_AMD] = { "kvm_amd", VIRT_SVM, "SVM", "NPT", "npt" },
};

static const struct module_param ept_param = {
	.name = "ept", .is_paging = true, .forced_off = ept_forced_off, .also_moves = ept_also_moves
};
static const struct module_param npt_param = {
	.name = "npt",
	.is_paging = true,
	.number_once = true,
	.forced_off = npt_forced_off,
	.also_moves = nothing,
};
static const struct module_param nested_vmx = { .name = "nested",
						.forced_off = nothing,
						.also_moves = nested_also_moves_vmx };
static const struct module_param nested_svm = {
	.name = "nested", .number_once = true, .forced_off = nothing, .also_moves = nothing
};

static const char *const values_thp[] = { "always", "madvise", "never", NULL };
static const char *const values_thp_defrag[] = { "always",  "defer", "defer+madvise",
						 "madvise", "never", NULL };
/* Both are the same to tuned. */
static const char *const tuned_thp[] = { "transparent_hugepages", "transparent_hugepage", NULL };
static const char *const tuned_thp_defrag[] = { "transparent_hugepage.defrag", NULL };

#define THP_DIR "/sys/kernel/mm/transparent_hugepage"

/* mm/huge_memory.c, Documentation/admin-guide/mm/transhuge.rst */
static const struct attribute thp_enabled = { .path = THP_DIR "/enabled",
					      .texts = values_thp,
					      .absent = "never",
					      .boot_word = "transparent_hugepage",
					      .tuned_vm = tuned_thp };
static const struct attribute thp_defrag = { .path = THP_DIR "/defrag",
					     .texts = values_thp_defrag,
					     .absent = "never",
					     .tuned_vm = tuned_thp_defrag };

static const char *const run_texts[] = { "0", "1", "2", NULL };
static const struct attribute ksm_run = { .path = KSM_RUN_FILE, .texts = run_texts };

const struct setting settings[SETTING_COUNT] = {
	[SETTING_EPT] = {
		.id = SETTING_EPT,
		.kind = KIND_MODULE,
		.name = "ept",
		.title = "extended page tables",
		.summary = "Turn Intel's extended page tables (kvm_intel ept) on or off",
		.values = values_on_off,
		.params = { [MODULE_KVM_INTEL] = &ept_param },
	},
	[SETTING_NPT] = {
		.id = SETTING_NPT,
		.kind = KIND_MODULE,
		.name = "npt",
		.title = "nested page tables",
		.summary = "Turn AMD's nested page tables (kvm_amd npt) on or off",
		.values = values_on_off,
		.params = { [MODULE_KVM_AMD] = &npt_param },
	},
	[SETTING_TDP] = {
		.id = SETTING_TDP,
		.kind = KIND_MODULE,
		.name = "tdp",
		.title = "two-dimensional paging",
		.summary = "Turn ept or npt on or off, whichever this processor has",
		.values = values_on_off,
		.params = { &ept_param, &npt_param },
		.other_name = true,
	},
	[SETTING_NESTED] = {
		.id = SETTING_NESTED,
		.kind = KIND_MODULE,
		.name = "nested",
		.title = "nested virtualization",
		.summary = "Let guests run guests of their own (nested), or not",
		.values = values_on_off,
		.params = { &nested_vmx, &nested_svm },
	},
	[SETTING_KSM] = {
		.id = SETTING_KSM,
		.kind = KIND_KSM,
		.name = "ksm",
		.title = "kernel same-page merging",
		.summary = "Turn kernel same-page merging (KSM) on or off, or unmerge all pages",
		.values = values_ksm,
		.attribute = &ksm_run,
	},
	[SETTING_THP] = {
		.id = SETTING_THP,
		.kind = KIND_ATTRIBUTE,
		.name = "thp",
		.title = "transparent huge pages",
		.summary = "Give memory in huge pages: to all, to programs that ask (madvise), or never",
		.values = values_thp,
		.attribute = &thp_enabled,
	},
	[SETTING_THP_DEFRAG] = {
		.id = SETTING_THP_DEFRAG,
		.kind = KIND_ATTRIBUTE,
		.name = "thp-defrag",
		.title = "defragmentation for transparent huge pages",
		.summary = "Say when memory is defragmented to get huge pages",
		.values = values_thp_defrag,
		.attribute = &thp_defrag,
	},
};

const struct kind_row setting_kinds[KIND_COUNT] = {
	[KIND_MODULE] = { "load", HOST_MODULES | HOST_PARAMS },
	[KIND_ATTRIBUTE] = { "boot", HOST_ATTRIBUTES },
	[KIND_KSM] = { "boot", HOST_KSM | HOST_KSM_USERS | HOST_KSM_MARKED },
};

const char *setting_next_when(const struct setting *s)
{
	return setting_kinds[s->kind].next;
}

const struct setting *setting_find(const char *name)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	return NULL;
}

const struct setting *setting_of_attribute(const char *path)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (settings[i].attribute && strcmp(settings[i].attribute->path, path) == 0)
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

bool settings_overlap(const struct setting *a, const struct setting *b)
{
	for (size_t i = 0; i < MODULE_COUNT; i++)
		if (a->params[i] && a->params[i] == b->params[i])
			return true;
	return a == b;
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

enum module_id module_find(const char *name)
{
	size_t i = 0;

	while (i < MODULE_COUNT && strcmp(kvm_modules[i].name, name) != 0)
		i++;
	return (enum module_id)i;
}

const struct setting *setting_of_param(enum module_id module, const char *param)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct module_param *row = settings[i].params[module];

		if (row && !settings[i].other_name && strcmp(row->name, param) == 0)
			return &settings[i];
	}
	return NULL;
}

bool module_fits(enum module_id module, const struct cpu_id *cpu)
{
	if (!cpu->vendor[0] && cpu->svm != YES && cpu->vmx != YES)
		return true;
	return (cpu->svm == YES || cpu_is_amd(cpu)) == (kvm_modules[module].kind == VIRT_SVM);
}

bool setting_fits(const struct setting *s, const struct cpu_id *cpu)
{
	if (s->kind != KIND_MODULE)
		return true;
	for (size_t i = 0; i < MODULE_COUNT; i++)
		if (s->params[i] && module_fits((enum module_id)i, cpu))
			return true;
	return false;
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
