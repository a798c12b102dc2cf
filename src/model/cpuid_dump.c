// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cpuid_dump.c - CPUID registers as text: the forms of other programs, read strictly; libcpuid's form,
 * written.
 *
 * libcpuid's own reader is not for text of unknown origin: it writes past its buffers. A line is one
 * of registers by how it begins; then every digit of it must be right. A processor begins with a
 * heading, or where leaf 0 comes again without one.
 */
#include <kvmtune/cpuid.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* Linux cannot have more processors (NR_CPUS_RANGE_END); none has as many leaves. */
#define CPUS_MAX   8192
#define LEAVES_MAX 512
#define TEXT_MAX   (UINT32_C(64) << 20)

/* What a line holds. Errors are negative. */
enum line_kind { LINE_OTHER, LINE_HEADING, LINE_REGISTERS };

/* The rest of a line, from at to end. */
struct cursor {
	const char *at, *end;
};

/* How libcpuid calls the leaves that it keeps; those with subleaves under the names of their own. */
static const struct array_name {
	const char *name;
	uint32_t leaf;
	bool by_subleaf; /* the index is the subleaf, else it is added to the leaf */
} array_names[] = {
	{ "intel_fn4", 4, true },
	{ "intel_fn11", 0xb, true },
	{ "intel_fn12h", 0x12, true },
	{ "intel_fn14h", 0x14, true },
	{ "amd_fn8000001dh", 0x8000001d, true },
	{ "amd_fn80000026h", 0x80000026, true },
	{ "basic_cpuid", 0, false },
	{ "ext_cpuid", 0x80000000, false },
};

/* As many leaves as libcpuid keeps under basic_cpuid and ext_cpuid. */
#define ARRAY_LEAVES 32

/* Subleaves are counted from 0; a larger number than this is none. */
#define SUBLEAF_DIGITS 4

/* ---- parts of a line ---- */

static bool take(struct cursor *c, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(c->end - c->at) < len || memcmp(c->at, word, len) != 0)
		return false;
	c->at += len;
	return true;
}

static bool is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r';
}

static bool take_blanks(struct cursor *c)
{
	const char *start = c->at;

	while (c->at < c->end && is_blank(*c->at))
		c->at++;
	return c->at > start;
}

static int digit_of(char ch, unsigned base)
{
	int digit = ch >= '0' && ch <= '9' ? ch - '0' : -1;

	ch |= 32;
	if (ch >= 'a' && ch <= 'f')
		digit = ch - 'a' + 10;
	return digit < (int)base ? digit : -1;
}

/* A number of `least` to `most` digits, and not one digit more. */
static bool take_number(struct cursor *c, unsigned base, int least, int most, uint32_t *ret)
{
	uint32_t value = 0;
	int count = 0;

	for (; c->at < c->end && digit_of(*c->at, base) >= 0; c->at++)
		if (++count <= most)
			value = value * base + (uint32_t)digit_of(*c->at, base);
	*ret = value;
	return count >= least && count <= most;
}

/* One register, 8 digits. */
static bool take_register(struct cursor *c, uint32_t *ret)
{
	return take_number(c, 16, 8, 8, ret);
}

static bool at_end_of_word(const struct cursor *c)
{
	return c->at == c->end || is_blank(*c->at);
}

/* ---- the three forms ---- */

/* "------[ CPUID Registers / Logical CPU #0 ]------", "CPU#000 AffMask: 0x1", "CPU 0:", and more. */
static bool is_heading(struct cursor c)
{
	static const char *const starts[] = {
		"CPU#",		  "CPU:", "Logical CPU #", "CPUID Registers", "[ CPUID Registers",
		"[ Logical CPU #"
	};
	uint32_t number;

	while (c.at < c.end && (*c.at == '-' || *c.at == '_'))
		c.at++;
	take_blanks(&c);
	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		struct cursor try = c;

		if (take(&try, starts[i]))
			return true;
	}
	return take(&c, "CPU ") && take_number(&c, 10, 1, 6, &number) && take(&c, ":");
}

