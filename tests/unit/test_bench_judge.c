// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The interval of bench against brute force over all signs, and its promises on made-up hosts. All
 * of the simulations are in `make bench-truth`; here is a sample of them.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../lib/bench_model.h"

#define TINY 1e-9

static void assert_near(double a, double b, double most, const char *what)
{
	if (!(fabs(a - b) <= most))
		fail_msg("%s: %.12g, not %.12g", what, a, b);
}

/* ---- by brute force, written anew ---- */

static struct level nearest(double wanted)
{
	return (struct level){ wanted, false };
}

static unsigned long brute_score(size_t r, size_t n)
{
	return r < (n + 1) / 2 ? r : (n + 1) / 2;
}

/* How many of all 2^n signs give a sum of at least c. */
static unsigned long brute_tail(size_t n, unsigned long c)
{
	unsigned long found = 0;

	for (unsigned long signs = 0; signs < 1ul << n; signs++) {
		unsigned long sum = 0;

		for (size_t i = 0; i < n; i++)
			sum += signs >> i & 1 ? brute_score(i + 1, n) : 0;
		found += sum >= c;
	}
	return found;
}

static unsigned long brute_sum_above(const double *d, size_t n, double theta)
{
	unsigned long sum = 0;

	for (size_t i = 0; i < n; i++) {
		size_t rank = 1;

		if (d[i] <= theta)
			continue;
		for (size_t j = 0; j < n; j++)
			rank += fabs(d[j] - theta) < fabs(d[i] - theta) ||
				(fabs(d[j] - theta) == fabs(d[i] - theta) && j < i);
		sum += brute_score(rank, n);
	}
	return sum;
}

/* How probable, by all signs, is a sum as far from its middle as that of theta? Two sides. */
static double brute_p(const double *d, size_t n, double theta)
{
	unsigned long total = 0, sum = brute_sum_above(d, n, theta);

	for (size_t i = 1; i <= n; i++)
		total += brute_score(i, n);
	if (2 * sum < total)
		sum = total - sum;
	return 2.0 * (double)brute_tail(n, sum) / (double)(1ul << n);
}

static void levels_by_brute_force(void **state)
{
	(void)state;
	for (size_t n = INTERVAL_MIN; n <= 12; n++) {
		for (double level = 0.8; level < 1; level += 0.017) {
			double real;
			unsigned long c = stats_critical(n, nearest(level), &real);
			double here = 1 - 2 * (double)brute_tail(n, c) / (double)(1ul << n);
			double below = 1 - 2 * (double)brute_tail(n, c - 1) / (double)(1ul << n);
			double above = 1 - 2 * (double)brute_tail(n, c + 1) / (double)(1ul << n);

			assert_near(real, here, TINY, "level");
			/* No neighbour is nearer to what was asked for. */
			assert_true(fabs(here - level) <= fabs(below - level) + TINY);
			assert_true(above == 1 || fabs(here - level) <= fabs(above - level) + TINY);
			/* At least: the lowest that is not below, or the highest of all. */
			c = stats_critical(n, (struct level){ level, true }, &real);
			assert_true(real >= level || brute_tail(n, c + 1) == 0);
			assert_true(1 - 2 * (double)brute_tail(n, c - 1) / (double)(1ul << n) <
				    level);
		}
	}
}

