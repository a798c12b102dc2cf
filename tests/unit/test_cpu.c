// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a processor can do, judged by evidence of every kind, and by evidence that disagrees.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/cpu.h>

#define INTEL(ecx)                                                                                 \
	"CPUID 00000000: 0000000D-756E6547-6C65746E-49656E69\n"                                    \
	"CPUID 00000001: 000306A9-00000000-" ecx "-00000000\n"                                     \
	"CPUID 80000000: 80000008-00000000-00000000-00000000\n"                                    \
	"CPUID 80000001: 00000000-00000000-00000000-00000000\n"
#define VMX    INTEL("00000020")
#define NO_VMX INTEL("00000000")
#define GUEST  INTEL("80000000")

#define AMD(ecx, edx)                                                                              \
	"CPUID 00000000: 0000000D-68747541-444D4163-69746E65\n"                                    \
	"CPUID 00000001: 00A20F12-00000000-00000000-00000000\n"                                    \
	"CPUID 80000000: 80000020-00000000-00000000-00000000\n"                                    \
	"CPUID 80000001: 00000000-00000000-" ecx "-00000000\n"                                     \
	"CPUID 8000000A: 00000001-00008000-00000000-" edx "\n"
#define SVM AMD("00000004", "00012009")

/* Secondary controls are there, with everything; EPT with everything. */
#define MSR_482 "0 0x482 0xfff9fffe0401e172\n"
#define MSR_48B "0 0x48b 0x00ffffff00000000\n"
#define MSR_48C "0 0x48c 0x0f0106f3c1e1\n"
#define MSR_481 "0 0x481 0xff00000016\n"

#define NEW_INFO                                                                                   \
	"processor\t: 0\nflags\t\t: fpu vmx ept ept_ad vpid\n"                                     \
	"vmx flags\t: vnmi ept ept_ad ept_1gb vpid unrestricted_guest ple pml apicv\n\n"           \
	"processor\t: 1\nflags\t\t: fpu\nvmx flags\t: none shadow_vmcs\n"
#define OLD_INFO "flags\t\t: fpu vmx ept vpid\n"
#define OFF_INFO "flags\t\t: fpu sse\n"

struct input {
	const char *cpuid, *msrs, *cpuinfo;
	enum tri module_ept, module_npt;
	bool vmx_module_loaded, svm_module_loaded;
};

static void judge(const struct input *in, struct cpu_judgement *ret)
{
	struct cpu_evidence e = { .module_ept = in->module_ept,
				  .module_npt = in->module_npt,
				  .vmx_module_loaded = in->vmx_module_loaded,
				  .svm_module_loaded = in->svm_module_loaded };
	struct err err = { 0 };

	if (in->cpuid && cpuid_read_dump(in->cpuid, strlen(in->cpuid), &e.cpuid, &err) < 0)
		fail_msg("%s", err.text);
	if (in->msrs && cpu_read_msrs(in->msrs, &e, &err) < 0)
		fail_msg("%s", err.text);
	e.cpuinfo = in->cpuinfo ? xstrdup(in->cpuinfo) : NULL;
	cpu_judge(&e, ret);
	cpu_evidence_free(&e);
}

struct expected {
	const char *name;
	struct input in;
	const char *yes, *no; /* names of capabilities; those in neither are unknown */
};

static bool in_list(const char *list, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = list; (at = strstr(at, name)); at += len)
		if ((at == list || at[-1] == ' ') && strchr(" ", at[len]))
			return true;
	return false;
}

/* Only those of the vendor; each that is known has a source. */
static void check(const struct expected *x, bool intel)
{
	struct cpu_judgement j;

	judge(&x->in, &j);
	for (enum cpu_cap_id id = 0; id < CAP_COUNT; id++) {
		const struct cpu_cap_name *n = &cpu_cap_names[id];
		enum tri should = in_list(x->yes, n->name)			      ? YES
				  : in_list(x->no, n->name) || in_list(x->no, "rest") ? NO
										      : UNKNOWN;

		assert_int_equal(j.caps[id].value == UNKNOWN, j.caps[id].source.n == 0);
		if (!(intel ? n->intel : n->amd))
			continue;
		if (j.caps[id].value != should)
			fail_msg("%s: %s is %s, not %s", x->name, n->name,
				 tri_name(j.caps[id].value), tri_name(should));
	}
	cpu_judgement_free(&j);
}

#define ALL_BY_MSR                                                                                 \
	"vmx ept ept-4level ept-5level ept-wb ept-2mb ept-1gb ept-ad ept-execute-only "            \
	"ept-mode-based-exec invept invept-single invept-global vpid unrestricted-guest pml "      \
	"pause-loop-exiting shadow-vmcs"
