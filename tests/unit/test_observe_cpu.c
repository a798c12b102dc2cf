// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From /proc/cpuinfo, MSRs and the loaded module to facts, with their evidence.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fake.h"

#include <kvmtune/observe.h>

#define CTLS	0x482
#define CTLS2	0x48b
#define CAP	0x48c
#define CONTROL 0x3a

#define SECONDARY (UINT64_C(1) << 63)
#define EPT	  (UINT64_C(1) << 33)
#define CAP_GOOD  (UINT64_C(1) << 6 | UINT64_C(1) << 14 | UINT64_C(1) << 20 | UINT64_C(1) << 26)

#define CPU(flags)	"processor\t: 0\nvendor_id\t: GenuineIntel\nflags\t\t: " flags "\n"
#define VMX_FLAGS(list) "vmx flags\t: " list "\n"
#define SECOND		"bugs\t\t: l1tf\n\nprocessor\t: 1\nflags\t\t: fpu vmx ept\nvmx flags\t: ept\n"

/* 5.6 and later: `vmx flags`, and vmx is removed if the firmware disables it. */
#define NEW_EPT	   CPU("fpu vmx ept ssse3") VMX_FLAGS("vnmi ept vpid")
#define NEW_NO_EPT CPU("fpu vmx ssse3") VMX_FLAGS("vnmi ept_ad flexpriority") SECOND
#define NEW_OFF	   CPU("fpu ssse3") "bugs\t\t: l1tf\n"
/* EL7, EL8: ept among the flags; vmx is there whatever the firmware says. */
#define OLD_EPT	   CPU("fpu vmx ssse3 tpr_shadow vnmi flexpriority ept vpid") SECOND
#define OLD_NO_EPT CPU("fpu vmx ssse3 tpr_shadow vnmi") SECOND

struct msr {
	uint32_t number;
	uint64_t value;
};

struct cpu_case {
	const char *name;
	enum tri vmx; /* by CPUID */
	const char *cpuinfo;
	struct msr msrs[4];
	const char *loaded; /* options of the loaded module; NULL: not loaded */
	enum tri virt, enabled, paging, usable;
};

