// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What /proc says of memory, and when a host is short of it.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/memory.h>

#define GIB (UINT64_C(1) << 30)

static void meminfo(void **state)
{
	static const char text[] = "MemTotal:       65861416 kB\n"
				   "MemFree:         1234567 kB\n"
				   "MemAvailable:   53687091 kB\n"
				   "Buffers:             100 kB\n"
				   "SwapCached:            7 kB\n"
				   "SwapTotal:       8388604 kB\n"
				   "SwapFree:        8388600 kB\n";
	struct memory_facts m = { 0 };

	(void)state;
	memory_read_meminfo(text, &m);
	assert_true(m.known);
	assert_int_equal(m.total_bytes, UINT64_C(65861416) * 1024);
	assert_int_equal(m.available_bytes, UINT64_C(53687091) * 1024);
	assert_true(m.swap_known);
	assert_int_equal(m.swap_total_bytes, UINT64_C(8388604) * 1024);
	assert_int_equal(m.swap_free_bytes, UINT64_C(8388600) * 1024);
	assert_false(m.swapped_known || m.pressure_known);
}

struct odd_case {
	const char *text;
	bool known, swap_known;
};

static void odd_meminfo(void **state)
{
	static const struct odd_case cases[] = {
		{ "", false, false },
		{ "MemTotal:", false, false },
		{ "MemTotal: 100 kB\n", false, false },
		{ "MemTotal: 100 kB\nMemAvailable: 50 kB", true, false },
		{ "MemTotal: 100\nMemAvailable: 50", true, false },
		/* More than there is; nothing at all; no number; too large a one. */
		{ "MemTotal: 100 kB\nMemAvailable: 101 kB\n", false, false },
		{ "MemTotal: 0 kB\nMemAvailable: 0 kB\n", false, false },
		{ "MemTotal: 100 kB\nMemAvailable: -5 kB\n", false, false },
		{ "MemTotal: 100 kB\nMemAvailable: 5x kB\n", false, false },
		{ "MemTotal: 0x64 kB\nMemAvailable: 5 kB\n", false, false },
		{ "MemTotal: 18446744073709551615 kB\nMemAvailable: 5 kB\n", false, false },
		{ "MemTotal: 99999999999999999999 kB\nMemAvailable: 5 kB\n", false, false },
		/* Not at the beginning of a line. */
		{ "XMemTotal: 100 kB\n MemAvailable: 50 kB\n", false, false },
		{ "SwapTotal: 0 kB\nSwapFree: 0 kB\n", false, true },
		{ "SwapTotal: 5 kB\nSwapFree: 6 kB\n", false, false },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct memory_facts m = { .known = true, .swap_known = true };

		memory_read_meminfo(cases[i].text, &m);
		if (m.known != cases[i].known || m.swap_known != cases[i].swap_known)
			fail_msg("\"%s\"", cases[i].text);
	}
}

static void vmstat(void **state)
{
	struct memory_facts m = { 0 };

	(void)state;
	memory_read_vmstat("nr_free_pages 5\npgpgin 3\npswpin 11\npswpout 22\nzswpin 9\n", &m);
	assert_true(m.swapped_known);
	assert_int_equal(m.swapped_in, 11);
	assert_int_equal(m.swapped_out, 22);
	/* A kernel without swap has neither. */
	memory_read_vmstat("nr_free_pages 5\n", &m);
	assert_false(m.swapped_known);
	memory_read_vmstat("pswpin 1\npswpout_x 2\n", &m);
	assert_false(m.swapped_known);
	memory_read_vmstat("pswpin 1\npswpout", &m);
	assert_false(m.swapped_known);
}

static void pressure(void **state)
{
	struct memory_facts m = { 0 };

	(void)state;
	memory_read_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=123\n"
			     "full avg10=0.00 avg60=0.00 avg300=0.00 total=45\n",
			     &m);
	assert_true(m.pressure_known);
	assert_int_equal(m.some_us, 123);
	assert_int_equal(m.full_us, 45);
	/* The total of another line is not that of this one. */
	memory_read_pressure("some avg10=0.00\nfull avg10=0.00 total=45\n", &m);
	assert_false(m.pressure_known);
	memory_read_pressure("some total=1\n", &m);
	assert_false(m.pressure_known);
	memory_read_pressure("", &m);
	assert_false(m.pressure_known);
}

static void reserve(void **state)
{
	struct memory_facts m = { .known = true, .total_bytes = 64 * GIB };

	(void)state;
	assert_int_equal(memory_default_reserve(&m), 64 * GIB / 20);
	m.total_bytes = 20 * GIB;
	assert_int_equal(memory_default_reserve(&m), GIB);
	m.total_bytes = GIB / 2;
	assert_int_equal(memory_default_reserve(&m), GIB);
	m.known = false;
	assert_int_equal(memory_default_reserve(&m), GIB);
}

