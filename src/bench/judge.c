// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * judge.c - from recorded runs to verdicts.
 *
 * The logarithms of a block's runs are compared with each other, less the trend of the host over
 * the bench: what the host does from block to block falls out. Which run of a block came first was
 * drawn, so each difference is as likely one way as the other where the variants do not differ.
 */
#include <kvmtune/bench.h>

#include <errno.h>
#include <math.h>
#include <string.h>

/* Differences of all blocks of one host. */
struct sample {
	const char *host;
	double *d; /* [verdict][block], each row with room for `room` */
	size_t count, room;
};

double bench_trend(const double *y, size_t blocks, size_t variants)
{
	autofree double *means = xcalloc(blocks + 1, sizeof(*means));
	autofree double *slopes = NULL;
	size_t count = 0;

	if (blocks < 2)
		return 0;
	for (size_t i = 0; i < blocks * variants; i++)
		means[i / variants] += y[i] / (double)variants;
	slopes = xcalloc(blocks * (blocks - 1) / 2, sizeof(*slopes));
	for (size_t i = 0; i < blocks; i++)
		for (size_t j = i + 1; j < blocks; j++)
			slopes[count++] = (means[j] - means[i]) / (double)(variants * (j - i));
	return stats_median(slopes, count);
}

void bench_differences(const double *y, const unsigned *positions, size_t blocks, size_t variants,
		       size_t b, double trend, double *ret)
{
	for (size_t i = 0; i < blocks; i++) {
		const double *row = &y[i * variants];
		const unsigned *at = &positions[i * variants];

		ret[i] = row[b] - row[0] - trend * ((double)at[b] - (double)at[0]);
	}
}

/* ---- one bench ---- */

static size_t variant_of(const struct bench *of, const struct bench *b, size_t variant)
{
	size_t i = 0;

	while (i < of->variants.n && strcmp(of->variants.v[i], b->variants.v[variant]) != 0)
		i++;
	return i;
}

static bool is_same_kind(const struct bench *a, const struct bench *b)
{
	if (a->has_score != b->has_score || a->variants.n != b->variants.n ||
	    (a->has_score && a->higher_is_better != b->higher_is_better))
		return false;
	for (size_t i = 0; i < b->variants.n; i++)
		if (variant_of(a, b, i) == a->variants.n)
			return false;
	return true;
}

/* The logarithms and positions of all complete blocks, with the variants as `first` has them. */
static int fill_rows(const struct bench *first, const struct bench *b, size_t blocks, double *ret_y,
		     unsigned *ret_positions, struct err *e)
{
	enum metric_id metric = bench_metric(b);

	for (size_t i = 0; i < b->run_count; i++) {
		const struct bench_run *run = &b->runs[i];
		double value = run->values[metric];
		size_t at;

		if (!run->block || run->block > blocks)
			continue;
		if (!(value > 0) || isinf(value))
			return err_set(e, -EINVAL,
				       "block %u of %s has a %s that is not above 0: no ratio can "
				       "be formed",
				       run->block, b->host ?: "a host", metrics[metric].title);
		at = (run->block - 1) * first->variants.n + variant_of(first, b, run->variant);
		ret_y[at] = log(value);
		ret_positions[at] = run->position;
	}
	return 0;
}

/* Values of a variant that lie far from its others. The trend was removed. */
static size_t count_outliers(const double *y, const unsigned *positions, size_t blocks, size_t k,
			     double trend)
{
	autofree double *v = xcalloc(blocks, sizeof(*v)), *sorted = xcalloc(blocks, sizeof(*v));
	size_t found = 0;

	for (size_t a = 0; a < k && blocks >= INTERVAL_MIN; a++) {
		double middle, spread;

		for (size_t i = 0; i < blocks; i++)
			v[i] = y[i * k + a] - trend * (double)(i * k + positions[i * k + a]);
		memcpy(sorted, v, blocks * sizeof(*v));
		middle = stats_median(sorted, blocks);
		for (size_t i = 0; i < blocks; i++)
			sorted[i] = fabs(v[i] - middle);
		/* 1.4826 makes it a standard deviation (Rousseeuw and Croux 1993). */
		spread = 1.4826 * stats_median(sorted, blocks);
		for (size_t i = 0; i < blocks; i++)
			found += fabs(v[i] - middle) > fmax(5 * spread, 0.1);
	}
	return found;
}

static struct sample *sample_of(struct sample **samples, size_t *count, const char *host)
{
	struct sample *s;

	for (size_t i = 0; i < *count; i++)
		if (strcmp((*samples)[i].host, host) == 0)
			return &(*samples)[i];
	s = &array_push(*samples, *count);
	s->host = host;
	return s;
}

/* Makes room for so many more blocks in each row. */
static void reserve_values(struct sample *s, size_t rows, size_t more)
{
	size_t room = s->count + more;
	double *d = xcalloc(rows * room + 1, sizeof(*d));

	for (size_t r = 0; r < rows && s->count; r++)
		memcpy(&d[r * room], &s->d[r * s->room], s->count * sizeof(*d));
	free(s->d);
	s->d = d;
	s->room = room;
}

static int add_bench(const struct bench *first, const struct bench *b, struct sample *s,
		     struct bench_judgement *ret, struct err *e)
{
	size_t blocks = bench_blocks(b), k = first->variants.n;
	autofree double *y = xcalloc(blocks * k + 1, sizeof(*y));
	autofree unsigned *positions = xcalloc(blocks * k + 1, sizeof(*positions));
	double trend;

