// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench.c - recorded runs, the order of runs, and when to stop.
 */
#include <kvmtune/bench.h>

#include <errno.h>
#include <math.h>
#include <string.h>

const struct metric metrics[METRIC_COUNT] = {
	[METRIC_SCORE] = { "score", "score", UNIT_NONE },
	[METRIC_WALL] = { "wall_seconds", "wall time", UNIT_SECONDS },
	[METRIC_USER] = { "user_seconds", "user CPU", UNIT_SECONDS },
	[METRIC_SYSTEM] = { "system_seconds", "system CPU", UNIT_SECONDS },
	[METRIC_HOST_BUSY] = { "host_busy_seconds", "host CPU", UNIT_SECONDS },
	[METRIC_HOST_STEAL] = { "host_steal_seconds", "stolen CPU", UNIT_SECONDS },
	[METRIC_KSMD] = { "ksmd_seconds", "ksmd CPU", UNIT_SECONDS },
	[METRIC_MINOR_FAULTS] = { "minor_faults", "minor faults", UNIT_NONE },
	[METRIC_MAJOR_FAULTS] = { "major_faults", "major faults", UNIT_NONE },
	[METRIC_PEAK_MEMORY] = { "peak_memory_bytes", "peak memory", UNIT_BYTES },
	[METRIC_SWAP_IN] = { "swap_in_pages", "pages swapped in", UNIT_NONE },
	[METRIC_SWAP_OUT] = { "swap_out_pages", "pages swapped out", UNIT_NONE },
	[METRIC_KVM_EXITS] = { "kvm_exits_per_second", "guest exits", UNIT_RATE },
	[METRIC_KVM_FAULTS] = { "kvm_mmu_faults_per_second", "MMU faults", UNIT_RATE },
	[METRIC_KVM_FLUSHES] = { "kvm_tlb_flushes_per_second", "TLB flushes", UNIT_RATE },
};

const char *const bench_note_names[NOTE_COUNT] = { "governor", "busy",	 "failed", "guests",
						   "stopped",  "budget", "shadow" };

void bench_free(struct bench *b)
{
	free(b->host);
	free(b->kernel);
	strv_free(&b->variants);
	strv_free(&b->load);
	free(b->runs);
	*b = (struct bench){ 0 };
}

struct bench_run *bench_add_run(struct bench *b)
{
	struct bench_run *run = &array_push(b->runs, b->run_count);

	for (size_t i = 0; i < METRIC_COUNT; i++)
		run->values[i] = NAN;
	return run;
}

size_t bench_blocks(const struct bench *b)
{
	unsigned *runs = xcalloc(BENCH_BLOCKS_MAX + 1, sizeof(*runs));
	size_t blocks = 0;

	for (size_t i = 0; i < b->run_count; i++)
		if (b->runs[i].block <= BENCH_BLOCKS_MAX)
			runs[b->runs[i].block]++;
	while (b->variants.n && blocks < BENCH_BLOCKS_MAX && runs[blocks + 1] == b->variants.n)
		blocks++;
	free(runs);
	return blocks;
}

enum metric_id bench_metric(const struct bench *b)
{
	return b->has_score ? METRIC_SCORE : METRIC_WALL;
}

double *bench_values(const struct bench *b, size_t variant, enum metric_id metric,
		     size_t *ret_count)
{
	double *values = xcalloc(b->run_count + 1, sizeof(*values));

	*ret_count = 0;
	for (size_t i = 0; i < b->run_count; i++) {
		const struct bench_run *run = &b->runs[i];

		if (run->block && run->variant == variant && !isnan(run->values[metric]))
			values[(*ret_count)++] = run->values[metric];
	}
	return values;
}

/* ---- the order of runs ---- */

void bench_order(uint32_t seed, unsigned block, size_t variants, unsigned *ret)
{
	struct random random = { .state = (uint64_t)seed << 32 | block };

	for (unsigned i = 0; i < variants; i++)
		ret[i] = i;
	for (unsigned i = (unsigned)variants; i-- > 1;) {
		unsigned at = random_below(&random, i + 1), moved = ret[i];

		ret[i] = ret[at];
		ret[at] = moved;
	}
}

/* ---- when to stop ---- */

/*
 * Pocock's bound for three looks keeps all of them together at 95 %. The nearest level would be
 * 97.07 % at ten blocks, and false claims then come to 6 % (make bench-truth).
 */
#define LEVEL_ONE_LOOK	  0.95
#define LEVEL_THREE_LOOKS 0.9779

static const size_t looks[] = { 10, 20, 30 };

struct level bench_level(bool has_looks, size_t variants)
{
	struct level level = { has_looks ? LEVEL_THREE_LOOKS : LEVEL_ONE_LOOK, has_looks };

	if (variants > 2)
		level.wanted = 1 - (1 - level.wanted) / (double)(variants - 1);
	return level;
}

bool bench_is_look(const struct bench_limits *limits, size_t blocks)
{
	if (limits->runs)
		return blocks >= limits->runs;
	for (size_t i = 0; i < ARRAY_SIZE(looks); i++)
		if (looks[i] == blocks)
			return true;
	return false;
}

/* Would the blocks up to the next look still be done in time, at the pace so far? */
static bool has_time(const struct bench_limits *limits, size_t blocks, int64_t elapsed_ms)
{
	size_t next = limits->runs;

	if (!limits->budget_ms || !blocks)
		return true;
	for (size_t i = 0; !next && i < ARRAY_SIZE(looks); i++)
		if (looks[i] > blocks)
			next = looks[i];
	return (double)elapsed_ms / (double)blocks * (double)next <= (double)limits->budget_ms;
}

static bool is_sure(const struct bench_judgement *j)
{
	for (size_t i = 0; i < j->verdict_count; i++) {
		const struct interval *gain = &j->verdicts[i].gain;

		if (!gain->level || (gain->low <= 0 && gain->high >= 0))
			return false;
	}
	return j->verdict_count > 0;
}

static bool is_precise(const struct bench_judgement *j, double precision)
{
	for (size_t i = 0; i < j->verdict_count; i++) {
		const struct interval *gain = &j->verdicts[i].gain;

		if (!gain->level)
			return false;
		if (gain->low <= 0 && gain->high >= 0 && (gain->high - gain->low) / 2 > precision)
			return false;
	}
	return j->verdict_count > 0;
}

enum bench_stop bench_next(const struct bench_limits *limits, size_t blocks, int64_t elapsed_ms,
			   const struct bench_judgement *judgement)
{
	/* Between two looks the time alone may end it, and only where no look was reached yet. */
	bool look = bench_is_look(limits, blocks);

	if (look && (limits->runs || blocks >= looks[ARRAY_SIZE(looks) - 1]))
		return BENCH_DONE;
	if (look && judgement && is_sure(judgement))
		return BENCH_SURE;
	if (look && judgement && limits->precision && is_precise(judgement, limits->precision))
		return BENCH_PRECISE;
	if (look && !has_time(limits, blocks, elapsed_ms))
		return BENCH_NO_TIME;
	if (limits->budget_ms && elapsed_ms >= limits->budget_ms)
		return BENCH_NO_TIME;
	return BENCH_GO_ON;
}
