// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_bench_export - any text as a recorded bench: read, judged, drawn.
 *
 * What must hold: what is taken is written and read back as the same runs; an interval has its
 * estimate in it; texts and pictures are plain, and have no number that is none.
 */
#include "fuzz.h"

#include <kvmtune/bench.h>

#include <errno.h>
#include <math.h>

static void check_text(const struct buf *text)
{
	for (size_t i = 0; i < text->len; i++)
		must(text->data[i] == '\n' || (text->data[i] >= ' ' && text->data[i] <= '~'));
}

static void check_judgement(const struct bench *b, const struct bench_judgement *j)
{
	must(j->verdict_count < b->variants.n || !b->variants.n);
	for (size_t i = 0; i < j->verdict_count; i++) {
		const struct bench_verdict *v = &j->verdicts[i];

		must(v->variant < b->variants.n);
		must(v->ratio.low <= v->ratio.mid && v->ratio.mid <= v->ratio.high);
		must(v->gain.low <= v->gain.mid && v->gain.mid <= v->gain.high);
	}
}

static void check_again(const struct bench *b, const struct bench_judgement *j)
{
	autobuf json = { 0 };
	struct bench again;
	struct err e = { 0 };

	bench_write_json(b, j, &json);
	must(bench_read_json(buf_text(&json), &again, &e) == 0);
	must(again.run_count == b->run_count && again.seed == b->seed);
	for (size_t i = 0; i < b->run_count; i++)
		must(again.runs[i].block == b->runs[i].block &&
		     again.runs[i].variant == b->runs[i].variant);
	bench_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	struct bench b;
	struct bench_judgement j;
	struct err e = { 0 };
	autobuf shown = { 0 }, svg = { 0 }, csv = { 0 }, markdown = { 0 };

	if (bench_read_json(text, &b, &e) < 0) {
		must(e.code == -EINVAL && e.text[0] && !b.runs);
		return 0;
	}
	if (bench_judge(&b, 1, &j, &e) == 0) {
		check_judgement(&b, &j);
		check_again(&b, &j);
		bench_text(&b, 1, &j, (int)(size % 200), &shown);
		bench_svg(&b, 1, &j, &svg);
		bench_write_markdown(&b, 1, &j, &markdown);
		check_text(&shown);
		check_text(&svg);
		check_text(&markdown);
		must(!strstr(buf_text(&svg), "=\"nan\"") && !strstr(buf_text(&svg), "=\"inf\""));
		bench_judgement_free(&j);
	} else {
		must(e.text[0]);
	}
	bench_write_csv(&b, &csv);
	bench_free(&b);
	return 0;
}