struct look_case {
	const char *name;
	int64_t ms;
	uint64_t in, out, full_us; /* in that time */
	int64_t usual_ms;	   /* 0: nobody looked */
	uint64_t usual_out, usual_full_us;
	const char *says; /* NULL: enough memory */
};

static struct memory_facts look(uint64_t in, uint64_t out, uint64_t full_us)
{
	return (struct memory_facts){ .swapped_known = true,
				      .swapped_in = 1000 + in,
				      .swapped_out = 5000 + out,
				      .pressure_known = true,
				      .full_us = 70000 + full_us };
}

static void short_of_memory(void **state)
{
	static const struct look_case cases[] = {
		{ "calm", 10000, 0, 0, 0, 1000, 0, 0, NULL },
		{ "at the limit", 10000, 1000, 1560, 0, 1000, 0, 0, NULL },
		{ "above it", 10000, 1000, 1570, 0, 1000, 0, 0,
		  "the host swaps 257 pages a second, 0 before the change" },
		{ "in one second", 1000, 0, 300, 0, 0, 0, 0,
		  "the host swaps 300 pages a second, 0 before the change" },
		{ "as much as ever", 10000, 0, 20000, 0, 1000, 1000, 0, NULL },
		{ "twice of it", 10000, 0, 20010, 0, 1000, 1000, 0,
		  "the host swaps 2001 pages a second, 1000 before the change" },
		{ "a tenth", 10000, 0, 0, 1000000, 1000, 0, 0, NULL },
		{ "a fifth", 10000, 0, 0, 2000000, 1000, 0, 0,
		  "all tasks wait for memory 20 % of the time, 0 % before the change" },
		{ "a fifth as ever", 10000, 0, 0, 2000000, 1000, 0, 150000, NULL },
		{ "no time", 0, 99999, 99999, 99999, 0, 0, 0, NULL },
		{ "time goes back", -5, 99999, 99999, 99999, 0, 0, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct look_case *c = &cases[i];
		struct memory_facts zero = look(0, 0, 0), to = look(c->in, c->out, c->full_us);
		struct memory_facts usual = look(0, c->usual_out, c->usual_full_us);
		autobuf text = { 0 };
		bool is_short = memory_is_short(&zero, &to, c->ms, c->usual_ms ? &zero : NULL,
						c->usual_ms ? &usual : NULL, c->usual_ms, &text);

		if (is_short != !!c->says)
			fail_msg("%s: %s", c->name, buf_text(&text));
		assert_string_equal(buf_text(&text), c->says ? c->says : "");
	}
}

/* What cannot be known is no shortage, nor are counters that start again. */
static void unknown_is_not_short(void **state)
{
	struct memory_facts zero = look(0, 0, 0), much = look(99999, 99999, 99999999), none = { 0 };
	autobuf text = { 0 };

	(void)state;
	assert_false(memory_is_short(&none, &much, 1000, NULL, NULL, 0, &text));
	assert_false(memory_is_short(&zero, &none, 1000, NULL, NULL, 0, &text));
	assert_false(memory_is_short(&much, &zero, 1000, NULL, NULL, 0, &text));
	assert_true(memory_is_short(&zero, &much, 1000, &none, &none, 1000, &text));
	buf_reset(&text);
	much.swapped_known = false;
	assert_true(memory_is_short(&zero, &much, 1000, NULL, NULL, 0, &text));
	assert_non_null(strstr(buf_text(&text), "all tasks"));
}

struct size_case {
	uint64_t bytes;
	const char *text;
};

static void sizes(void **state)
{
	static const struct size_case cases[] = {
		{ 0, "0" },
		{ 1, "1 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ 102348, "99.9 KiB" },
		{ 102349, "100 KiB" },
		{ 512 * 1024, "512 KiB" },
		{ 1023 * 1024, "1023 KiB" },
		{ 1024 * 1024 - 1, "1.0 MiB" },
		{ UINT64_C(1) << 20, "1.0 MiB" },
		{ UINT64_C(3328599655), "3.1 GiB" },
		{ UINT64_C(54975581388), "51.2 GiB" },
		{ UINT64_C(1) << 40, "1.0 TiB" },
		{ UINT64_C(5) << 50, "5.0 PiB" },
		{ UINT64_C(1) << 60, "1.0 EiB" },
		{ UINT64_MAX, "16.0 EiB" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autobuf text = { 0 };

		size_text(cases[i].bytes, &text);
		assert_string_equal(buf_text(&text), cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(meminfo),
		cmocka_unit_test(odd_meminfo),
		cmocka_unit_test(vmstat),
		cmocka_unit_test(pressure),
		cmocka_unit_test(reserve),
		cmocka_unit_test(short_of_memory),
		cmocka_unit_test(unknown_is_not_short),
		cmocka_unit_test(sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