static const struct cpu_case cases[] = {
	{ "no VT-x", NO, CPU("fpu"), { { 0 } }, NULL, NO, NO, NO, NO },
	{ "new, EPT", YES, NEW_EPT, { { 0 } }, NULL, YES, YES, YES, UNKNOWN },
	{ "new, no EPT", YES, NEW_NO_EPT, { { 0 } }, NULL, YES, YES, NO, NO },
	{ "new, firmware", YES, NEW_OFF, { { 0 } }, NULL, YES, NO, UNKNOWN, NO },
	{ "no cpuinfo", YES, "", { { 0 } }, NULL, YES, UNKNOWN, UNKNOWN, UNKNOWN },
	{ "old, no EPT, loaded", YES, OLD_NO_EPT, { { 0 } }, "ept=0", YES, YES, NO, NO },
	{ "old, EPT, loaded", YES, OLD_EPT, { { 0 } }, "ept=0", YES, YES, YES, UNKNOWN },
	{ "loaded, on", YES, "", { { 0 } }, "", YES, YES, YES, YES },
	/* N may be what was asked for. */
	{ "loaded, off", YES, "", { { 0 } }, "ept=0", YES, YES, UNKNOWN, UNKNOWN },
	{ "CPUID unknown, loaded", UNKNOWN, "", { { 0 } }, "", YES, YES, YES, YES },
	{ "CPUID unknown", UNKNOWN, "", { { 0 } }, NULL, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN },
	{ "msr, EPT",
	  YES,
	  "",
	  { { CTLS, SECONDARY }, { CTLS2, EPT }, { CAP, CAP_GOOD } },
	  NULL,
	  YES,
	  UNKNOWN,
	  YES,
	  YES },
	{ "msr, no write-back",
	  YES,
	  "",
	  { { CTLS, SECONDARY }, { CTLS2, EPT }, { CAP, CAP_GOOD & ~(UINT64_C(1) << 14) } },
	  NULL,
	  YES,
	  UNKNOWN,
	  YES,
	  NO },
	{ "msr, three levels",
	  YES,
	  NEW_EPT,
	  { { CTLS, SECONDARY }, { CTLS2, EPT }, { CAP, CAP_GOOD & ~(UINT64_C(1) << 6) } },
	  NULL,
	  YES,
	  YES,
	  YES,
	  NO },
	{ "msr, cap not readable",
	  YES,
	  "",
	  { { CTLS, SECONDARY }, { CTLS2, EPT } },
	  NULL,
	  YES,
	  UNKNOWN,
	  YES,
	  UNKNOWN },
	{ "msr, no EPT",
	  YES,
	  "",
	  { { CTLS, SECONDARY }, { CTLS2, ~EPT } },
	  NULL,
	  YES,
	  UNKNOWN,
	  NO,
	  NO },
	/* The register is there for VPID, too. */
	{ "msr, no EPT but VPID",
	  YES,
	  "",
	  { { CTLS, SECONDARY }, { CTLS2, ~EPT }, { CAP, CAP_GOOD } },
	  NULL,
	  YES,
	  UNKNOWN,
	  NO,
	  NO },
	{ "msr, no secondary", YES, "", { { CTLS, ~SECONDARY } }, NULL, YES, UNKNOWN, NO, NO },
	{ "msr, cut short",
	  YES,
	  "",
	  { { CTLS, SECONDARY } },
	  NULL,
	  YES,
	  UNKNOWN,
	  UNKNOWN,
	  UNKNOWN },
	{ "locked off", YES, NEW_OFF, { { CONTROL, 1 } }, NULL, YES, NO, UNKNOWN, NO },
	/* As with clearcpuid=vmx: EPT is there, but KVM does not load. */
	{ "off the flags, msr, EPT",
	  YES,
	  NEW_OFF,
	  { { CTLS, SECONDARY }, { CTLS2, EPT }, { CAP, CAP_GOOD } },
	  NULL,
	  YES,
	  NO,
	  YES,
	  NO },
	{ "locked on", YES, NEW_EPT, { { CONTROL, 5 } }, NULL, YES, YES, YES, UNKNOWN },
	{ "not locked", YES, NEW_EPT, { { CONTROL, 0 } }, NULL, YES, YES, YES, UNKNOWN },
	{ "old, locked off", YES, OLD_EPT, { { CONTROL, 1 } }, NULL, YES, NO, UNKNOWN, NO },
	/* Only a kernel with `vmx flags` takes vmx off where the firmware says no. */
	{ "old, firmware unknown", YES, OLD_EPT, { { 0 } }, NULL, YES, UNKNOWN, YES, UNKNOWN },
	/* Parts of words prove nothing. */
	{ "parts of words",
	  YES,
	  CPU("fpu vmx xept eptx") VMX_FLAGS("ept_x_only ept_mode"),
	  { { 0 } },
	  NULL,
	  YES,
	  YES,
	  NO,
	  NO },
	{ "last flag without end",
	  YES,
	  "flags\t: fpu vmx\nvmx flags\t: ept",
	  { { 0 } },
	  NULL,
	  YES,
	  YES,
	  YES,
	  UNKNOWN },
	{ "no words", YES, "flags\t:\nvmx flags\t:\n", { { 0 } }, NULL, YES, NO, UNKNOWN, NO },
};

static void make(const struct cpu_case *c, struct fake *f)
{
	fake_init(f);
	f->cpu.vmx = c->vmx;
	fake_file(f, "/proc/cpuinfo", c->cpuinfo);
	for (size_t i = 0; i < ARRAY_SIZE(c->msrs) && c->msrs[i].number; i++)
		fake_msr(f, c->msrs[i].number, c->msrs[i].value);
	if (c->loaded)
		fake_load(f, c->loaded);
}

