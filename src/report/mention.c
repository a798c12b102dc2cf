// SPDX-License-Identifier: GPL-2.0-or-later
#include "mention.h"

#include <string.h>

static const char *const kind_names[] = {
	[MODCONF_OPTIONS] = "options",	   [MODCONF_ALIAS] = "alias",
	[MODCONF_BLACKLIST] = "blacklist", [MODCONF_INSTALL] = "install",
	[MODCONF_REMOVE] = "remove",	   [MODCONF_SOFTDEP] = "softdep",
};

static void where_text(const struct modconf_line *l, struct buf *ret)
{
	if (l->line)
		buf_printf(ret, "%s:%u", l->file, l->line);
	else
		buf_puts(ret, "kernel command line");
}

void module_next_source(const struct host *h, const struct setting *s, enum module_id module,
			struct strv *ret)
{
	const struct module_facts *m = &h->modules[module];
	const struct param_facts *of = &m->of[s->id];
	bool none = s->params[module]->is_paging && m->paging.value == NO;
	autobuf b = { 0 };

	if (none)
		buf_puts(&b, "processor");
	else if (of->next_decided)
		where_text(of->winner.at, &b);
	else if (!conf_is_last_word(&h->conf_unread, NULL))
		buf_puts(&b, "not all files could be read");
	else
		buf_puts(&b, "default");
	if (!strv_has(ret, b.data))
		strv_add(ret, b.data);
}

struct says {
	const char *param;
	bool found;
};

static bool is_param(const struct modconf_token *t, void *arg)
{
	struct says *s = arg;

	s->found |= strcmp(t->param, s->param) == 0;
	return !s->found;
}

/* Does one options line name the parameter? */
static bool line_says(const struct modconf_line *l, const char *param)
{
	struct modconf one = { .lines = (struct modconf_line *)l, .count = 1 };
	struct says s = { .param = param };

	modconf_each_option(&one, l->module, is_param, &s);
	return s.found;
}

/* The setting whose mentions are looked for. */
struct search {
	const struct param_facts *of;
	const char *module, *param;
	bool is_paging, builtin;
	struct strv aliases; /* of its module, sorted */
};

static int compare_words(const void *a, const void *b)
{
	return strcmp(a, *(char *const *)b);
}

static bool is_alias(const struct search *s, const char *name)
{
	const struct strv *a = &s->aliases;

	return a->n && bsearch(name, a->v, a->n, sizeof(*a->v), compare_words);
}

static const char *remark(const struct search *s, const struct modconf_line *l)
{
	if (s->of->next_refused && l == s->of->winner.at)
		return " (refused: the module would not load)";
	if (l->kind != MODCONF_OPTIONS || l == s->of->winner.at)
		return "";
	if (strcmp(l->module, s->module) != 0 && is_alias(s, l->module))
		return " (counts only when loaded by that name)";
	if (s->builtin && l->line)
		return " (never read: the module is built in)";
	return " (overridden)";
}

/* What loading needs before the module itself: a line about it decides, too. */
#define BASE_MODULE "kvm"

static bool is_needed(const struct modconf_line *l)
{
	return (l->kind == MODCONF_INSTALL || l->kind == MODCONF_BLACKLIST) &&
	       strcmp(l->module, BASE_MODULE) == 0;
}

static bool concerns(const struct search *s, const struct modconf_line *l)
{
	if (l->kind == MODCONF_ALIAS)
		return false;
	if (is_needed(l))
		return s->is_paging;
	if (strcmp(l->module, s->module) != 0 &&
	    (l->kind != MODCONF_OPTIONS || !is_alias(s, l->module)))
		return false;
	/* What is about the module as a whole is told once. */
	return l->kind == MODCONF_OPTIONS ? line_says(l, s->param) : s->is_paging;
}

static void add_mention(const struct search *s, const struct modconf_line *l, struct mentions *ret)
{
	bool wins = s->of->next_decided && !s->of->next_refused && l == s->of->winner.at;
	struct buf where = { 0 };

	if (ret->count >= MENTIONS_MAX && !wins) {
		ret->left_out++;
		return;
	}
	where_text(l, &where);
	array_push(ret->v, ret->count) = (struct mention){
		.text = xasprintf("%s %s %s%s", kind_names[l->kind], l->module, l->value,
				  remark(s, l)),
		.where = buf_steal(&where),
		.kind = kind_names[l->kind],
		.wins = wins,
	};
}

static void mention_blacklist(const struct host *h, const char *module, struct mentions *ret)
{
	const char *names[] = { module, BASE_MODULE };

	if (h->kernel_words &&
	    modconf_kernel_list_has(h->kernel_words, "module_blacklist", names, 2))
		array_push(ret->v, ret->count) = (struct mention){
			.text = xstrdup("module_blacklist=: the kernel does not load it"),
			.where = xstrdup("kernel command line"),
			.kind = kind_names[MODCONF_BLACKLIST],
		};
}

void find_mentions(const struct host *h, const struct setting *s, enum module_id module,
		   struct mentions *ret)
{
	struct search search = { .of = &h->modules[module].of[s->id],
				 .module = kvm_modules[module].name,
				 .param = s->params[module]->name,
				 .is_paging = s->params[module]->is_paging,
				 .builtin = h->modules[module].state == MODULE_STATE_BUILTIN };
	bool builtin = search.builtin;

	modconf_aliases(&h->conf, search.module, &search.aliases);
	for (size_t i = 0; i < h->conf.count; i++)
		if (concerns(&search, &h->conf.lines[i]) && (!builtin || h->conf.lines[i].line))
			add_mention(&search, &h->conf.lines[i], ret);
	for (size_t i = 0; builtin && i < h->boot_conf.count; i++)
		if (concerns(&search, &h->boot_conf.lines[i]))
			add_mention(&search, &h->boot_conf.lines[i], ret);
	if (search.is_paging)
		mention_blacklist(h, search.module, ret);
	strv_free(&search.aliases);
}

void mentions_free(struct mentions *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->v[i].text);
		free(m->v[i].where);
	}
	free(m->v);
}
