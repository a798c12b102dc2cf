// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * own_conf.c - the text of our file in modprobe.d: our option added, changed or removed.
 */
#include "own_file.h"
#include "plan_module.h"

#include <string.h>

/* ---- lines of others in our file ---- */

/*
 * How long the first line is, with its end; one that ends in a backslash goes on in the next. A
 * backslash before another one does not count: libkmod reads it so.
 */
size_t own_conf_line_length(const char *text)
{
	size_t len = 0;

	for (; text[len]; len++) {
		if (text[len] == '\\' && text[len + 1])
			len++;
		else if (text[len] == '\n')
			return len + 1;
	}
	return len;
}

static size_t blanks(const char *s)
{
	size_t len = 0;

	while (s[len] && (strchr(" \t\n", s[len]) || (s[len] == '\\' && s[len + 1] == '\n')))
		len++;
	return len;
}

/* Up to the next blank that is not inside of quotes. */
static size_t word_length(const char *s)
{
	bool quoted = false;
	size_t len = 0;

	while (s[len] && (quoted || !blanks(s + len))) {
		quoted ^= s[len] == '"';
		len++;
	}
	return len;
}

/* Is this word `param` or `param=...`? To the kernel '-' and '_' are the same there. */
static bool names_param(const char *word, const char *param)
{
	word += *word == '"';
	for (; *param; word++, param++)
		if (*word != *param && !(*word == '-' && *param == '_'))
			return false;
	return *word == '=' || *word == '"' || !*word || blanks(word);
}

static void add_without_param(struct buf *ret, const char *line, const char *param)
{
	while (*line) {
		size_t gap = blanks(line), len = word_length(line + gap);

		if (!len || !names_param(line + gap, param))
			buf_add(ret, line, gap + len);
		line += gap + len;
	}
	if (ret->len && ret->data[ret->len - 1] != '\n')
		buf_puts(ret, "\n");
}

/* param NULL: anything. */
static bool says(const char *line, const char *module, const char *param)
{
	struct modconf c = { 0 };
	struct modconf_token t;
	autofree char *options = NULL;
	bool found;

	modconf_add_file(&c, OWN_CONF_FILE, line, strlen(line));
	options = modconf_options(&c, module);
	found = param ? modconf_winner(&c, module, param, &t)
		      : options && options[strspn(options, " \t\r")];
	modconf_free(&c);
	return found;
}

/*
 * Appends a line of our file without our parameter, word by word: all that somebody else wrote
 * there stays as it is. False: nothing of it is left.
 */
static bool add_foreign(struct buf *ret, const char *line, const char *module, const char *param)
{
	autobuf rest = { 0 };

	if (!says(line, module, param)) {
		buf_puts(ret, line);
		return line[strspn(line, " \t\r\n#")];
	}
	add_without_param(&rest, line, param);
	if (!says(rest.data, module, NULL))
		return false;
	buf_puts(ret, rest.data);
	return true;
}

/* ---- the text ---- */

/*
 * The text of our file with our line set to this value, or without it (UNKNOWN). Lines that
 * somebody else put there stay. NULL: nothing is left but our head line.
 */
static char *own_conf_text(const char *old, const char *module, const char *param, enum tri value)
{
	struct buf b = { 0 };
	bool says_something = value != UNKNOWN;

	buf_puts(&b, OWN_FILE_HEAD);
	while (old && *old) {
		size_t len = own_conf_line_length(old);
		autofree char *line = xstrndup(old, len);

		old += len;
		if (!starts_with(line, OWN_FILE_MARK))
			says_something |= add_foreign(&b, line, module, param);
	}
	if (b.data[b.len - 1] != '\n')
		buf_puts(&b, "\n");
	if (value != UNKNOWN)
		buf_printf(&b, "options %s %s=%d\n", module, param, value);
	if (says_something)
		return buf_steal(&b);
	buf_free(&b);
	return NULL;
}

/* ---- the text without what a change of the past wrote ---- */

enum tri own_conf_value(const char *text, const char *module, const char *param)
{
	struct modconf c = { 0 };
	struct modconf_token t;
	enum tri value = UNKNOWN;

	if (text)
		modconf_add_file(&c, OWN_CONF_FILE, text, strlen(text));
	if (modconf_winner(&c, module, param, &t))
		value = param_bool(modconf_token_value(&t));
	modconf_free(&c);
	return value;
}

/* Calls each() for every parameter that is a setting, once. */
static void each_param(void (*each)(const char *module, const char *param, void *arg), void *arg)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		for (size_t k = 0; !settings[i].other_name && k < MODULE_COUNT; k++)
			if (settings[i].params[k])
				each(kvm_modules[k].name, settings[i].params[k]->name, arg);
}

struct undone {
	const char *ours, *before;
	char *text;
	bool has_option;
};

static void undo_param(const char *module, const char *param, void *arg)
{
	struct undone *u = arg;
	enum tri value = own_conf_value(u->before, module, param);
	char *old = u->text;

	if (own_conf_value(u->ours, module, param) == value ||
	    own_conf_value(old, module, param) == value)
		return;
	u->text = own_conf_text(old, module, param, value);
	free(old);
}

static void note_option(const char *module, const char *param, void *arg)
{
	struct undone *u = arg;

	u->has_option |= own_conf_value(u->text, module, param) != UNKNOWN;
}

char *own_conf_undone(const char *today, const char *ours, const char *before)
{
	struct undone u = { .ours = ours, .before = before, .text = today ? xstrdup(today) : NULL };

	each_param(undo_param, &u);
	each_param(note_option, &u);
	return u.has_option ? u.text : own_file_head_as_before(u.text, before);
}

/* ---- the text that gives what is wanted ---- */

enum tri next_value(const struct work *w, const struct modconf *c, const struct want *x)
{
	struct modconf_token t;
	bool found = modconf_winner(c, w->module->name, x->row->name, &t);
	bool sure = conf_is_last_word(&w->host->conf_unread, found ? &t : NULL);
	enum tri value = param_next(w->m, x->row, found ? &t : NULL, sure);

	return w->host->image ? loader_value(&x->is->boot, value) : value;
}

/* Our file with this text, NULL: without it. Takes the text. */
static void try_text(struct work *w, char *text)
{
	modconf_free(&w->next);
	modconf_with_file(&w->host->conf, OWN_CONF_FILE, text, &w->next);
	free(w->file_text);
	w->file_text = text;
}

static bool gives(const struct work *w, const struct want *x)
{
	return next_value(w, &w->next, x) == x->value;
}

/* Without our option where that is enough, else with it. */
static void find_text_for(struct work *w, const struct want *x)
{
	const char *module = w->module->name, *param = x->row->name;

	if (gives(w, x))
		return;
	if (w->file_text)
		try_text(w, own_conf_text(w->file_text, module, param, UNKNOWN));
	if (!gives(w, x))
		try_text(w, own_conf_text(w->file_text, module, param, x->value));
}

const struct want *own_conf_find(struct work *w)
{
	const struct want *missed = NULL;

	try_text(w, w->own_conf ? xstrdup(w->own_conf) : NULL);
	for (size_t i = 0; i < w->want_count; i++)
		find_text_for(w, &w->wants[i]);
	for (size_t i = 0; i < w->want_count && !missed; i++)
		if (!gives(w, &w->wants[i]))
			missed = &w->wants[i];
	w->file_changes = !same_file_text(w->file_text, w->own_conf);
	return missed;
}
