// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_options - any words as a command line, a line each; and each of them as a number, a time, a size.
 *
 * What must hold: a mistake has a sentence, and what is right has none; operands are words that were
 * typed; a number reads back as what was written.
 */
#include "cli/cli.h"
#include "fuzz.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>

#define WORDS_MAX 16

static void check_number(const char *word)
{
	autofree char *written = NULL;
	uint64_t number = 7, again = 7;
	int small;

	if (parse_u64(word, &number) < 0) {
		must(number == 7 && (*word == '-' || parse_int(word, &small) < 0));
		return;
	}
	written = xasprintf("%" PRIu64, number);
	must(parse_u64(written, &again) == 0 && again == number);
	must((parse_int(word, &small) == 0) == (number <= INT32_MAX));
}

static void check_time_and_size(const char *word)
{
	int64_t ms = -7;
	uint64_t bytes = 7;
	int r = parse_time_ms(word, &ms);

	must(r == 0 ? ms >= 0 : ms == -7 && (r == -EINVAL || r == -ERANGE));
	r = parse_size(word, &bytes);
	must(r == 0 || (bytes == 7 && (r == -EINVAL || r == -ERANGE)));
	must((r == -EINVAL) || (*word >= '0' && *word <= '9'));
}

static void check_goals(const struct invocation *in)
{
	struct goal *goals = NULL;
	struct err e = { 0 };
	size_t count = 0;
	enum exit_status status = parse_goals(in, &goals, &count, &e);

	must((status == STATUS_USAGE) == (*e.text != '\0'));
	must(status == STATUS_USAGE || count == (size_t)in->arg_count);
	for (size_t i = 0; i < count; i++)
		must(goals[i].setting && goals[i].value);
	free(goals);
}

static void check_words(int argc, char **argv)
{
	struct invocation in;
	struct err e = { 0 };
	int r;

	/* 0: getopt_long() begins anew. */
	optind = 0;
	r = options_parse(argc, argv, &in, &e);
	must(r == 0 || r == STATUS_USAGE);
	must((r != 0) == (*e.text != '\0' && *e.hint != '\0'));
	if (r != 0)
		return;
	must(in.arg_count >= 0 && in.arg_count < argc && in.args[in.arg_count] == NULL);
	must(!in.command || in.bare || in.args[-1] == in.command);
	must(!in.bare || !in.arg_count);
	if (in.command) {
		(void)command_find(in.command);
		check_goals(&in);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	char *rest = text, *argv[WORDS_MAX + 2] = { (char[]){ "kvmtune" } };
	int argc = 1;

	while (rest && argc <= WORDS_MAX)
		argv[argc++] = strsep(&rest, "\n");
	for (int i = 1; i < argc; i++) {
		check_number(argv[i]);
		check_time_and_size(argv[i]);
	}
	check_words(argc, argv);
	return 0;
}