/* In BENCH's table, 95 %. */
static void known_levels(void **state)
{
	static const struct {
		size_t n;
		unsigned long c;
		double percent;
	} known[] = { { 5, 12, 93.75 }, { 6, 14, 93.75 }, { 8, 23, 96.1 },   { 10, 34, 95.5 },
		      { 12, 46, 95.3 }, { 15, 71, 94.7 }, { 20, 114, 94.8 }, { 30, 239, 94.9 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		double real;

		assert_int_equal(stats_critical(known[i].n, nearest(0.95), &real), known[i].c);
		assert_near(100 * real, known[i].percent, 0.05, "level");
	}
}

/* On both sides of each end all signs are tried: inside p is above 1 - level, outside it is not. */
static void intervals_by_brute_force(void **state)
{
	struct random r = { .state = 11 };

	(void)state;
	for (size_t n = INTERVAL_MIN; n <= 12; n++) {
		for (int round = 0; round < 8; round++) {
			struct interval at;
			double d[12], step = 1e-7, alpha;

			for (size_t i = 0; i < n; i++)
				d[i] = 0.5 + normal(&r) * (uniform(&r) < 0.1 ? 20 : 1);
			assert_int_equal(stats_interval(d, n, nearest(0.95), &at), 0);
			alpha = 1 - at.level;
			assert_true(brute_p(d, n, at.low - step) <= alpha + TINY);
			assert_true(brute_p(d, n, at.low + step) > alpha + TINY);
			assert_true(brute_p(d, n, at.high - step) > alpha + TINY);
			assert_true(brute_p(d, n, at.high + step) <= alpha + TINY);
			assert_true(at.low <= at.mid && at.mid <= at.high);
			/* The ends are means of two differences, to the last digits. */
			for (int end = 0; end < 2; end++) {
				double value = end ? at.high : at.low, off = INFINITY;

				for (size_t i = 0; i < n; i++)
					for (size_t j = i; j < n; j++)
						off = fmin(off, fabs((d[i] + d[j]) / 2 - value));
				assert_near(off, 0, TINY, "end");
			}
		}
	}
}

/* By a program of its own in exact fractions, which scans where ours bisects. */
static const struct {
	size_t n;
	double level;
	double d[11];
	unsigned long c;
	double real, low, mid, high;
} reference[] = {
	{ 5, 0.95, { 0.326, 2.882, -0.383, 0.617, 1.666 }, 12, 0.9375, -0.383, 0.8065, 2.882 },
	{ 6,
	  0.95,
	  { -0.803, -0.704, 2.363, 1.194, -0.615, 0.497 },
	  14,
	  0.9375,
	  -0.7535,
	  -0.059,
	  1.7785 },
	{ 8,
	  0.95,
	  { 1.387, -0.763, 2.726, 50, -0.121, -0.847, -0.648, 0.776 },
	  23,
	  0.9609375,
	  -0.7475,
	  0.3485,
	  25.388 },
	{ 10,
	  0.95,
	  { 0.712, -0.714, -0.015, -0.629, 1.257, 0.738, -0.758, 2.386, 1.316, -0.493 },
	  34,
	  0.955078125,
	  -0.6255,
	  0.2355,
	  1.2865 },
	{ 10,
	  0.9779,
	  { 2.88, -0.086, 1.583, 1.569, 1.387, 2.881, -0.747, 1.363, 1.398, 0.624 },
	  35,
	  0.970703125,
	  0.308,
	  1.39525,
	  2.225 },
	/* with ties */
	{ 11,
	  0.95,
	  { -0.797, -0.81, -0.81, -0.81, 1.28, 2.516, -0.455, 0.186, 0.716, -0.41, 1.214 },
	  42,
	  0.94921875,
	  -0.797,
	  -0.112,
	  0.998 },
};

static void known_intervals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(reference); i++) {
		struct interval at;
		double real;

		assert_int_equal(stats_critical(reference[i].n, nearest(reference[i].level), &real),
				 reference[i].c);
		assert_int_equal(stats_interval(reference[i].d, reference[i].n,
						nearest(reference[i].level), &at),
				 0);
		assert_near(at.level, reference[i].real, TINY, "level");
		assert_near(at.low, reference[i].low, TINY, "low");
		assert_near(at.mid, reference[i].mid, TINY, "mid");
		assert_near(at.high, reference[i].high, TINY, "high");
	}
}

static void few_and_equal_values(void **state)
{
	double d[INTERVAL_MAX + 1] = { 3, 1, 2, 4 };
	struct interval at;

	(void)state;
	assert_int_equal(stats_interval(d, 0, nearest(0.95), &at), -ENODATA);
	assert_int_equal(stats_interval(d, 4, nearest(0.95), &at), 0);
	assert_true(at.level == 0 && at.low == at.mid && at.high == at.mid);
	assert_near(at.mid, 2.5, TINY, "middle of four");
	for (size_t i = 0; i <= INTERVAL_MAX; i++)
		d[i] = 7;
	assert_int_equal(stats_interval(d, 10, nearest(0.95), &at), 0);
	assert_true(at.low == 7 && at.mid == 7 && at.high == 7);
	assert_int_equal(stats_interval(d, INTERVAL_MAX, nearest(0.95), &at), 0);
	assert_true(at.low == 7 && at.high == 7);
	assert_int_equal(stats_interval(d, INTERVAL_MAX + 1, nearest(0.95), &at), -E2BIG);
}

