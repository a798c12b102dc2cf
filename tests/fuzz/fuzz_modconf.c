// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_modconf - any bytes as a modprobe.d file and as kernel command line, then every question.
 *
 * Beyond memory errors it checks what must hold for every input: words are whole C strings, the
 * winner is the last option, and lines are in order.
 */
#include <kvmtune/modconf.h>

#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct last_word {
	struct modconf_token token;
	bool found;
};

static bool remember_ept(const struct modconf_token *t, void *arg)
{
	struct last_word *last = arg;

	must(t->at->kind == MODCONF_OPTIONS && strcmp(t->at->module, "kvm_intel") == 0);
	must(!strchr(t->param, '-') && (t->has_value || !*t->value));
	if (strcmp(t->param, "ept") == 0) {
		last->token = *t;
		last->found = true;
	}
	return true;
}

static void ask_options(const struct modconf *c)
{
	struct last_word last = { .found = false };
	autofree char *options = modconf_options(c, "kvm-intel");
	struct modconf_token winner;

	modconf_each_option(c, "kvm-intel", remember_ept, &last);
	must(modconf_winner(c, "kvm-intel", "ept", &winner) == last.found);
	must(!last.found || (options && winner.at == last.token.at));
	must(!last.found || strcmp(winner.value, last.token.value) == 0);
}

static void ask_about(const struct modconf *c, const char *module)
{
	for (enum modconf_kind kind = MODCONF_OPTIONS; kind <= MODCONF_SOFTDEP; kind++) {
		const struct modconf_line *l = modconf_find(c, kind, module);

		must(!l || l->kind == kind);
	}
	(void)modconf_is_alias(c, module, "kvm_intel");
}

static void check_order(const struct modconf *c)
{
	for (size_t i = 1; i < c->count; i++) {
		const struct modconf_line *before = &c->lines[i - 1], *l = &c->lines[i];

		/* A kernel command line has no lines: it may give several entries. */
		must(l->line == 0 || (before->line > 0 && before->line < l->line));
	}
}

static void check_names(const char *name)
{
	struct modconf_name names[] = { { 2, (char *)name },
					{ 0, "kvm.conf" },
					{ 1, (char *)name } };

	(void)modconf_is_config_name(name);
	must(modconf_select(names, ARRAY_SIZE(names)) == (strcmp(name, "kvm.conf") == 0 ? 1 : 2));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	struct modconf c = { 0 };

	modconf_add_file(&c, "fuzz.conf", (const char *)data, size);
	modconf_add_cmdline(&c, text);
	check_order(&c);
	ask_options(&c);
	ask_about(&c, "kvm_intel");
	ask_about(&c, text);
	check_names(text);
	modconf_free(&c);
	return 0;
}
