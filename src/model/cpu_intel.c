// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpu_intel.c - when VT-x may be used, when EPT is there, and when it is enough for KVM.
 *
 * EPT and its kin are not in CPUID. They show in the VMX capability registers (Intel SDM vol. 3,
 * appendix A), in /proc/cpuinfo, and in the parameter of the loaded module, which is the final truth
 * when it reads Y.
 */
#include "cpu_internal.h"

/* The upper half of a control register says what may be 1 (feat_ctl.c:init_vmx_capabilities). */
#define MAY_BE_1(bit) (32 + (bit))

/* Of the secondary controls. */
#define CONTROL_EPT MAY_BE_1(1)

/* Bits of MSR_VMX_EPT_VPID_CAP (arch/x86/include/asm/vmx.h). */
#define EPT_CAP_WALK_4	      6
#define EPT_CAP_WB	      14
#define EPT_CAP_INVEPT	      20
#define EPT_CAP_INVEPT_GLOBAL 26

/*
 * One bit of a register, and the word of "vmx flags" that the kernel makes of it
 * (arch/x86/include/asm/vmxfeatures.h), NULL: none (that of EPT has a rule of its own). That the
 * word is not there proves that the bit is not, but for what kernels learned to show later.
 */
struct bit_rule {
	enum cpu_cap_id cap;
	unsigned bit;
	const char *word;
	bool word_is_late;
};

static const struct bit_rule secondary_rules[] = {
	{ CAP_EPT, CONTROL_EPT, NULL, false },
	{ CAP_VPID, MAY_BE_1(5), "vpid", false },
	{ CAP_UNRESTRICTED_GUEST, MAY_BE_1(7), "unrestricted_guest", false },
	{ CAP_PAUSE_LOOP_EXITING, MAY_BE_1(10), "ple", false },
	{ CAP_SHADOW_VMCS, MAY_BE_1(14), "shadow_vmcs", false },
	{ CAP_PML, MAY_BE_1(17), "pml", false },
	{ CAP_EPT_MODE_BASED_EXEC, MAY_BE_1(22), "ept_mode_based_exec", false },
};

static const struct bit_rule ept_rules[] = {
	{ CAP_EPT_EXECUTE_ONLY, 0, "ept_x_only", false },
	{ CAP_EPT_WALK_4, EPT_CAP_WALK_4, NULL, false },
	{ CAP_EPT_WALK_5, 7, "ept_5level", true },
	{ CAP_EPT_WB, EPT_CAP_WB, NULL, false },
	{ CAP_EPT_2MB, 16, NULL, false },
	{ CAP_EPT_1GB, 17, "ept_1gb", false },
	{ CAP_INVEPT, EPT_CAP_INVEPT, NULL, false },
	{ CAP_EPT_AD, 21, "ept_ad", false },
	{ CAP_INVEPT_SINGLE, 25, NULL, false },
	{ CAP_INVEPT_GLOBAL, EPT_CAP_INVEPT_GLOBAL, NULL, false },
};

/* What KVM asks of EPT (vmx.c:hardware_setup): 4-level walk, write-back, INVEPT all-context. */
static const struct {
	unsigned bit;
	const char *name;
} needed_of_ept[] = {
	{ EPT_CAP_WALK_4, "4-level walks" },
	{ EPT_CAP_WB, "write-back structures" },
	{ EPT_CAP_INVEPT, "INVEPT" },
	{ EPT_CAP_INVEPT_GLOBAL, "INVEPT all-context" },
};

/* ---- what one source proves ---- */

/* Kernels since 5.6 show the VMX features in a line of their own (feat_ctl.c). */
static bool has_vmx_line(const struct cpu_evidence *e)
{
	const char *any_word = "ept";

	return cpu_info_has(e->cpuinfo, VMX_FLAGS, any_word) != UNKNOWN;
}

/*
 * The kernel takes vmx off its flags where the firmware switched it off (feat_ctl.c, 5.6+). That it
 * is there proves something only of a kernel that does so: one with a line of "vmx flags".
 */
enum tri cpu_vmx_enabled_by_info(const struct cpu_evidence *e)
{
	enum tri vmx = cpu_info_has(e->cpuinfo, FLAGS, "vmx");

	return vmx == YES && !has_vmx_line(e) ? UNKNOWN : vmx;
}

/* Not locked is not off: the kernel sets and locks it by itself. */
static bool is_left_to_kernel(const struct cpu_evidence *e)
{
	uint64_t control;

	return cpu_msr(e, MSR_FEATURE_CONTROL, &control) && !bit(control, 0);
}

enum tri cpu_vmx_enabled_by_msr(const struct cpu_evidence *e)
{
	uint64_t control;

	if (!cpu_msr(e, MSR_FEATURE_CONTROL, &control) || !bit(control, 0))
		return UNKNOWN;
	if (bit(control, 2))
		return YES;
	return bit(control, 1) ? UNKNOWN : NO;
}

/* Older kernels have it among the flags. Either way it is there whether KVM can use EPT or not. */
enum tri cpu_ept_by_info(const struct cpu_evidence *e)
{
	return cpu_info_has(e->cpuinfo, has_vmx_line(e) ? VMX_FLAGS : FLAGS, "ept");
}

