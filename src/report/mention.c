// SPDX-License-Identifier: GPL-2.0-or-later
#include "mention.h"

#include <string.h>

#include "ksm_report.h"

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

void next_source(const struct module_facts *m, struct buf *ret)
{
	if (m->next_decided && m->paging.value != NO)
		where_text(m->winner.at, ret);
	else if (m->next == UNKNOWN)
		buf_puts(ret, "not all files could be read");
	else
		buf_puts(ret, m->paging.value == NO ? "processor" : "default");
}

void setting_next_source(const struct host *h, const struct setting *s, struct buf *ret)
{
	if (s->module)
		next_source(&h->modules[s->id], ret);
	else
		ksm_next_text(&h->ksm, ret);
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
	const struct module_facts *m;
	const struct module_setting *ms;
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
	if (s->m->next_refused && l == s->m->winner.at)
		return " (refused: the module would not load)";
	if (l->kind != MODCONF_OPTIONS || l == s->m->winner.at)
		return "";
	if (strcmp(l->module, s->ms->module) != 0 && is_alias(s, l->module))
		return " (counts only when loaded by that name)";
	if (s->m->state == MODULE_STATE_BUILTIN && l->line)
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
		return true;
	if (strcmp(l->module, s->ms->module) != 0 &&
	    (l->kind != MODCONF_OPTIONS || !is_alias(s, l->module)))
		return false;
	return l->kind != MODCONF_OPTIONS || line_says(l, s->ms->param);
}

static void add_mention(const struct search *s, const struct modconf_line *l, struct mentions *ret)
{
	bool wins = s->m->next_decided && !s->m->next_refused && l == s->m->winner.at;
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

static void mention_blacklist(const struct host *h, const struct module_setting *ms,
			      struct mentions *ret)
{
	const char *names[] = { ms->module, BASE_MODULE };

	if (h->kernel_words &&
	    modconf_kernel_list_has(h->kernel_words, "module_blacklist", names, 2))
		array_push(ret->v, ret->count) = (struct mention){
			.text = xstrdup("module_blacklist=: the kernel does not load it"),
			.where = xstrdup("kernel command line"),
			.kind = kind_names[MODCONF_BLACKLIST],
		};
}

void find_mentions(const struct host *h, const struct setting *s, struct mentions *ret)
{
	struct search search = { .m = &h->modules[s->id], .ms = s->module };
	bool builtin = search.m->state == MODULE_STATE_BUILTIN;

	modconf_aliases(&h->conf, s->module->module, &search.aliases);
	for (size_t i = 0; i < h->conf.count; i++)
		if (concerns(&search, &h->conf.lines[i]) && (!builtin || h->conf.lines[i].line))
			add_mention(&search, &h->conf.lines[i], ret);
	for (size_t i = 0; builtin && i < h->boot_conf.count; i++)
		if (concerns(&search, &h->boot_conf.lines[i]))
			add_mention(&search, &h->boot_conf.lines[i], ret);
	mention_blacklist(h, s->module, ret);
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
