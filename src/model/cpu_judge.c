// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpu_judge.c - what a processor can do for KVM, from the evidence that there is.
 *
 * EPT and its kin are not in CPUID. They show in the VMX capability registers (Intel SDM vol. 3,
 * appendix A), in /proc/cpuinfo, and in the parameter of the loaded module, which is the final truth
 * when it reads Y. Each source may only add what it really proves: see the notes at each.
 */
#include "cpu_internal.h"

#include <stdarg.h>
#include <string.h>

#define FLAGS	  "flags"
#define VMX_FLAGS "vmx flags"

/* CPUID leaves. */
#define FEATURES     1
#define EXT_FEATURES 0x80000001u
#define SVM_FEATURES 0x8000000au

/* The upper half of a control register says what may be 1 (feat_ctl.c:init_vmx_capabilities). */
#define MAY_BE_1(bit) (32 + (bit))

/* Bits of MSR_VMX_EPT_VPID_CAP (arch/x86/include/asm/vmx.h). */
#define EPT_CAP_WALK_4	      6
#define EPT_CAP_WB	      14
#define EPT_CAP_INVEPT	      20
#define EPT_CAP_INVEPT_GLOBAL 26

const struct cpu_cap_name cpu_cap_names[CAP_COUNT] = {
	[CAP_HYPERVISOR] = { "hypervisor", "Runs under a hypervisor", true, true },
	[CAP_VMX] = { "vmx", "VT-x (VMX)", true, false },
	[CAP_VMX_ENABLED] = { "vmx-enabled", "VT-x enabled", true, false },
	[CAP_EPT] = { "ept", "Extended page tables (EPT)", true, false },
	[CAP_EPT_USABLE] = { "ept-usable", "EPT usable by KVM", true, false },
	[CAP_EPT_WALK_4] = { "ept-4level", "4-level EPT", true, false },
	[CAP_EPT_WALK_5] = { "ept-5level", "5-level EPT", true, false },
	[CAP_EPT_WB] = { "ept-wb", "Write-back EPT structures", true, false },
	[CAP_EPT_2MB] = { "ept-2mb", "2 MiB pages in EPT", true, false },
	[CAP_EPT_1GB] = { "ept-1gb", "1 GiB pages in EPT", true, false },
	[CAP_EPT_AD] = { "ept-ad", "EPT accessed and dirty bits", true, false },
	[CAP_EPT_EXECUTE_ONLY] = { "ept-execute-only", "Execute-only pages in EPT", true, false },
	[CAP_EPT_MODE_BASED_EXEC] = { "ept-mode-based-exec", "Mode-based execute control", true,
				      false },
	[CAP_INVEPT] = { "invept", "INVEPT", true, false },
	[CAP_INVEPT_SINGLE] = { "invept-single", "INVEPT single-context", true, false },
	[CAP_INVEPT_GLOBAL] = { "invept-global", "INVEPT all-context", true, false },
	[CAP_VPID] = { "vpid", "Virtual processor IDs (VPID)", true, false },
	[CAP_UNRESTRICTED_GUEST] = { "unrestricted-guest", "Unrestricted guest", true, false },
	[CAP_PML] = { "pml", "Page-modification logging (PML)", true, false },
	[CAP_PAUSE_LOOP_EXITING] = { "pause-loop-exiting", "PAUSE-loop exiting", true, false },
	[CAP_APICV] = { "apicv", "APIC virtualization (APICv)", true, false },
	[CAP_SHADOW_VMCS] = { "shadow-vmcs", "Shadow VMCS", true, false },
	[CAP_SVM] = { "svm", "AMD-V (SVM)", false, true },
	[CAP_SVM_ENABLED] = { "svm-enabled", "AMD-V enabled", false, true },
	[CAP_NPT] = { "npt", "Nested page tables (NPT)", false, true },
	[CAP_NPT_USABLE] = { "npt-usable", "NPT usable by KVM", false, true },
	[CAP_NRIPS] = { "nrips", "Next RIP saved (NRIPS)", false, true },
	[CAP_AVIC] = { "avic", "Virtual interrupts (AVIC)", false, true },
	[CAP_VGIF] = { "vgif", "Virtual interrupt flag (VGIF)", false, true },
};

