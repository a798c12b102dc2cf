// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/cpuid.h>

#include <stdio.h>
#include <string.h>

#define LEAF_VENDOR	0
#define LEAF_FEATURES	1
#define LEAF_HYPERVISOR 0x40000000u
#define LEAF_BRAND	0x80000002u

/* Leaves come in ranges of 65536; the first of each says which is its last. */
#define RANGE_OF(leaf) ((leaf)&0xffff0000u)
#define HYPERVISOR_BIT 31

void cpuid_dump_free(struct cpuid_dump *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->cpus[i].leaves);
	free(d->cpus);
	*d = (struct cpuid_dump){ 0 };
}

void cpuid_add(struct cpuid_cpu *c, uint32_t leaf, uint32_t subleaf,
	       const uint32_t r[CPUID_REGISTERS])
{
	struct cpuid_leaf *l = &array_push(c->leaves, c->count);

	l->leaf = leaf;
	l->subleaf = subleaf;
	memcpy(l->r, r, sizeof(l->r));
}

bool cpuid_get(const struct cpuid_cpu *c, uint32_t leaf, uint32_t subleaf,
	       uint32_t ret[CPUID_REGISTERS])
{
	for (size_t i = 0; i < c->count; i++) {
		const struct cpuid_leaf *l = &c->leaves[i];

		if (l->leaf != leaf || l->subleaf != subleaf)
			continue;
		memcpy(ret, l->r, sizeof(l->r));
		return true;
	}
	return false;
}

/*
 * Does the processor have this leaf, by the first leaf of its range? An Intel processor answers for a
 * leaf beyond its last one with another leaf's registers: what stands there means nothing. The same
 * holds for the first leaf of a range that it does not have at all, whose EAX is then none of the
 * range (Linux checks the extended leaves in this way, arch/x86/kernel/cpu/common.c).
 */
static enum tri has_leaf(const struct cpuid_cpu *c, uint32_t leaf)
{
	uint32_t first[CPUID_REGISTERS];

	if (!cpuid_get(c, RANGE_OF(leaf), 0, first))
		return UNKNOWN;
	return RANGE_OF(first[EAX]) == RANGE_OF(leaf) && first[EAX] >= leaf ? YES : NO;
}

bool cpuid_valid(const struct cpuid_cpu *c, uint32_t leaf, uint32_t ret[CPUID_REGISTERS])
{
	return has_leaf(c, leaf) != NO && cpuid_get(c, leaf, 0, ret);
}

enum tri cpuid_bit(const struct cpuid_cpu *c, uint32_t leaf, enum cpuid_register reg, unsigned bit)
{
	uint32_t r[CPUID_REGISTERS];

	if (has_leaf(c, leaf) == NO)
		return NO;
	if (!cpuid_get(c, leaf, 0, r))
		return UNKNOWN;
	return r[reg] >> bit & 1 ? YES : NO;
}

/* Four characters, the lowest byte first. What cannot be printed becomes '?'; a NUL stays one. */
static void put_register(uint32_t r, char *ret)
{
	for (int i = 0; i < 4; i++) {
		char ch = (char)(r >> 8 * i & 0xff);

		ret[i] = ch == '\0' || (ch >= 0x20 && ch < 0x7f) ? ch : '?';
	}
}

void cpuid_vendor(const struct cpuid_cpu *c, char *ret, size_t size)
{
	uint32_t r[CPUID_REGISTERS];
	char text[13] = "";

	if (cpuid_get(c, LEAF_VENDOR, 0, r)) {
		put_register(r[EBX], text);
		put_register(r[EDX], text + 4);
		put_register(r[ECX], text + 8);
	}
	snprintf(ret, size, "%s", text);
}

void cpuid_brand(const struct cpuid_cpu *c, char *ret, size_t size)
{
	uint32_t r[CPUID_REGISTERS];
	char text[49] = "";

	for (unsigned part = 0; part < 3; part++) {
		if (!cpuid_valid(c, LEAF_BRAND + part, r))
			break;
		for (unsigned i = 0; i < CPUID_REGISTERS; i++)
			put_register(r[i], text + 16 * part + 4 * i);
	}
	/* Intel pads before, others behind. */
	snprintf(ret, size, "%s", chomp(text) + strspn(text, " "));
}

void cpuid_hypervisor(const struct cpuid_cpu *c, char *ret, size_t size)
{
	static const struct {
		const char *signature, *name;
	} known[] = {
		{ "KVMKVMKVM", "KVM" },		  { "Linux KVM Hv", "KVM" },
		{ "TCGTCGTCGTCG", "QEMU" },	  { "Microsoft Hv", "Hyper-V" },
		{ "VMwareVMware", "VMware" },	  { "XenVMMXenVMM", "Xen" },
		{ "VBoxVBoxVBox", "VirtualBox" }, { "bhyve bhyve ", "bhyve" },
		{ " lrpepyh  vr", "Parallels" },  { " lrpepyh vr", "Parallels" },
		{ "ACRNACRNACRN", "ACRN" },
	};
	uint32_t r[CPUID_REGISTERS];
	char text[13] = "";

	/* Without the bit, the leaf may hold anything. */
	if (cpuid_bit(c, LEAF_FEATURES, ECX, HYPERVISOR_BIT) == YES &&
	    cpuid_get(c, LEAF_HYPERVISOR, 0, r)) {
		put_register(r[EBX], text);
		put_register(r[ECX], text + 4);
		put_register(r[EDX], text + 8);
	}
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(text, known[i].signature) == 0)
			snprintf(text, sizeof(text), "%s", known[i].name);
	snprintf(ret, size, "%s", text);
}

/* As Linux does it (arch/x86/lib/cpu.c): the extended model counts from family 6 on. */
void cpuid_signature(const struct cpuid_cpu *c, int *ret_family, int *ret_model, int *ret_stepping)
{
	uint32_t r[CPUID_REGISTERS] = { 0 };
	unsigned family, model;

	if (!cpuid_valid(c, LEAF_FEATURES, r))
		r[EAX] = 0;
	family = r[EAX] >> 8 & 0xf;
	model = r[EAX] >> 4 & 0xf;
	if (family == 0xf)
		family += r[EAX] >> 20 & 0xff;
	if (family >= 6)
		model += (r[EAX] >> 16 & 0xf) << 4;
	*ret_family = (int)family;
	*ret_model = (int)model;
	*ret_stepping = (int)(r[EAX] & 0xf);
}