/* ---- the order of runs ---- */

static void orders_are_uniform(void **state)
{
	enum { BLOCKS = 6000 };
	unsigned order[3], seen[27] = { 0 }, again[3], first = 0, alike = 0;

	(void)state;
	for (unsigned b = 1; b <= BLOCKS; b++) {
		unsigned before = first;

		bench_order(4711, b, 3, order);
		bench_order(4711, b, 3, again);
		assert_memory_equal(order, again, sizeof(order));
		seen[order[0] * 9 + order[1] * 3 + order[2]]++;
		first = order[0];
		alike += b > 1 && first == before;
	}
	/* Six orders of a thousand each; the bounds are five standard deviations. */
	for (unsigned i = 0; i < 27; i++)
		if (seen[i] && (seen[i] < 856 || seen[i] > 1144))
			fail_msg("order %u was drawn %u times", i, seen[i]);
	assert_int_equal(seen[5] + seen[7] + seen[11] + seen[15] + seen[19] + seen[21], BLOCKS);
	/* Independent: two blocks in a row begin alike in a third of all cases. */
	assert_in_range(alike, 1817, 2183);
}

/* ---- when to stop ---- */

static struct bench_judgement judged(struct bench_verdict *v, double low, double high)
{
	*v = (struct bench_verdict){ .gain = { low, (low + high) / 2, high, 0.97 } };
	return (struct bench_judgement){ .verdicts = v, .verdict_count = 1 };
}

static void looks_and_stops(void **state)
{
	const struct bench_limits plain = { .runs = 10 }, looks = { 0 },
				  fine = { .precision = 0.01 };
	const struct bench_limits hour = { .budget_ms = 3600000 };
	struct bench_verdict v;
	struct bench_judgement wide = judged(&v, -0.02, 0.03);
	struct bench_verdict v2, v3;
	struct bench_judgement sure = judged(&v2, 0.001, 0.03), narrow = judged(&v3, -0.009, 0.008);

	(void)state;
	assert_int_equal(bench_next(&plain, 9, 0, NULL), BENCH_GO_ON);
	assert_int_equal(bench_next(&plain, 10, 0, &wide), BENCH_DONE);
	/* Between looks nothing is concluded. */
	assert_int_equal(bench_next(&looks, 11, 0, &sure), BENCH_GO_ON);
	assert_int_equal(bench_next(&looks, 10, 0, &sure), BENCH_SURE);
	assert_int_equal(bench_next(&looks, 10, 0, &wide), BENCH_GO_ON);
	assert_int_equal(bench_next(&looks, 20, 0, &narrow), BENCH_GO_ON);
	assert_int_equal(bench_next(&looks, 30, 0, &narrow), BENCH_DONE);
	assert_int_equal(bench_next(&fine, 20, 0, &narrow), BENCH_PRECISE);
	assert_int_equal(bench_next(&fine, 20, 0, &wide), BENCH_GO_ON);
	/* 20 blocks at 170 s an hour; ten more would not fit. */
	assert_int_equal(bench_next(&hour, 10, 1700000, &wide), BENCH_GO_ON);
	assert_int_equal(bench_next(&hour, 20, 3400000, &wide), BENCH_NO_TIME);
	assert_int_equal(bench_next(&hour, 7, 3600000, NULL), BENCH_NO_TIME);
	/* Nothing to conclude from without an interval. */
	v2.gain.level = 0;
	assert_int_equal(bench_next(&fine, 10, 0, &sure), BENCH_GO_ON);
	assert_near(bench_level(false, 2).wanted, 0.95, TINY, "level");
	assert_near(bench_level(true, 2).wanted, 0.9779, TINY, "level");
	assert_near(bench_level(false, 3).wanted, 0.975, TINY, "level of two comparisons");
}

/* ---- judging ---- */