/* The secondary controls; NO: there are none, 0 in *ret. */
static enum tri secondary_controls(const struct cpu_evidence *e, uint64_t *ret)
{
	uint64_t primary;

	*ret = 0;
	if (!cpu_msr(e, MSR_VMX_PROCBASED_CTLS, &primary))
		return UNKNOWN;
	if (!bit(primary, MAY_BE_1(31)))
		return NO;
	return cpu_msr(e, MSR_VMX_SECONDARY_CTLS, ret) ? YES : UNKNOWN;
}

enum tri cpu_ept_by_msr(const struct cpu_evidence *e)
{
	uint64_t secondary;

	if (secondary_controls(e, &secondary) == UNKNOWN)
		return UNKNOWN;
	return tri_of(bit(secondary, CONTROL_EPT));
}

/* The other sources prove what is there, not that KVM can use it: see needed_of_ept. */
static enum tri ept_is_enough(const struct cpu_evidence *e, struct buf *ret_missing)
{
	uint64_t cap;

	if (!cpu_msr(e, MSR_VMX_EPT_VPID_CAP, &cap))
		return UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(needed_of_ept); i++)
		if (!bit(cap, needed_of_ept[i].bit))
			buf_join(ret_missing, ", ", needed_of_ept[i].name);
	return tri_of(!ret_missing->len);
}

enum tri cpu_ept_usable_by_msr(const struct cpu_evidence *e)
{
	autobuf missing = { 0 };

	return ept_is_enough(e, &missing);
}

/* ---- VT-x ---- */

static void vmx_enabled_by_info(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	enum tri enabled = cpu_vmx_enabled_by_info(e);

	if (enabled != UNKNOWN)
		cap_set(j, CAP_VMX_ENABLED, enabled, CPUINFO_FLAGS);
	if (enabled == NO)
		cap_explain(j, CAP_VMX_ENABLED,
			    "the processor has VT-x, but the kernel does not offer it: disabled in "
			    "firmware, hidden by clearcpuid= on the kernel command line, or "
			    "a kernel without kvm_intel");
}

static void vmx_enabled_by_msr(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	enum tri enabled = cpu_vmx_enabled_by_msr(e);

	if (enabled == NO || (enabled == YES && cap_value(j, CAP_VMX_ENABLED) != NO))
		cap_set(j, CAP_VMX_ENABLED, enabled, "MSR 3Ah");
	if (enabled == NO)
		cap_explain(j, CAP_VMX_ENABLED,
			    "disabled and locked in MSR 3Ah, by the firmware or by a kernel "
			    "without kvm_intel");
	else if (is_left_to_kernel(e) && cap_value(j, CAP_VMX_ENABLED) == UNKNOWN)
		cap_explain(j, CAP_VMX_ENABLED,
			    "the firmware leaves it to the kernel: MSR 3Ah is not locked");
}

/*
 * Linux sets VT-x up on processors of Intel, Centaur and Zhaoxin (init_ia32_feat_ctl() is called for
 * these, 5.6+), and kvm_intel refuses one that it did not: an emulator's mixture, for example.
 */
static bool vmx_enabled_by_vendor(struct cpu_judgement *j)
{
	if (!cpu_is_amd(&j->id))
		return true;
	cap_set(j, CAP_VMX_ENABLED, NO, "CPUID 0");
	cap_explain(j, CAP_VMX_ENABLED, "Linux does not set up VT-x on a processor of this vendor");
	return false;
}

static void judge_vmx_enabled(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	if (vmx_enabled_by_vendor(j)) {
		vmx_enabled_by_info(e, j);
		vmx_enabled_by_msr(e, j);
	}
	if (e->vmx_module_loaded)
		cap_set(j, CAP_VMX_ENABLED, YES, "/sys/module/kvm_intel");
	if (cap_value(j, CAP_VMX_ENABLED) == UNKNOWN && !j->caps[CAP_VMX_ENABLED].why)
		cap_explain(j, CAP_VMX_ENABLED, "CPUID does not show what the firmware allows");
}

/* ---- EPT and its kin ---- */

static void set_by_words(const struct cpu_evidence *e, struct cpu_judgement *j,
			 const struct bit_rule *rules, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rules[i].word)
			cap_set_by_info(j, e, rules[i].cap, VMX_FLAGS, rules[i].word,
					!rules[i].word_is_late);
}

/* What the kernel shows while it uses VT-x. Where that is off, these words are not there either. */
static void vmx_caps_by_info(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	enum tri ept = cpu_ept_by_info(e);

	if (cap_value(j, CAP_VMX_ENABLED) == NO)
		return;
	if (ept != UNKNOWN)
		cap_set(j, CAP_EPT, ept, has_vmx_line(e) ? CPUINFO_VMX_FLAGS : CPUINFO_FLAGS);
	set_by_words(e, j, secondary_rules, ARRAY_SIZE(secondary_rules));
	set_by_words(e, j, ept_rules, ARRAY_SIZE(ept_rules));
	cap_set_by_info(j, e, CAP_APICV, VMX_FLAGS, "apicv", true);
	if (has_vmx_line(e))
		return;
	/* Kernels before 5.6 have these few among the flags; CentOS 7's knows of no ept_ad. */
	cap_set_by_info(j, e, CAP_VPID, FLAGS, "vpid", true);
	cap_set_by_info(j, e, CAP_EPT_AD, FLAGS, "ept_ad", false);
}

