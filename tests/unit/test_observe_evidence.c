// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is gathered of a processor, and what is said where it cannot be.
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

#include "engine/observe_cpu.h"

#include <kvmtune/observe.h>

#define CPUINFO "processor\t: 0\nflags\t\t: fpu vmx\nvmx flags\t: ept\n\nprocessor\t: 1\n"

struct setup {
	struct fake f;
	struct cpu_evidence evidence;
	struct strv unseen;
	struct err e;
	int result;
};

static void begin(struct setup *s)
{
	*s = (struct setup){ .result = 1 };
	fake_init(&s->f);
	fake_file(&s->f, "/proc/cpuinfo", CPUINFO);
}

static void observe(struct setup *s)
{
	s->result = observe_evidence(&s->f.ports, &s->evidence, &s->unseen, &s->e);
	/* Looking changes nothing. */
	assert_int_equal(s->f.log.n, 0);
}

static void end(struct setup *s)
{
	cpu_evidence_free(&s->evidence);
	strv_free(&s->unseen);
	fake_free(&s->f);
}

static bool says(const struct strv *list, const char *part)
{
	for (size_t i = 0; i < list->n; i++)
		if (strstr(list->v[i], part))
			return true;
	return false;
}

static void all_processors(void **state)
{
	uint32_t r[CPUID_REGISTERS];
	struct setup s;

	(void)state;
	begin(&s);
	fake_msr(&s.f, 0x3a, 5);
	fake_msr(&s.f, 0x48b, 0x200000000);
	fake_msr(&s.f, 0x999, 1);
	observe(&s);
	assert_int_equal(s.result, 0);
	assert_int_equal(s.evidence.cpuid.count, 2);
	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		assert_true(cpuid_get(&s.evidence.cpuid.cpus[cpu], 1, 0, r));
		assert_int_equal(r[EBX] >> 24, cpu);
		/* The two that this host has and that are known, of each. */
		assert_int_equal(s.evidence.msrs[2 * cpu].cpu, cpu);
		assert_int_equal(s.evidence.msrs[2 * cpu].msr, 0x3a);
		assert_int_equal(s.evidence.msrs[2 * cpu + 1].msr, 0x48b);
		assert_int_equal(s.evidence.msrs[2 * cpu + 1].value, 0x200000000);
	}
	assert_int_equal(s.evidence.msr_count, 4);
	assert_string_equal(s.evidence.cpuinfo, CPUINFO);
	assert_int_equal(s.unseen.n, 0);
	end(&s);
}

static void no_msr_driver(void **state)
{
	struct setup s;

	(void)state;
	begin(&s);
	observe(&s);
	assert_int_equal(s.result, 0);
	assert_int_equal(s.evidence.msr_count, 0);
	assert_true(says(&s.unseen, "the msr driver is not loaded"));
	assert_true(says(&s.unseen, "modprobe msr"));
	assert_int_equal(s.unseen.n, 1);
	end(&s);
}

static size_t msrs_asked;

static int forbidden(struct ports *p, unsigned cpu, uint32_t msr, uint64_t *ret)
{
	(void)p, (void)cpu, (void)msr, (void)ret;
	msrs_asked++;
	return -EPERM;
}

static void not_root(void **state)
{
	struct setup s;

	(void)state;
	begin(&s);
	s.f.ports.cpu.read_msr = forbidden;
	observe(&s);
	assert_true(says(&s.unseen, "needs root"));
	assert_false(says(&s.unseen, "modprobe"));
	end(&s);
}

static int has_none(struct ports *p, unsigned cpu, uint32_t msr, uint64_t *ret)
{
	(void)p, (void)cpu, (void)msr, (void)ret;
	msrs_asked++;
	return -EIO;
}

/* One that the processor lacks says nothing of the others; one that may not be read says all. */
static void how_many_registers_are_asked_for(void **state)
{
	struct setup s;

	(void)state;
	begin(&s);
	msrs_asked = 0;
	s.f.ports.cpu.read_msr = forbidden;
	observe(&s);
	assert_int_equal(msrs_asked, 1);
	cpu_evidence_free(&s.evidence);
	msrs_asked = 0;
	s.f.ports.cpu.read_msr = has_none;
	observe(&s);
	assert_int_equal(msrs_asked, 6);
	end(&s);
}

static int first_only(struct ports *p, unsigned cpu, uint32_t msr, uint64_t *ret)
{
	(void)p;
	*ret = msr;
	return cpu ? -ENXIO : 0;
}

static void one_cpu_without_registers(void **state)
{
	struct setup s;

	(void)state;
	begin(&s);
	s.f.ports.cpu.read_msr = first_only;
	observe(&s);
	assert_true(s.evidence.msr_count > 0);
	assert_int_equal(s.evidence.msrs[s.evidence.msr_count - 1].cpu, 0);
	assert_true(says(&s.unseen, "model-specific registers of CPU 1"));
	assert_int_equal(s.unseen.n, 1);
	end(&s);
}

