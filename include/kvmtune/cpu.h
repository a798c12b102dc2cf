/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpu.h - what a processor can do for virtual machines, judged by evidence.
 *
 * Evidence is gathered from the live processor, or read from files of another one; cpu_judge() does
 * not know which. Each capability is YES, NO or UNKNOWN, with the sources that say so: what no source
 * proves is UNKNOWN. One table, cpu_cap_names, gives the names for text, JSON and --require.
 *
 * Sources: Intel SDM vol. 3 appendix A, AMD APM vol. 2 chapter 15 and vol. 3 (8000000Ah), and what
 * Linux makes of them (arch/x86/kernel/cpu/feat_ctl.c, kvm/vmx/vmx.c, kvm/svm/svm.c).
 */
#ifndef KVMTUNE_CPU_H
#define KVMTUNE_CPU_H

#include <kvmtune/cpuid.h>
#include <kvmtune/facts.h>

/* The registers that say something here; of those that cannot be read, the judgement does without. */
#define MSR_FEATURE_CONTROL    0x3a /* bit 0: locked; bits 1, 2: VMX inside, outside of SMX */
#define MSR_VMX_BASIC	       0x480
#define MSR_VMX_PINBASED_CTLS  0x481 /* posted interrupts */
#define MSR_VMX_PROCBASED_CTLS 0x482 /* bit 63: there are secondary controls */
#define MSR_VMX_SECONDARY_CTLS 0x48b /* bit 33: EPT may be enabled */
#define MSR_VMX_EPT_VPID_CAP   0x48c
#define MSR_VM_CR	       0xc0010114 /* AMD; bit 4: SVM is disabled */

struct msr_value {
	unsigned cpu;
	uint32_t msr;
	uint64_t value;
};

struct cpu_evidence {
	struct cpuid_dump cpuid;
	struct msr_value *msrs; /* those that could be read */
	size_t msr_count;
	char *cpuinfo; /* text of /proc/cpuinfo, NULL: none */
	/* Of the live processor: the parameter of the loaded module; UNKNOWN: none. */
	enum tri module_ept, module_npt;
	bool vmx_module_loaded, svm_module_loaded;
};
void cpu_evidence_free(struct cpu_evidence *e);

/*
 * "cpu msr value" a line: "0 0x48b 0x7fcffe00000000"; the processor decimal, empty lines and those
 * with # passed over. For --msr and --capture. Appended to the registers that ret has.
 */
int cpu_read_msrs(const char *text, struct cpu_evidence *ret, struct err *e);
void cpu_write_msrs(const struct cpu_evidence *e, struct buf *ret);

/* A register of the first processor that registers are known of. False: not known. */
bool cpu_msr(const struct cpu_evidence *e, uint32_t msr, uint64_t *ret);
/* Is a word on the line "key : ..." of cpuinfo's first processor? UNKNOWN: no such line, no text. */
enum tri cpu_info_has(const char *cpuinfo, const char *key, const char *word);

enum cpu_cap_id {
	CAP_HYPERVISOR, /* this is itself a guest */
	CAP_VMX,
	CAP_VMX_ENABLED, /* firmware and kernel let it be used */
	CAP_EPT,
	CAP_EPT_USABLE, /* by the rule that KVM itself uses */
	CAP_EPT_WALK_4,
	CAP_EPT_WALK_5,
	CAP_EPT_WB,
	CAP_EPT_2MB,
	CAP_EPT_1GB,
	CAP_EPT_AD,
	CAP_EPT_EXECUTE_ONLY,
	CAP_EPT_MODE_BASED_EXEC,
	CAP_INVEPT,
	CAP_INVEPT_SINGLE,
	CAP_INVEPT_GLOBAL,
	CAP_VPID,
	CAP_UNRESTRICTED_GUEST,
	CAP_PML,
	CAP_PAUSE_LOOP_EXITING,
	CAP_APICV,
	CAP_SHADOW_VMCS,
	CAP_SVM,
	CAP_SVM_ENABLED,
	CAP_NPT,
	CAP_NPT_USABLE,
	CAP_NRIPS,
	CAP_AVIC,
	CAP_VGIF,
	CAP_COUNT
};

struct cpu_cap_name {
	const char *name;  /* "ept-1gb": for --require, and in JSON with '_' for '-' */
	const char *title; /* "1 GiB pages in EPT" */
	bool intel, amd;   /* on whose processors it is worth a line */
};
extern const struct cpu_cap_name cpu_cap_names[CAP_COUNT];
enum cpu_cap_id cpu_cap_find(const char *name); /* CAP_COUNT: no such name */

struct cpu_cap {
	enum tri value;
	struct strv source; /* "CPUID 1 ECX[5]", "/proc/cpuinfo vmx flags", "MSR 48Bh" */
	char *why;	    /* a sentence for NO and UNKNOWN where there is more to say, or NULL */
};

struct cpu_judgement {
	struct cpu_id id;
	unsigned asids; /* AMD: address space identifiers; 0 unknown */
	struct cpu_cap caps[CAP_COUNT];
	struct strv differences; /* between logical processors, a sentence each */
	size_t cpu_count;
};
void cpu_judge(const struct cpu_evidence *e, struct cpu_judgement *ret);
void cpu_judgement_free(struct cpu_judgement *j);

/* Is it a processor that has SVM where others have VMX, whether it is there or not? By its vendor. */
bool cpu_is_amd(const struct cpu_id *id);

/*
 * The evidence of one source alone; UNKNOWN: none. cpu_judge() goes by these rules and more. The facts
 * of struct host, which few sources have to be enough for, go by these alone.
 */
/*
 * Does the kernel's log, a message a line, say that the firmware has disabled it? Only by messages that
 * follow a look at the register; the kvm modules' own come also where a word hides the flag.
 */
bool cpu_log_blames_firmware(const char *log, bool svm);
enum tri cpu_vmx_enabled_by_info(const struct cpu_evidence *e);
enum tri cpu_vmx_enabled_by_msr(const struct cpu_evidence *e);
enum tri cpu_ept_by_info(const struct cpu_evidence *e);
enum tri cpu_ept_by_msr(const struct cpu_evidence *e);
enum tri cpu_ept_usable_by_msr(const struct cpu_evidence *e); /* of EPT that is there */
enum tri cpu_svm_enabled_by_info(const struct cpu_evidence *e);
enum tri cpu_svm_enabled_by_msr(const struct cpu_evidence *e);
enum tri cpu_npt_by_info(const struct cpu_evidence *e);

#endif
