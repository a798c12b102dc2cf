// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_bench_score - any output of a load, in which a score is looked for.
 *
 * The first byte chooses how. What must hold: a score that is found is a number above 0, and where
 * there is none there is a sentence.
 */
#include "fuzz.h"

#include <kvmtune/bench.h>

#include <math.h>

static const struct bench_score ways[] = {
	{ .regex = "^Score: *(.*)$" },
	{ .regex = "([0-9.]+) HS06" },
	{ .regex = "(a)|x *(.*)" },
	{ .regex = "(x*)*y" },
	{ .json_key = "score" },
	{ .json_key = "a.b.c" },
	{ .json_key = "" },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *output = size ? xstrndup((const char *)data + 1, size - 1) : NULL;
	double score = -1;
	struct err e = { 0 };

	if (!size)
		return 0;
	if (bench_find_score(&ways[data[0] % ARRAY_SIZE(ways)], output, &score, &e) == 0)
		must(score > 0 && isfinite(score));
	else
		must(score == -1 && e.text[0]);
	return 0;
}