static bool wrong(const struct cpu_case *c, const char *what, const struct fact *got,
		  enum tri expected)
{
	if (got->value == expected)
		return false;
	print_error("%s: %s is %s, not %s\n", c->name, what, tri_name(got->value),
		    tri_name(expected));
	return true;
}

static void facts(void **state)
{
	size_t errors = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct cpu_case *c = &cases[i];
		const struct module_facts *m;
		struct err e = { 0 };
		struct host h;
		struct fake f;

		make(c, &f);
		assert_int_equal(host_observe(&f.ports, HOST_ALL, &h, &e), 0);
		m = &h.modules[MODULE_KVM_INTEL];
		errors += wrong(c, "virt", &m->virt, c->virt);
		errors += wrong(c, "enabled", &m->enabled, c->enabled);
		errors += wrong(c, "paging", &m->paging, c->paging);
		errors += wrong(c, "usable", &m->usable, c->usable);
		/* Looking changes nothing. */
		assert_int_equal(f.log.n, 0);
		host_free(&h);
		fake_free(&f);
	}
	assert_int_equal(errors, 0);
}

/* A fact that is known has a source, one that is unknown has none. */
static void every_fact_has_a_source(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = { 0 };
		struct host h;
		struct fake f;

		make(&cases[i], &f);
		assert_int_equal(host_observe(&f.ports, HOST_ALL, &h, &e), 0);
		for (size_t k = 0; k < 4; k++) {
			const struct module_facts *m = &h.modules[MODULE_KVM_INTEL];
			const struct fact *all[] = { &m->virt, &m->enabled, &m->paging,
						     &m->usable };

			if ((all[k]->value == UNKNOWN) != (all[k]->source.n == 0))
				fail_msg("%s, fact %zu: %s by %zu sources", cases[i].name, k,
					 tri_name(all[k]->value), all[k]->source.n);
		}
		host_free(&h);
		fake_free(&f);
	}
}

static const struct cpu_case *find_case(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (strcmp(cases[i].name, name) == 0)
			return &cases[i];
	fail_msg("no case %s", name);
	return NULL;
}

static void add_sources(const struct fact *f, struct buf *ret)
{
	for (size_t i = 0; i < f->source.n; i++)
		buf_printf(ret, "%s%s", i ? ", " : "", f->source.v[i]);
}

static void sources_of(const struct fact *f, const char *expected)
{
	autobuf b = { 0 };

	add_sources(f, &b);
	assert_string_equal(buf_text(&b), expected);
}

static void evidence(void **state)
{
	struct err e = { 0 };
	struct host h;
	struct fake f;

	(void)state;
	make(find_case("msr, three levels"), &f);
	assert_int_equal(host_observe(&f.ports, HOST_ALL, &h, &e), 0);
	sources_of(&h.modules[MODULE_KVM_INTEL].virt, "CPUID");
	sources_of(&h.modules[MODULE_KVM_INTEL].enabled, "/proc/cpuinfo");
	sources_of(&h.modules[MODULE_KVM_INTEL].paging, "/proc/cpuinfo, MSR 48Bh");
	sources_of(&h.modules[MODULE_KVM_INTEL].usable, "MSR 48Ch");
	host_free(&h);
	fake_free(&f);
}

/* A source that says the contrary is none. */
static void contrary_evidence(void **state)
{
	struct err e = { 0 };
	struct host h;
	struct fake f;

	(void)state;
	make(find_case("old, locked off"), &f);
	assert_int_equal(host_observe(&f.ports, HOST_ALL, &h, &e), 0);
	sources_of(&h.modules[MODULE_KVM_INTEL].enabled, "MSR 3Ah");
	host_free(&h);
	fake_free(&f);
}

