// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * export_csv.c - one line a run (RFC 4180); what was not measured is empty.
 */
#include "bench_internal.h"

#include <math.h>
#include <string.h>

static void add_field(struct buf *b, const char *text)
{
	if (!text[strcspn(text, ",\"\r\n")]) {
		buf_puts(b, text);
		return;
	}
	buf_puts(b, "\"");
	for (; *text; text++)
		buf_printf(b, *text == '"' ? "\"\"" : "%c", *text);
	buf_puts(b, "\"");
}

void bench_write_csv(const struct bench *b, struct buf *ret)
{
	buf_puts(ret, "host,block,position,variant");
	for (size_t m = 0; m < METRIC_COUNT; m++)
		buf_printf(ret, ",%s", metrics[m].name);
	buf_puts(ret, "\r\n");
	for (size_t i = 0; i < b->run_count; i++) {
		const struct bench_run *run = &b->runs[i];

		add_field(ret, b->host ?: "");
		buf_printf(ret, ",%u,%u,", run->block, run->position);
		add_field(ret, b->variants.v[run->variant]);
		for (size_t m = 0; m < METRIC_COUNT; m++) {
			buf_puts(ret, ",");
			if (isfinite(run->values[m]))
				buf_printf(ret, "%.9g", run->values[m]);
		}
		buf_puts(ret, "\r\n");
	}
}
