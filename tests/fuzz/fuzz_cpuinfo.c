// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_cpuinfo - any text as /proc/cpuinfo of a processor whose CPUID is known.
 *
 * What must hold: a flag is found where a plain reading finds it; what is known has a source, what is
 * usable is there, and no text makes VT-x of a processor that has none.
 */
#include "engine/observe_cpu.h"
#include "fuzz.h"

#include <errno.h>
#include <kvmtune/cpu.h>
#include <kvmtune/port.h>

static const char *cpuinfo;

static int read_cpuinfo(struct ports *p, const char *path, size_t size, struct buf *ret)
{
	(void)p;
	must(strcmp(path, "/proc/cpuinfo") == 0);
	buf_add(ret, cpuinfo, strnlen(cpuinfo, size));
	return 0;
}

static int no_msr(struct ports *p, unsigned cpu, uint32_t msr, uint64_t *ret)
{
	(void)p, (void)cpu, (void)msr, (void)ret;
	return -ENOENT;
}

/* Line by line, word by word, in the first block. */
static enum tri plain_reading(const char *key, const char *word)
{
	autofree char *copy = xstrdup(cpuinfo);
	char *rest = copy, *line;

	while ((line = strsep(&rest, "\n")) && *line) {
		char *colon = strchr(line, ':'), *name_end = line + strlen(key), *found;

		if (strncmp(line, key, strlen(key)) != 0 || !colon ||
		    name_end + strspn(name_end, " \t") != colon)
			continue;
		for (colon++; (found = strsep(&colon, " \t\r"));)
			if (strcmp(found, word) == 0)
				return YES;
		return NO;
	}
	return UNKNOWN;
}

static void check_flags(void)
{
	static const char *const flags[][2] = {
		{ "flags", "vmx" },	   { "flags", "svm" },	    { "flags", "npt" },
		{ "flags", "ept" },	   { "vmx flags", "vnmi" }, { "vmx flags", "ept" },
		{ "flags", "hypervisor" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		must(cpu_info_has(cpuinfo, flags[i][0], flags[i][1]) ==
		     plain_reading(flags[i][0], flags[i][1]));
}

static void check_fact(const struct fact *f)
{
	must((f->value == UNKNOWN) == (f->source.n == 0));
}

static void check_hardware(enum module_id id, struct cpu_id cpu)
{
	struct ports p = { .file.read_head = read_cpuinfo, .cpu.read_msr = no_msr };
	struct host h = { .cpu_known = true, .cpu = cpu };
	struct module_facts *m = &h.modules[id];

	for (size_t i = 0; i < SETTING_COUNT; i++)
		m->of[i].now = UNKNOWN;
	observe_hardware(&p, &h, id, m);
	check_fact(&m->virt);
	check_fact(&m->enabled);
	check_fact(&m->paging);
	check_fact(&m->usable);
	must(m->virt.value == cpu_virt(&cpu, kvm_modules[id].kind));
	must(m->usable.value != YES || m->paging.value == YES);
	must(m->virt.value != NO || m->usable.value == NO);
	host_free(&h);
}

static void check_judgement(const char *vendor_dump)
{
	struct cpu_evidence e = { .module_ept = UNKNOWN, .module_npt = UNKNOWN };
	struct cpu_judgement j;
	struct err error = { 0 };

	must(cpuid_read_dump(vendor_dump, strlen(vendor_dump), &e.cpuid, &error) == 0);
	e.cpuinfo = xstrdup(cpuinfo);
	cpu_judge(&e, &j);
	for (enum cpu_cap_id id = 0; id < CAP_COUNT; id++)
		must((j.caps[id].value == UNKNOWN) == (j.caps[id].source.n == 0));
	must(j.caps[CAP_EPT_USABLE].value != YES || j.caps[CAP_EPT].value == YES);
	must(j.caps[CAP_NPT_USABLE].value != YES || j.caps[CAP_NPT].value == YES);
	cpu_judgement_free(&j);
	cpu_evidence_free(&e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* As `cpuid -r` writes them: one processor with VMX, one with SVM. */
	static const char intel[] =
		"CPU 0:\n"
		"   0x00000000 0x00: eax=0x00000001 ebx=0x756e6547 ecx=0x6c65746e edx=0x49656e69\n"
		"   0x00000001 0x00: eax=0x000406f1 ebx=0x00000000 ecx=0x00000020 edx=0x00000000\n";
	static const char amd[] =
		"CPU 0:\n"
		"   0x00000000 0x00: eax=0x00000001 ebx=0x68747541 ecx=0x444d4163 edx=0x69746e65\n"
		"   0x00000001 0x00: eax=0x00830f10 ebx=0x00000000 ecx=0x00000000 edx=0x00000000\n"
		"   0x80000000 0x00: eax=0x80000001 ebx=0x68747541 ecx=0x444d4163 edx=0x69746e65\n"
		"   0x80000001 0x00: eax=0x00830f10 ebx=0x00000000 ecx=0x00000004 edx=0x00000000\n";
	autofree char *text = xstrndup((const char *)data, size);

	must(!cpu_log_blames_firmware(text, false) || strstr(text, "TXT) disabled by BIOS"));
	must(!cpu_log_blames_firmware(text, true) || strstr(text, "in MSR_VM_CR"));
	cpuinfo = text;
	check_flags();
	check_hardware(MODULE_KVM_INTEL,
		       (struct cpu_id){ .vendor = "GenuineIntel", .vmx = YES, .svm = NO });
	check_hardware(MODULE_KVM_AMD,
		       (struct cpu_id){ .vendor = "AuthenticAMD", .vmx = NO, .svm = YES });
	check_hardware(MODULE_KVM_INTEL,
		       (struct cpu_id){ .vendor = "GenuineIntel", .vmx = NO, .svm = NO });
	check_judgement(size & 1 ? intel : amd);
	return 0;
}
