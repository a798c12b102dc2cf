// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_memory - any text as /proc/meminfo, vmstat and pressure/memory, at two moments.
 *
 * What must hold: what is known makes sense (no more is available than there is), a host that is short
 * is told why, and sizes are plain text.
 */
#include "fuzz.h"

#include <kvmtune/memory.h>

#define NOBODY_KNOWS UINT64_C(0xdeadbeef)

static void read_look(struct parts *p, struct memory_facts *ret)
{
	autofree char *meminfo = take_text(p), *vmstat = take_text(p), *pressure = take_text(p);

	*ret = (struct memory_facts){ .total_bytes = NOBODY_KNOWS, .some_us = NOBODY_KNOWS };
	memory_read_meminfo(meminfo, ret);
	memory_read_vmstat(vmstat, ret);
	memory_read_pressure(pressure, ret);
	must(ret->known ? ret->available_bytes <= ret->total_bytes && ret->total_bytes
			: ret->total_bytes == NOBODY_KNOWS);
	must(!ret->swap_known || ret->swap_free_bytes <= ret->swap_total_bytes);
	must(ret->pressure_known || ret->some_us == NOBODY_KNOWS);
}

static void check_sizes(const struct memory_facts *m)
{
	uint64_t reserve = memory_default_reserve(m), least = memory_least_reserve(m);
	autobuf text = { 0 };

	must(least <= reserve);
	must(!memory_suffices(m, UINT64_MAX, reserve) || m->available_bytes == UINT64_MAX);
	must(memory_suffices(m, 0, reserve));
	memory_shortage_text(m, m->swapped_in, reserve, &text);
	must(is_plain(buf_text(&text)) && strstr(buf_text(&text), " available "));
	buf_reset(&text);
	size_text(m->swapped_out, &text);
	must(is_plain(buf_text(&text)) && text.len && text.len <= strlen("1023 EiB"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parts p = parts_of(data, size);
	struct memory_facts from, to;
	autobuf why = { 0 };
	int64_t ms = (int64_t)(size % 7) * 1000 - 1000;

	read_look(&p, &from);
	read_look(&p, &to);
	must(memory_is_short(&from, &to, ms, &from, &from, ms, &why) == (why.len > 0));
	must(ms > 0 || !why.len);
	must(is_plain(buf_text(&why)));
	check_sizes(&from);
	check_sizes(&to);
	return 0;
}
