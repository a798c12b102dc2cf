// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench_truth.c - `make bench-truth`: does bench keep what it prints? On made-up hosts whose true
 * effect is known: 4,000 benches a cell. Prints a table; exit status 1 where a bound is not kept.
 *
 *	coverage	within -1 / +1.5 points of the printed level where the noise is fair (the first
 *			five kinds), not below -1 elsewhere
 *	false claims	at no effect at most 5 %, with looks; coverage at least 95 %, less a point
 *	power		6 % at 2 % noise is found in 95 %; with outliers at 10 blocks in 88 %
 *	bias		a drift of 10 % moves the ratio by less than 0.3 %
 */
#include <stdio.h>

#include "../lib/bench_model.h"

#define BENCHES 4000

static const double sds[] = { 0.005, 0.02, 0.05 };
static const unsigned blocks[] = { 5, 10, 20, 30 };
static int failed;

static const char *check(bool kept)
{
	failed += !kept;
	return kept ? "" : "  <-- not kept";
}

static void coverage(void)
{
	uint32_t seed = 1;

	printf("Coverage, less the printed level, in points; %d benches a cell\n%-12s", BENCHES,
	       "");
	for (size_t n = 0; n < ARRAY_SIZE(blocks); n++)
		for (size_t s = 0; s < ARRAY_SIZE(sds); s++)
			printf(" %2u/%-4.1f", blocks[n], 100 * sds[s]);
	printf("  (blocks/noise in %%)\n");
	for (enum noise kind = 0; kind < NOISE_KINDS; kind++) {
		bool kept = true;

		printf("%-12s", noise_names[kind]);
		for (size_t n = 0; n < ARRAY_SIZE(blocks); n++) {
			for (size_t s = 0; s < ARRAY_SIZE(sds); s++) {
				const struct bench_limits limits = { .runs = blocks[n] };
				struct found f =
					simulate(kind, sds[s], 0, &limits, BENCHES, seed++);
				double off = 100 * ((double)f.covers / f.benches - f.level);

				printf(" %+7.2f", off);
				kept &= off >= -1 && off <= 1.5;
			}
		}
		printf("%s\n", check(kept));
		fflush(stdout);
	}
}

static void claims(void)
{
	const struct bench_limits limits = { 0 };

	printf("\nFalse claims with looks at 10, 20 and 30 blocks, in %%; at most 5\n");
	for (enum noise kind = 0; kind < NOISE_KINDS; kind++) {
		struct found f = simulate(kind, 0.02, 0, &limits, BENCHES, 500 + kind);
		double percent = 100.0 * f.claims / f.benches;

		printf("%-12s %5.2f, coverage %5.2f%s\n", noise_names[kind], percent,
		       100.0 * f.covers / f.benches,
		       check(percent <= 5 && f.covers >= 0.94 * f.benches));
	}
}

static void power(void)
{
	const struct bench_limits looks = { 0 }, ten = { .runs = 10 };

	printf("\nA true 6 %% is found, in %% of all benches\n");
	for (enum noise kind = 0; kind < NOISE_KINDS; kind++) {
		struct found f = simulate(kind, 0.02, log(1.06), &looks, BENCHES, 600 + kind);
		struct found f10 = simulate(kind, 0.02, log(1.06), &ten, BENCHES, 700 + kind);
		double percent = 100.0 * f.claims / f.benches,
		       percent10 = 100.0 * f10.claims / f10.benches;
		bool kept = percent >= (kind == NOISE_ALL ? 85 : 95) &&
			    (kind != NOISE_OUTLIERS || percent10 >= 88);

		printf("%-12s with looks %6.2f (%4.1f blocks), 10 blocks %6.2f, coverage %5.2f%s\n",
		       noise_names[kind], percent, f.blocks, percent10,
		       100.0 * f.covers / f.benches, check(kept));
	}
}

static void bias(void)
{
	printf("\nBias of the ratio by a drift of 10 %%, in %%; less than 0.3\n");
	for (size_t s = 0; s < ARRAY_SIZE(sds); s++) {
		const struct bench_limits limits = { .runs = 10 };
		struct found f =
			simulate(NOISE_DRIFT, sds[s], 0, &limits, BENCHES, 800 + (uint32_t)s);

		printf("noise %.1f %%: %+.3f%s\n", 100 * sds[s], 100 * f.bias,
		       check(fabs(f.bias) < 0.003));
	}
}

int main(void)
{
	coverage();
	claims();
	power();
	bias();
	if (failed)
		printf("\n%d lines are not kept\n", failed);
	return failed != 0;
}
