// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

/* getopt returns the row of a long option, the letter of a short one. */
#define ROW_BASE 256
#define MAX_ROWS 64

enum exit_status usage_error(struct err *e, const char *fmt, ...)
{
	char text[sizeof(e->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_set(e, -EINVAL, "%s", text);
	err_status(e, STATUS_USAGE, "usage");
	err_hint(e, "See `kvmtune --help`.");
	return STATUS_USAGE;
}

/* getopt_long's tables, made from ours. */
static void make_getopt(struct option *longs, char *shorts)
{
	*shorts++ = ':';
	for (size_t i = 0; i < option_count; i++) {
		const struct option_row *row = &option_table[i];

		longs[i] = (struct option){ .name = row->name,
					    .has_arg = !row->argument  ? no_argument
						       : row->optional ? optional_argument
								       : required_argument,
					    .val = ROW_BASE + (int)i };
		if (row->short_name)
			*shorts++ = row->short_name;
	}
	longs[option_count] = (struct option){ 0 };
	*shorts = '\0';
}

static const struct option_row *row_of(int value)
{
	if (value >= ROW_BASE)
		return &option_table[value - ROW_BASE];
	for (size_t i = 0; i < option_count; i++)
		if (option_table[i].short_name && option_table[i].short_name == value)
			return &option_table[i];
	return NULL;
}

static int set_color(struct invocation *in, const char *when, struct err *e)
{
	if (strcmp(when, "always") == 0)
		in->style.color = in->message_style.color = true;
	else if (strcmp(when, "never") == 0)
		in->style.color = in->message_style.color = false;
	else if (strcmp(when, "auto") != 0)
		return (int)usage_error(e, "--color takes auto, always or never, not \"%s\"", when);
	return 0;
}

static int set_wait(struct invocation *in, const char *time, struct err *e)
{
	in->wait_ms = WAIT_FOREVER;
	if (time && parse_time_ms(time, &in->wait_ms) < 0)
		return (int)usage_error(e, "--wait takes a time like 90s, 10m or 2h, not \"%s\"",
					time);
	return 0;
}

static int set_defer(struct invocation *in, const char *when, struct err *e)
{
	in->defer = DEFER_ALL;
	if (when && !defer_find(when, &in->defer))
		return (int)usage_error(e, "--defer takes " DEFER_WORDS ", not \"%s\"", when);
	return 0;
}

static int set_reserve(struct invocation *in, const char *size, struct err *e)
{
	if (parse_size(size, &in->reserve_bytes) < 0)
		return (int)usage_error(e, "--reserve takes a size like 2G or 512M, not \"%s\"",
					size);
	return 0;
}

static int set_budget(struct invocation *in, const char *time, struct err *e)
{
	if (parse_time_ms(time, &in->budget_ms) < 0 || !in->budget_ms)
		return (int)usage_error(e, "--budget takes a time like 30m or 8h, not \"%s\"",
					time);
	return 0;
}

static int set_watch(struct invocation *in, const char *time, struct err *e)
{
	if (parse_time_ms(time, &in->watch_ms) < 0)
		return (int)usage_error(e, "--watch takes a time like 10s or 2m, not \"%s\"", time);
	return 0;
}

static const char **place_of_bench(struct invocation *in, uint64_t bit)
{
	switch (bit) {
	case OPT_RESUME:
		return &in->resume_file;
	case OPT_RUNS:
		return &in->runs;
	case OPT_PRECISION:
		return &in->precision;
	case OPT_SEED:
		return &in->seed;
	case OPT_WARMUP:
		return &in->warmup;
	case OPT_PREPARE:
		return &in->prepare;
	case OPT_CLEANUP:
		return &in->cleanup;
	case OPT_SCORE:
		return &in->score;
	case OPT_SCORE_JSON:
		return &in->score_json;
	default:
		return NULL;
	}
}

/* The place of an option whose text is kept as typed; NULL: it has none. */
static const char **place_of_text(struct invocation *in, uint64_t bit)
{
	switch (bit) {
	case OPT_ROOT:
		return &in->root;
	case OPT_FILE:
		return &in->file;
	case OPT_CPUID:
		return &in->cpuid_file;
	case OPT_MSR:
		return &in->msr_file;
	case OPT_CPUINFO:
		return &in->cpuinfo_file;
	case OPT_CAPTURE:
		return &in->capture_dir;
	case OPT_EXPORT:
		return &in->export_file;
	case OPT_PLOT:
		return &in->plot_file;
	default:
		return place_of_bench(in, bit);
	}
}

static int set_option(struct invocation *in, const struct option_row *row, const char *value,
		      struct err *e)
{
	const char **text = place_of_text(in, row->bit);

	in->given |= row->bit;
	if (text)
		*text = value;
	switch (row->bit) {
	case OPT_REQUIRE:
		if (in->required_count == ARRAY_SIZE(in->required))
			return (int)usage_error(e, "--require is given too often");
		in->required[in->required_count++] = value;
		return 0;
	case OPT_DEFER:
		return set_defer(in, value, e);
	case OPT_WAIT:
		return set_wait(in, value, e);
	case OPT_RESERVE:
		return set_reserve(in, value, e);
	case OPT_WATCH:
		return set_watch(in, value, e);
	case OPT_BUDGET:
		return set_budget(in, value, e);
	case OPT_COLOR:
		return set_color(in, value, e);
	case OPT_QUIET:
		in->style.quiet = true;
		return 0;
	case OPT_VERBOSE:
		in->style.verbose = true;
		return 0;
	default:
		return 0;
	}
}

static int bad_option(int found, char **argv, struct err *e)
{
	const char *word = argv[optind - 1];

	if (found == ':')
		return (int)usage_error(e, "%s needs a value", word);
	if (optopt && optopt < ROW_BASE)
		return (int)usage_error(e, "unknown option -%c", optopt);
	if (optopt)
		return (int)usage_error(e, "--%s takes no value", row_of(optopt)->name);
	usage_error(e, "unknown or ambiguous option %s", word);
	hint_option(word + strspn(word, "-"), e);
	return STATUS_USAGE;
}

/*
 * How many words stand behind "--". getopt moves the operands before it behind it: only in the words as
 * they were typed is it to be seen where it stood. last: the value of the last option.
 */
static int count_behind(char *const *typed, int argc, char *const *argv, const char *last)
{
	const char *end = argv[optind - 1];

	if (strcmp(end, "--") != 0 || end == last)
		return 0;
	for (int i = argc; i-- > 0;)
		if (typed[i] == end)
			return argc - i - 1;
	return 0;
}

/* `kvmtune help ept` is `kvmtune ept --help`. */
static void turn_help(struct invocation *in)
{
	if (!in->command || strcmp(in->command, "help") != 0)
		return;
	in->given |= OPT_HELP;
	in->command = NULL;
	if (in->arg_count) {
		in->command = *in->args++;
		in->arg_count--;
	}
}

int options_parse(int argc, char **argv, struct invocation *ret, struct err *e)
{
	autofree char **typed = xcalloc((size_t)argc + 1, sizeof(*typed));
	const char *last = NULL;
	struct option longs[MAX_ROWS];
	char shorts[MAX_ROWS + 2];
	int found;

	_Static_assert(sizeof(ret->given) * 8 >= MAX_ROWS, "one bit for each option");
	*ret = (struct invocation){ .wait_ms = WAIT_NOT,
				    .reserve_bytes = RESERVE_DEFAULT,
				    .watch_ms = WATCH_DEFAULT };
	terminal_styles(&ret->style, &ret->message_style);
	memcpy(typed, argv, (size_t)argc * sizeof(*typed));
	make_getopt(longs, shorts);
	opterr = 0;
	while ((found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_row *row = row_of(found);

		if (!row || found == '?' || found == ':')
			return bad_option(found, argv, e);
		if (set_option(ret, row, optarg, e) != 0)
			return STATUS_USAGE;
		last = optarg;
	}
	ret->load_count = count_behind(typed, argc, argv, last);
	ret->command = optind < argc ? argv[optind++] : NULL;
	ret->args = argv + optind;
	ret->arg_count = argc - optind;
	turn_help(ret);
	if (!ret->command && !(ret->given & (OPT_HELP | OPT_VERSION | OPT_LIST_WORDS))) {
		ret->command = "status";
		ret->bare = true;
	}
	/* `kvmtune -- status`: the command itself stands behind it. */
	if (ret->load_count > ret->arg_count)
		ret->load_count = 0;
	return 0;
}
