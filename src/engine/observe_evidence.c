// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_evidence.c - all that the running host shows of its processor, for cpu_judge().
 *
 * Registers of each logical CPU, /proc/cpuinfo, model-specific registers where the msr driver is
 * there already, and what the loaded kvm module found. Nothing is concluded here.
 */
#include "observe_cpu.h"

#include <errno.h>
#include <string.h>

#include <kvmtune/observe.h>
#include <kvmtune/port.h>

#define CPUINFO		   "/proc/cpuinfo"
#define CPUINFO_HEAD_BYTES 16384

static const uint32_t vmx_msrs[] = { MSR_FEATURE_CONTROL,    MSR_VMX_BASIC,
				     MSR_VMX_PINBASED_CTLS,  MSR_VMX_PROCBASED_CTLS,
				     MSR_VMX_SECONDARY_CTLS, MSR_VMX_EPT_VPID_CAP };
static const uint32_t svm_msrs[] = { MSR_VM_CR };

struct gathering {
	struct cpu_evidence *to;
	unsigned *numbers; /* the kernel's number of each CPU in the dump */
	size_t count;
};

static void take_leaf(void *arg, unsigned cpu, uint32_t leaf, uint32_t subleaf, const uint32_t r[4])
{
	struct gathering *g = arg;
	struct cpuid_dump *d = &g->to->cpuid;

	if (!g->count || g->numbers[g->count - 1] != cpu) {
		array_push(g->numbers, g->count) = cpu;
		(void)array_push(d->cpus, d->count);
	}
	cpuid_add(&d->cpus[d->count - 1], leaf, subleaf, r);
}

/*
 * Those that this processor has: one that it lacks is an error to read (EIO). Any other error is one
 * of the driver, and stands for all. as: the number of the processor in ret.
 */
static int read_msrs_of(struct ports *p, unsigned number, bool amd, unsigned as,
			struct cpu_evidence *ret)
{
	const uint32_t *msrs = amd ? svm_msrs : vmx_msrs;
	size_t count = amd ? ARRAY_SIZE(svm_msrs) : ARRAY_SIZE(vmx_msrs);
	int error = 0;

	for (size_t i = 0; i < count && (!error || error == -EIO); i++) {
		uint64_t value;
		int r = p->cpu.read_msr(p, number, msrs[i], &value);

		if (r == 0)
			array_push(ret->msrs, ret->msr_count) =
				(struct msr_value){ .cpu = as, .msr = msrs[i], .value = value };
		else
			error = r;
	}
	return error;
}

static void say_no_msrs(unsigned cpu, int error, struct strv *unseen)
{
	if (error == -ENOENT)
		strv_addf(unseen,
			  "model-specific registers (no /dev/cpu/%u/msr: the msr driver is not "
			  "loaded; load it with `modprobe msr`)",
			  cpu);
	else if (error == -EACCES || error == -EPERM)
		strv_add(unseen, "model-specific registers (needs root)");
	else
		strv_addf(unseen, "model-specific registers of CPU %u (%s)", cpu, strerror(-error));
}

static void read_msrs(struct ports *p, struct gathering *g, struct strv *unseen)
{
	for (size_t i = 0; i < g->count; i++) {
		const struct cpuid_cpu *c = &g->to->cpuid.cpus[i];
		size_t before = g->to->msr_count;
		int error = 0;

		if (cpuid_bit(c, 1, ECX, 5) == YES)
			error = read_msrs_of(p, g->numbers[i], false, (unsigned)i, g->to);
		else if (cpuid_bit(c, 0x80000001, ECX, 2) == YES)
			error = read_msrs_of(p, g->numbers[i], true, (unsigned)i, g->to);

		/* Where not one can be read, the other CPUs are not asked. */
		if (error < 0 && g->to->msr_count == before) {
			say_no_msrs(g->numbers[i], error, unseen);
			return;
		}
	}
}

/* Of a host with so many processors that it is too long, the first of them. */
static void read_cpuinfo(struct ports *p, struct cpu_evidence *ret, struct strv *unseen)
{
	autobuf text = { 0 };
	int r = p->file.read(p, CPUINFO, &text);

	if (r == -EFBIG) {
		r = p->file.read_head(p, CPUINFO, CPUINFO_HEAD_BYTES, &text);
		strv_add(unseen,
			 CPUINFO " of all logical CPUs (too long; only its beginning was read)");
	}
	if (r < 0)
		strv_addf(unseen, CPUINFO " (%s)", strerror(-r));
	else
		ret->cpuinfo = buf_steal(&text);
}

/*
 * What the module found counts where it was loaded: one that is built in has its parameters even on
 * a processor of the other vendor.
 */
static bool ask_module(struct ports *p, const char *module, const char *param, enum tri *ret_value)
{
	autofree char *state_path = xasprintf("/sys/module/%s/initstate", module);
	autofree char *param_path = xasprintf("/sys/module/%s/parameters/%s", module, param);
	autofree char *state = read_line_of(p, state_path);
	autofree char *value = read_line_of(p, param_path);
	bool live = state && strcmp(state, "live") == 0;

	*ret_value = live && value ? param_bool(value) : UNKNOWN;
	return live;
}

int observe_evidence(struct ports *p, struct cpu_evidence *ret, struct strv *unseen, struct err *e)
{
	struct gathering g = { .to = ret };
	int r;

	*ret = (struct cpu_evidence){ .module_ept = UNKNOWN, .module_npt = UNKNOWN };
	if (p->image) {
		err_set(e, -EOPNOTSUPP, "an image has no processor");
		err_hint(e, "Use a captured one:  kvmtune cpu --cpuid FILE");
		return err_status(e, STATUS_IMPOSSIBLE, "no-processor");
	}
	r = p->cpu.read_all(p, take_leaf, &g, e);
	if (r == 0) {
		read_cpuinfo(p, ret, unseen);
		read_msrs(p, &g, unseen);
		ret->vmx_module_loaded = ask_module(p, "kvm_intel", "ept", &ret->module_ept);
		ret->svm_module_loaded = ask_module(p, "kvm_amd", "npt", &ret->module_npt);
	}
	free(g.numbers);
	return r;
}

void observe_brief_evidence(struct ports *p, enum virt_kind kind, struct cpu_evidence *ret)
{
	autobuf text = { 0 };

	*ret = (struct cpu_evidence){ .module_ept = UNKNOWN, .module_npt = UNKNOWN };
	p->file.read_head(p, CPUINFO, CPUINFO_HEAD_BYTES, &text);
	ret->cpuinfo = buf_steal(&text);
	read_msrs_of(p, 0, kind == VIRT_SVM, 0, ret);
}
