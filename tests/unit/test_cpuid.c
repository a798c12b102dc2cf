// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Registers of CPUID, and dumps of them: every form, odd ones, broken ones, hostile ones.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/cpuid.h>

#define LEAF_0	   "CPUID 00000000: 00000001-756E6547-6C65746E-49656E69\n"
#define BASIC_0	   "basic_cpuid[0]=0000000d 756e6547 6c65746e 49656e69\n"
#define NO_NUMBERS "00000000-00000000-00000000-00000000"

static void read_ok(const char *text, struct cpuid_dump *ret)
{
	struct err e = { 0 };

	*ret = (struct cpuid_dump){ 0 };
	if (cpuid_read_dump(text, strlen(text), ret, &e) < 0)
		fail_msg("%s in: %s", e.text, text);
}

static uint32_t get(const struct cpuid_cpu *c, uint32_t leaf, uint32_t subleaf,
		    enum cpuid_register reg)
{
	uint32_t r[CPUID_REGISTERS];

	if (!cpuid_get(c, leaf, subleaf, r))
		fail_msg("no leaf %x.%x", leaf, subleaf);
	return r[reg];
}

/* The same two leaves in every form; the second has a subleaf. */
static void forms(void **state)
{
	static const char *const texts[] = {
		"version=0.6.2\nbasic_cpuid[1]=000306a9 00100800 7fbae3ff bfebfbff\n"
		"intel_fn4[2]=1c03c143 01c0003f 000001ff 00000000\n",
		"_________________ Logical CPU #0 _________________\n"
		"intel_fn4[2]=1C03C143 01C0003F 000001FF 00000000\r\n"
		"basic_cpuid[1]=000306a9 00100800 7fbae3ff bfebfbff \r\n",
		"------[ CPUID Registers / Logical CPU #0 ]------\n\n"
		"CPUID 00000001: 000306A9-00100800-7FBAE3FF-BFEBFBFF\n"
		"CPUID 00000004: 1C03C143-01C0003F-000001FF-00000000 [SL 02] [L2: 256 KB]\n",
		"CPUID Registers (CPU #1):\r\n"
		"CPUID 00000001  \t000306a9-00100800-7fbae3ff-bfebfbff\r\n"
		"CPUID 00000004  \t1c03c143-01c0003f-000001ff-00000000 [SL 02]\r\n",
		"CPU 0:\n   0x00000001 0x00: eax=0x000306a9 ebx=0x00100800 ecx=0x7fbae3ff "
		"edx=0xbfebfbff\n   0x00000004 0x02: eax=0x1c03c143 ebx=0x01c0003f "
		"ecx=0x000001ff edx=0x00000000",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct cpuid_dump d;

		read_ok(texts[i], &d);
		assert_int_equal(d.count, 1);
		assert_int_equal(d.cpus[0].count, 2);
		assert_int_equal(get(&d.cpus[0], 1, 0, EAX), 0x306a9);
		assert_int_equal(get(&d.cpus[0], 1, 0, EBX), 0x100800);
		assert_int_equal(get(&d.cpus[0], 1, 0, ECX), 0x7fbae3ff);
		assert_int_equal(get(&d.cpus[0], 1, 0, EDX), 0xbfebfbff);
		assert_int_equal(get(&d.cpus[0], 4, 2, EAX), 0x1c03c143);
		assert_int_equal(get(&d.cpus[0], 4, 2, EDX), 0);
		cpuid_dump_free(&d);
	}
}

