/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cpuid.h - the registers that CPUID gives, of one processor or many, and dumps of them as text.
 *
 *	struct cpuid_dump dump = { 0 };
 *	if (cpuid_read_dump(text, len, &dump, &e) < 0) ...	e says what is wrong, and in which line
 *	cpuid_get(&dump.cpus[0], 1, 0, registers)
 *	cpuid_dump_free(&dump);
 *
 * Pure: text in, registers out. The text is untrusted, and read strictly: a line that looks like one
 * of registers but is broken fails the whole; lines that are something else are passed over. Forms:
 * libcpuid's ("basic_cpuid[1]=000306a9 ..."), AIDA64's ("CPUID 00000001: 000306A9-..."), and that of
 * `cpuid -r` ("   0x00000001 0x00: eax=0x000306a9 ..."). They may be mixed, with any line ends.
 * Processors are numbered as they come; one begins with a heading, or where leaf 0 comes again. A
 * leaf that comes twice in one processor is what it was first. There are limits to the number of
 * processors (8192), of leaves of one (512) and to the text (64 MiB).
 */
#ifndef KVMTUNE_CPUID_H
#define KVMTUNE_CPUID_H

#include <kvmtune/base.h>
#include <kvmtune/err.h>

enum cpuid_register { EAX, EBX, ECX, EDX, CPUID_REGISTERS };

struct cpuid_leaf {
	uint32_t leaf, subleaf;
	uint32_t r[CPUID_REGISTERS];
};

/* One logical processor. */
struct cpuid_cpu {
	struct cpuid_leaf *leaves;
	size_t count;
};

struct cpuid_dump {
	struct cpuid_cpu *cpus;
	size_t count;
};

int cpuid_read_dump(const char *text, size_t len, struct cpuid_dump *ret, struct err *e);
void cpuid_dump_free(struct cpuid_dump *d);

/* Sets a leaf, which must not be there yet. */
void cpuid_add(struct cpuid_cpu *c, uint32_t leaf, uint32_t subleaf,
	       const uint32_t r[CPUID_REGISTERS]);
/* False: not in there. */
bool cpuid_get(const struct cpuid_cpu *c, uint32_t leaf, uint32_t subleaf,
	       uint32_t ret[CPUID_REGISTERS]);
/* Likewise, subleaf 0; false, too, where the leaf is beyond what the processor says it has. */
bool cpuid_valid(const struct cpuid_cpu *c, uint32_t leaf, uint32_t ret[CPUID_REGISTERS]);
/* One bit; UNKNOWN: the leaf is not in there; NO: it is beyond what the processor says it has. */
enum tri cpuid_bit(const struct cpuid_cpu *c, uint32_t leaf, enum cpuid_register reg, unsigned bit);

/*
 * From leaves 0, 1, 80000002h-4h, 40000000h. Text ends at a NUL; a byte in it that is not printable
 * ASCII is shown as '?'. A known hypervisor has its common name ("KVM"), another its own 12 letters.
 */
void cpuid_vendor(const struct cpuid_cpu *c, char *ret, size_t size);
void cpuid_brand(const struct cpuid_cpu *c, char *ret, size_t size);
void cpuid_hypervisor(const struct cpuid_cpu *c, char *ret, size_t size);
void cpuid_signature(const struct cpuid_cpu *c, int *ret_family, int *ret_model, int *ret_stepping);

/*
 * As text, in libcpuid's form, all processors; serial numbers (leaf 3) left out. Appended. What that
 * form has no name for is written as "cpuid_40000000h[SUBLEAF]=...", which libcpuid passes over.
 */
void cpuid_write_dump(const struct cpuid_dump *d, struct buf *ret);

#endif
