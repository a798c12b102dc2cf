/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stats.h - the statistics of `kvmtune bench`: an exact interval for the middle of paired differences.
 *
 * A signed-rank interval whose scores stop growing at half the ranks, a_r = min(r, ceil(n/2)): few
 * wild values then move it little. Its level is exact where the signs of the differences are fair
 * coins, which the random order of the runs makes them; no distribution is assumed. Pure functions.
 */
#ifndef KVMTUNE_STATS_H
#define KVMTUNE_STATS_H

#include <stdint.h>

#include <kvmtune/base.h>

#define INTERVAL_MIN 5	  /* fewer differences give no interval */
#define INTERVAL_MAX 1000 /* more take too long */

struct interval {
	double low, mid, high;
	double level; /* the real one, 0.955 for example; 0: no interval, low and high are mid */
};

/* The median of n > 0 values, which it sorts. */
double stats_median(double *v, size_t n);

/* The quantile q (0 to 1) of n > 0 sorted values, interpolated. */
double stats_quantile(const double *sorted, size_t n, double q);

/* The level that is wanted: coins give only some levels, with ten of them 94.1 %, 95.5 %... */
struct level {
	double wanted;
	bool at_least; /* the next one above, where there is one; else the nearest */
};

/* The critical value of n differences (INTERVAL_MIN to INTERVAL_MAX), and its real level. */
unsigned long stats_critical(size_t n, struct level level, double *ret_level);

/*
 * The interval of n differences, and its middle. 0, -ENODATA (n is 0) or -E2BIG (more than
 * INTERVAL_MAX). Fewer than INTERVAL_MIN: only the middle, level 0.
 */
int stats_interval(const double *d, size_t n, struct level level, struct interval *ret);

/*
 * The interval of the median of sorted values, by counting: of all levels the nearest to the one
 * wanted, which it returns. 0: fewer than INTERVAL_MIN values, nothing is written.
 */
double stats_median_interval(const double *sorted, size_t n, double wanted, double *ret_low,
			     double *ret_high);

/* Random numbers that a seed repeats on every machine (SplitMix64). Not for secrets. */
struct random {
	uint64_t state;
};
uint64_t random_next(struct random *r);
/* Uniform in 0 .. n-1, n > 0, without the bias of a remainder. */
unsigned random_below(struct random *r, unsigned n);

#endif
