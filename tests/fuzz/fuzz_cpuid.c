// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_cpuid - any bytes as a dump of CPUID, as registers and as /proc/cpuinfo, then the judgement.
 *
 * Beyond memory errors it checks what must hold for every input: what is written reads back as the
 * same, a failure says what is wrong and leaves the result alone, and what is YES or NO has a source.
 */
#include <kvmtune/cpu.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* A processor of leaf 3 alone is written as nothing: such a dump cannot come back. */
static void check_round_trip(const struct cpuid_dump *d)
{
	struct cpuid_dump again = { 0 };
	autobuf first = { 0 }, second = { 0 };
	struct err e = { 0 };

	cpuid_write_dump(d, &first);
	if (cpuid_read_dump(buf_text(&first), first.len, &again, &e) < 0)
		return;
	cpuid_write_dump(&again, &second);
	for (size_t i = 0; i < d->count; i++)
		for (size_t k = 0; again.count == d->count && k < d->cpus[i].count; k++) {
			const struct cpuid_leaf *l = &d->cpus[i].leaves[k];
			uint32_t r[CPUID_REGISTERS];

			must(l->leaf == 3 || cpuid_get(&again.cpus[i], l->leaf, l->subleaf, r));
			must(l->leaf == 3 || memcmp(r, l->r, sizeof(r)) == 0);
		}
	must(again.count < d->count || strcmp(buf_text(&first), buf_text(&second)) == 0);
	cpuid_dump_free(&again);
}

static void check_judgement(const struct cpu_evidence *e)
{
	struct cpu_judgement j;

	cpu_judge(e, &j);
	for (enum cpu_cap_id id = 0; id < CAP_COUNT; id++) {
		must((j.caps[id].value == UNKNOWN) == (j.caps[id].source.n == 0));
		must(cpu_cap_find(cpu_cap_names[id].name) == id);
	}
	must(j.caps[CAP_EPT_USABLE].value != YES || j.caps[CAP_EPT].value == YES);
	must(j.caps[CAP_NPT_USABLE].value != YES || j.caps[CAP_NPT].value == YES);
	must(j.cpu_count == e->cpuid.count);
	cpu_judgement_free(&j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpu_evidence e = { .module_ept = UNKNOWN, .module_npt = UNKNOWN };
	autofree char *text = xstrndup((const char *)data, size);
	struct err error = { 0 };
	int r;

	r = cpuid_read_dump((const char *)data, size, &e.cpuid, &error);
	must((r < 0) == (*error.text != '\0') && (r == 0) == (e.cpuid.count > 0));
	r = cpu_read_msrs(text, &e, &error);
	must(r == 0 || e.msr_count == 0);
	e.cpuinfo = xstrdup(text);
	check_round_trip(&e.cpuid);
	check_judgement(&e);
	cpu_evidence_free(&e);
	return 0;
}
