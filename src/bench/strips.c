// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * strips.c - what both plots show: the values of each variant, and an axis that fits all of them.
 */
#include "bench_internal.h"

#include <math.h>
#include <string.h>

/* Values so many widths of the middle half beyond it are drawn at the edge: one must not flatten all. */
#define FAR 4

double bench_nice_step(double about)
{
	double power = pow(10, floor(log10(about))), rest = about / power;

	return power * (rest < 1.5 ? 1 : rest < 3.5 ? 2 : rest < 7.5 ? 5 : 10);
}

static void widen(struct strips *s, const double *sorted, size_t n)
{
	double q1 = stats_quantile(sorted, n, 0.25), q3 = stats_quantile(sorted, n, 0.75);
	double far = FAR * fmax(q3 - q1, fabs(q3) * 1e-3);

	s->from = fmin(s->from, fmax(sorted[0], q1 - far));
	s->to = fmax(s->to, fmin(sorted[n - 1], q3 + far));
}

static void add_strip(struct strips *s, const struct bench *b, size_t variant, bool hosts)
{
	struct strip strip = { .variant = b->variants.v[variant], .low = NAN, .high = NAN };
	autofree double *sorted = NULL;

	strip.host = hosts ? b->host : NULL;
	strip.values = bench_values(b, variant, bench_metric(b), &strip.count);
	if (!strip.count) {
		free(strip.values);
		return;
	}
	sorted = xcalloc(strip.count, sizeof(*sorted));
	memcpy(sorted, strip.values, strip.count * sizeof(*sorted));
	strip.median = stats_median(sorted, strip.count);
	stats_median_interval(sorted, strip.count, 0.95, &strip.low, &strip.high);
	widen(s, sorted, strip.count);
	array_push(s->strips, s->count) = strip;
}

void bench_strips(const struct bench *benches, size_t count, struct strips *ret)
{
	double margin;

	*ret = (struct strips){ .from = INFINITY, .to = -INFINITY };
	for (size_t i = 0; i < count; i++)
		for (size_t v = 0; v < benches[i].variants.n; v++)
			add_strip(ret, &benches[i], v, count > 1);
	if (!ret->count)
		return;
	/* Values that are all alike still need an axis that is longer than its digits. */
	margin = fmax((ret->to - ret->from) * 0.03, fmax(fabs(ret->to) * 1e-6, 1e-12));
	ret->from -= margin;
	ret->to += margin;
	ret->step = bench_nice_step((ret->to - ret->from) / 5);
}

void bench_strips_free(struct strips *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->strips[i].values);
	free(s->strips);
	*s = (struct strips){ 0 };
}

void bench_axis_title(const struct bench *b, struct buf *ret)
{
	if (b->has_score)
		buf_printf(ret, "score (%s is better)", b->higher_is_better ? "more" : "less");
	else
		buf_puts(ret, "wall time in seconds (less is better)");
}