/*
 * One bit of a register, and the word of "vmx flags" that the kernel makes of it
 * (arch/x86/include/asm/vmxfeatures.h), NULL: none. That the word is not there proves that the bit
 * is not, but for what kernels learned to show later.
 */
struct bit_rule {
	enum cpu_cap_id cap;
	unsigned bit;
	const char *word;
	bool word_is_late;
};

static const struct bit_rule secondary_rules[] = {
	{ CAP_EPT, MAY_BE_1(1), "ept", false },
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

enum cpu_cap_id cpu_cap_find(const char *name)
{
	enum cpu_cap_id id = 0;

	while (id < CAP_COUNT && strcmp(cpu_cap_names[id].name, name) != 0)
		id++;
	return id;
}

/* ---- setting ---- */

static bool bit(uint64_t value, unsigned n)
{
	return value >> n & 1;
}

static enum tri tri_of(bool value)
{
	return value ? YES : NO;
}

/* A better source adds itself where it agrees; what it overrules is no evidence any more. */
static void set(struct cpu_judgement *j, enum cpu_cap_id id, enum tri value, const char *source)
{
	struct cpu_cap *c = &j->caps[id];

	if (c->value != value) {
		strv_free(&c->source);
		free(c->why);
		c->why = NULL;
	}
	c->value = value;
	if (!strv_has(&c->source, source))
		strv_add(&c->source, source);
}

/* A further sentence. */
PRINTF(3, 4)
static void explain(struct cpu_judgement *j, enum cpu_cap_id id, const char *fmt, ...)
{
	struct buf why = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&why, fmt, ap);
	va_end(ap);
	free(j->caps[id].why);
	j->caps[id].why = buf_steal(&why);
}

/* NO for the same reasons as another capability that this one rests on. */
static void no_without(struct cpu_judgement *j, enum cpu_cap_id id, enum cpu_cap_id other)
{
	const char *source;

	strv_foreach (source, &j->caps[other].source)
		set(j, id, NO, source);
}

static enum tri value_of(const struct cpu_judgement *j, enum cpu_cap_id id)
{
	return j->caps[id].value;
}

static void set_by_info(struct cpu_judgement *j, const struct cpu_evidence *e, enum cpu_cap_id id,
			const char *key, const char *word, bool absence_proves)
{
	enum tri has = cpu_info_has(e->cpuinfo, key, word);

	if (has == YES || (has == NO && absence_proves))
		set(j, id, has, strcmp(key, FLAGS) == 0 ? CPUINFO_FLAGS : CPUINFO_VMX_FLAGS);
}

/* ---- what CPUID shows ---- */

static const struct cpuid_cpu *first_cpu(const struct cpu_evidence *e)
{
	static const struct cpuid_cpu none;

	return e->cpuid.count ? &e->cpuid.cpus[0] : &none;
}

static void set_by_cpuid(struct cpu_judgement *j, const struct cpu_evidence *e, enum cpu_cap_id id,
			 uint32_t leaf, enum cpuid_register reg, unsigned n, const char *source)
{
	enum tri value = cpuid_bit(first_cpu(e), leaf, reg, n);

	if (value != UNKNOWN)
		set(j, id, value, source);
}

static void identify(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	const struct cpuid_cpu *c = first_cpu(e);
	struct cpu_id *id = &j->id;

	cpuid_vendor(c, id->vendor, sizeof(id->vendor));
	cpuid_brand(c, id->brand, sizeof(id->brand));
	cpuid_hypervisor(c, id->hypervisor_name, sizeof(id->hypervisor_name));
	cpuid_signature(c, &id->family, &id->model, &id->stepping);
	set_by_cpuid(j, e, CAP_HYPERVISOR, FEATURES, ECX, 31, "CPUID 1 ECX[31]");
	if (value_of(j, CAP_HYPERVISOR) == UNKNOWN)
		set_by_info(j, e, CAP_HYPERVISOR, FLAGS, "hypervisor", true);
}

bool cpu_is_amd(const struct cpu_id *id)
{
	return strcmp(id->vendor, "AuthenticAMD") == 0 || strcmp(id->vendor, "HygonGenuine") == 0;
}

