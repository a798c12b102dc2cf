// SPDX-License-Identifier: GPL-2.0-or-later
#include "conf_lines.h"

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

void next_boot_source(const struct param_facts *of, struct strv *ret)
{
	if (of->boot.file)
		strv_addf(ret, "%s:%u", of->boot.file, of->boot.line);
	else
		strv_add(ret, "boot entries");
}

const char *next_boot_word(const struct param_facts *of)
{
	if (of->next_boot != UNKNOWN)
		return on_off(of->next_boot);
	return of->boot.any || of->boot.unclear ? "depends on the boot entry" : "by default";
}

/* Of an image: the kernel command line of all its boot entries, or of some where they differ. */
static bool loader_decides(const struct host *h, const struct param_facts *of)
{
	if (!h->image || h->loader_unread.count)
		return false;
	return of->boot.unclear || (of->boot.any && (!of->boot.silent || of->next == UNKNOWN));
}

void module_next_source(const struct host *h, const struct setting *s, enum module_id module,
			struct strv *ret)
{
	const struct module_facts *m = &h->modules[module];
	const struct param_facts *of = &m->of[s->id];
	bool none = s->params[module]->is_paging && m->paging.value == NO;
	autobuf b = { 0 };

	if (!none && loader_decides(h, of)) {
		next_boot_source(of, ret);
		return;
	}
	if (none)
		buf_puts(&b, "processor");
	else if (of->next_decided)
		where_text(of->winner.at, &b);
	else if (!conf_is_last_word(&h->conf_unread, NULL) || (h->image && h->loader_unread.count))
		buf_puts(&b, "not all files could be read");
	else
		buf_puts(&b, "default");
	if (!strv_has(ret, b.data))
		strv_add(ret, b.data);
}

struct names_param {
	const char *param;
	bool found;
};

static bool is_param(const struct modconf_token *t, void *arg)
{
	struct names_param *s = arg;

	s->found |= strcmp(t->param, s->param) == 0;
	return !s->found;
}

/* Does one options line name the parameter? */
static bool line_has(const struct modconf_line *l, const char *param)
{
	struct modconf one = { .lines = (struct modconf_line *)l, .count = 1 };
	struct names_param s = { .param = param };

	modconf_each_option(&one, l->module, is_param, &s);
	return s.found;
}

/* The setting whose lines are looked for. */
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
		return " (applies only when loaded by that name)";
	if (s->builtin && l->line)
		return " (never read: the module is built in)";
	return " (overridden)";
}

/* kvm loads first: a line about it decides, too. */
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
	/* A line about the whole module belongs to the first of its settings. */
	return l->kind == MODCONF_OPTIONS ? line_has(l, s->param) : s->is_paging;
}

static void add_line(const struct search *s, const struct modconf_line *l, struct conf_lines *ret)
{
	bool decides = s->of->next_decided && !s->of->next_refused && l == s->of->winner.at;
	const char *more = remark(s, l);
	struct buf where = { 0 };

	if (ret->count >= CONF_LINES_MAX && !decides) {
		ret->left_out++;
		return;
	}
	where_text(l, &where);
	array_push(ret->v, ret->count) = (struct conf_line){
		.text = xasprintf("%s %s %s%s", kind_names[l->kind], l->module, l->value, more),
		.remark_len = strlen(more),
		.where = buf_steal(&where),
		.kind = kind_names[l->kind],
		.decides = decides,
		.refused = s->of->next_refused && l == s->of->winner.at,
	};
}

static void add_loader_blacklist(const struct host *h, const char *const *names,
				 struct conf_lines *ret)
{
	const struct loader_part *part = loader_find_blacklist(&h->loader, names, 2);

	if (part)
		array_push(ret->v, ret->count) = (struct conf_line){
			.text = xasprintf("at the next boot: %s", part->words),
			.where = xasprintf("%s:%u", part->file, part->line),
			.kind = kind_names[MODCONF_BLACKLIST],
		};
}

static void add_blacklist(const struct host *h, const char *module, struct conf_lines *ret)
{
	const char *names[] = { module, BASE_MODULE };

	add_loader_blacklist(h, names, ret);
	if (h->kernel_words &&
	    modconf_kernel_list_has(h->kernel_words, "module_blacklist", names, 2))
		array_push(ret->v, ret->count) = (struct conf_line){
			.text = xstrdup("module_blacklist=: the kernel does not load it"),
			.where = xstrdup("kernel command line"),
			.kind = kind_names[MODCONF_BLACKLIST],
		};
}

void find_conf_lines(const struct host *h, const struct setting *s, enum module_id module,
		     struct conf_lines *ret)
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
			add_line(&search, &h->conf.lines[i], ret);
	for (size_t i = 0; builtin && i < h->boot_conf.count; i++)
		if (concerns(&search, &h->boot_conf.lines[i]))
			add_line(&search, &h->boot_conf.lines[i], ret);
	if (search.is_paging)
		add_blacklist(h, search.module, ret);
	strv_free(&search.aliases);
}

void conf_lines_free(struct conf_lines *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->v[i].text);
		free(m->v[i].where);
	}
	free(m->v);
}
