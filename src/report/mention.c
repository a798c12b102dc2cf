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

static const char *remark(const struct host *h, const struct module_facts *m,
			  const struct modconf_line *l, const struct module_setting *ms)
{
	if (l->kind != MODCONF_OPTIONS || l == m->winner.at)
		return "";
	if (strcmp(l->module, ms->module) != 0 && modconf_is_alias(&h->conf, l->module, ms->module))
		return " (counts only when loaded by that name)";
	return " (overridden)";
}

static bool concerns(const struct host *h, const struct modconf_line *l,
		     const struct module_setting *ms)
{
	bool same = strcmp(l->module, ms->module) == 0;

	if (l->kind == MODCONF_ALIAS)
		return false;
	if (!same &&
	    (l->kind != MODCONF_OPTIONS || !modconf_is_alias(&h->conf, l->module, ms->module)))
		return false;
	return l->kind != MODCONF_OPTIONS || line_says(l, ms->param);
}

void find_mentions(const struct host *h, const struct setting *s, struct mention **ret,
		   size_t *ret_count)
{
	const struct module_facts *m = &h->modules[s->id];

	for (size_t i = 0; i < h->conf.count; i++) {
		const struct modconf_line *l = &h->conf.lines[i];
		struct buf where = { 0 };

		if (!concerns(h, l, s->module))
			continue;
		where_text(l, &where);
		array_push(*ret, *ret_count) = (struct mention){
			.text = xasprintf("%s %s %s%s", kind_names[l->kind], l->module, l->value,
					  remark(h, m, l, s->module)),
			.where = buf_steal(&where),
			.kind = kind_names[l->kind],
			.wins = m->next_decided && l == m->winner.at,
		};
	}
}

void mentions_free(struct mention *mentions, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(mentions[i].text);
		free(mentions[i].where);
	}
	free(mentions);
}
