// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * own_conf.c - the text of our file in modprobe.d: our line added, changed or taken out.
 */
#include "plan_module.h"

#include <string.h>

/* The options of one line but for our parameter. */
struct others {
	const char *param;
	bool found; /* our parameter was among them */
	struct buf text;
};

static bool add_other(const struct modconf_token *t, void *arg)
{
	struct others *o = arg;

	if (strcmp(t->param, o->param) == 0) {
		o->found = true;
		return true;
	}
	buf_join(&o->text, " ", t->param);
	if (t->has_value)
		buf_printf(&o->text, strpbrk(t->value, " \t") ? "=\"%s\"" : "=%s", t->value);
	return true;
}

/* Appends a line of our file without our parameter; all that somebody else wrote there stays. */
static bool add_foreign(struct buf *ret, const char *line, const struct module_setting *ms)
{
	struct others o = { .param = ms->param };
	struct modconf c = { 0 };
	size_t before = ret->len;

	modconf_add_file(&c, OWN_CONF_FILE, line, strlen(line));
	modconf_each_option(&c, ms->module, add_other, &o);
	modconf_free(&c);
	if (!o.found)
		buf_printf(ret, "%s\n", line);
	else if (o.text.len)
		buf_printf(ret, "options %s %s\n", ms->module, o.text.data);
	buf_free(&o.text);
	return ret->len > before && line[0] && line[0] != '#';
}

#define OWN_CONF_MARK "# Made by kvmtune"
#define OWN_CONF_HEAD OWN_CONF_MARK ", see kvmtune(8); `kvmtune undo` takes it back.\n"

/*
 * The text of our file with our line set to this value, or without it (UNKNOWN). Lines that
 * somebody else put there stay. NULL: nothing is left to say.
 */
static char *own_conf_text(const char *old, const struct module_setting *ms, enum tri value)
{
	struct buf b = { 0 };
	bool says_something = value != UNKNOWN;

	buf_puts(&b, OWN_CONF_HEAD);
	while (old && *old) {
		size_t len = strcspn(old, "\n");
		autofree char *line = xstrndup(old, len);

		old += len + (old[len] == '\n');
		if (!starts_with(line, OWN_CONF_MARK))
			says_something |= add_foreign(&b, line, ms);
	}
	if (value != UNKNOWN)
		buf_printf(&b, "options %s %s=%d\n", ms->module, ms->param, value);
	if (says_something)
		return buf_steal(&b);
	buf_free(&b);
	return NULL;
}

enum tri next_value(const struct work *w, const struct modconf *c)
{
	struct modconf_token t;

	if (w->m->paging.value == NO)
		return NO;
	if (!modconf_winner(c, w->ms->module, w->ms->param, &t))
		return YES;
	return param_bool(t.has_value ? t.value : NULL);
}

/* Tries our file with this text; keeps it in w when the next load then gives what is wanted. */
static bool try_file(struct work *w, char *text)
{
	struct modconf c;
	bool wins;

	modconf_with_file(&w->host->conf, OWN_CONF_FILE, text, &c);
	wins = next_value(w, &c) == w->want;
	modconf_free(&w->next);
	w->next = c;
	free(w->file_text);
	w->file_text = text;
	w->file_changes = true;
	return wins;
}

bool own_conf_find(struct work *w)
{
	const char *old = w->host->own_conf;

	modconf_with_file(&w->host->conf, OWN_CONF_FILE, old, &w->next);
	if (next_value(w, &w->next) == w->want)
		return true;
	if (old && try_file(w, own_conf_text(old, w->ms, UNKNOWN)))
		return true;
	return try_file(w, own_conf_text(old, w->ms, w->want));
}
