// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpu_differences.c - where logical processors of one machine differ: hybrid ones, mixed microcode.
 *
 * KVM refuses to load where what VMX offers is not the same everywhere (vmx_check_processor_compat).
 */
#include "cpu_internal.h"

#include <inttypes.h>
#include <string.h>

/* Kinds of processors that are told apart; more than any machine has. */
#define KINDS_MAX 8

/* Runs of processors that are listed of one kind; a hybrid one has two or three. */
#define RUNS_MAX 16

/* One property of one processor, as a number. */
struct sample {
	unsigned cpu;
	uint64_t value;
};

struct samples {
	struct sample *v;
	size_t count;
};

typedef void value_text_fn(uint64_t value, struct buf *ret);

/* "CPU 4-7, 12" of all that have this value. */
static void add_cpus(const struct samples *s, uint64_t value, struct buf *ret)
{
	const char *before = "CPU ";
	unsigned runs = 0;

	for (size_t i = 0, last; i < s->count; i = last + 1) {
		last = i;
		if (s->v[i].value != value)
			continue;
		while (last + 1 < s->count && s->v[last + 1].value == value &&
		       s->v[last + 1].cpu == s->v[last].cpu + 1)
			last++;
		if (++runs > RUNS_MAX) {
			buf_puts(ret, ", ...");
			return;
		}
		buf_printf(ret, "%s%u", before, s->v[i].cpu);
		if (last > i)
			buf_printf(ret, "-%u", s->v[last].cpu);
		before = ", ";
	}
}

/* The values that there are, in the order of their first processor; KINDS_MAX + 1 for more. */
static size_t find_kinds(const struct samples *s, uint64_t kinds[KINDS_MAX])
{
	size_t count = 0, k;

	for (size_t i = 0; i < s->count; i++) {
		for (k = 0; k < count && kinds[k] != s->v[i].value; k++)
			;
		if (k < count)
			continue;
		if (count == KINDS_MAX)
			return KINDS_MAX + 1;
		kinds[count++] = s->v[i].value;
	}
	return count;
}

/* "CPU 0-3: VMX; CPU 4-7: no VMX" */
static void compare(const struct samples *s, const char *name, value_text_fn *value_text,
		    struct strv *ret)
{
	uint64_t kinds[KINDS_MAX];
	size_t count = find_kinds(s, kinds);
	autobuf text = { 0 };

	if (count < 2)
		return;
	if (count > KINDS_MAX) {
		strv_addf(ret, "%s: more than %d kinds among %zu CPUs", name, KINDS_MAX, s->count);
		return;
	}
	for (size_t k = 0; k < count; k++) {
		buf_puts(&text, k ? "; " : "");
		add_cpus(s, kinds[k], &text);
		buf_printf(&text, ": %s ", name);
		value_text(kinds[k], &text);
	}
	strv_add(ret, buf_text(&text));
}

/* ---- properties ---- */

static void yes_no_text(uint64_t value, struct buf *ret)
{
	buf_puts(ret, value ? "yes" : "no");
}

static void hex_text(uint64_t value, struct buf *ret)
{
	buf_printf(ret, "0x%" PRIx64, value);
}

static void signature_text(uint64_t value, struct buf *ret)
{
	const uint32_t registers[CPUID_REGISTERS] = { [EAX] = (uint32_t)value };
	struct cpuid_cpu c = { 0 };
	int family, model, stepping;

	cpuid_add(&c, 1, 0, registers);
	cpuid_signature(&c, &family, &model, &stepping);
	free(c.leaves);
	buf_printf(ret, "%d model %d stepping %d", family, model, stepping);
}

/* CPUID 1Ah EAX[31:24] (Intel SDM vol. 2). */
static void core_type_text(uint64_t value, struct buf *ret)
{
	hex_text(value, ret);
	buf_puts(ret, value == 0x20 ? " (Atom)" : value == 0x40 ? " (Core)" : "");
}

/* A part of a register of CPUID, that tells processors apart. */
static const struct property {
	const char *name;
	uint32_t leaf;
	enum cpuid_register reg;
	unsigned shift;
	uint32_t mask;
	value_text_fn *text;
} properties[] = {
	{ "VMX", 1, ECX, 5, 1, yes_no_text },
	{ "SVM", 0x80000001, ECX, 2, 1, yes_no_text },
	{ "SVM features (CPUID 8000000Ah EDX)", 0x8000000a, EDX, 0, UINT32_MAX, hex_text },
	/* Type and reserved bits are not part of it. */
	{ "family", 1, EAX, 0, 0x0fff0fff, signature_text },
	{ "core type", 0x1a, EAX, 24, 0xff, core_type_text },
};

static void compare_property(const struct cpu_evidence *e, const struct property *p,
			     struct strv *ret)
{
	struct samples s = { 0 };
	uint32_t r[CPUID_REGISTERS];

	for (size_t i = 0; i < e->cpuid.count; i++) {
		const struct cpuid_cpu *c = &e->cpuid.cpus[i];

		if (cpuid_valid(c, p->leaf, r))
			array_push(s.v, s.count) =
				(struct sample){ (unsigned)i, r[p->reg] >> p->shift & p->mask };
	}
	compare(&s, p->name, p->text, ret);
	free(s.v);
}

static int by_cpu(const void *a, const void *b)
{
	const struct sample *x = a, *y = b;

	return x->cpu < y->cpu ? -1 : x->cpu > y->cpu;
}

static void compare_msr(const struct cpu_evidence *e, uint32_t msr, struct strv *ret)
{
	autofree char *name = xasprintf("MSR %" PRIX32 "h", msr);
	struct samples s = { 0 };

	for (size_t i = 0; i < e->msr_count; i++)
		if (e->msrs[i].msr == msr)
			array_push(s.v, s.count) =
				(struct sample){ e->msrs[i].cpu, e->msrs[i].value };
	if (s.count)
		qsort(s.v, s.count, sizeof(*s.v), by_cpu);
	compare(&s, name, hex_text, ret);
	free(s.v);
}

void cpu_find_differences(const struct cpu_evidence *e, struct strv *ret)
{
	static const uint32_t msrs[] = { MSR_FEATURE_CONTROL,
					 MSR_VMX_BASIC,
					 MSR_VMX_PINBASED_CTLS,
					 MSR_VMX_PROCBASED_CTLS,
					 MSR_VMX_SECONDARY_CTLS,
					 MSR_VMX_EPT_VPID_CAP,
					 MSR_VM_CR };

	for (size_t i = 0; i < ARRAY_SIZE(properties); i++)
		compare_property(e, &properties[i], ret);
	for (size_t i = 0; i < ARRAY_SIZE(msrs); i++)
		compare_msr(e, msrs[i], ret);
}