#define INFO_YES "ept ept-ad ept-1gb vpid unrestricted-guest pause-loop-exiting pml apicv"
#define INFO_NO	 "ept-execute-only ept-mode-based-exec shadow-vmcs"
#define REST_OF_EPT                                                                                \
	"ept ept-usable ept-4level ept-5level ept-wb ept-2mb ept-1gb ept-ad ept-execute-only "     \
	"invept invept-single invept-global"

static const struct expected intel[] = {
	{ "nothing", { 0 }, "", "" },
	{ "CPUID", { .cpuid = VMX }, "vmx", "hypervisor" },
	{ "no VMX", { .cpuid = NO_VMX, .cpuinfo = OFF_INFO, .msrs = MSR_482 }, "", "rest" },
	{ "guest", { .cpuid = GUEST }, "hypervisor", "rest" },
	{ "of AMD, by an emulator",
	  { .cpuid = "CPUID 00000000: 0000000D-68747541-444D4163-69746E65\n"
		     "CPUID 00000001: 00A20F12-00000000-00000020-00000000\n",
	    .cpuinfo = "flags\t: vmx\n",
	    .msrs = "0 0x3a 0x5\n" },
	  "vmx",
	  "hypervisor vmx-enabled ept-usable" },
	{ "new cpuinfo",
	  { .cpuid = VMX, .cpuinfo = NEW_INFO },
	  "vmx vmx-enabled " INFO_YES,
	  "hypervisor " INFO_NO },
	{ "old cpuinfo", { .cpuid = VMX, .cpuinfo = OLD_INFO }, "vmx ept vpid", "hypervisor" },
	{ "old cpuinfo, no EPT",
	  { .cpuid = VMX, .cpuinfo = "flags : vmx vpid\n" },
	  "vmx vpid",
	  "hypervisor " REST_OF_EPT },
	{ "cpuinfo alone",
	  { .cpuinfo = NEW_INFO },
	  "vmx vmx-enabled " INFO_YES,
	  "hypervisor " INFO_NO },
	/* Off: the words are gone, and prove nothing of the processor. */
	{ "off by cpuinfo",
	  { .cpuid = VMX, .cpuinfo = OFF_INFO },
	  "vmx",
	  "hypervisor vmx-enabled ept-usable" },
	{ "off by MSR",
	  { .cpuid = VMX, .msrs = "0 0x3a 0x1\n" MSR_482 MSR_48B MSR_48C },
	  ALL_BY_MSR,
	  "hypervisor vmx-enabled ept-usable" },
	{ "on by MSR", { .cpuid = VMX, .msrs = "0 0x3a 0x5\n" }, "vmx vmx-enabled", "hypervisor" },
	{ "on inside SMX only", { .cpuid = VMX, .msrs = "0 0x3a 0x3\n" }, "vmx", "hypervisor" },
	{ "not locked", { .cpuid = VMX, .msrs = "0 0x3a 0x0\n" }, "vmx", "hypervisor" },
	{ "clearcpuid=vmx",
	  { .cpuid = VMX, .cpuinfo = OFF_INFO, .msrs = "0 0x3a 0x5\n" },
	  "vmx",
	  "hypervisor vmx-enabled ept-usable" },
	{ "all MSRs",
	  { .cpuid = VMX, .msrs = MSR_482 MSR_48B MSR_48C MSR_481 },
	  ALL_BY_MSR " ept-usable apicv",
	  "hypervisor" },
	{ "no secondary controls",
	  { .cpuid = VMX, .msrs = "0 0x482 0x7ff9fffe00000000\n" },
	  "vmx",
	  "hypervisor vpid unrestricted-guest pml pause-loop-exiting shadow-vmcs apicv "
	  "ept-mode-based-exec " REST_OF_EPT },
	{ "secondary controls not read", { .cpuid = VMX, .msrs = MSR_482 }, "vmx", "hypervisor" },
	/* VPID alone has the register 48Ch, too. */
	{ "no EPT",
	  { .cpuid = VMX, .msrs = MSR_482 "0 0x48b 0x2000000000\n" MSR_48C },
	  "vmx vpid",
	  "hypervisor unrestricted-guest pml pause-loop-exiting shadow-vmcs apicv "
	  "ept-mode-based-exec " REST_OF_EPT },
	{ "registers of two processors are not mixed",
	  { .cpuid = VMX, .msrs = MSR_482 "1 0x48b 0x00ffffff00000000\n" },
	  "vmx",
	  "hypervisor" },
	{ "module Y",
	  { .cpuid = VMX, .module_ept = YES, .vmx_module_loaded = true },
	  "vmx vmx-enabled ept ept-usable",
	  "hypervisor" },
	{ "module N",
	  { .cpuid = VMX, .vmx_module_loaded = true },
	  "vmx vmx-enabled",
	  "hypervisor" },
	{ "module loaded against all",
	  { .cpuid = NO_VMX, .vmx_module_loaded = true },
	  "vmx vmx-enabled",
	  "hypervisor" },
};

