// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * export_json.c - recorded benches as JSON, "kvmtune.bench.1", and back.
 */
#include "bench_internal.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include <kvmtune/version.h>

#define SCHEMA	    "kvmtune.bench.1"
#define NAME_MOST   256 /* of a host, a kernel, a variant */
#define ARGS_MOST   4096
#define NUMBER_MOST 1e18

/* ---- writing ---- */

/* JSON has no infinity, and what is not known is left out. */
static void put_number(struct json_object *o, const char *key, double value)
{
	if (isfinite(value))
		json_put(o, key, json_object_new_double(value));
}

static struct json_object *text_list(const struct strv *s)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < s->n; i++)
		json_object_array_add(list, json_string(s->v[i]));
	return list;
}

static struct json_object *note_list(unsigned notes)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < NOTE_COUNT; i++)
		if (notes & 1u << i)
			json_object_array_add(list, json_string(bench_note_names[i]));
	return list;
}

static struct json_object *run_object(const struct bench *b, const struct bench_run *run)
{
	struct json_object *o = json_object_new_object();

	json_put(o, "block", json_object_new_int((int)run->block));
	json_put(o, "position", json_object_new_int((int)run->position));
	json_put(o, "variant", json_string(b->variants.v[run->variant]));
	for (size_t m = 0; m < METRIC_COUNT; m++)
		put_number(o, metrics[m].name, run->values[m]);
	return o;
}

static struct json_object *interval_object(const struct interval *at)
{
	struct json_object *o = json_object_new_object();

	put_number(o, "estimate", at->mid);
	put_number(o, "low", at->level ? at->low : NAN);
	put_number(o, "high", at->level ? at->high : NAN);
	return o;
}

static struct json_object *verdict_object(const struct bench *b, const struct bench_verdict *v)
{
	struct json_object *o = json_object_new_object();

	json_put(o, "variant", json_string(b->variants.v[v->variant]));
	json_put(o, "against", json_string(b->variants.v[0]));
	json_put(o, "ratio", interval_object(&v->ratio));
	json_put(o, "gain", interval_object(&v->gain));
	put_number(o, "level", v->gain.level ?: NAN);
	return o;
}

static struct json_object *judgement_object(const struct bench *b, const struct bench_judgement *j)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	json_put(o, "blocks", json_object_new_int((int)j->blocks));
	put_number(o, "drift", j->drift);
	json_put(o, "outliers", json_object_new_int((int)j->outliers));
	for (size_t i = 0; i < j->verdict_count; i++)
		json_object_array_add(list, verdict_object(b, &j->verdicts[i]));
	json_put(o, "verdicts", list);
	return o;
}

void bench_write_json(const struct bench *b, const struct bench_judgement *j, struct buf *ret)
{
	struct json_object *o = json_object_new_object(), *host = json_object_new_object();
	struct json_object *runs = json_object_new_array();

	json_put(o, "schema", json_string(SCHEMA));
	json_put(o, "kvmtune_version", json_string(KVMTUNE_VERSION));
	json_put(host, "name", json_string(b->host ?: ""));
	json_put(host, "kernel", json_string(b->kernel ?: ""));
	json_put(o, "host", host);
	json_put(o, "started", json_object_new_int64(b->started));
	json_put(o, "load", text_list(&b->load));
	json_put(o, "variants", text_list(&b->variants));
	json_put(o, "seed", json_object_new_int64(b->seed));
	json_put(o, "planned_blocks", json_object_new_int((int)b->planned));
	json_put(o, "looks", json_object_new_boolean(b->looks));
	json_put(o, "metric", json_string(metrics[bench_metric(b)].name));
	json_put(o, "higher_is_better",
		 json_object_new_boolean(b->has_score && b->higher_is_better));
	json_put(o, "notes", note_list(b->notes));
	json_put(o, "judgement", j ? judgement_object(b, j) : NULL);
	for (size_t i = 0; i < b->run_count; i++)
		json_object_array_add(runs, run_object(b, &b->runs[i]));
	json_put(o, "runs", runs);
	buf_puts(ret, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
								JSON_C_TO_STRING_NOSLASHESCAPE));
	buf_puts(ret, "\n");
	json_object_put(o);
}

/* ---- reading: a file of unknown origin ---- */

struct json_object *bench_parse_json(const char *text)
{
	return json_tokener_parse(text);
}

static int wrong(struct err *e, const char *key, const char *wanted)
{
	return err_set(e, -EINVAL, "not a record of a bench: \"%s\" is not %s", key, wanted);
}

