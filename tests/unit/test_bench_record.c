// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Recorded benches: written and read again, refused where they are none; the score in a load's
 * output; what tables, plots and sentences say.
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

/* A bench with everything in it, of six blocks. */
static void make_full(struct bench *b)
{
	double noise[12];
	struct random r = { .state = 9 };

	*b = (struct bench){ .started = 1700000000,
			     .seed = UINT32_MAX,
			     .planned = 10,
			     .notes = NOTE_BUSY | NOTE_SHADOW };
	make_noise(NOISE_NORMAL, 0.01, 12, &r, noise);
	make_bench(b, 2, 6, -0.1, noise, 77);
	free(b->variants.v[1]);
	b->variants.v[1] = xstrdup("ept=off, \"<&\x1b\xff");
	b->kernel = xstrdup("6.1.0");
	strv_add(&b->load, "./run guests.sh");
	b->runs[3].values[METRIC_KSMD] = 0.25;
	bench_add_run(b)->values[METRIC_WALL] = 3; /* a warm-up run */
}

static void there_and_back(void **state)
{
	struct bench b, again;
	struct bench_judgement j;
	struct err e = { 0 };
	autobuf text = { 0 }, second = { 0 };

	(void)state;
	make_full(&b);
	assert_int_equal(bench_judge(&b, 1, &j, &e), 0);
	bench_write_json(&b, &j, &text);
	assert_int_equal(bench_read_json(buf_text(&text), &again, &e), 0);
	assert_int_equal(again.run_count, 13);
	assert_int_equal(again.seed, UINT32_MAX);
	assert_int_equal(again.notes, NOTE_BUSY | NOTE_SHADOW);
	assert_int_equal(again.planned, 10);
	assert_string_equal(again.load.v[0], "./run guests.sh");
	for (size_t i = 0; i < 13; i++) {
		assert_int_equal(again.runs[i].block, b.runs[i].block);
		assert_int_equal(again.runs[i].position, b.runs[i].position);
		assert_int_equal(again.runs[i].variant, b.runs[i].variant);
		assert_true(again.runs[i].values[METRIC_WALL] == b.runs[i].values[METRIC_WALL]);
	}
	assert_true(again.runs[3].values[METRIC_KSMD] == 0.25);
	assert_true(isnan(again.runs[2].values[METRIC_KSMD]));
	/* And the same text again: but for the letter that is none. */
	bench_write_json(&again, &j, &second);
	assert_string_equal(buf_text(&text), buf_text(&second));
	bench_judgement_free(&j);
	bench_free(&b);
	bench_free(&again);
}

/* One change of a good record makes it none. */
static void what_is_no_record(void **state)
{
	static const char *const changes[][2] = {
		{ "kvmtune.bench.1", "kvmtune.bench.2" },
		{ "\"seed\":4294967295", "\"seed\":4294967296" },
		{ "\"seed\":4294967295", "\"seed\":-1" },
		{ "\"seed\":4294967295", "\"seed\":\"1\"" },
		{ "\"looks\":false", "\"looks\":0" },
		{ "\"v0\",", "7," },
		{ "\"variants\":[", "\"variants\":[\"v0\"," },
		{ "\"variants\":[", "\"variants\":[]," },
		{ "\"metric\":\"wall_seconds\"", "\"metric\":\"user_seconds\"" },
		{ "\"metric\":\"wall_seconds\"", "\"metric\":\"score\"" },
		{ "\"position\":1", "\"position\":2" },
		{ "\"position\":1", "\"position\":0" },
		{ "\"block\":6", "\"block\":1001" },
		{ "\"block\":6", "\"block\":5" },
		{ "\"variant\":\"v0\",\n      \"wall", "\"variant\":\"v7\",\n      \"wall" },
		{ "\"ksmd_seconds\":0.25", "\"ksmd_seconds\":1e99" },
		{ "\"ksmd_seconds\":0.25", "\"ksmd_seconds\":\"0\"" },
		{ "\"name\":\"model\"", "\"name\":\"mod\\u0000el\"" },
		{ "\"runs\":[", "\"runs\":[7," },
		{ "\"model\"", "\"mod\xff\"" },
		{ "{", "[{" },
		{ "\"load\":[", "\"load\":[1," },
		{ "\"notes\":[", "\"notes\":{\"a\":[" },
	};
	struct bench b, again;
	struct err e = { 0 };
	autobuf text = { 0 };

	(void)state;
	make_full(&b);
	bench_write_json(&b, NULL, &text);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		const char *at = strstr(buf_text(&text), changes[i][0]);
		autobuf changed = { 0 };

		if (!at)
			fail_msg("no %s in the record: %s", changes[i][0], buf_text(&text));
		buf_add(&changed, text.data, (size_t)(at - text.data));
		buf_puts(&changed, changes[i][1]);
		buf_puts(&changed, at + strlen(changes[i][0]));
		if (bench_read_json(buf_text(&changed), &again, &e) != -EINVAL)
			fail_msg("taken with %s", changes[i][1]);
		assert_null(again.runs);
	}
	assert_int_equal(bench_read_json("", &again, &e), -EINVAL);
	assert_int_equal(bench_read_json("null", &again, &e), -EINVAL);
	bench_free(&b);
}