/*
 * As feat_ctl.c and KVM do it: registers virtualized, interrupts delivered, and posted. The TPR shadow,
 * which feat_ctl.c asks for, too, is there wherever these are.
 */
static void apicv_by_msr(const struct cpu_evidence *e, struct cpu_judgement *j, enum tri has,
			 uint64_t secondary)
{
	uint64_t pin;

	if (has == UNKNOWN)
		return;
	if (has == NO)
		cap_set(j, CAP_APICV, NO, "MSR 482h");
	else if (!bit(secondary, MAY_BE_1(8)) || !bit(secondary, MAY_BE_1(9)))
		cap_set(j, CAP_APICV, NO, "MSR 48Bh");
	else if (cpu_msr(e, MSR_VMX_PINBASED_CTLS, &pin))
		cap_set(j, CAP_APICV, tri_of(bit(pin, MAY_BE_1(7))), "MSR 481h");
}

static void vmx_caps_by_msr(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	uint64_t secondary, cap;
	enum tri has = secondary_controls(e, &secondary);

	for (size_t i = 0; has != UNKNOWN && i < ARRAY_SIZE(secondary_rules); i++)
		cap_set(j, secondary_rules[i].cap, tri_of(bit(secondary, secondary_rules[i].bit)),
			has == YES ? "MSR 48Bh" : "MSR 482h");
	apicv_by_msr(e, j, has, secondary);
	/* The register is there with VPID alone, too, and tells nothing of EPT then. */
	if (cap_value(j, CAP_EPT) != YES || !cpu_msr(e, MSR_VMX_EPT_VPID_CAP, &cap))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(ept_rules); i++)
		cap_set(j, ept_rules[i].cap, tri_of(bit(cap, ept_rules[i].bit)), "MSR 48Ch");
}

static void ept_usable_by_msr(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	autobuf missing = { 0 };
	enum tri usable = ept_is_enough(e, &missing);

	if (cap_value(j, CAP_EPT) != YES || usable == UNKNOWN)
		return;
	cap_set(j, CAP_EPT_USABLE, usable, "MSR 48Ch");
	if (usable == NO)
		cap_explain(j, CAP_EPT_USABLE, "this EPT lacks features that KVM needs: %s",
			    buf_text(&missing));
}

/* Y proves all that KVM asks for; N proves nothing: it may be what was asked for. */
static void ept_by_module(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	static const enum cpu_cap_id proved[] = { CAP_VMX, CAP_VMX_ENABLED, CAP_EPT,
						  CAP_EPT_USABLE };

	for (size_t i = 0; e->module_ept == YES && i < ARRAY_SIZE(proved); i++)
		cap_set(j, proved[i], YES, "/sys/module/kvm_intel/parameters/ept");
}

/* What rests on EPT goes with it, and what rests on VT-x as well. */
static void conclude_ept(struct cpu_judgement *j)
{
	bool absent = cap_value(j, CAP_EPT) == NO;

	for (size_t i = 0; absent && i < ARRAY_SIZE(ept_rules); i++)
		cap_follow(j, ept_rules[i].cap, CAP_EPT);
	if (absent) {
		cap_follow(j, CAP_EPT_USABLE, CAP_EPT);
		cap_explain(j, CAP_EPT_USABLE, "the processor has no EPT");
	} else if (cap_value(j, CAP_VMX_ENABLED) == NO) {
		cap_follow(j, CAP_EPT_USABLE, CAP_VMX_ENABLED);
		cap_explain(j, CAP_EPT_USABLE, "VT-x is disabled");
	}
	if (absent && cap_value(j, CAP_HYPERVISOR) == YES)
		cap_explain(j, CAP_EPT, "the hypervisor that this runs under does not pass it on");
}

static void explain_unknown_vmx_caps(struct cpu_judgement *j)
{
	for (enum cpu_cap_id id = CAP_EPT; id <= CAP_SHADOW_VMCS; id++)
		if (cap_value(j, id) == UNKNOWN)
			cap_explain(j, id,
				    "CPUID does not show it: the VMX capability registers do "
				    "(MSR 480h to 48Ch)");
}

void cpu_judge_intel(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	/* Y cannot be without: it is as good as the registers. */
	ept_by_module(e, j);
	if (cap_value(j, CAP_VMX) == NO) {
		for (enum cpu_cap_id id = CAP_VMX_ENABLED; id <= CAP_SHADOW_VMCS; id++)
			cap_follow(j, id, CAP_VMX);
		return;
	}
	judge_vmx_enabled(e, j);
	vmx_caps_by_info(e, j);
	vmx_caps_by_msr(e, j);
	ept_usable_by_msr(e, j);
	ept_by_module(e, j);
	conclude_ept(j);
	explain_unknown_vmx_caps(j);
}