static int get_text(struct json_object *o, const char *key, size_t most, char **ret, struct err *e)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, key, &value) ||
	    !json_object_is_type(value, json_type_string) ||
	    (size_t)json_object_get_string_len(value) > most ||
	    strlen(json_object_get_string(value)) != (size_t)json_object_get_string_len(value))
		return wrong(e, key, "a short text");
	*ret = xstrdup(json_object_get_string(value));
	return 0;
}

static int get_integer(struct json_object *o, const char *key, int64_t most, int64_t *ret,
		       struct err *e)
{
	struct json_object *value;
	int64_t number;

	if (!json_object_object_get_ex(o, key, &value) ||
	    !json_object_is_type(value, json_type_int))
		return wrong(e, key, "a number");
	number = json_object_get_int64(value);
	if (number < 0 || number > most)
		return wrong(e, key, "a valid number");
	*ret = number;
	return 0;
}

static int get_flag(struct json_object *o, const char *key, bool *ret, struct err *e)
{
	struct json_object *value;

	if (!json_object_object_get_ex(o, key, &value) ||
	    !json_object_is_type(value, json_type_boolean))
		return wrong(e, key, "true or false");
	*ret = json_object_get_boolean(value);
	return 0;
}

static int get_list(struct json_object *o, const char *key, size_t most, struct json_object **ret,
		    struct err *e)
{
	if (!json_object_object_get_ex(o, key, ret) ||
	    !json_object_is_type(*ret, json_type_array) || json_object_array_length(*ret) > most)
		return wrong(e, key, "a valid list");
	return 0;
}

static int get_texts(struct json_object *o, const char *key, size_t most, struct strv *ret,
		     struct err *e)
{
	struct json_object *list;

	if (get_list(o, key, most, &list, e) < 0)
		return e->code;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *value = json_object_array_get_idx(list, i);

		if (!json_object_is_type(value, json_type_string))
			return wrong(e, key, "a list of texts");
		strv_add(ret, json_object_get_string(value));
	}
	return 0;
}

static int get_variants(struct json_object *o, struct bench *ret, struct err *e)
{
	if (get_texts(o, "variants", BENCH_VARIANTS_MAX, &ret->variants, e) < 0)
		return e->code;
	if (!ret->variants.n)
		return wrong(e, "variants", "a list of names");
	for (size_t i = 0; i < ret->variants.n; i++) {
		const char *name = ret->variants.v[i];

		if (!*name || strlen(name) > NAME_MOST)
			return wrong(e, "variants", "a list of names");
		for (size_t k = 0; k < i; k++)
			if (strcmp(ret->variants.v[k], name) == 0)
				return wrong(e, "variants", "a list of different names");
	}
	return 0;
}

/* Members that are not known are ignored: a later version may write more. */
static int get_values(struct json_object *o, struct bench_run *run, struct err *e)
{
	for (size_t m = 0; m < METRIC_COUNT; m++) {
		struct json_object *value;

		if (!json_object_object_get_ex(o, metrics[m].name, &value))
			continue;
		if (!json_object_is_type(value, json_type_double) &&
		    !json_object_is_type(value, json_type_int))
			return wrong(e, metrics[m].name, "a number");
		run->values[m] = json_object_get_double(value);
		/* Further away than anything that can be measured: arithmetic stays finite. */
		if (!(fabs(run->values[m]) <= NUMBER_MOST))
			return wrong(e, metrics[m].name, "a valid number");
	}
	return 0;
}

static int get_run(struct json_object *o, struct bench *b, struct err *e)
{
	struct bench_run *run;
	int64_t block, position;
	autofree char *name = NULL;
	size_t variant = 0;

	if (get_integer(o, "block", BENCH_BLOCKS_MAX, &block, e) < 0 ||
	    get_integer(o, "position", BENCH_VARIANTS_MAX, &position, e) < 0 ||
	    get_text(o, "variant", NAME_MOST, &name, e) < 0)
		return e->code;
	while (variant < b->variants.n && strcmp(b->variants.v[variant], name) != 0)
		variant++;
	if (variant == b->variants.n)
		return wrong(e, "variant", "one of the variants");
	if (block && (size_t)position >= b->variants.n)
		return wrong(e, "position", "one of its block");
	run = bench_add_run(b);
	run->block = (unsigned)block;
	run->position = (unsigned)position;
	run->variant = (unsigned)variant;
	return get_values(o, run, e);
}