/* Scores of one host: EPT on, then off, for as many blocks, all alike. */
static void add_host(struct bench *b, const char *host, double on, double off, unsigned blocks)
{
	*b = (struct bench){ .has_score = true, .higher_is_better = true };
	b->host = xstrdup(host);
	strv_add(&b->variants, "ept=on");
	strv_add(&b->variants, "ept=off");
	for (unsigned i = 0; i < 2 * blocks; i++) {
		struct bench_run *run = bench_add_run(b);

		run->block = 1 + i / 2;
		run->position = run->variant = i % 2;
		run->values[METRIC_SCORE] = i % 2 ? off : on;
	}
}

/* HEP-SPEC06 of CERN's guests of 8, 16 and 32 cores, https://cern.ch, 2 August 2015. */
static void cern_figures(void **state)
{
	static const double means[][3] = { { 329, 348, 5.8 },
					   { 300, 327, 9.0 },
					   { 284, 311, 9.5 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(means); i++) {
		struct bench b;
		struct bench_judgement j;
		struct err e = { 0 };

		add_host(&b, "cern", means[i][0], means[i][1], 10);
		assert_int_equal(bench_judge(&b, 1, &j, &e), 0);
		assert_int_equal(j.verdict_count, 1);
		assert_near(100 * j.verdicts[0].gain.mid, means[i][2], 0.05, "CERN");
		bench_judgement_free(&j);
		bench_free(&b);
	}
}

/* Many hosts: each is one difference, however many blocks it has. */
static void hosts_are_blocks(void **state)
{
	struct bench b[6];
	struct bench_judgement j;
	struct err e = { 0 };

	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		autofree char *name = xasprintf("hv%u", i);

		add_host(&b[i], name, 100, 104 + i, i == 5 ? 300 : 2);
	}
	assert_int_equal(bench_judge(b, 6, &j, &e), 0);
	assert_int_equal(j.hosts, 6);
	/* At this level the ends are the means of the two lowest and of the two highest. */
	assert_near(j.verdicts[0].ratio.low, sqrt(1.04 * 1.05), TINY, "lowest hosts");
	assert_near(j.verdicts[0].ratio.high, sqrt(1.08 * 1.09), TINY, "highest hosts");
	assert_near(j.verdicts[0].ratio.level, 0.9375, TINY, "level of six");
	bench_judgement_free(&j);

	/* Of one host the blocks are taken together. */
	for (unsigned i = 0; i < 6; i++) {
		free(b[i].host);
		b[i].host = xstrdup("hv0");
	}
	assert_int_equal(bench_judge(b, 5, &j, &e), 0);
	assert_int_equal(j.hosts, 1);
	assert_int_equal(j.blocks, 10);
	assert_near(j.verdicts[0].ratio.level, 0.955, 0.001, "level of ten");
	bench_judgement_free(&j);

	/* Variants go by their names, not by their places. */
	free(b[1].variants.v[0]);
	free(b[1].variants.v[1]);
	b[1].variants.v[0] = xstrdup("ept=off");
	b[1].variants.v[1] = xstrdup("ept=on");
	for (size_t i = 0; i < b[1].run_count; i++)
		b[1].runs[i].variant ^= 1;
	assert_int_equal(bench_judge(b, 5, &j, &e), 0);
	/* Means of logarithms: a little less than 6 %. */
	assert_near(j.verdicts[0].gain.mid, 0.06, 1e-4, "swapped variants");
	bench_judgement_free(&j);

	b[1].higher_is_better = false;
	assert_int_equal(bench_judge(b, 5, &j, &e), -EINVAL);
	b[1].higher_is_better = true;
	b[1].runs[0].values[METRIC_SCORE] = 0;
	err_clear(&e);
	assert_int_equal(bench_judge(b, 5, &j, &e), -EINVAL);
	for (unsigned i = 0; i < 6; i++)
		bench_free(&b[i]);
}

