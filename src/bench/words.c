// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * words.c - what the numbers mean, in sentences.
 */
#include "bench_internal.h"

#include <math.h>
#include <string.h>

#define NAME_SHOWN 64

/* Below these nothing is said. */
#define DRIFT_SAID 0.05
#define STEAL_SAID 0.01
#define SHORT_LOAD 0.1 /* seconds */

void bench_add_name(struct buf *b, const char *name)
{
	buf_add_safe(b, name, NAME_SHOWN);
}

void bench_value_text(enum metric_unit unit, double value, struct buf *ret)
{
	static const char *const sizes[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t size = 0;

	if (isnan(value)) {
		buf_puts(ret, "-");
		return;
	}
	switch (unit) {
	case UNIT_SECONDS:
		if (fabs(value) < 1)
			buf_printf(ret, "%.3g ms", 1000 * value);
		else
			buf_printf(ret, "%.*f s",
				   fabs(value) < 10    ? 3
				   : fabs(value) < 100 ? 2
						       : 1,
				   value);
		break;
	case UNIT_BYTES:
		for (; fabs(value) >= 1024 && size + 1 < ARRAY_SIZE(sizes); size++)
			value /= 1024;
		buf_printf(ret, "%.1f %s", value, sizes[size]);
		break;
	case UNIT_RATE:
		buf_printf(ret, fabs(value) < 1e7 ? "%.0f/s" : "%.3g/s", value);
		break;
	default:
		buf_printf(ret, "%.5g", value);
	}
}

/* ---- verdicts ---- */

static void add_percent(struct buf *b, double share)
{
	double percent = 100 * fabs(share);

	buf_printf(b, percent >= 0.0995 || percent == 0 ? "%.1f" : "%.2g", percent);
}

/*
 * Looks are bounded together: each has a higher level than what can be said at the end. Few blocks do
 * not reach it: there is no look at them, and so their own level holds.
 */
static void add_level(struct buf *b, const struct bench_judgement *j, const struct interval *gain)
{
	if (j->level.at_least && gain->level >= j->level.wanted)
		buf_puts(b, "at least 95 % sure");
	else
		buf_printf(b, "%.1f %% sure", 100 * gain->level);
}

static const char *direction(const struct bench_judgement *j, double gain)
{
	if (j->metric == METRIC_SCORE)
		return gain < 0 ? "worse" : "better";
	return gain < 0 ? "slower" : "faster";
}

/* "ept=off is 6.1 % faster than current" */
static void add_claim(const struct bench *b, const struct bench_judgement *j,
		      const struct bench_verdict *v, struct buf *ret)
{
	bench_add_name(ret, b->variants.v[v->variant]);
	buf_puts(ret, " is ");
	add_percent(ret, v->gain.mid);
	buf_printf(ret, " %% %s than ", direction(j, v->gain.mid));
	bench_add_name(ret, b->variants.v[0]);
}

void bench_sentence(const struct bench *b, const struct bench_judgement *j,
		    const struct bench_verdict *v, struct buf *ret)
{
	const struct interval *gain = &v->gain;
	bool slower = gain->high < 0;

	if (!gain->level) {
		add_claim(b, j, v, ret);
		buf_puts(ret, " in these runs; they are too few to be sure");
	} else if (gain->low > 0 || slower) {
		add_claim(b, j, v, ret);
		buf_puts(ret, " (");
		add_level(ret, j, gain);
		buf_puts(ret, ": between ");
		add_percent(ret, slower ? gain->high : gain->low);
		buf_puts(ret, " and ");
		add_percent(ret, slower ? gain->low : gain->high);
		buf_puts(ret, " %)");
	} else {
		buf_puts(ret, "Between ");
		bench_add_name(ret, b->variants.v[v->variant]);
		buf_puts(ret, " and ");
		bench_add_name(ret, b->variants.v[0]);
		buf_puts(ret, " no difference larger than ");
		add_percent(ret, fmax(fabs(gain->low), fabs(gain->high)));
		buf_puts(ret, " % can be seen (");
		add_level(ret, j, gain);
		buf_puts(ret, ")");
	}
	if (j->hosts > 1)
		buf_printf(ret, ", over %zu hosts", j->hosts);
}

/* ---- warnings ---- */

static const char *const note_texts[NOTE_COUNT] = {
	"The processor's frequency governor is not \"performance\": a changing clock adds noise. "
	"Set it for the bench:  cpupower frequency-set -g performance",
	"The host was busy before the first run. Other work adds noise: run the bench on an idle "
	"host.",
	"The load failed, which ended the bench. Runs before it were kept.",
	"The load left guests running, which ended the bench: a module in use cannot be reloaded. "
	"Have the load, or --cleanup, end its guests.",
	"A signal ended the bench. Runs before it were kept; --resume goes on.",
	"The time budget ended the bench.",
	"With EPT or NPT off guests run on KVM's shadow MMU, where three vulnerabilities were "
	"published in 2026 (CVE-2026-46113, CVE-2026-53359, CVE-2026-64561). Use a fixed kernel "
	"before running guests that you do not trust.",
};

const char *bench_note_text(enum bench_note note)
{
	for (size_t i = 0; i < NOTE_COUNT; i++)
		if (note == 1u << i)
			return note_texts[i];
	return "";
}

static void warn_of_values(const struct bench_judgement *j, struct strv *ret)
{
	size_t needed = j->hosts > 1 ? j->hosts : j->blocks;

	if (j->verdict_count && needed < INTERVAL_MIN)
		strv_addf(ret, "%zu %s too few: an interval needs %d, and 10 are better.", needed,
			  j->hosts > 1	? "hosts are"
			  : needed == 1 ? "block of runs is"
					: "blocks of runs are",
			  INTERVAL_MIN);
	if (fabs(j->drift) >= DRIFT_SAID)
		strv_addf(ret,
			  "The values %s by %.0f %% over the bench. The comparison allows for it. "
			  "Check for other load, or a processor that heats up.",
			  j->drift > 0 ? "rose" : "fell", 100 * fabs(j->drift));
	if (j->outliers)
		strv_addf(
			ret,
			"%zu of %zu runs %s far from the others. The interval allows for that, but "
			"would be narrower on a quieter host.",
			j->outliers, j->runs, j->outliers == 1 ? "lies" : "lie");
	if (j->metric == METRIC_WALL && j->shortest < SHORT_LOAD)
		strv_add(ret, "The load takes less than 100 ms: starting and ending it may "
			      "outweigh its work. Use a longer load.");
	if (j->swapped > 0)
		strv_addf(ret,
			  "The host swapped during runs (%.0f pages). Times then depend on the "
			  "disk: run smaller guests, or add memory.",
			  j->swapped);
	if (j->steal >= STEAL_SAID)
		strv_addf(ret,
			  "This host is a guest itself and lost %.1f %% of its CPU time to others. "
			  "Do not trust small differences.",
			  100 * j->steal);
}

void bench_warnings(const struct bench *benches, size_t count, const struct bench_judgement *j,
		    struct strv *ret)
{
	unsigned notes = 0;

	for (size_t i = 0; i < count; i++)
		notes |= benches[i].notes;
	warn_of_values(j, ret);
	for (size_t i = 0; i < NOTE_COUNT; i++)
		if (notes & 1u << i)
			strv_add(ret, note_texts[i]);
}
