// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * boot_preset.c - presets: which units the first boot of an image enables (systemd.preset(5)).
 */
#include <kvmtune/boot.h>

#include <fnmatch.h>
#include <string.h>

#include "ini.h"

#define HEAD	  "# Made by kvmtune, see kvmtune(8); `kvmtune undo` takes it back.\n"
#define RULES_MAX 65536

static char *next_word(char **rest)
{
	char *word;

	while ((word = strsep(rest, BLANKS)) && !*word)
		;
	return word;
}

static void add_rule(const char *file, unsigned line, char *rest, struct boot_presets *ret)
{
	char *verb = next_word(&rest), *pattern = next_word(&rest), *instance;
	struct boot_rule *rule;

	if (!verb || !pattern || ret->count >= RULES_MAX ||
	    (strcmp(verb, "enable") != 0 && strcmp(verb, "disable") != 0))
		return;
	rule = &array_push(ret->rules, ret->count);
	*rule = (struct boot_rule){ .enable = verb[0] == 'e',
				    .pattern = xstrdup(pattern),
				    .where = xasprintf("%s:%u", file, line) };
	while (rule->enable && (instance = next_word(&rest)))
		strv_add(&rule->instances, instance);
}

void boot_read_presets(const char *file, const char *text, struct boot_presets *ret)
{
	struct lines lines = { .rest = text };

	while (lines_next(&lines))
		if (!ini_is_comment(lines.text.data))
			add_rule(file, lines.number, lines.text.data, ret);
	buf_free(&lines.text);
}

void boot_presets_free(struct boot_presets *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->rules[i].pattern);
		free(p->rules[i].where);
		strv_free(&p->rules[i].instances);
	}
	free(p->rules);
	*p = (struct boot_presets){ 0 };
}

const struct boot_rule *boot_preset(const struct boot_presets *p, const char *unit)
{
	for (size_t i = 0; i < p->count; i++)
		if (fnmatch(p->rules[i].pattern, unit, FNM_NOESCAPE) == 0)
			return &p->rules[i];
	return NULL;
}
