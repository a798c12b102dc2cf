// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stats.c - the signed-rank interval with bounded scores, see stats.h.
 */
#include <kvmtune/stats.h>

#include <errno.h>
#include <math.h>
#include <string.h>

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double stats_quantile(const double *sorted, size_t n, double q)
{
	double at = q * (double)(n - 1), below = floor(at);
	size_t i = (size_t)below;

	return i + 1 < n ? sorted[i] + (at - below) * (sorted[i + 1] - sorted[i]) : sorted[n - 1];
}

double stats_median(double *v, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	return stats_quantile(v, n, 0.5);
}

/* ---- scores and their distribution ---- */

static unsigned long score(size_t rank, size_t n)
{
	size_t most = (n + 1) / 2;

	return rank < most ? rank : most;
}

static unsigned long score_sum(size_t n)
{
	unsigned long sum = 0;

	for (size_t r = 1; r <= n; r++)
		sum += score(r, n);
	return sum;
}

/* Each score counts or not, by a fair coin: ret[t] becomes the probability that the sum is t. */
static void convolve(size_t n, double *ret)
{
	unsigned long top = 0;

	ret[0] = 1;
	for (size_t r = 1; r <= n; r++) {
		unsigned long a = score(r, n);

		top += a;
		for (unsigned long t = top + 1; t-- > 0;)
			ret[t] = (ret[t] + (t >= a ? ret[t - a] : 0)) / 2;
	}
}

/* Is the real level a better than b? b is the higher one. */
static bool is_better(double a, double b, struct level level)
{
	return level.at_least ? a >= level.wanted : fabs(a - level.wanted) < fabs(b - level.wanted);
}

unsigned long stats_critical(size_t n, struct level level, double *ret_level)
{
	unsigned long sum = score_sum(n), best = sum;
	autofree double *chance = xcalloc(sum + 1, sizeof(*chance));
	double tail = 0;

	*ret_level = 0;
	convolve(n, chance);
	for (unsigned long c = sum; 2 * c > sum; c--) {
		double real;

		tail += chance[c];
		real = 1 - 2 * tail;
		if (c == sum || is_better(real, *ret_level, level)) {
			*ret_level = real;
			best = c;
		}
	}
	return best;
}

/* ---- the interval ---- */

/* The sum of the scores of all d above theta; ranks are by distance from theta. d is sorted. */
static unsigned long sum_above(const double *d, size_t n, double theta)
{
	unsigned long sum = 0;
	size_t above = 0, below;

	while (above < n && d[above] <= theta)
		above++;
	below = above;
	for (size_t rank = 1; rank <= n; rank++) {
		if (below == 0 || (above < n && d[above] - theta < theta - d[below - 1])) {
			sum += score(rank, n);
			above++;
		} else {
			below--;
		}
	}
	return sum;
}

/* The means of all pairs, sorted, each once: the sum changes there and nowhere else. */
static double *pair_means(const double *d, size_t n, size_t *ret_count)
{
	double *means = xcalloc(n * (n + 1) / 2, sizeof(*means));
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t j = i; j < n; j++)
			means[count++] = d[i] + (d[j] - d[i]) / 2;
	qsort(means, count, sizeof(*means), by_value);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || means[i] > means[kept - 1])
			means[kept++] = means[i];
	*ret_count = kept;
	return means;
}

/* The first mean behind which the sum is below this bound, which is not 0. */
static double first_below(const double *means, size_t count, const double *d, size_t n,
			  unsigned long bound)
{
	size_t low = 0, high = count - 1;

	while (low < high) {
		size_t i = low + (high - low) / 2;
		double behind = means[i] + (means[i + 1] - means[i]) / 2;

		if (sum_above(d, n, behind) < bound)
			high = i;
		else
			low = i + 1;
	}
	return means[low];
}

int stats_interval(const double *d, size_t n, struct level level, struct interval *ret)
{
	autofree double *sorted = NULL, *means = NULL;
	unsigned long sum = score_sum(n), c;
	size_t count;

	if (n == 0 || n > INTERVAL_MAX)
		return n ? -E2BIG : -ENODATA;
	sorted = xcalloc(n, sizeof(*sorted));
	memcpy(sorted, d, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_value);
	means = pair_means(sorted, n, &count);
	ret->mid = (first_below(means, count, sorted, n, sum / 2 + 1) +
		    first_below(means, count, sorted, n, (sum + 1) / 2)) /
		   2;
	ret->low = ret->high = ret->mid;
	ret->level = 0;
	if (n < INTERVAL_MIN)
		return 0;
	c = stats_critical(n, level, &ret->level);
	ret->low = first_below(means, count, sorted, n, c);
	ret->high = first_below(means, count, sorted, n, sum - c + 1);
	return 0;
}

double stats_median_interval(const double *sorted, size_t n, double wanted, double *ret_low,
			     double *ret_high)
{
	double chance = pow(0.5, (double)n), tail = 0, best = 0;

	/* The median is outside of the k-th values from both ends where fewer than k lie beyond it. */
	for (size_t k = 0; n >= INTERVAL_MIN && 2 * k + 1 < n; k++) {
		double real;

		tail += chance;
		chance *= (double)(n - k) / (double)(k + 1);
		real = 1 - 2 * tail;
		if (k && fabs(real - wanted) >= fabs(best - wanted))
			continue;
		best = real;
		*ret_low = sorted[k];
		*ret_high = sorted[n - 1 - k];
	}
	return best;
}

/* ---- random numbers ---- */

/* https://prng.di.unimi.it/splitmix64.c describes it; in the public domain. */
uint64_t random_next(struct random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

unsigned random_below(struct random *r, unsigned n)
{
	uint64_t most = UINT64_MAX - UINT64_MAX % n, value;

	do
		value = random_next(r);
	while (value >= most);
	return (unsigned)(value % n);
}