/* Old processors have no extended leaves, nor do dumps of them; SVM began with AMD's family 15. */
static bool is_too_old_for_svm(const struct cpu_evidence *e, const struct cpu_id *id)
{
	uint32_t r[CPUID_REGISTERS];

	if (!*id->vendor || cpuid_get(first_cpu(e), 0x80000000, 0, r))
		return false;
	return id->family < 15 || !cpu_is_amd(id);
}

static void judge_presence(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	enum cpu_cap_id own;

	set_by_cpuid(j, e, CAP_VMX, FEATURES, ECX, 5, "CPUID 1 ECX[5]");
	set_by_cpuid(j, e, CAP_SVM, EXT_FEATURES, ECX, 2, "CPUID 80000001h ECX[2]");
	if (value_of(j, CAP_SVM) == UNKNOWN && is_too_old_for_svm(e, &j->id))
		set(j, CAP_SVM, NO, "CPUID 0");
	/* The kernel takes away what the firmware switched off: that a word is not there proves nothing. */
	if (value_of(j, CAP_VMX) == UNKNOWN)
		set_by_info(j, e, CAP_VMX, FLAGS, "vmx", false);
	if (value_of(j, CAP_SVM) == UNKNOWN)
		set_by_info(j, e, CAP_SVM, FLAGS, "svm", false);
	/* The modules do not load without. */
	if (e->vmx_module_loaded)
		set(j, CAP_VMX, YES, "/sys/module/kvm_intel");
	if (e->svm_module_loaded)
		set(j, CAP_SVM, YES, "/sys/module/kvm_amd");
	own = cpu_is_amd(&j->id) ? CAP_SVM : CAP_VMX;
	if (value_of(j, own) == NO && value_of(j, CAP_HYPERVISOR) == YES)
		explain(j, own, "the hypervisor that this runs under does not pass it on");
	j->id.vmx = value_of(j, CAP_VMX);
	j->id.svm = value_of(j, CAP_SVM);
	j->id.hypervisor = value_of(j, CAP_HYPERVISOR);
}

/* ---- Intel ---- */

/*
 * The kernel takes vmx off its flags where the firmware switched it off (feat_ctl.c, 5.6+). That it
 * is there proves something only of a kernel that does so: one with a line of "vmx flags".
 */
static void vmx_enabled_by_info(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	enum tri vmx = cpu_info_has(e->cpuinfo, FLAGS, "vmx");
	bool by_feat_ctl = cpu_info_has(e->cpuinfo, VMX_FLAGS, "vnmi") != UNKNOWN;

	if (vmx == YES && by_feat_ctl)
		set(j, CAP_VMX_ENABLED, YES, CPUINFO_FLAGS);
	if (vmx != NO)
		return;
	set(j, CAP_VMX_ENABLED, NO, CPUINFO_FLAGS);
	explain(j, CAP_VMX_ENABLED,
		"the processor has VT-x, and the kernel does not offer it: "
		"switched off by the firmware, or by clearcpuid= on the kernel "
		"command line, or a kernel without kvm_intel");
}

static void vmx_enabled_by_msr(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	uint64_t control;

	if (!cpu_msr(e, MSR_FEATURE_CONTROL, &control))
		return;
	if (!bit(control, 0)) {
		/* Not locked is not off: the kernel sets and locks it by itself. */
		if (value_of(j, CAP_VMX_ENABLED) == UNKNOWN)
			explain(j, CAP_VMX_ENABLED,
				"the firmware leaves it to the kernel: MSR 3Ah is not locked");
	} else if (!bit(control, 1) && !bit(control, 2)) {
		set(j, CAP_VMX_ENABLED, NO, "MSR 3Ah");
		explain(j, CAP_VMX_ENABLED,
			"switched off and locked in MSR 3Ah, by the firmware "
			"or by a kernel without kvm_intel");
	} else if (bit(control, 2) && value_of(j, CAP_VMX_ENABLED) != NO) {
		set(j, CAP_VMX_ENABLED, YES, "MSR 3Ah");
	}
}

/*
 * Linux sets VT-x up on processors of Intel, Centaur and Zhaoxin (init_ia32_feat_ctl() is called for
 * these, 5.6+), and kvm_intel refuses one that it did not: an emulator's mixture, for example.
 */
static bool vmx_enabled_by_vendor(struct cpu_judgement *j)
{
	if (!cpu_is_amd(&j->id))
		return true;
	set(j, CAP_VMX_ENABLED, NO, "CPUID 0");
	explain(j, CAP_VMX_ENABLED, "Linux does not set up VT-x on a processor of this vendor");
	return false;
}