	if (fill_rows(first, b, blocks, y, positions, e) < 0)
		return e->code;
	if (s->count + blocks > INTERVAL_MAX)
		return err_set(e, -E2BIG, "more than %d blocks of one host", INTERVAL_MAX);
	trend = bench_trend(y, blocks, k);
	reserve_values(s, k - 1, blocks);
	for (size_t v = 1; v < k; v++)
		bench_differences(y, positions, blocks, k, v, trend,
				  &s->d[(v - 1) * s->room + s->count]);
	s->count += blocks;
	ret->blocks += blocks;
	ret->runs += blocks * k;
	ret->outliers += count_outliers(y, positions, blocks, k, trend);
	if (blocks > 1 && fabs(trend * (double)(k * blocks - 1)) > fabs(log1p(ret->drift)))
		ret->drift = expm1(trend * (double)(k * blocks - 1));
	return 0;
}

/* ---- what goes beside ---- */

static void look_beside(const struct bench *b, struct bench_judgement *ret)
{
	double busy = 0, steal = 0;

	for (size_t v = 0; v < b->variants.n; v++) {
		size_t count;
		autofree double *walls = bench_values(b, v, METRIC_WALL, &count);

		if (count)
			ret->shortest = fmin(ret->shortest, stats_median(walls, count));
	}
	for (size_t i = 0; i < b->run_count; i++) {
		const double *values = b->runs[i].values;

		ret->swapped += fmax(values[METRIC_SWAP_IN], 0) + fmax(values[METRIC_SWAP_OUT], 0);
		busy += fmax(values[METRIC_HOST_BUSY], 0);
		steal += fmax(values[METRIC_HOST_STEAL], 0);
	}
	if (steal > 0)
		ret->steal = fmax(ret->steal, steal / (busy + steal));
}

/* ---- verdicts ---- */

static struct interval gain_of(const struct interval *ratio, bool higher_is_better)
{
	struct interval gain = *ratio;

	if (higher_is_better)
		gain = (struct interval){ ratio->low, ratio->mid, ratio->high, ratio->level };
	else
		gain = (struct interval){ 1 / ratio->high, 1 / ratio->mid, 1 / ratio->low,
					  ratio->level };
	gain.low -= 1;
	gain.mid -= 1;
	gain.high -= 1;
	return gain;
}

static int add_verdict(const double *d, size_t n, size_t variant, struct bench_judgement *ret,
		       struct err *e)
{
	struct bench_verdict *v;
	struct interval logs;
	int r = stats_interval(d, n, ret->level, &logs);

	if (r == -ENODATA)
		return 0;
	if (r < 0)
		return err_set(e, r, "more than %d values to compare", INTERVAL_MAX);
	v = &array_push(ret->verdicts, ret->verdict_count);
	v->variant = variant;
	v->ratio = (struct interval){ exp(logs.low), exp(logs.mid), exp(logs.high), logs.level };
	v->gain = gain_of(&v->ratio, ret->higher_is_better);
	return 0;
}

/* The middle of each host is one difference; a host without a whole block gives none. */
static int judge_hosts(const struct sample *samples, size_t hosts, size_t row,
		       struct bench_judgement *ret, struct err *e)
{
	autofree double *middles = xcalloc(hosts, sizeof(*middles));
	size_t n = 0;

	for (size_t i = 0; i < hosts; i++) {
		struct interval one;

		if (stats_interval(&samples[i].d[row * samples[i].room], samples[i].count,
				   ret->level, &one) == 0)
			middles[n++] = one.mid;
	}
	return add_verdict(middles, n, row + 1, ret, e);
}

static int judge_samples(const struct sample *samples, size_t hosts, size_t variants,
			 struct bench_judgement *ret, struct err *e)
{
	int r = 0;

	ret->hosts = hosts;
	for (size_t row = 0; row + 1 < variants && r == 0; row++) {
		if (hosts > 1)
			r = judge_hosts(samples, hosts, row, ret, e);
		else
			r = add_verdict(&samples->d[row * samples->room], samples->count, row + 1,
					ret, e);
	}
	return r;
}

static int collect(const struct bench *benches, size_t count, struct sample **samples,
		   size_t *hosts, struct bench_judgement *ret, struct err *e)
{
	for (size_t i = 0; i < count; i++) {
		const struct bench *b = &benches[i];

		if (!is_same_kind(benches, b))
			return err_set(e, -EINVAL,
				       "the benches have different variants, or different scores");
		if (add_bench(benches, b, sample_of(samples, hosts, b->host ?: ""), ret, e) < 0)
			return e->code;
		look_beside(b, ret);
	}
	return 0;
}

int bench_judge(const struct bench *benches, size_t count, struct bench_judgement *ret,
		struct err *e)
{
	struct sample *samples = NULL;
	size_t hosts = 0;
	bool has_looks = false;
	int r;

	*ret = (struct bench_judgement){ .shortest = INFINITY };
	if (!count || !benches->variants.n)
		return err_set(e, -EINVAL, "there are no variants to judge");
	for (size_t i = 0; i < count; i++)
		has_looks |= benches[i].looks;
	ret->metric = bench_metric(benches);
	ret->higher_is_better = benches->has_score && benches->higher_is_better;
	r = collect(benches, count, &samples, &hosts, ret, e);
	/* Among hosts there is one look, whatever each of them did. */
	ret->level = bench_level(has_looks && hosts == 1, benches->variants.n);
	if (r == 0)
		r = judge_samples(samples, hosts, benches->variants.n, ret, e);
	for (size_t i = 0; i < hosts; i++)
		free(samples[i].d);
	free(samples);
	if (isinf(ret->shortest))
		ret->shortest = NAN;
	if (r < 0)
		bench_judgement_free(ret);
	return r;
}

void bench_judgement_free(struct bench_judgement *j)
{
	free(j->verdicts);
	*j = (struct bench_judgement){ 0 };
}