/* Without virtualization there are no registers to miss; SVM has others than VMX. */
static void registers_of_the_vendor(void **state)
{
	struct setup s;

	(void)state;
	begin(&s);
	s.f.cpu.vmx = NO;
	fake_msr(&s.f, 0x3a, 5);
	fake_msr(&s.f, 0xc0010114, 0x10);
	observe(&s);
	assert_int_equal(s.evidence.msr_count, 0);
	assert_int_equal(s.unseen.n, 0);
	cpu_evidence_free(&s.evidence);
	s.f.cpu.svm = YES;
	observe(&s);
	assert_int_equal(s.evidence.msr_count, 2);
	assert_int_equal(s.evidence.msrs[0].msr, 0xc0010114);
	end(&s);
}

static int too_long(struct ports *p, const char *path, struct buf *ret)
{
	(void)p, (void)path, (void)ret;
	return -EFBIG;
}

static void cpuinfo_missing_or_long(void **state)
{
	struct setup s;

	(void)state;
	begin(&s);
	fake_gone(&s.f, "/proc/cpuinfo");
	observe(&s);
	assert_int_equal(s.result, 0);
	assert_null(s.evidence.cpuinfo);
	assert_true(says(&s.unseen, "/proc/cpuinfo ("));
	end(&s);
	begin(&s);
	s.f.ports.file.read = too_long;
	observe(&s);
	assert_string_equal(s.evidence.cpuinfo, CPUINFO);
	assert_true(says(&s.unseen, "its beginning was read"));
	end(&s);
}

/* Only of a module that was loaded: one that is built in says Y on any processor. */
static void what_the_module_found(void **state)
{
	struct setup s;

	(void)state;
	begin(&s);
	fake_gone(&s.f, "/sys/module/kvm_intel/initstate");
	fake_file(&s.f, "/sys/module/kvm_intel/parameters/ept", "Y\n");
	observe(&s);
	assert_int_equal(s.evidence.module_ept, UNKNOWN);
	assert_false(s.evidence.vmx_module_loaded);
	cpu_evidence_free(&s.evidence);
	fake_file(&s.f, "/sys/module/kvm_intel/initstate", "coming\n");
	observe(&s);
	assert_int_equal(s.evidence.module_ept, UNKNOWN);
	cpu_evidence_free(&s.evidence);
	fake_file(&s.f, "/sys/module/kvm_intel/initstate", "live\n");
	observe(&s);
	assert_int_equal(s.evidence.module_ept, YES);
	assert_true(s.evidence.vmx_module_loaded);
	assert_int_equal(s.evidence.module_npt, UNKNOWN);
	assert_false(s.evidence.svm_module_loaded);
	end(&s);
}

static void brief(void **state)
{
	struct setup s;

	(void)state;
	begin(&s);
	fake_msr(&s.f, 0x3a, 5);
	fake_msr(&s.f, 0x48b, 0x200000000);
	fake_msr(&s.f, 0xc0010114, 0x10);
	observe_brief_evidence(&s.f.ports, VIRT_VMX, &s.evidence);
	assert_string_equal(s.evidence.cpuinfo, CPUINFO);
	assert_int_equal(s.evidence.msr_count, 2);
	assert_int_equal(s.evidence.msrs[0].msr, 0x3a);
	assert_int_equal(s.evidence.msrs[1].msr, 0x48b);
	assert_int_equal(s.evidence.msrs[1].cpu, 0);
	cpu_evidence_free(&s.evidence);
	fake_gone(&s.f, "/proc/cpuinfo");
	observe_brief_evidence(&s.f.ports, VIRT_SVM, &s.evidence);
	assert_string_equal(s.evidence.cpuinfo, "");
	assert_int_equal(s.evidence.msr_count, 1);
	assert_int_equal(s.evidence.msrs[0].msr, 0xc0010114);
	end(&s);
}

static void an_image_has_none(void **state)
{
	struct setup s;

	(void)state;
	begin(&s);
	s.f.ports.image = true;
	observe(&s);
	assert_true(s.result < 0);
	assert_int_equal(s.e.status, STATUS_IMPOSSIBLE);
	assert_string_equal(s.e.id, "no-processor");
	assert_int_equal(s.evidence.cpuid.count, 0);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_processors),
		cmocka_unit_test(no_msr_driver),
		cmocka_unit_test(not_root),
		cmocka_unit_test(how_many_registers_are_asked_for),
		cmocka_unit_test(one_cpu_without_registers),
		cmocka_unit_test(registers_of_the_vendor),
		cmocka_unit_test(cpuinfo_missing_or_long),
		cmocka_unit_test(what_the_module_found),
		cmocka_unit_test(brief),
		cmocka_unit_test(an_image_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