/* "basic_cpuid[1]=000306a9 00100800 7fbae3ff bfebfbff" */
static int read_libcpuid(struct cursor c, struct cpuid_leaf *ret)
{
	const struct array_name *name = NULL;
	uint32_t index, leaf = 0;

	for (size_t i = 0; !name && i < ARRAY_SIZE(array_names); i++) {
		struct cursor try = c;

		if (take(&try, array_names[i].name) && take(&try, "[")) {
			name = &array_names[i];
			c = try;
		}
	}
	/* Our own, for what libcpuid does not keep: "cpuid_40000000h[0]=", the subleaf in brackets. */
	if (!name && !(take(&c, "cpuid_") && take_register(&c, &leaf) && take(&c, "h[")))
		return LINE_OTHER;
	if (!take_number(&c, 10, 1, 5, &index) || !take(&c, "]="))
		return -EINVAL;
	if (name && !name->by_subleaf && index >= 0x10000)
		return -EINVAL;
	ret->leaf = name ? name->leaf + (name->by_subleaf ? 0 : index) : leaf;
	ret->subleaf = name && !name->by_subleaf ? 0 : index;
	for (int i = 0; i < CPUID_REGISTERS; i++)
		if ((i && !take_blanks(&c)) || !take_register(&c, &ret->r[i]))
			return -EINVAL;
	take_blanks(&c);
	return c.at == c.end ? LINE_REGISTERS : -EINVAL;
}

/*
 * "CPUID 00000004: 1C004121-01C0003F-0000003F-00000000 [SL 00] [L1D: 32 KB]"; older ones have blanks
 * for the colon. The report has other lines that begin so: "CPUID Revision: 000306A9h".
 */
static int read_aida64(struct cursor c, struct cpuid_leaf *ret)
{
	bool eight;

	if (!take(&c, "CPUID") || !take_blanks(&c))
		return LINE_OTHER;
	if (c.at == c.end || digit_of(*c.at, 16) < 0)
		return LINE_OTHER;
	eight = take_register(&c, &ret->leaf);
	if (!take(&c, ":") && !at_end_of_word(&c))
		return LINE_OTHER;
	take_blanks(&c);
	if (!eight)
		return -EINVAL;
	for (int i = 0; i < CPUID_REGISTERS; i++)
		if ((i && !take(&c, "-")) || !take_register(&c, &ret->r[i]))
			return -EINVAL;
	if (!at_end_of_word(&c))
		return -EINVAL;
	take_blanks(&c);
	ret->subleaf = 0;
	if (take(&c, "[SL ") &&
	    !(take_number(&c, 16, 1, SUBLEAF_DIGITS, &ret->subleaf) && take(&c, "]")))
		return -EINVAL;
	return LINE_REGISTERS;
}

/* "0x00000004 0x00: eax=0x1c004121 ebx=0x01c0003f ecx=0x0000003f edx=0x00000000" */
static int read_cpuid_r(struct cursor c, struct cpuid_leaf *ret)
{
	static const char *const names[CPUID_REGISTERS] = { "eax=0x", "ebx=0x", "ecx=0x",
							    "edx=0x" };

	if (!take(&c, "0x") || !memmem(c.at, (size_t)(c.end - c.at), names[0], strlen(names[0])))
		return LINE_OTHER;
	if (!take_register(&c, &ret->leaf))
		return -EINVAL;
	ret->subleaf = 0;
	if (take_blanks(&c) &&
	    !(take(&c, "0x") && take_number(&c, 16, 1, SUBLEAF_DIGITS, &ret->subleaf)))
		return -EINVAL;
	if (!take(&c, ":"))
		return -EINVAL;
	for (int i = 0; i < CPUID_REGISTERS; i++)
		if (!take_blanks(&c) || !take(&c, names[i]) || !take_register(&c, &ret->r[i]))
			return -EINVAL;
	take_blanks(&c);
	return c.at == c.end ? LINE_REGISTERS : -EINVAL;
}

static int read_line(struct cursor c, struct cpuid_leaf *ret)
{
	int r;

	take_blanks(&c);
	while (c.end > c.at && is_blank(c.end[-1]))
		c.end--;
	r = read_libcpuid(c, ret);
	if (r == LINE_OTHER)
		r = read_aida64(c, ret);
	if (r == LINE_OTHER)
		r = read_cpuid_r(c, ret);
	return r == LINE_OTHER && is_heading(c) ? LINE_HEADING : r;
}

/* ---- the whole text ---- */

/* What is read so far; a heading alone makes no processor. */
struct reader {
	struct cpuid_dump dump;
	bool next_cpu; /* the next registers are those of another processor */
	size_t line;
};

