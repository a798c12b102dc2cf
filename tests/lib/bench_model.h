/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_model.h - benches of a made-up host whose true effect is known, judged as the program does.
 *
 * Used by the unit test (a sample) and by `make bench-truth` (all of it).
 */
#ifndef BENCH_MODEL_H
#define BENCH_MODEL_H

#include <math.h>
#include <string.h>

#include <kvmtune/bench.h>

enum noise {
	NOISE_NORMAL,
	NOISE_SKEWED,	/* seldom much slower: the logarithm of the noise is exponential */
	NOISE_DRIFT,	/* 10 % from the first run to the last */
	NOISE_OUTLIERS, /* 5 % of the runs take three times as long */
	NOISE_AR,	/* each run keeps half of the deviation of the one before */
	NOISE_STEPS,	/* now and then the host changes its speed */
	NOISE_SETTLING, /* the first runs are slower */
	NOISE_ALL,
	NOISE_KINDS
};

static const char *const noise_names[NOISE_KINDS]
	__attribute__((unused)) = { "normal", "skewed", "drift",    "outliers",
				    "AR 0.5", "steps",	"settling", "all" };

static inline double uniform(struct random *r)
{
	return ((double)(random_next(r) >> 11) + 0.5) / 9007199254740992.0;
}

static inline double normal(struct random *r)
{
	return sqrt(-2 * log(uniform(r))) * cos(6.283185307179586 * uniform(r));
}

/* The logarithms of all runs in the order in which they are made. */
static inline void make_noise(enum noise kind, double sd, size_t runs, struct random *r,
			      double *ret)
{
	bool all = kind == NOISE_ALL;
	double kept = 0, level = 0;

	for (size_t i = 0; i < runs; i++) {
		double v =
			kind == NOISE_SKEWED || all ? sd * (-log(uniform(r)) - 1) : sd * normal(r);

		if (kind == NOISE_AR || all) {
			kept = 0.5 * kept + v * sqrt(0.75);
			v = kept;
		}
		if (kind == NOISE_DRIFT || all)
			v += log(1.1) * (double)i / (double)(runs - 1);
		if ((kind == NOISE_STEPS || all) && uniform(r) < 0.05)
			level += 3 * sd * normal(r);
		v += level;
		if (kind == NOISE_SETTLING || all)
			v += 5 * sd * exp(-(double)i / 3);
		if ((kind == NOISE_OUTLIERS || all) && uniform(r) < 0.05)
			v += log(3);
		ret[i] = v;
	}
}

/*
 * A bench of so many blocks; variant b takes exp(effect * b) as long. *b is empty, and freed by the
 * caller; more blocks of it go on where the noise ends, so noise has room for all.
 */
static inline void make_bench(struct bench *b, size_t variants, size_t blocks, double effect,
			      const double *noise, uint32_t seed)
{
	unsigned order[BENCH_VARIANTS_MAX];

	b->host = xstrdup("model");
	for (size_t v = 0; v < variants; v++)
		strv_addf(&b->variants, "v%zu", v);
	for (unsigned block = 1; block <= blocks; block++) {
		bench_order(seed, block, variants, order);
		for (unsigned at = 0; at < variants; at++) {
			struct bench_run *run = bench_add_run(b);

			run->block = block;
			run->position = at;
			run->variant = order[at];
			run->values[METRIC_WALL] =
				exp(effect * order[at] + noise[(block - 1) * variants + at]);
		}
	}
}

/* Judges the first blocks of a bench only, as it was when they were done. */
static inline int judge_first(const struct bench *b, size_t blocks, struct bench_judgement *ret)
{
	struct bench part = *b;
	struct err e = { 0 };

	part.run_count = blocks * b->variants.n;
	return bench_judge(&part, 1, ret, &e);
}

/* What a bench with these limits ends with. Returns the number of blocks. */
static inline size_t run_to_end(const struct bench *b, const struct bench_limits *limits,
				struct bench_judgement *ret)
{
	for (size_t blocks = 1;; blocks++) {
		if (!bench_is_look(limits, blocks))
			continue;
		if (judge_first(b, blocks, ret) < 0)
			return 0;
		if (bench_next(limits, blocks, 0, ret) != BENCH_GO_ON)
			return blocks;
		bench_judgement_free(ret);
	}
}

/* How often out of so many benches. */
struct found {
	unsigned benches;
	unsigned covers; /* the interval has the true ratio in it */
	unsigned
		claims; /* it says that there is a difference, in the right direction where there is one */
	double level;  /* mean of those printed */
	double bias;   /* median of the ratio against the true one */
	double blocks; /* mean */
};

static inline struct found simulate(enum noise kind, double sd, double effect,
				    const struct bench_limits *limits, unsigned benches,
				    uint32_t seed)
{
	size_t most = limits->runs ? limits->runs : 30;
	double *noise = xcalloc(2 * most, sizeof(*noise));
	double *ratios = xcalloc(benches, sizeof(*ratios));
	struct random r = { .state = (uint64_t)seed << 40 };
	struct found found = { .benches = benches };

	for (unsigned i = 0; i < benches; i++) {
		struct bench b = { .looks = !limits->runs };
		struct bench_judgement j;
		const struct interval *ratio;

		make_noise(kind, sd, 2 * most, &r, noise);
		make_bench(&b, 2, most, effect, noise, (uint32_t)random_next(&r));
		found.blocks += (double)run_to_end(&b, limits, &j) / benches;
		ratio = &j.verdicts[0].ratio;
		found.covers += ratio->low <= exp(effect) && exp(effect) <= ratio->high;
		found.claims += (effect >= 0 && ratio->low > 1) || (effect <= 0 && ratio->high < 1);
		found.level += ratio->level / benches;
		ratios[i] = ratio->mid / exp(effect);
		bench_judgement_free(&j);
		bench_free(&b);
	}
	found.bias = stats_median(ratios, benches) - 1;
	free(noise);
	free(ratios);
	return found;
}

#endif
