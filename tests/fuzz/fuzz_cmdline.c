// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_cmdline - any text as the kernel command line.
 *
 * What must hold: its entries have no line, options have a module, and for a module that a file
 * speaks of too, the command line takes precedence.
 */
#include "fuzz.h"

#include <kvmtune/modconf.h>

static const char file[] = "options kvm_intel ept=0\n";

static void check_lines(const struct modconf *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct modconf_line *l = &c->lines[i];

		must(l->line == 0 && strcmp(l->file, MODCONF_CMDLINE) == 0);
		must(l->kind == MODCONF_OPTIONS || l->kind == MODCONF_BLACKLIST);
		must(l->kind == MODCONF_OPTIONS || !*l->value);
	}
}

static void check_winner(const struct modconf *alone, const char *text)
{
	struct modconf both = { 0 };
	struct modconf_token t, with_file;
	bool says = modconf_winner(alone, "kvm_intel", "ept", &t);

	modconf_add_file(&both, "fuzz.conf", file, strlen(file));
	modconf_add_cmdline(&both, text);
	must(both.count == alone->count + 1);
	must(modconf_winner(&both, "kvm_intel", "ept", &with_file));
	must(says == (with_file.at->line == 0));
	must(!says || strcmp(t.value, with_file.value) == 0);
	modconf_free(&both);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	struct modconf c = { 0 };

	modconf_add_cmdline(&c, text);
	check_lines(&c);
	check_winner(&c, text);
	modconf_free(&c);
	return 0;
}