/* For the proof after a change: of the parameters our own is read, and nothing else is left out. */
static void proof_reads_our_parameter(void **state)
{
	const struct module_facts *m;
	struct err e = { 0 };
	struct host h;
	struct fake f;

	(void)state;
	make(find_case("old, EPT, loaded"), &f);
	assert_int_equal(host_observe(&f.ports, HOST_MODULES, &h, &e), 0);
	m = &h.modules[MODULE_KVM_INTEL];
	assert_int_equal(m->of[SETTING_EPT].now, NO);
	assert_int_equal(m->of[SETTING_EPT].next, YES);
	assert_int_equal(m->state, MODULE_STATE_LOADED);
	assert_int_equal(m->enabled.value, YES);
	assert_int_equal(m->paging.value, YES);
	assert_true(h.device.exists);
	host_free(&h);
	fake_free(&f);
}

/* To ask for modules is dear: of one that is loaded nothing more is to be known. */
static void a_loaded_module_is_not_asked_for(void **state)
{
	struct err e = { 0 };
	struct host h;
	struct fake f;

	(void)state;
	make(find_case("old, EPT, loaded"), &f);
	fake_fault(&f, "prepare", 0, 1, -EIO);
	assert_int_equal(host_observe(&f.ports, HOST_ALL, &h, &e), 0);
	assert_int_equal(h.modules[MODULE_KVM_INTEL].state, MODULE_STATE_LOADED);
	assert_int_equal(h.unseen.n, 0);
	host_free(&h);
	fake_free(&f);
}

static void modules_cannot_be_asked_for(void **state)
{
	struct err e = { 0 };
	struct host h;
	struct fake f;

	(void)state;
	make(find_case("new, EPT"), &f);
	fake_fault(&f, "prepare", 0, 1, -EIO);
	assert_int_equal(host_observe(&f.ports, HOST_ALL, &h, &e), 0);
	assert_int_equal(h.modules[MODULE_KVM_INTEL].state, MODULE_STATE_UNKNOWN);
	assert_int_equal(h.unseen.n, 1);
	assert_string_equal(h.unseen.v[0],
			    "whether this kernel has kvm_intel (fake fault in prepare)");
	host_free(&h);
	fake_free(&f);
}

static void an_image_has_no_processor(void **state)
{
	const struct module_facts *m;
	struct err e = { 0 };
	struct host h;
	struct fake f;

	(void)state;
	make(find_case("loaded, on"), &f);
	f.ports.image = true;
	assert_int_equal(host_observe(&f.ports, HOST_ALL, &h, &e), 0);
	m = &h.modules[MODULE_KVM_INTEL];
	assert_int_equal(m->virt.value, UNKNOWN);
	assert_int_equal(m->paging.value, UNKNOWN);
	assert_int_equal(m->of[SETTING_EPT].now, UNKNOWN);
	assert_int_equal(m->of[SETTING_EPT].next, YES);
	assert_int_equal(m->state, MODULE_STATE_UNKNOWN);
	host_free(&h);
	fake_free(&f);
}

/* ---- AMD ---- */

#define VM_CR 0xc0010114

struct amd_case {
	const char *name;
	enum tri svm; /* by CPUID */
	const char *cpuinfo;
	int vm_cr;	    /* -1: not readable */
	const char *loaded; /* what the loaded module shows for npt; NULL: not loaded */
	enum tri virt, enabled, paging, usable;
	const char *sources; /* of the four, each */
};

#define AMD_NPT	   CPU("fpu svm extapic npt lbrv")
#define AMD_NO_NPT CPU("fpu svm extapic nptx xnpt")
#define AMD_OFF	   CPU("fpu extapic npt lbrv")