/* What lies behind the last whole block is left aside. */
static void unfinished_blocks(void **state)
{
	struct bench b;
	struct bench_judgement j;
	struct err e = { 0 };

	(void)state;
	add_host(&b, "h", 100, 110, 6);
	b.run_count -= 1;
	b.runs[10].values[METRIC_SCORE] = 9999;
	assert_int_equal(bench_blocks(&b), 5);
	assert_int_equal(bench_judge(&b, 1, &j, &e), 0);
	assert_int_equal(j.blocks, 5);
	assert_near(j.verdicts[0].gain.mid, 0.1, TINY, "five blocks");
	bench_judgement_free(&j);
	b.run_count = 1;
	assert_int_equal(bench_judge(&b, 1, &j, &e), 0);
	assert_int_equal(j.verdict_count, 0);
	bench_judgement_free(&j);
	bench_free(&b);
}

/* ---- promises, on made-up hosts ---- */

/* A drift is found, taken away, and said. */
static void drift_is_taken_away(void **state)
{
	const struct bench_limits limits = { .runs = 10 };
	struct found found = simulate(NOISE_DRIFT, 0.002, 0, &limits, 400, 5);
	double noise[20];
	struct bench b = { 0 };
	struct bench_judgement j;

	(void)state;
	assert_near(found.bias, 0, 0.003, "bias by a drift of 10 %");
	for (unsigned i = 0; i < 20; i++)
		noise[i] = log(1.1) * i / 19;
	make_bench(&b, 2, 10, 0.05, noise, 1);
	assert_int_equal(judge_first(&b, 10, &j), 0);
	assert_near(j.drift, 0.1, 1e-6, "drift");
	/* Without any noise nothing is left of it. */
	assert_near(j.verdicts[0].ratio.mid, exp(0.05), 1e-9, "ratio under drift");
	bench_judgement_free(&j);
	bench_free(&b);
}

static void outliers_are_counted(void **state)
{
	struct random r = { .state = 3 };
	double noise[20];
	struct bench b = { 0 };
	struct bench_judgement j;

	(void)state;
	make_noise(NOISE_NORMAL, 0.01, 20, &r, noise);
	noise[7] += log(3);
	noise[12] += log(3);
	make_bench(&b, 2, 10, 0, noise, 1);
	assert_int_equal(judge_first(&b, 10, &j), 0);
	assert_int_equal(j.outliers, 2);
	bench_judgement_free(&j);
	bench_free(&b);
}

/* 600 benches of each kind: the bounds of bench-truth, and four standard deviations of 600. */
static void coverage_sample(void **state)
{
	const struct bench_limits ten = { .runs = 10 };

	(void)state;
	for (enum noise kind = 0; kind < NOISE_KINDS; kind++) {
		struct found f = simulate(kind, 0.02, 0, &ten, 600, 100 + kind);
		double covers = (double)f.covers / f.benches;

		if (covers < f.level - 0.01 - 0.034)
			fail_msg("%s: covers %.3f at level %.3f", noise_names[kind], covers,
				 f.level);
	}
}

static void effects_are_found(void **state)
{
	const struct bench_limits ten = { .runs = 10 }, looks = { 0 };
	struct found f = simulate(NOISE_NORMAL, 0.02, log(1.06), &looks, 400, 31);

	(void)state;
	assert_true(f.claims >= 0.95 * f.benches);
	/* Three standard deviations of 2000 above. */
	f = simulate(NOISE_NORMAL, 0.02, 0, &looks, 2000, 32);
	assert_true(f.claims <= (0.05 + 0.014) * f.benches);
	f = simulate(NOISE_OUTLIERS, 0.02, log(1.06), &ten, 600, 33);
	assert_true(f.claims >= (0.88 - 0.03) * f.benches);
	f = simulate(NOISE_NORMAL, 0.02, -log(1.06), &looks, 400, 34);
	assert_true(f.claims >= 0.95 * f.benches);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(levels_by_brute_force),    cmocka_unit_test(known_levels),
		cmocka_unit_test(intervals_by_brute_force), cmocka_unit_test(known_intervals),
		cmocka_unit_test(few_and_equal_values),	    cmocka_unit_test(orders_are_uniform),
		cmocka_unit_test(looks_and_stops),	    cmocka_unit_test(cern_figures),
		cmocka_unit_test(hosts_are_blocks),	    cmocka_unit_test(unfinished_blocks),
		cmocka_unit_test(drift_is_taken_away),	    cmocka_unit_test(outliers_are_counted),
		cmocka_unit_test(coverage_sample),	    cmocka_unit_test(effects_are_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