static void csv(void **state)
{
	struct bench b;
	autobuf text = { 0 };
	size_t lines = 0;

	(void)state;
	make_full(&b);
	free(b.variants.v[1]);
	b.variants.v[1] = xstrdup("a,\"b\"");
	bench_write_csv(&b, &text);
	assert_non_null(strstr(buf_text(&text), "host,block,position,variant,score,wall_seconds,"));
	assert_non_null(strstr(buf_text(&text), "model,1,0,v0,,")
				?: strstr(buf_text(&text), "model,1,1,v0,,"));
	assert_non_null(strstr(buf_text(&text), ",\"a,\"\"b\"\"\",,"));
	for (const char *p = buf_text(&text); (p = strstr(p, "\r\n")); p += 2)
		lines++;
	assert_int_equal(lines, 14);
	bench_free(&b);
}

/* ---- the score ---- */

static void scores(void **state)
{
	static const struct {
		struct bench_score by;
		const char *output;
		double score; /* 0: none */
	} cases[] = {
		{ { .regex = "^Score: (.*)$" }, "x\nScore: 12.5 HS06\n", 12.5 },
		/* the last one counts */
		{ { .regex = "^Score: (.*)$" }, "Score: 1\nScore: 2e3\nend\n", 2000 },
		{ { .regex = "[0-9.]+ HS06" }, "got 329.25 HS06 in 7 s\n", 329.25 },
		{ { .regex = "HS" }, "329 HS06\n", 0 },
		{ { .regex = "(a)|x ([0-9]+)" }, "x 17", 17 },
		{ { .regex = "Score: (.*)" }, "Score: nan\n", 0 },
		{ { .regex = "Score: (.*)" }, "Score: 0\n", 0 },
		{ { .regex = "Score: (.*)" }, "Score: -3\n", 0 },
		{ { .regex = "Score: (.*)" }, "Score: 1e999\n", 0 },
		{ { .regex = "Score: (.*)" }, "", 0 },
		{ { .json_key = "score" }, "{\"score\": 329}", 329 },
		{ { .json_key = "a.b" }, "hello\n{\"a\": {\"b\": 1.5}}\nbye\n", 1.5 },
		{ { .json_key = "a" }, "{\"a\": 1}\n{\"b\": 2}\n{\"a\": 3}\n", 1 },
		{ { .json_key = "a" }, "begin\n{\"a\": 1}\n{\"b\": 2}\n{\"a\": 3}\n", 3 },
		{ { .json_key = "a" }, "{\n  \"a\": 4\n}\n", 4 },
		{ { .json_key = "a" }, "{\"a\": \"4\"}", 0 },
		{ { .json_key = "a" }, "{\"a\": {\"b\": 1}}", 0 },
		{ { .json_key = "a.b" }, "{\"a\": 1}", 0 },
		{ { .json_key = "a" }, "[1]", 0 },
		{ { .json_key = "a" }, "x\n{\"a\": 2}\n{\"a\": 1e999}\n", 2 },
		{ { .json_key = "a" }, "{", 0 },
	};
	struct bench_score bad = { .regex = "(" };
	struct err e = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		double score = 0;
		int r = bench_find_score(&cases[i].by, cases[i].output, &score, &e);

		if (r != (cases[i].score ? 0 : -EINVAL) || score != cases[i].score)
			fail_msg("%s: %d, %g, not %g", cases[i].output, r, score, cases[i].score);
	}
	assert_int_equal(bench_check_score(&bad, &e), -EINVAL);
	assert_int_equal(bench_check_score(&cases[0].by, &e), 0);
}

/* ---- sentences and plots ---- */

static void assert_sentence(enum metric_id metric, int looks, double low, double mid, double high,
			    const char *expected)
{
	struct bench b = { 0 };
	struct bench_verdict v = { .variant = 1,
				   .gain = { low, mid, high, low == high ? 0 : 0.955 } };
	struct bench_judgement j = { .metric = metric,
				     .level = { looks == 2 ? 0.9779 : 0.95, looks } };
	autobuf text = { 0 };

	strv_add(&b.variants, "current");
	strv_add(&b.variants, "ept=off");
	bench_sentence(&b, &j, &v, &text);
	assert_string_equal(buf_text(&text), expected);
	bench_free(&b);
}