static const struct amd_case amd_cases[] = {
	{ "no SVM", NO, CPU("fpu"), -1, NULL, NO, NO, NO, NO, "CPUID|CPUID|CPUID|CPUID" },
	{ "NPT", YES, AMD_NPT, -1, NULL, YES, UNKNOWN, YES, YES,
	  "CPUID||/proc/cpuinfo|/proc/cpuinfo" },
	{ "no NPT", YES, AMD_NO_NPT, -1, NULL, YES, UNKNOWN, NO, NO,
	  "CPUID||/proc/cpuinfo|/proc/cpuinfo" },
	/* VM_CR: bit 3 locks, bit 4 disables. */
	{ "VM_CR open", YES, AMD_NPT, 0x00, NULL, YES, YES, YES, YES,
	  "CPUID|MSR C0010114h|/proc/cpuinfo|/proc/cpuinfo" },
	{ "VM_CR locked, on", YES, AMD_NPT, 0x08, NULL, YES, YES, YES, YES,
	  "CPUID|MSR C0010114h|/proc/cpuinfo|/proc/cpuinfo" },
	{ "VM_CR off", YES, AMD_NPT, 0x10, NULL, YES, NO, UNKNOWN, NO,
	  "CPUID|MSR C0010114h||MSR C0010114h" },
	{ "VM_CR locked, off", YES, AMD_NPT, 0x18, NULL, YES, NO, UNKNOWN, NO,
	  "CPUID|MSR C0010114h||MSR C0010114h" },
	/* Without the flag kvm_amd does not load, whatever the register says. */
	{ "svm removed from the flags", YES, AMD_OFF, -1, NULL, YES, NO, UNKNOWN, NO,
	  "CPUID|/proc/cpuinfo||/proc/cpuinfo" },
	{ "the same, VM_CR open", YES, AMD_OFF, 0, NULL, YES, NO, UNKNOWN, NO,
	  "CPUID|/proc/cpuinfo||/proc/cpuinfo" },
	{ "no cpuinfo", YES, "", -1, NULL, YES, UNKNOWN, UNKNOWN, UNKNOWN, "CPUID|||" },
	{ "CPUID unknown", UNKNOWN, "", -1, NULL, UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN, "|||" },
	{ "loaded, Y", YES, "", -1, "Y", YES, YES, YES, YES,
	  "CPUID|/sys/module/kvm_amd|/sys/module/kvm_amd/parameters/npt|"
	  "/sys/module/kvm_amd/parameters/npt" },
	{ "loaded, 1", YES, AMD_NPT, -1, "1", YES, YES, YES, YES,
	  "CPUID|/sys/module/kvm_amd|/proc/cpuinfo, /sys/module/kvm_amd/parameters/npt|"
	  "/proc/cpuinfo, /sys/module/kvm_amd/parameters/npt" },
	/* N may be what was asked for. */
	{ "loaded, N", YES, "", -1, "N", YES, YES, UNKNOWN, UNKNOWN,
	  "CPUID|/sys/module/kvm_amd||" },
	{ "loaded, CPUID unknown", UNKNOWN, "", -1, "0", YES, YES, UNKNOWN, UNKNOWN,
	  "/sys/module/kvm_amd|/sys/module/kvm_amd||" },
};

static void make_amd(const struct amd_case *c, struct fake *f)
{
	fake_init(f);
	f->cpu = (struct cpu_id){ .vendor = "AuthenticAMD", .vmx = NO, .svm = c->svm };
	fake_file(f, "/proc/cpuinfo", c->cpuinfo);
	if (c->vm_cr >= 0)
		fake_msr(f, VM_CR, (uint64_t)c->vm_cr);
	if (!c->loaded)
		return;
	fake_file(f, "/sys/module/kvm_amd/initstate", "live\n");
	fake_file(f, "/sys/module/kvm_amd/parameters/npt", c->loaded);
}

