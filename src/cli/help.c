// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * help.c - help and completion words, all from the tables.
 */
#include <kvmtune/command.h>

#include <stdio.h>
#include <string.h>

#define HELP_COLUMN 24

/* Prints text, from a column on that is reached already, and indented by it. */
static void paragraph(FILE *out, const struct style *style, const char *text, size_t indent)
{
	autobuf b = { 0 };

	buf_wrap(&b, text, indent, indent, style_page(style));
	fprintf(out, "%s\n", buf_text(&b));
}

/* An entry and its explanation, beside it or below it. */
static void entry(FILE *out, const struct style *style, const char *left, const char *text)
{
	if (strlen(left) < HELP_COLUMN)
		fprintf(out, "%-*s", HELP_COLUMN, left);
	else
		fprintf(out, "%s\n%*s", left, HELP_COLUMN, "");
	paragraph(out, style, text, HELP_COLUMN);
}

static void option_help(FILE *out, const struct style *style, const struct option_row *row)
{
	autobuf left = { 0 };

	if (row->short_name)
		buf_printf(&left, "  -%c, ", row->short_name);
	buf_printf(&left, "%*s--%s", row->short_name ? 0 : 6, "", row->name);
	if (row->argument)
		buf_printf(&left, row->optional ? "[=%s]" : " %s", row->argument);
	entry(out, style, left.data, row->help);
}

static void options_help(FILE *out, const struct style *style, uint64_t takes)
{
	for (size_t i = 0; i < option_count; i++)
		if (option_table[i].help && (option_table[i].bit & takes))
			option_help(out, style, &option_table[i]);
}

void help_all(FILE *out, const struct style *style)
{
	fputs("Usage: kvmtune [options] [COMMAND]\n\n", out);
	paragraph(out, style,
		  "Tunes how this host runs its virtual machines, safely: kvmtune plans each "
		  "change, refuses what is unsafe, verifies the result, and can undo it. Without a "
		  "command it prints the status.",
		  0);
	fputs("\nCommands:\n", out);
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &command_table[i];
		autofree char *left = xasprintf("  %s %s", c->name, c->operands ?: "");

		entry(out, style, left, c->summary);
	}
	fputs("\nOptions:\n", out);
	options_help(out, style, UINT64_MAX);
	fputc('\n', out);
	paragraph(out, style,
		  "Exit status: 0 done, 1 failed and rolled back, 2 usage error, 3 refused as "
		  "unsafe, 4 not possible here, 5 saved for the next load or boot, 6 needs "
		  "attention, 7 audit: the host differs. See kvmtune(8).",
		  0);
}

void help_command(FILE *out, const struct style *style, const struct command *c)
{
	autofree char *usage = xasprintf("kvmtune [options] %s%s%s", c->name,
					 c->operands ? " " : "", c->operands ?: "");

	put_paragraph(out, style, "Usage: ", usage);
	fputc('\n', out);
	paragraph(out, style, c->summary, 0);
	fputc('\n', out);
	paragraph(out, style, c->text, 0);
	fputs("\nOptions:\n", out);
	options_help(out, style, c->takes | OPTS_ALWAYS);
}

static void setting_words(FILE *out)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		for (const char *const *v = settings[i].values; *v; v++)
			fprintf(out, "value %s %s\n", settings[i].name, *v);
}

/* Does it take SETTING=VALUE, or variants of them? */
static bool takes_goals(const struct command *c)
{
	return c->operands && (strstr(c->operands, "SETTING=") || strstr(c->operands, "VARIANT"));
}

static void command_words(FILE *out)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &command_table[i];

		fprintf(out, "command %s\nabout %s %s\n", c->name, c->name, c->summary);
		if (takes_goals(c))
			fprintf(out, "goals %s\n", c->name);
		if (c->operands && strstr(c->operands, "VARIANT"))
			fprintf(out, "variants %s\n", c->name);
	}
}

static void option_words(FILE *out, const struct option_row *row)
{
	const char *end = row->argument && !row->optional ? "=" : "";

	fprintf(out, "option --%s%s\nabout --%s %s\n", row->name, end, row->name, row->help);
	if (row->argument)
		fprintf(out, "argument --%s %s\n", row->name, row->argument);
	for (size_t i = 0; i < command_count; i++)
		if (row->bit & (command_table[i].takes | OPTS_ALWAYS))
			fprintf(out, "takes %s --%s%s\n", command_table[i].name, row->name, end);
}

void list_words(FILE *out)
{
	command_words(out);
	for (size_t i = 0; i < option_count; i++)
		if (option_table[i].help)
			option_words(out, &option_table[i]);
	setting_words(out);
	for (size_t i = 0; i < CAP_COUNT; i++)
		fprintf(out, "choice --require %s\n", cpu_cap_names[i].name);
	fputs("choice --color auto\nchoice --color always\nchoice --color never\n"
	      "choice --defer if-busy\nchoice --defer yes\nchoice --defer no\n",
	      out);
}
