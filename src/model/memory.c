// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/memory.h>

#include <string.h>

#define KIB UINT64_C(1024)
#define GIB (KIB * KIB * KIB)

#define SHORT_PAGES_PER_SECOND 256
#define SHORT_STALL_PERCENT    10

/* ---- files of /proc ---- */

/* The number at text, which ends at a blank or at the end of its line. */
static bool number_at(const char *text, uint64_t *ret)
{
	autofree char *digits = xstrndup(text, strspn(text, "0123456789"));
	char end = text[strlen(digits)];

	return (end == '\0' || end == '\n' || end == ' ') && parse_u64(digits, ret) == 0;
}

/* Where the value of the line that begins with this key is, NULL: no such line. */
static const char *value_of(const char *text, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, key, len) == 0)
			return line + len + strspn(line + len, " ");
	}
	return NULL;
}

static bool read_number(const char *text, const char *key, uint64_t *ret)
{
	const char *value = value_of(text, key);

	return value && number_at(value, ret);
}

/* meminfo counts in units of 1024 bytes, which it calls kB. */
static bool read_kb(const char *text, const char *key, uint64_t *ret_bytes)
{
	uint64_t kb;

	if (!read_number(text, key, &kb) || kb > UINT64_MAX / KIB)
		return false;
	*ret_bytes = kb * KIB;
	return true;
}

void memory_read_meminfo(const char *text, struct memory_facts *ret)
{
	uint64_t total, part;

	ret->known = read_kb(text, "MemTotal:", &total) && read_kb(text, "MemAvailable:", &part) &&
		     total && part <= total;
	if (ret->known) {
		ret->total_bytes = total;
		ret->available_bytes = part;
	}
	ret->swap_known = read_kb(text, "SwapTotal:", &total) &&
			  read_kb(text, "SwapFree:", &part) && part <= total;
	if (ret->swap_known) {
		ret->swap_total_bytes = total;
		ret->swap_free_bytes = part;
	}
}

void memory_read_vmstat(const char *text, struct memory_facts *ret)
{
	uint64_t in, out;

	ret->swapped_known =
		read_number(text, "pswpin ", &in) && read_number(text, "pswpout ", &out);
	if (ret->swapped_known) {
		ret->swapped_in = in;
		ret->swapped_out = out;
	}
	ret->unmerged_known = read_number(text, "cow_ksm ", &ret->unmerged);
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=12": microseconds since boot. */
static bool read_total(const char *text, const char *key, uint64_t *ret)
{
	const char *values = value_of(text, key);
	const char *end = values ? strchrnul(values, '\n') : NULL;
	const char *total = values ? strstr(values, "total=") : NULL;

	return total && total < end && number_at(total + strlen("total="), ret);
}

void memory_read_pressure(const char *text, struct memory_facts *ret)
{
	uint64_t some, full;

	ret->pressure_known = read_total(text, "some ", &some) && read_total(text, "full ", &full);
	if (ret->pressure_known) {
		ret->some_us = some;
		ret->full_us = full;
	}
}

uint64_t memory_default_reserve(const struct memory_facts *m)
{
	uint64_t part = m->known ? m->total_bytes / 20 : 0;

	return part > GIB ? part : GIB;
}

uint64_t memory_least_reserve(const struct memory_facts *m)
{
	return m->known ? m->total_bytes / 50 : 0;
}

bool memory_suffices(const struct memory_facts *m, uint64_t need, uint64_t reserve)
{
	if (!need)
		return true;
	return m->known && m->available_bytes >= reserve && m->available_bytes - reserve >= need;
}

void memory_shortage_text(const struct memory_facts *m, uint64_t need, uint64_t reserve,
			  struct buf *ret)
{
	bool below = m->available_bytes < reserve;

	size_text(need, ret);
	buf_puts(ret, below ? ", but " : ", but only ");
	size_text(below ? m->available_bytes : m->available_bytes - reserve, ret);
	buf_puts(ret, below ? " available is already below the " : " is available above the ");
	size_text(reserve, ret);
	buf_puts(ret, " reserve");
}

/* ---- two looks ---- */

/* What happened between two looks, by time. */
struct strain {
	double pages_per_second; /* swapped in and out */
	double stall_percent;	 /* of the time all tasks waited for memory */
};

/* Counters that went back are no ground for anything. */
static double grown(uint64_t from, uint64_t to)
{
	return to > from ? (double)(to - from) : 0;
}

static struct strain strain_between(const struct memory_facts *from, const struct memory_facts *to,
				    int64_t ms)
{
	struct strain s = { 0 };

	if (!from || !to || ms <= 0)
		return s;
	if (from->swapped_known && to->swapped_known)
		s.pages_per_second = (grown(from->swapped_in, to->swapped_in) +
				      grown(from->swapped_out, to->swapped_out)) *
				     1000 / (double)ms;
	if (from->pressure_known && to->pressure_known)
		s.stall_percent = grown(from->full_us, to->full_us) / 10 / (double)ms;
	return s;
}

bool memory_is_short(const struct memory_facts *from, const struct memory_facts *to, int64_t ms,
		     const struct memory_facts *usual_from, const struct memory_facts *usual_to,
		     int64_t usual_ms, struct buf *ret)
{
	struct strain now = strain_between(from, to, ms);
	struct strain usual = strain_between(usual_from, usual_to, usual_ms);

	if (now.pages_per_second > SHORT_PAGES_PER_SECOND &&
	    now.pages_per_second > 2 * usual.pages_per_second) {
		buf_printf(ret, "the host swaps %.0f pages a second, %.0f before the change",
			   now.pages_per_second, usual.pages_per_second);
		return true;
	}
	if (now.stall_percent > SHORT_STALL_PERCENT &&
	    now.stall_percent > 2 * usual.stall_percent) {
		buf_printf(
			ret,
			"all tasks wait for memory %.0f %% of the time, %.0f %% before the change",
			now.stall_percent, usual.stall_percent);
		return true;
	}
	return false;
}

/* ---- sizes ---- */

/* bytes in tenths of the unit, rounded to the nearest: without overflow, as tenths are small. */
static uint64_t tenths_of(uint64_t bytes, unsigned shift)
{
	uint64_t whole = bytes >> shift, rest = bytes & ((UINT64_C(1) << shift) - 1);

	/* More than 2^60 bytes of rest cannot be: the largest unit is 2^60. */
	return whole * 10 + ((rest * 10 + (UINT64_C(1) << shift >> 1)) >> shift);
}

void size_text(uint64_t bytes, struct buf *ret)
{
	static const char *const units[] = { "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	size_t unit = 0;
	uint64_t tenths;

	if (bytes < KIB) {
		buf_printf(ret, bytes ? "%u B" : "%u", (unsigned)bytes);
		return;
	}
	/* 1023.5 of a unit would be shown as 1024. */
	while ((tenths = tenths_of(bytes, 10 * (unsigned)(unit + 1))) >= 10235 &&
	       unit + 1 < ARRAY_SIZE(units))
		unit++;
	if (tenths < 1000)
		buf_printf(ret, "%u.%u %s", (unsigned)tenths / 10, (unsigned)tenths % 10,
			   units[unit]);
	else
		buf_printf(ret, "%u %s", (unsigned)(tenths + 5) / 10, units[unit]);
}