static void intel_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(intel); i++)
		check(&intel[i], true);
}

/* Each of the four that KVM asks for, missing alone. */
static void ept_not_usable(void **state)
{
	static const struct {
		const char *msr, *says;
	} cases[] = {
		{ "0 0x48c 0x0f0106f3c1a1\n", "4-level walks" },
		{ "0 0x48c 0x0f0106f381e1\n", "write-back" },
		{ "0 0x48c 0x0f0106e3c1e1\n", "INVEPT" },
		{ "0 0x48c 0x0f0102f3c1e1\n", "INVEPT all-context" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *msrs = xasprintf("%s%s%s", MSR_482, MSR_48B, cases[i].msr);
		struct input in = { .cpuid = VMX, .cpuinfo = NEW_INFO, .msrs = msrs };
		struct cpu_judgement j;

		judge(&in, &j);
		assert_int_equal(j.caps[CAP_EPT].value, YES);
		assert_int_equal(j.caps[CAP_EPT_USABLE].value, NO);
		assert_non_null(strstr(j.caps[CAP_EPT_USABLE].why, cases[i].says));
		cpu_judgement_free(&j);
	}
}

static void apicv(void **state)
{
	static const struct {
		const char *msrs;
		enum tri value;
	} cases[] = {
		{ MSR_482 MSR_48B MSR_481, YES },
		{ MSR_482 MSR_48B, UNKNOWN },
		{ MSR_482 MSR_48B "0 0x481 0x7f00000016\n", NO },
		{ MSR_482 "0 0x48b 0x00fffeff00000000\n", NO },
		{ MSR_482 "0 0x48b 0x00fffdff00000000\n", NO },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct input in = { .cpuid = VMX, .msrs = cases[i].msrs };
		struct cpu_judgement j;

		judge(&in, &j);
		assert_int_equal(j.caps[CAP_APICV].value, cases[i].value);
		cpu_judgement_free(&j);
	}
}

/* Those that agree stand side by side; what was overruled does not stand at all. */
static void sources(void **state)
{
	struct input in = { .cpuid = VMX, .cpuinfo = NEW_INFO, .msrs = MSR_482 MSR_48B };
	struct cpu_judgement j;

	(void)state;
	judge(&in, &j);
	assert_int_equal(j.caps[CAP_EPT].source.n, 2);
	assert_string_equal(j.caps[CAP_EPT].source.v[0], "/proc/cpuinfo vmx flags");
	assert_string_equal(j.caps[CAP_EPT].source.v[1], "MSR 48Bh");
	assert_int_equal(j.caps[CAP_SHADOW_VMCS].value, YES);
	assert_int_equal(j.caps[CAP_SHADOW_VMCS].source.n, 1);
	assert_string_equal(j.caps[CAP_SHADOW_VMCS].source.v[0], "MSR 48Bh");
	assert_null(j.caps[CAP_EPT].why);
	assert_non_null(strstr(j.caps[CAP_EPT_USABLE].why, "CPUID does not show it"));
	cpu_judgement_free(&j);
}

#define SVM_YES "svm npt nrips avic vgif"

static const struct expected amd[] = {
	{ "CPUID", { .cpuid = SVM }, SVM_YES " npt-usable", "hypervisor" },
	{ "no SVM", { .cpuid = AMD("00000000", "FFFFFFFF") }, "", "rest" },
	{ "an Intel one", { .cpuid = VMX }, "", "rest" },
	{ "no NPT",
	  { .cpuid = AMD("00000004", "00000008") },
	  "svm nrips",
	  "hypervisor npt npt-usable avic vgif" },
	{ "off by MSR",
	  { .cpuid = SVM, .msrs = "0 0xc0010114 0x18\n" },
	  SVM_YES,
	  "hypervisor svm-enabled npt-usable" },
	{ "off, and not known what it has",
	  { .cpuid = "CPUID 00000000: 0000000D-68747541-444D4163-69746E65\n"
		     "CPUID 00000001: 00A20F12-00000000-00000000-00000000\n"
		     "CPUID 80000000: 80000020-00000000-00000000-00000000\n"
		     "CPUID 80000001: 00000000-00000000-00000004-00000000\n",
	    .msrs = "0 0xc0010114 0x18\n" },
	  "svm",
	  "hypervisor svm-enabled npt-usable" },
	{ "on by MSR",
	  { .cpuid = SVM, .msrs = "0 0xc0010114 0x8\n", .cpuinfo = "flags : svm npt\n" },
	  SVM_YES " svm-enabled npt-usable",
	  "hypervisor" },
	{ "off by cpuinfo",
	  { .cpuid = SVM, .cpuinfo = OFF_INFO },
	  SVM_YES,
	  "hypervisor svm-enabled npt-usable" },
	{ "module Y",
	  { .cpuid = SVM, .module_npt = YES, .svm_module_loaded = true },
	  SVM_YES " svm-enabled npt-usable",
	  "hypervisor" },
	{ "module N",
	  { .cpuid = AMD("00000004", "00000000"), .svm_module_loaded = true },
	  "svm svm-enabled",
	  "hypervisor npt npt-usable nrips avic vgif" },
	{ "NPT taken away from the kernel",
	  { .cpuid = SVM, .cpuinfo = "flags\t: svm nrip_save\n" },
	  SVM_YES,
	  "hypervisor npt-usable" },
	{ "cpuinfo alone",
	  { .cpuinfo = "flags\t: svm npt nrip_save hypervisor\n" },
	  "hypervisor svm npt nrips npt-usable",
	  "" },
	/* No extended leaves: old, or cut off. */
	{ "Pentium",
	  { .cpuid = "CPUID 00000000: 00000001-756E6547-6C65746E-49656E69\n"
		     "CPUID 00000001: 00000525-00000000-00000000-00000000\n" },
	  "",
	  "rest" },
	{ "Zen, cut off",
	  { .cpuid = "CPUID 00000000: 0000000D-68747541-444D4163-69746E65\n"
		     "CPUID 00000001: 00A20F12-00000000-00000000-00000000\n" },
	  "",
	  "hypervisor" },
};

static void amd_cases(void **state)
{
	struct input in = { .cpuid = SVM };
	struct cpu_judgement j;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(amd); i++)
		check(&amd[i], false);
	judge(&in, &j);
	assert_int_equal(j.asids, 0x8000);
	assert_string_equal(j.id.vendor, "AuthenticAMD");
	assert_int_equal(j.id.family, 25);
	cpu_judgement_free(&j);
	in.cpuid = AMD("00000000", "FFFFFFFF");
	judge(&in, &j);
	assert_int_equal(j.asids, 0);
	cpu_judgement_free(&j);
}