static void judge_vmx_enabled(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	if (vmx_enabled_by_vendor(j)) {
		vmx_enabled_by_info(e, j);
		vmx_enabled_by_msr(e, j);
	}
	if (e->vmx_module_loaded)
		set(j, CAP_VMX_ENABLED, YES, "/sys/module/kvm_intel");
	if (value_of(j, CAP_VMX_ENABLED) == UNKNOWN && !j->caps[CAP_VMX_ENABLED].why)
		explain(j, CAP_VMX_ENABLED, "CPUID does not show what the firmware allows");
}

/* What the kernel shows while it uses VT-x. Where that is off, these words are not there either. */
static void vmx_caps_by_info(const struct cpu_evidence *e, struct cpu_judgement *j,
			     const struct bit_rule *rules, size_t count)
{
	if (value_of(j, CAP_VMX_ENABLED) == NO)
		return;
	for (size_t i = 0; i < count; i++)
		if (rules[i].word)
			set_by_info(j, e, rules[i].cap, VMX_FLAGS, rules[i].word,
				    !rules[i].word_is_late);
}

/* Kernels before 5.6 have these few among the flags; CentOS 7's knows of no ept_ad. */
static void vmx_caps_by_old_info(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	if (value_of(j, CAP_VMX_ENABLED) == NO ||
	    cpu_info_has(e->cpuinfo, VMX_FLAGS, "ept") != UNKNOWN)
		return;
	set_by_info(j, e, CAP_EPT, FLAGS, "ept", true);
	set_by_info(j, e, CAP_VPID, FLAGS, "vpid", true);
	set_by_info(j, e, CAP_EPT_AD, FLAGS, "ept_ad", false);
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
		set(j, CAP_APICV, NO, "MSR 482h");
	else if (!bit(secondary, MAY_BE_1(8)) || !bit(secondary, MAY_BE_1(9)))
		set(j, CAP_APICV, NO, "MSR 48Bh");
	else if (cpu_msr(e, MSR_VMX_PINBASED_CTLS, &pin))
		set(j, CAP_APICV, tri_of(bit(pin, MAY_BE_1(7))), "MSR 481h");
}

static void vmx_caps_by_msr(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	uint64_t secondary, cap;
	enum tri has = secondary_controls(e, &secondary);

	for (size_t i = 0; has != UNKNOWN && i < ARRAY_SIZE(secondary_rules); i++)
		set(j, secondary_rules[i].cap, tri_of(bit(secondary, secondary_rules[i].bit)),
		    has == YES ? "MSR 48Bh" : "MSR 482h");
	apicv_by_msr(e, j, has, secondary);
	/* The register is there with VPID alone, too, and tells nothing of EPT then. */
	if (value_of(j, CAP_EPT) != YES || !cpu_msr(e, MSR_VMX_EPT_VPID_CAP, &cap))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(ept_rules); i++)
		set(j, ept_rules[i].cap, tri_of(bit(cap, ept_rules[i].bit)), "MSR 48Ch");
}

static void missing_of_ept(uint64_t cap, struct buf *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(needed_of_ept); i++)
		if (!bit(cap, needed_of_ept[i].bit))
			buf_join(ret, ", ", needed_of_ept[i].name);
}

bool cpu_ept_is_usable(uint64_t ept_vpid_cap)
{
	autobuf missing = { 0 };

	missing_of_ept(ept_vpid_cap, &missing);
	return !missing.len;
}

/* The words and the bits prove what is there, not that KVM can use it: see needed_of_ept. */
static void judge_ept_usable(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	autobuf missing = { 0 };
	uint64_t cap;

	if (value_of(j, CAP_EPT) != YES || !cpu_msr(e, MSR_VMX_EPT_VPID_CAP, &cap))
		return;
	missing_of_ept(cap, &missing);
	set(j, CAP_EPT_USABLE, tri_of(!missing.len), "MSR 48Ch");
	if (missing.len)
		explain(j, CAP_EPT_USABLE, "KVM needs what this EPT does not have: %s",
			buf_text(&missing));
}