/* Where the next processor begins. */
static void processors(void **state)
{
	static const struct {
		const char *text;
		size_t count;
	} cases[] = {
		{ LEAF_0, 1 },
		{ LEAF_0 LEAF_0, 2 },
		{ "CPU#000 AffMask: 0x1\n" LEAF_0 "CPU#001 AffMask: 0x2\n" LEAF_0, 2 },
		{ "CPUID Registers (CPU #1):\n" LEAF_0 "CPUID Registers (CPU #2 Virtual):\n" LEAF_0,
		  2 },
		{ "------[ Logical CPU #0 ]------\n" LEAF_0
		  "------[ CPUID Registers / Logical CPU #1 Virtual ]------\n" LEAF_0,
		  2 },
		{ "____ Logical CPU #0 ____\n" BASIC_0 "____ Logical CPU #1 ____\n" BASIC_0, 2 },
		/* Headings alone make none, and a rule is no heading. */
		{ "CPU 0:\nCPU 1:\nCPU 2:\n" LEAF_0 "CPU 3:\n", 1 },
		{ LEAF_0 "------------\n8\nCPU-Z\nx\nCPUID Revision: 000306A9h\n", 1 },
		/* The first leaf may be another. */
		{ "CPU 0:\nCPUID 00000001: " NO_NUMBERS "\n" LEAF_0, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct cpuid_dump d;

		read_ok(cases[i].text, &d);
		if (d.count != cases[i].count)
			fail_msg("%zu processors in: %s", d.count, cases[i].text);
		cpuid_dump_free(&d);
	}
}

static void first_counts(void **state)
{
	struct cpuid_dump d;

	(void)state;
	read_ok("CPUID 00000001: 00000001-00000000-00000000-00000000\n"
		"CPUID 00000001: 00000002-00000000-00000000-00000000\n"
		"CPUID 00000001: 00000003-00000000-00000000-00000000 [SL 01]\n",
		&d);
	assert_int_equal(d.cpus[0].count, 2);
	assert_int_equal(get(&d.cpus[0], 1, 0, EAX), 1);
	assert_int_equal(get(&d.cpus[0], 1, 1, EAX), 3);
	cpuid_dump_free(&d);
}

static void refuse(const char *text, size_t len, const char *says)
{
	struct cpuid_dump d = { .count = 77 };
	struct err e = { 0 };

	if (cpuid_read_dump(text, len, &d, &e) >= 0)
		fail_msg("not refused: %.60s", text);
	if (!strstr(e.text, says))
		fail_msg("'%s' does not say '%s'", e.text, says);
	assert_int_equal(d.count, 77);
}

static void broken(void **state)
{
	static const char *const texts[] = {
		"\nCPUID 00000001: 000306A9-00100800-7FBAE3FF",
		"\nCPUID 00000001: 000306A9-00100800-7FBAE3FF-BFEBFBF",
		"\nCPUID 00000001: 000306A9-00100800-7FBAE3FF-BFEBFBFFF",
		"\nCPUID 00000001: 000306A9 00100800 7FBAE3FF BFEBFBFF",
		"\nCPUID 00000001: 000306A9-00100800-7FBAE3FF-BFEBFBFF [SL xx]",
		"\nCPUID 00000001: 000306A9-00100800-7FBAE3FF-BFEBFBFF [SL 00000]",
		"\nCPUID 000000001: " NO_NUMBERS,
		"\nCPUID 1: " NO_NUMBERS,
		"\nbasic_cpuid[0]=00000001",
		"\nbasic_cpuid[]=00000001 00000001 00000001 00000001",
		"\nbasic_cpuid[-1]=00000001 00000001 00000001 00000001",
		"\nbasic_cpuid[99999999999]=00000001 00000001 00000001 00000001",
		"\next_cpuid[70000]=00000001 00000001 00000001 00000001",
		"\nintel_fn4[0]=00000001 00000001 00000001 0000000g",
		"\nintel_fn4[0]=00000001 00000001 00000001 00000001 00000001",
		"\n0x00000001 0x00: eax=0x00000001 ebx=0x00000001 ecx=0x00000001",
		"\n0x00000001 0x00: eax=0x00000001 ecx=0x00000001 ebx=0x00000001 edx=0x00000001",
		"\n0x1 0x00: eax=0x00000001 ebx=0x00000001 ecx=0x00000001 edx=0x00000001",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		refuse(texts[i], strlen(texts[i]), "line 2 cannot be parsed");
}

static void nothing(void **state)
{
	static const char *const texts[] = { "",
					     "\n",
					     "hello",
					     "CPU 0:\n",
					     "CPUID Registers (CPU #1):",
					     "arm_midr=0x410fc075",
					     "0x12 is a number" };
	static const char nuls[64] = "";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		refuse(texts[i], strlen(texts[i]), "no CPUID registers");
	refuse(nuls, sizeof(nuls), "no CPUID registers");
	/* What cannot be printed is not passed on. */
	refuse("basic_cpuid[\x1b[2J", 16, "'basic_cpuid[\\x1b[2J'");
}

static void nul_inside(void **state)
{
	static const char text[] = "CPUID 00000001: 000306A9-00100800-7FBAE3FF-BFEB\0BFF\n";

	(void)state;
	refuse(text, sizeof(text) - 1, "line 1 cannot be parsed");
}

/* The limits, each just kept and just broken. */
static void limits(void **state)
{
	struct cpuid_dump d;
	autobuf b = { 0 };

	(void)state;
	for (int i = 0; i < 1000000; i++)
		buf_puts(&b, "CPU 0:\n");
	buf_puts(&b, LEAF_0);
	read_ok(b.data, &d);
	assert_int_equal(d.count, 1);
	cpuid_dump_free(&d);
	buf_reset(&b);
	for (int i = 0; i < 8192; i++)
		buf_puts(&b, LEAF_0);
	read_ok(b.data, &d);
	assert_int_equal(d.count, 8192);
	cpuid_dump_free(&d);
	buf_puts(&b, LEAF_0);
	refuse(b.data, b.len, "line 8193: more than 8192 processors");
	buf_reset(&b);
	for (int i = 0; i < 512; i++)
		buf_printf(&b, "CPUID %08X: " NO_NUMBERS "\n", (unsigned)i);
	read_ok(b.data, &d);
	cpuid_dump_free(&d);
	buf_puts(&b, "CPUID 80000000: " NO_NUMBERS "\n");
	refuse(b.data, b.len, "line 513: more than 512 leaves");
}

static void long_line(void **state)
{
	static char text[1 << 20];
	static const char start[] = "CPUID 00000001: 0";

	(void)state;
	memset(text, '0', sizeof(text));
	memcpy(text, start, sizeof(start) - 1);
	refuse(text, sizeof(text), "line 1 cannot be parsed");
	memset(text, 'x', sizeof(text));
	refuse(text, sizeof(text), "no CPUID registers");
}

/* ---- what the registers say ---- */

static void words(void **state)
{
	struct cpuid_dump d;
	char text[64];
	int family, model, stepping;

	(void)state;
	read_ok("CPUID 00000000: 0000000D-68747541-444D4163-69746E65\n"
		"CPUID 00000001: 00A60F12-00000000-80000000-00000000\n"
		"CPUID 40000000: 40000001-4B4D564B-564B4D56-0000004D\n"
		"CPUID 80000000: 80000004-00000000-00000000-00000000\n"
		"CPUID 80000002: 20202020-20444D41-657A7952-2035206E\n"
		"CPUID 80000003: 30303637-FF000758-00000000-00000000\n"
		"CPUID 80000004: 00000000-00000000-00000000-00000000\n",
		&d);
	cpuid_vendor(d.cpus, text, sizeof(text));
	assert_string_equal(text, "AuthenticAMD");
	cpuid_vendor(d.cpus, text, 5);
	assert_string_equal(text, "Auth");
	cpuid_brand(d.cpus, text, sizeof(text));
	assert_string_equal(text, "AMD Ryzen 5 7600X?");
	cpuid_hypervisor(d.cpus, text, sizeof(text));
	assert_string_equal(text, "KVM");
	cpuid_signature(d.cpus, &family, &model, &stepping);
	assert_int_equal(family, 25);
	assert_int_equal(model, 97);
	assert_int_equal(stepping, 2);
	cpuid_dump_free(&d);
}

static void no_words(void **state)
{
	/* A hypervisor's leaf without the bit; a brand beyond the last leaf. */
	struct cpuid_dump d;
	char text[64];
	int family, model, stepping;

	(void)state;
	read_ok("CPUID 00000001: 000006EC-00000000-00000000-00000000\n"
		"CPUID 40000000: 40000001-4B4D564B-564B4D56-0000004D\n"
		"CPUID 80000000: 80000003-00000000-00000000-00000000\n"
		"CPUID 80000004: 30303637-00000058-00000000-00000000\n",
		&d);
	cpuid_vendor(d.cpus, text, sizeof(text));
	assert_string_equal(text, "");
	cpuid_brand(d.cpus, text, sizeof(text));
	assert_string_equal(text, "");
	cpuid_hypervisor(d.cpus, text, sizeof(text));
	assert_string_equal(text, "");
	cpuid_signature(d.cpus, &family, &model, &stepping);
	assert_int_equal(family, 6);
	assert_int_equal(model, 14);
	cpuid_dump_free(&d);
}

static void bits(void **state)
{
	struct cpuid_dump d;

	(void)state;
	/* Leaf 4 is beyond the last, 80000001h within, 80000008h not in the dump. */
	read_ok("CPUID 00000000: 00000001-756E6547-6C65746E-49656E69\n"
		"CPUID 00000001: 00000000-00000000-00000020-00000000\n"
		"CPUID 00000004: FFFFFFFF-FFFFFFFF-FFFFFFFF-FFFFFFFF\n"
		"CPUID 80000000: 80000008-00000000-00000000-00000000\n"
		"CPUID 80000001: 00000000-00000000-00000004-00000000\n",
		&d);
	assert_int_equal(cpuid_bit(d.cpus, 1, ECX, 5), YES);
	assert_int_equal(cpuid_bit(d.cpus, 1, ECX, 31), NO);
	assert_int_equal(cpuid_bit(d.cpus, 4, EAX, 0), NO);
	assert_int_equal(cpuid_bit(d.cpus, 0x80000001, ECX, 2), YES);
	assert_int_equal(cpuid_bit(d.cpus, 0x80000008, ECX, 2), UNKNOWN);
	assert_int_equal(cpuid_bit(d.cpus, 0x8000000a, EDX, 0), NO);
	assert_int_equal(cpuid_bit(d.cpus, 0xc0000001, EDX, 0), UNKNOWN);
	cpuid_dump_free(&d);
	/* An old Intel processor answers 80000000h with the registers of its last leaf. */
	read_ok("CPUID 80000000: 00000001-00000000-00000000-00000000\n"
		"CPUID 80000001: 00000000-00000000-00000004-00000000\n",
		&d);
	assert_int_equal(cpuid_bit(d.cpus, 0x80000001, ECX, 2), NO);
	assert_int_equal(cpuid_bit(d.cpus, 1, ECX, 2), UNKNOWN);
	cpuid_dump_free(&d);
}

static void written(void **state)
{
	static const char expected[] = "_________________ Logical CPU #0 _________________\n"
				       "basic_cpuid[0]=00000001 756e6547 6c65746e 49656e69\n"
				       "intel_fn4[1]=00000004 00000000 00000000 00000000\n"
				       "cpuid_40000000h[0]=40000001 00000000 00000000 00000000\n"
				       "ext_cpuid[8]=00003024 00000000 00000000 00000000\n"
				       "cpuid_00000007h[1]=00000007 00000000 00000000 00000000\n"
				       "_________________ Logical CPU #1 _________________\n"
				       "basic_cpuid[0]=00000001 756e6547 6c65746e 49656e69\n";
	struct cpuid_dump d;
	autobuf b = { 0 };

	(void)state;
	read_ok(LEAF_0 "CPUID 00000003: 12345678-12345678-12345678-12345678\n"
		       "CPUID 00000004: 00000004-00000000-00000000-00000000 [SL 01]\n"
		       "CPUID 40000000: 40000001-00000000-00000000-00000000\n"
		       "CPUID 80000008: 00003024-00000000-00000000-00000000\n"
		       "CPUID 00000007: 00000007-00000000-00000000-00000000 [SL 01]\n" LEAF_0,
		&d);
	cpuid_write_dump(&d, &b);
	assert_string_equal(b.data, expected);
	cpuid_dump_free(&d);
	/* And back. */
	read_ok(expected, &d);
	buf_reset(&b);
	cpuid_write_dump(&d, &b);
	assert_string_equal(b.data, expected);
	cpuid_dump_free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(forms),	cmocka_unit_test(processors),
		cmocka_unit_test(first_counts), cmocka_unit_test(broken),
		cmocka_unit_test(nothing),	cmocka_unit_test(nul_inside),
		cmocka_unit_test(limits),	cmocka_unit_test(long_line),
		cmocka_unit_test(words),	cmocka_unit_test(no_words),
		cmocka_unit_test(bits),		cmocka_unit_test(written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