static void differences(void **state)
{
	static const char text[] = VMX VMX NO_VMX VMX;
	struct input in = { .cpuid = text, .msrs = "1 0x3a 0x1\n0 0x3a 0x5\n2 0x3a 0x5\n" };
	struct cpu_judgement j;

	(void)state;
	judge(&in, &j);
	assert_int_equal(j.cpu_count, 4);
	assert_int_equal(j.differences.n, 2);
	assert_string_equal(j.differences.v[0], "CPU 0-1, 3: VMX yes; CPU 2: VMX no");
	assert_string_equal(j.differences.v[1], "CPU 0, 2: MSR 3Ah 0x5; CPU 1: MSR 3Ah 0x1");
	cpu_judgement_free(&j);
	/* Hybrid: the leaf beyond the last one says nothing. */
	in = (struct input){ .cpuid = "CPUID 00000000: 0000001A-756E6547-6C65746E-49656E69\n"
				      "CPUID 0000001A: 40000001-00000000-00000000-00000000\n"
				      "CPUID 00000000: 0000001A-756E6547-6C65746E-49656E69\n"
				      "CPUID 0000001A: 20000001-00000000-00000000-00000000\n"
				      "CPUID 00000000: 00000001-756E6547-6C65746E-49656E69\n"
				      "CPUID 0000001A: 77000001-00000000-00000000-00000000\n" };
	judge(&in, &j);
	assert_int_equal(j.differences.n, 1);
	assert_string_equal(j.differences.v[0],
			    "CPU 0: core type 0x40 (Core); CPU 1: core type 0x20 (Atom)");
	cpu_judgement_free(&j);
}