/* Y proves all that KVM asks for; N proves nothing: it may be what was asked for. */
static void ept_by_module(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	static const enum cpu_cap_id proved[] = { CAP_VMX, CAP_VMX_ENABLED, CAP_EPT,
						  CAP_EPT_USABLE };

	for (size_t i = 0; e->module_ept == YES && i < ARRAY_SIZE(proved); i++)
		set(j, proved[i], YES, "/sys/module/kvm_intel/parameters/ept");
}

/* What rests on EPT goes with it, and what rests on VT-x as well. */
static void conclude_ept(struct cpu_judgement *j)
{
	bool absent = value_of(j, CAP_EPT) == NO;

	for (size_t i = 0; absent && i < ARRAY_SIZE(ept_rules); i++)
		no_without(j, ept_rules[i].cap, CAP_EPT);
	if (absent) {
		no_without(j, CAP_EPT_USABLE, CAP_EPT);
		explain(j, CAP_EPT_USABLE, "the processor has no EPT");
	} else if (value_of(j, CAP_VMX_ENABLED) == NO) {
		no_without(j, CAP_EPT_USABLE, CAP_VMX_ENABLED);
		explain(j, CAP_EPT_USABLE, "VT-x is switched off");
	}
	if (absent && value_of(j, CAP_HYPERVISOR) == YES)
		explain(j, CAP_EPT, "the hypervisor that this runs under does not pass it on");
}

static void explain_unknown_vmx_caps(struct cpu_judgement *j)
{
	for (enum cpu_cap_id id = CAP_EPT; id <= CAP_SHADOW_VMCS; id++)
		if (value_of(j, id) == UNKNOWN)
			explain(j, id,
				"CPUID does not show it: the VMX capability registers do "
				"(MSR 480h to 48Ch)");
}

static void judge_intel(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	/* Y cannot be without: it is as good as the registers. */
	ept_by_module(e, j);
	if (value_of(j, CAP_VMX) == NO) {
		for (enum cpu_cap_id id = CAP_VMX_ENABLED; id <= CAP_SHADOW_VMCS; id++)
			no_without(j, id, CAP_VMX);
		return;
	}
	judge_vmx_enabled(e, j);
	vmx_caps_by_info(e, j, secondary_rules, ARRAY_SIZE(secondary_rules));
	vmx_caps_by_info(e, j, ept_rules, ARRAY_SIZE(ept_rules));
	if (value_of(j, CAP_VMX_ENABLED) != NO)
		set_by_info(j, e, CAP_APICV, VMX_FLAGS, "apicv", true);
	vmx_caps_by_old_info(e, j);
	vmx_caps_by_msr(e, j);
	judge_ept_usable(e, j);
	ept_by_module(e, j);
	conclude_ept(j);
	explain_unknown_vmx_caps(j);
}

/* ---- AMD ---- */

/* KVM asks the register that the firmware locks (svm.c:kvm_is_svm_supported). */
static void judge_svm_enabled(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	uint64_t control;

	/* Newer kernels take svm off their flags where the firmware switched it off; others do not. */
	if (cpu_info_has(e->cpuinfo, FLAGS, "svm") == NO) {
		set(j, CAP_SVM_ENABLED, NO, CPUINFO_FLAGS);
		explain(j, CAP_SVM_ENABLED,
			"the processor has AMD-V, and the kernel does not offer it: switched off "
			"by "
			"the firmware, or by clearcpuid= on the kernel command line");
	}
	if (cpu_msr(e, MSR_VM_CR, &control) &&
	    (bit(control, 4) || value_of(j, CAP_SVM_ENABLED) != NO)) {
		set(j, CAP_SVM_ENABLED, tri_of(!bit(control, 4)), "MSR C0010114h");
		if (bit(control, 4))
			explain(j, CAP_SVM_ENABLED,
				"switched off in MSR C0010114h, by the firmware");
	}
	if (e->svm_module_loaded)
		set(j, CAP_SVM_ENABLED, YES, "/sys/module/kvm_amd");
	if (value_of(j, CAP_SVM_ENABLED) == UNKNOWN)
		explain(j, CAP_SVM_ENABLED, "CPUID does not show what the firmware allows");
}