static void sentences(void **state)
{
	(void)state;
	assert_sentence(
		METRIC_WALL, false, 0.049, 0.061, 0.074,
		"ept=off is 6.1 % faster than current (95.5 % sure: between 4.9 and 7.4 %)");
	assert_sentence(METRIC_WALL, true, -0.074, -0.061, -0.0492,
			"ept=off is 6.1 % slower than current (at least 95 % sure: between 4.9 and "
			"7.4 %)");
	assert_sentence(
		METRIC_SCORE, false, 0.049, 0.061, 0.074,
		"ept=off is 6.1 % better than current (95.5 % sure: between 4.9 and 7.4 %)");
	/* A level that looks have was not reached: a budget ended it before the first one. */
	assert_sentence(
		METRIC_WALL, 2, -0.074, -0.061, -0.0492,
		"ept=off is 6.1 % slower than current (95.5 % sure: between 4.9 and 7.4 %)");
	assert_sentence(METRIC_WALL, false, -0.008, -0.003, 0.002,
			"Between ept=off and current no difference larger than 0.8 % can be seen "
			"(95.5 % sure)");
	assert_sentence(
		METRIC_WALL, false, 0.1, 0.1, 0.1,
		"ept=off is 10.0 % faster than current in these runs; they are too few to be "
		"sure");
}

static bool warns(const struct strv *warnings, const char *what)
{
	const char *text;

	strv_foreach (text, warnings)
		if (strstr(text, what))
			return true;
	return false;
}

static void warnings(void **state)
{
	struct bench_judgement none = { .shortest = NAN, .blocks = 10, .verdict_count = 1 };
	struct bench_judgement all = { .metric = METRIC_WALL,
				       .blocks = 3,
				       .verdict_count = 1,
				       .drift = -0.07,
				       .outliers = 1,
				       .runs = 20,
				       .shortest = 0.09,
				       .swapped = 3,
				       .steal = 0.02 };
	struct bench quiet = { 0 }, noted = { .notes = (1 << NOTE_COUNT) - 1 };
	autostrv few = { 0 }, many = { 0 };

	(void)state;
	bench_warnings(&quiet, 1, &none, &few);
	assert_int_equal(few.n, 0);
	bench_warnings(&noted, 1, &all, &many);
	assert_int_equal(many.n, 6 + NOTE_COUNT);
	assert_true(warns(&many, "needs 5"));
	assert_true(warns(&many, "fell by 7 %"));
	assert_true(warns(&many, "1 of 20 runs lies"));
	assert_true(warns(&many, "100 ms"));
	assert_true(warns(&many, "swapped during runs (3 pages)"));
	assert_true(warns(&many, "2.0 % of its CPU"));
	assert_true(warns(&many, "CVE-2026-53359"));
}

/* No letter but those that may be: no control reaches a terminal, no line is too long. */
static void assert_plain(const char *text, size_t widest)
{
	size_t column = 0;

	for (; *text; text++) {
		assert_true(*text == '\n' || (*text >= ' ' && *text <= '~'));
		column = *text == '\n' ? 0 : column + 1;
		assert_true(column <= widest);
	}
}

static void plots_are_plain(void **state)
{
	struct bench b;
	struct bench_judgement j;
	struct err e = { 0 };
	autobuf text = { 0 }, svg = { 0 }, markdown = { 0 };

	(void)state;
	make_full(&b);
	assert_int_equal(bench_judge(&b, 1, &j, &e), 0);
	bench_text(&b, 1, &j, 80, &text);
	assert_plain(buf_text(&text), 100);
	assert_non_null(strstr(buf_text(&text), "[-] its 95 % interval"));
	bench_svg(&b, 1, &j, &svg);
	assert_plain(buf_text(&svg), 400);
	assert_non_null(strstr(buf_text(&svg), "ept=off, &quot;&lt;&amp;\\x1b\\xff"));
	assert_null(strstr(buf_text(&svg), "nan"));
	bench_write_markdown(&b, 1, &j, &markdown);
	assert_plain(buf_text(&markdown), 400);
	bench_judgement_free(&j);
	bench_free(&b);
}

/* The ends of an interval of the median, by counting: of ten, the second and the ninth. */
static void median_intervals(void **state)
{
	double v[10] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 }, low = -1, high = -1;

	(void)state;
	assert_true(fabs(stats_median_interval(v, 10, 0.95, &low, &high) - 0.978515625) < 1e-9);
	assert_true(low == 1 && high == 8);
	assert_true(fabs(stats_median_interval(v, 5, 0.95, &low, &high) - 0.9375) < 1e-9);
	assert_true(low == 0 && high == 4);
	low = high = -1;
	assert_true(stats_median_interval(v, 4, 0.95, &low, &high) == 0 && low == -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_and_back),
		cmocka_unit_test(what_is_no_record),
		cmocka_unit_test(csv),
		cmocka_unit_test(scores),
		cmocka_unit_test(sentences),
		cmocka_unit_test(warnings),
		cmocka_unit_test(plots_are_plain),
		cmocka_unit_test(median_intervals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