static void many_differences(void **state)
{
	autobuf text = { 0 };
	struct input in = { 0 };
	struct cpu_judgement j;

	(void)state;
	for (unsigned i = 0; i < 8192; i++)
		buf_printf(&text, "%u 0x3a 0x%x\n", i, i);
	in.msrs = text.data;
	judge(&in, &j);
	assert_int_equal(j.differences.n, 1);
	assert_string_equal(j.differences.v[0], "MSR 3Ah: more than 8 kinds among 8192 CPUs");
	cpu_judgement_free(&j);
	/* Two kinds, by turns: the list is cut. */
	buf_reset(&text);
	for (unsigned i = 0; i < 8192; i++)
		buf_printf(&text, "%u 0x3a 0x%x\n", i, i % 2);
	in.msrs = text.data;
	judge(&in, &j);
	assert_int_equal(j.differences.n, 1);
	assert_true(strlen(j.differences.v[0]) < 300);
	assert_non_null(strstr(j.differences.v[0], "28, 30, ...: MSR 3Ah 0x0; CPU 1, 3"));
	cpu_judgement_free(&j);
}

static void msr_text(void **state)
{
	static const char *const wrong[] = {
		"0 0x3a\n",	   "0 0x3a 0x1 0x2\n",	  "x 0x3a 0x1\n",
		"0 3a 0x1\n",	   "0 0x3a 1\n",	  "-1 0x3a 0x1\n",
		"8192 0x3a 0x1\n", "0 0x100000000 0x1\n", "0x0 0x3a 0x1\n",
		"0 0x3a 0xg\n",	   "0 0x3a 0x1 # it\n",	  "0 0x3a 0x11111111111111111\n",
	};
	struct cpu_evidence e = { 0 };
	struct err err = { 0 };
	autobuf b = { 0 };

	(void)state;
	assert_int_equal(
		cpu_read_msrs("# a remark\n\n  0\t0x48b  0x7fcffe00000000\r\n7 0xC0010114 0x8", &e,
			      &err),
		0);
	assert_int_equal(e.msr_count, 2);
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		if (cpu_read_msrs(wrong[i], &e, &err) >= 0)
			fail_msg("not refused: %s", wrong[i]);
		assert_non_null(strstr(err.text, "line 1 is not"));
		assert_int_equal(e.msr_count, 2);
	}
	cpu_write_msrs(&e, &b);
	assert_string_equal(b.data, "0 0x48b 0x7fcffe00000000\n7 0xc0010114 0x8\n");
	cpu_evidence_free(&e);
}

static void info_words(void **state)
{
	static const char text[] =
		"flags\t\t: fpu vmx\t sse\r\nvmx flags\t:\nbugs:a\n\nflags : late\n";

	(void)state;
	assert_int_equal(cpu_info_has(NULL, "flags", "vmx"), UNKNOWN);
	assert_int_equal(cpu_info_has("", "flags", "vmx"), UNKNOWN);
	assert_int_equal(cpu_info_has("flags", "flags", "vmx"), UNKNOWN);
	assert_int_equal(cpu_info_has(text, "flags", "vmx"), YES);
	assert_int_equal(cpu_info_has(text, "flags", "sse"), YES);
	assert_int_equal(cpu_info_has(text, "flags", "vm"), NO);
	assert_int_equal(cpu_info_has(text, "flags", "late"), NO);
	assert_int_equal(cpu_info_has(text, "vmx flags", "bugs:a"), NO);
	assert_int_equal(cpu_info_has(text, "bugs", "a"), YES);
	assert_int_equal(cpu_info_has(text, "flag", "vmx"), UNKNOWN);
}

/* Names are for scripts: unique, and of the letters that JSON's keys are made of. */
static void names(void **state)
{
	(void)state;
	for (enum cpu_cap_id id = 0; id < CAP_COUNT; id++) {
		const struct cpu_cap_name *n = &cpu_cap_names[id];

		assert_non_null(n->name);
		assert_true(n->title && *n->title && (n->intel || n->amd));
		assert_int_equal(strspn(n->name, "abcdefghijklmnopqrstuvwxyz0123456789-"),
				 strlen(n->name));
		assert_int_equal(cpu_cap_find(n->name), id);
	}
	assert_int_equal(cpu_cap_find("ept-3gb"), CAP_COUNT);
	assert_int_equal(cpu_cap_find(""), CAP_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(intel_cases), cmocka_unit_test(ept_not_usable),
		cmocka_unit_test(apicv),       cmocka_unit_test(sources),
		cmocka_unit_test(amd_cases),   cmocka_unit_test(differences),
		cmocka_unit_test(msr_text),    cmocka_unit_test(many_differences),
		cmocka_unit_test(info_words),  cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
