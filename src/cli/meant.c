// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * meant.c - suggests the command that was meant. It is named, never run.
 */
#include "cli.h"

#include <ctype.h>
#include <string.h>

#define WORD_MAX 32

/* Words of other tools for a value. */
static const struct {
	const char *word, *value;
} other_words[] = {
	{ "enable", "on" }, { "start", "on" },	  { "yes", "on" },   { "true", "on" },
	{ "1", "on" },	    { "disable", "off" }, { "stop", "off" }, { "no", "off" },
	{ "false", "off" }, { "0", "off" },
};

/* Letters to change, add or leave out (Levenshtein). */
static size_t distance(const char *a, const char *b)
{
	size_t row[WORD_MAX + 1], n = strlen(b);

	if (strlen(a) > WORD_MAX || n > WORD_MAX)
		return WORD_MAX;
	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t above_left = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			size_t changed =
				above_left + (tolower((unsigned char)a[i - 1]) != b[k - 1]);
			size_t least = row[k] < row[k - 1] ? row[k] + 1 : row[k - 1] + 1;

			above_left = row[k];
			row[k] = changed < least ? changed : least;
		}
	}
	return row[n];
}

/* One letter in three may be wrong. */
static bool is_near(const char *typed, const char *word)
{
	return distance(typed, word) <= strlen(word) / 3;
}

const char *meant_value(const struct setting *s, const char *typed)
{
	for (size_t i = 0; i < ARRAY_SIZE(other_words); i++)
		if (strcasecmp(typed, other_words[i].word) == 0)
			return setting_value(s, other_words[i].value);
	for (const char *const *v = s->values; *v; v++)
		if (strcasecmp(typed, *v) == 0 || (strlen(*v) > 3 && is_near(typed, *v)))
			return *v;
	return NULL;
}

struct nearest {
	const char *typed, *word; /* NULL: none is near */
	size_t distance;
};

static void keep_nearer(struct nearest *n, const char *word)
{
	size_t d = distance(n->typed, word);

	if (!is_near(n->typed, word) || (n->word && d >= n->distance))
		return;
	n->word = word;
	n->distance = d;
}

static const char *nearest_command(const char *typed)
{
	struct nearest n = { .typed = typed };

	for (size_t i = 0; i < command_count; i++)
		keep_nearer(&n, command_table[i].name);
	return n.word;
}

/* "off ept" */
static bool is_turned_round(const struct invocation *in, struct buf *ret)
{
	const struct setting *s = in->arg_count ? setting_find(in->args[0]) : NULL;
	const char *value = s ? meant_value(s, in->command) : NULL;

	if (value)
		buf_printf(ret, "%s %s", s->name, value);
	return value;
}

/* "ept=off" */
static bool is_goal(const struct invocation *in, struct buf *ret)
{
	autofree char *name = xstrndup(in->command, strcspn(in->command, "="));

	if (!strchr(in->command, '=') || !setting_find(name))
		return false;
	buf_printf(ret, "apply %s", in->command);
	return true;
}

void hint_command(const struct invocation *in, struct err *e)
{
	autobuf meant = { 0 };
	const char *near;

	if (!is_goal(in, &meant) && !is_turned_round(in, &meant)) {
		near = nearest_command(in->command);
		if (!near)
			return;
		buf_puts(&meant, near);
		for (int i = 0; i < in->arg_count; i++)
			buf_printf(&meant, " %s", in->args[i]);
	}
	err_hint(e, "Did you mean:  kvmtune %s        Help:  kvmtune --help", meant.data);
}

void hint_option(const char *typed, struct err *e)
{
	autofree char *name = xstrndup(typed, strcspn(typed, "="));
	struct nearest n = { .typed = name };

	for (size_t i = 0; i < option_count; i++)
		if (option_table[i].help)
			keep_nearer(&n, option_table[i].name);
	if (n.word)
		err_hint(e, "Did you mean:  --%s        Help:  kvmtune --help", n.word);
}
