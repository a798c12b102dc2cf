// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * help.c - help and completion words, all from the tables.
 */
#include <kvmtune/command.h>

#include <stdio.h>
#include <string.h>

#define TEXT_WIDTH 80

/* Prints words at this indent, broken at the width; the first line is there already. */
static void paragraph(FILE *out, const char *text, int indent)
{
	int column = indent;

	while (*text) {
		int len = (int)strcspn(text, " ");

		if (column > indent && column + 1 + len > TEXT_WIDTH) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
		}
		column += fprintf(out, "%s%.*s", column > indent ? " " : "", len, text);
		text += len + (text[len] == ' ');
	}
	fputc('\n', out);
}

static void option_help(FILE *out, const struct option_row *row)
{
	autobuf left = { 0 };

	if (row->short_name)
		buf_printf(&left, "  -%c, ", row->short_name);
	buf_printf(&left, "%*s--%s", row->short_name ? 0 : 6, "", row->name);
	if (row->argument)
		buf_printf(&left, row->optional ? "[=%s]" : " %s", row->argument);
	fprintf(out, "%-24s", left.data);
	if (left.len >= 24)
		fprintf(out, "\n%24s", "");
	paragraph(out, row->help, 24);
}

static void options_help(FILE *out, uint64_t takes)
{
	for (size_t i = 0; i < option_count; i++)
		if (option_table[i].help && (option_table[i].bit & takes))
			option_help(out, &option_table[i]);
}

void help_all(FILE *out)
{
	fputs("Usage: kvmtune [options] COMMAND\n\n"
	      "Tune how this host runs its virtual machines, safely: every change is planned,\n"
	      "refused where it is unsafe, proved, and can be taken back.\n\nCommands:\n",
	      out);
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &command_table[i];
		autofree char *left = xasprintf("  %s %s", c->name, c->operands ?: "");

		fprintf(out, "%-24s", left);
		if (strlen(left) >= 24)
			fprintf(out, "\n%24s", "");
		paragraph(out, c->summary, 24);
	}
	fputs("\nOptions:\n", out);
	options_help(out, UINT64_MAX);
	fputs("\nExit status: 0 done, 1 failed (nothing changed), 2 usage, 3 refused as unsafe,\n"
	      "4 not possible here, 5 saved for the next load or boot, 6 the way back failed\n"
	      "too, 7 audit: the host differs. See kvmtune(8).\n",
	      out);
}

void help_command(FILE *out, const struct command *c)
{
	fprintf(out, "Usage: kvmtune [options] %s%s%s\n\n", c->name, c->operands ? " " : "",
		c->operands ?: "");
	paragraph(out, c->summary, 0);
	fputc('\n', out);
	paragraph(out, c->text, 0);
	fputs("\nOptions:\n", out);
	options_help(out, c->takes | OPTS_ALWAYS);
}

static void setting_words(FILE *out)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		for (const char *const *v = settings[i].values; *v; v++)
			fprintf(out, "value %s %s\n", settings[i].name, *v);
}

void list_words(FILE *out)
{
	for (size_t i = 0; i < command_count; i++)
		fprintf(out, "command %s\n", command_table[i].name);
	for (size_t i = 0; i < option_count; i++) {
		const struct option_row *row = &option_table[i];

		if (!row->help)
			continue;
		fprintf(out, "option --%s%s\n", row->name,
			row->argument && !row->optional ? "=" : "");
		for (size_t k = 0; k < command_count; k++)
			if (row->bit & (command_table[k].takes | OPTS_ALWAYS))
				fprintf(out, "takes %s --%s%s\n", command_table[k].name, row->name,
					row->argument && !row->optional ? "=" : "");
	}
	setting_words(out);
	for (size_t i = 0; i < CAP_COUNT; i++)
		fprintf(out, "choice --require %s\n", cpu_cap_names[i].name);
	fputs("choice --color auto\nchoice --color always\nchoice --color never\n", out);
}