static void amd_facts(void **state)
{
	size_t errors = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(amd_cases); i++) {
		struct amd_case c = amd_cases[i];
		struct cpu_case as = { .name = c.name };
		const struct module_facts *m;
		autobuf sources = { 0 };
		struct err e = { 0 };
		struct host h;
		struct fake f;

		make_amd(&c, &f);
		assert_int_equal(host_observe(&f.ports, HOST_ALL, &h, &e), 0);
		m = &h.modules[MODULE_KVM_AMD];
		errors += wrong(&as, "virt", &m->virt, c.virt);
		errors += wrong(&as, "enabled", &m->enabled, c.enabled);
		errors += wrong(&as, "paging", &m->paging, c.paging);
		errors += wrong(&as, "usable", &m->usable, c.usable);
		add_sources(&m->virt, &sources);
		buf_puts(&sources, "|");
		add_sources(&m->enabled, &sources);
		buf_puts(&sources, "|");
		add_sources(&m->paging, &sources);
		buf_puts(&sources, "|");
		add_sources(&m->usable, &sources);
		if (strcmp(buf_text(&sources), c.sources) != 0)
			fail_msg("%s: %s, not %s", c.name, buf_text(&sources), c.sources);
		/* Looking changes nothing; and the other row knows that it is not meant. */
		assert_int_equal(f.log.n, 0);
		assert_int_equal(h.modules[MODULE_KVM_INTEL].virt.value, NO);
		assert_int_equal(h.modules[MODULE_KVM_INTEL].usable.value, NO);
		host_free(&h);
		fake_free(&f);
	}
	assert_int_equal(errors, 0);
}

/* ---- both ---- */

static void not_contrary(const char *name, const char *what, const struct fact *f,
			 const struct cpu_cap *c)
{
	if (f->value != UNKNOWN && c->value != UNKNOWN && f->value != c->value)
		fail_msg("%s, %s: status says %s, cpu says %s", name, what, tri_name(f->value),
			 tri_name(c->value));
}

/* cpu: the capability of virt; those of enabled, paging and usable stand behind it. */
static void compare_with_judge(const char *name, struct fake *f, enum setting_id setting,
			       enum cpu_cap_id virt)
{
	const struct module_facts *m;
	struct cpu_evidence evidence;
	struct cpu_judgement j;
	autostrv unseen = { 0 };
	struct err e = { 0 };
	struct host h;

	assert_int_equal(host_observe(&f->ports, HOST_ALL, &h, &e), 0);
	assert_int_equal(observe_evidence(&f->ports, &evidence, &unseen, &e), 0);
	cpu_judge(&evidence, &j);
	m = &h.modules[setting];
	not_contrary(name, "virt", &m->virt, &j.caps[virt]);
	not_contrary(name, "enabled", &m->enabled, &j.caps[virt + 1]);
	not_contrary(name, "paging", &m->paging, &j.caps[virt + 2]);
	not_contrary(name, "usable", &m->usable, &j.caps[virt + 3]);
	cpu_judgement_free(&j);
	cpu_evidence_free(&evidence);
	host_free(&h);
}

/* `status` asks fewer sources than `cpu`, and may know less; it must not say the contrary. */
static void agrees_with_the_judge(void **state)
{
	struct fake f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make(&cases[i], &f);
		compare_with_judge(cases[i].name, &f, SETTING_EPT, CAP_VMX);
		fake_free(&f);
	}
	for (size_t i = 0; i < ARRAY_SIZE(amd_cases); i++) {
		make_amd(&amd_cases[i], &f);
		compare_with_judge(amd_cases[i].name, &f, SETTING_NPT, CAP_SVM);
		fake_free(&f);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(facts),
		cmocka_unit_test(every_fact_has_a_source),
		cmocka_unit_test(evidence),
		cmocka_unit_test(contrary_evidence),
		cmocka_unit_test(proof_reads_our_parameter),
		cmocka_unit_test(a_loaded_module_is_not_asked_for),
		cmocka_unit_test(modules_cannot_be_asked_for),
		cmocka_unit_test(an_image_has_no_processor),
		cmocka_unit_test(amd_facts),
		cmocka_unit_test(agrees_with_the_judge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