static void judge_svm_features(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	static const struct {
		enum cpu_cap_id cap;
		unsigned bit;
		const char *word, *source;
	} features[] = {
		{ CAP_NPT, 0, "npt", "CPUID 8000000Ah EDX[0]" },
		{ CAP_NRIPS, 3, "nrip_save", "CPUID 8000000Ah EDX[3]" },
		{ CAP_AVIC, 13, "avic", "CPUID 8000000Ah EDX[13]" },
		{ CAP_VGIF, 16, "vgif", "CPUID 8000000Ah EDX[16]" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
		set_by_cpuid(j, e, features[i].cap, SVM_FEATURES, EDX, features[i].bit,
			     features[i].source);
		if (value_of(j, features[i].cap) == UNKNOWN)
			set_by_info(j, e, features[i].cap, FLAGS, features[i].word, false);
	}
}

static void npt_by_module(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	static const enum cpu_cap_id proved[] = { CAP_SVM, CAP_SVM_ENABLED, CAP_NPT,
						  CAP_NPT_USABLE };

	for (size_t i = 0; e->module_npt == YES && i < ARRAY_SIZE(proved); i++)
		set(j, proved[i], YES, "/sys/module/kvm_amd/parameters/npt");
}

/* svm.c:svm_hardware_setup asks for the kernel's flag, which may have been taken away. */
static bool npt_is_hidden(const struct cpu_evidence *e)
{
	return cpu_info_has(e->cpuinfo, FLAGS, "svm") == YES &&
	       cpu_info_has(e->cpuinfo, FLAGS, "npt") == NO;
}

/* KVM uses NPT wherever it is. */
static void judge_npt_usable(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	enum cpu_cap_id reason = CAP_NPT;

	if (value_of(j, CAP_NPT) == YES && value_of(j, CAP_SVM_ENABLED) == NO)
		reason = CAP_SVM_ENABLED;
	if (value_of(j, reason) == NO) {
		no_without(j, CAP_NPT_USABLE, reason);
		explain(j, CAP_NPT_USABLE,
			reason == CAP_NPT ? "the processor has no NPT" : "AMD-V is switched off");
	} else if (value_of(j, CAP_NPT) == YES && npt_is_hidden(e)) {
		set(j, CAP_NPT_USABLE, NO, CPUINFO_FLAGS);
		explain(j, CAP_NPT_USABLE,
			"the processor has NPT, and the kernel does not offer it: clearcpuid= on "
			"its command line");
	} else if (value_of(j, CAP_NPT) == YES) {
		const char *source;

		strv_foreach (source, &j->caps[CAP_NPT].source)
			set(j, CAP_NPT_USABLE, YES, source);
	}
	npt_by_module(e, j);
}

static void judge_amd(const struct cpu_evidence *e, struct cpu_judgement *j)
{
	uint32_t r[CPUID_REGISTERS];

	npt_by_module(e, j);
	if (value_of(j, CAP_SVM) == NO) {
		for (enum cpu_cap_id id = CAP_SVM_ENABLED; id <= CAP_VGIF; id++)
			no_without(j, id, CAP_SVM);
		return;
	}
	judge_svm_enabled(e, j);
	judge_svm_features(e, j);
	judge_npt_usable(e, j);
	if (value_of(j, CAP_SVM) == YES && cpuid_valid(first_cpu(e), SVM_FEATURES, r))
		j->asids = r[EBX];
	for (enum cpu_cap_id id = CAP_NPT; id <= CAP_VGIF; id++)
		if (value_of(j, id) == UNKNOWN)
			explain(j, id, "CPUID 8000000Ah is not known");
}

/* ---- all ---- */

void cpu_judge(const struct cpu_evidence *e, struct cpu_judgement *ret)
{
	struct cpu_judgement j = { .cpu_count = e->cpuid.count };

	for (enum cpu_cap_id id = 0; id < CAP_COUNT; id++)
		j.caps[id].value = UNKNOWN;
	identify(e, &j);
	judge_presence(e, &j);
	judge_intel(e, &j);
	judge_amd(e, &j);
	cpu_find_differences(e, &j.differences);
	*ret = j;
}

void cpu_judgement_free(struct cpu_judgement *j)
{
	for (enum cpu_cap_id id = 0; id < CAP_COUNT; id++) {
		strv_free(&j->caps[id].source);
		free(j->caps[id].why);
	}
	strv_free(&j->differences);
	*j = (struct cpu_judgement){ 0 };
}