/* Where a leaf comes twice the first one counts: libcpuid's form has leaf 4 under two names. */
static int add_registers(struct reader *rd, const struct cpuid_leaf *l, struct err *e)
{
	struct cpuid_dump *d = &rd->dump;
	uint32_t old[CPUID_REGISTERS];
	struct cpuid_cpu *cpu = d->count ? &d->cpus[d->count - 1] : NULL;

	if (cpu && l->leaf == 0 && l->subleaf == 0 && cpuid_get(cpu, 0, 0, old))
		rd->next_cpu = true;
	if (!cpu || rd->next_cpu) {
		if (d->count == CPUS_MAX)
			return err_set(e, -E2BIG, "line %zu: more than %d processors", rd->line,
				       CPUS_MAX);
		cpu = &array_push(d->cpus, d->count);
		rd->next_cpu = false;
	}
	if (cpuid_get(cpu, l->leaf, l->subleaf, old))
		return 0;
	if (cpu->count == LEAVES_MAX)
		return err_set(e, -E2BIG, "line %zu: more than %d leaves of one processor",
			       rd->line, LEAVES_MAX);
	cpuid_add(cpu, l->leaf, l->subleaf, l->r);
	return 0;
}

static int broken_line(const struct reader *rd, struct cursor c, struct err *e)
{
	autofree char *raw =
		xstrndup(c.at, (size_t)(c.end - c.at) < 200 ? (size_t)(c.end - c.at) : 200);
	autofree char *text = safe_text(chomp(raw), 60);

	return err_set(e, -EINVAL, "line %zu cannot be parsed: '%s'", rd->line, text);
}

static int read_lines(struct reader *rd, struct cursor c, struct err *e)
{
	for (; c.at < c.end; c.at++) {
		struct cursor line = { c.at, memchr(c.at, '\n', (size_t)(c.end - c.at)) };
		struct cpuid_leaf leaf;
		int r;

		if (!line.end)
			line.end = c.end;
		rd->line++;
		r = read_line(line, &leaf);
		if (r < 0)
			return broken_line(rd, line, e);
		rd->next_cpu |= r == LINE_HEADING;
		if (r == LINE_REGISTERS && (r = add_registers(rd, &leaf, e)) < 0)
			return r;
		c.at = line.end;
		if (c.at == c.end)
			break;
	}
	if (rd->dump.count)
		return 0;
	err_set(e, -EINVAL, "no CPUID registers in it");
	return err_hint(e, "a dump has the form of libcpuid (cpuid_tool --save), of AIDA64, or of "
			   "`cpuid -r`");
}

int cpuid_read_dump(const char *text, size_t len, struct cpuid_dump *ret, struct err *e)
{
	struct reader rd = { .line = 0 };
	struct cursor c = { text, text + len };
	int r;

	if (len > TEXT_MAX)
		return err_set(e, -E2BIG, "more than %u MiB of text", TEXT_MAX >> 20);
	take(&c, "\xef\xbb\xbf"); /* editors put a mark before UTF-8 */
	r = read_lines(&rd, c, e);
	if (r < 0) {
		cpuid_dump_free(&rd.dump);
		return r;
	}
	*ret = rd.dump;
	return 0;
}

/* ---- writing ---- */

/* Under which name libcpuid keeps this leaf, NULL: it does not. */
static const struct array_name *name_of(const struct cpuid_leaf *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(array_names); i++) {
		const struct array_name *n = &array_names[i];

		if (n->by_subleaf ? l->leaf == n->leaf
				  : !l->subleaf && l->leaf - n->leaf < ARRAY_LEAVES)
			return n;
	}
	return NULL;
}

static void write_leaf(const struct cpuid_leaf *l, struct buf *ret)
{
	const struct array_name *name = name_of(l);

	if (!name)
		buf_printf(ret, "cpuid_%08" PRIx32 "h[%" PRIu32 "]", l->leaf, l->subleaf);
	else
		buf_printf(ret, "%s[%" PRIu32 "]", name->name,
			   name->by_subleaf ? l->subleaf : l->leaf - name->leaf);
	buf_printf(ret, "=%08" PRIx32 " %08" PRIx32 " %08" PRIx32 " %08" PRIx32 "\n", l->r[EAX],
		   l->r[EBX], l->r[ECX], l->r[EDX]);
}

void cpuid_write_dump(const struct cpuid_dump *d, struct buf *ret)
{
	static const char rule[] = "_________________";

	for (size_t i = 0; i < d->count; i++) {
		buf_printf(ret, "%s Logical CPU #%zu %s\n", rule, i, rule);
		/* Leaf 3 was the serial number of a Pentium III. */
		for (size_t k = 0; k < d->cpus[i].count; k++)
			if (d->cpus[i].leaves[k].leaf != 3)
				write_leaf(&d->cpus[i].leaves[k], ret);
	}
}