/* Each variant and each position once a block; the metric that is judged is there. */
static int check_runs(const struct bench *b, struct err *e)
{
	size_t k = BENCH_VARIANTS_MAX;
	autofree bool *variants = xcalloc((BENCH_BLOCKS_MAX + 1) * k, sizeof(bool));
	autofree bool *positions = xcalloc((BENCH_BLOCKS_MAX + 1) * k, sizeof(bool));

	for (size_t i = 0; i < b->run_count; i++) {
		const struct bench_run *run = &b->runs[i];
		bool *variant = &variants[run->block * k + run->variant];
		bool *position = &positions[run->block * k + run->position];

		if (!run->block)
			continue;
		if (*variant || *position)
			return wrong(e, "runs", "a list with each variant once a block");
		*variant = *position = true;
		if (isnan(run->values[bench_metric(b)]))
			return wrong(e, "runs", "a list of runs that have what is judged");
	}
	return 0;
}

static int get_runs(struct json_object *o, struct bench *ret, struct err *e)
{
	struct json_object *list;

	if (get_list(o, "runs", (BENCH_BLOCKS_MAX + 1) * BENCH_VARIANTS_MAX, &list, e) < 0)
		return e->code;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *run = json_object_array_get_idx(list, i);

		if (!json_object_is_type(run, json_type_object))
			return wrong(e, "runs", "a list of objects");
		if (get_run(run, ret, e) < 0)
			return e->code;
	}
	return check_runs(ret, e);
}

static int get_notes(struct json_object *o, struct bench *ret, struct err *e)
{
	autostrv names = { 0 };

	if (get_texts(o, "notes", ARGS_MOST, &names, e) < 0)
		return e->code;
	for (size_t i = 0; i < NOTE_COUNT; i++)
		if (strv_has(&names, bench_note_names[i]))
			ret->notes |= 1u << i;
	return 0;
}

static int get_head(struct json_object *o, struct bench *ret, struct err *e)
{
	struct json_object *host;
	autofree char *metric = NULL;
	int64_t seed, planned;

	if (!json_object_object_get_ex(o, "host", &host) ||
	    !json_object_is_type(host, json_type_object))
		return wrong(e, "host", "an object");
	if (get_text(host, "name", NAME_MOST, &ret->host, e) < 0 ||
	    get_text(host, "kernel", NAME_MOST, &ret->kernel, e) < 0 ||
	    get_integer(o, "started", INT64_MAX, &ret->started, e) < 0 ||
	    get_texts(o, "load", ARGS_MOST, &ret->load, e) < 0 || get_variants(o, ret, e) < 0 ||
	    get_integer(o, "seed", UINT32_MAX, &seed, e) < 0 ||
	    get_integer(o, "planned_blocks", BENCH_BLOCKS_MAX, &planned, e) < 0 ||
	    get_flag(o, "looks", &ret->looks, e) < 0 ||
	    get_flag(o, "higher_is_better", &ret->higher_is_better, e) < 0 ||
	    get_text(o, "metric", NAME_MOST, &metric, e) < 0 || get_notes(o, ret, e) < 0)
		return e->code;
	ret->seed = (uint32_t)seed;
	ret->planned = (unsigned)planned;
	ret->has_score = strcmp(metric, metrics[METRIC_SCORE].name) == 0;
	if (!ret->has_score && strcmp(metric, metrics[METRIC_WALL].name) != 0)
		return wrong(e, "metric", "one that is judged");
	return 0;
}

static bool is_utf8(const char *text)
{
	while (*text) {
		size_t len = utf8_length(text);

		if (!len)
			return false;
		text += len;
	}
	return true;
}

int bench_read_json(const char *text, struct bench *ret, struct err *e)
{
	struct json_object *o = is_utf8(text) ? bench_parse_json(text) : NULL;
	autofree char *schema = NULL;
	int r = 0;

	*ret = (struct bench){ 0 };
	if (!o || !json_object_is_type(o, json_type_object))
		r = err_set(e, -EINVAL, "it is not a JSON object");
	else if (get_text(o, "schema", NAME_MOST, &schema, e) < 0 || strcmp(schema, SCHEMA) != 0)
		r = wrong(e, "schema", "\"" SCHEMA "\"");
	else if (get_head(o, ret, e) < 0 || get_runs(o, ret, e) < 0)
		r = e->code;
	json_object_put(o);
	if (r < 0)
		bench_free(ret);
	return r;
}
