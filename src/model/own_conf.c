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

static bool says(const char *line, const struct module_setting *ms, bool our_param)
{
	struct modconf c = { 0 };
	struct modconf_token t;
	autofree char *options = NULL;
	bool found;

	modconf_add_file(&c, OWN_CONF_FILE, line, strlen(line));
	options = modconf_options(&c, ms->module);
	found = our_param ? modconf_winner(&c, ms->module, ms->param, &t)
			  : options && options[strspn(options, " \t\r")];
	modconf_free(&c);
	return found;
}

/*
 * Appends a line of our file without our parameter, word by word: all that somebody else wrote
 * there stays as it is. False: nothing of it is left.
 */
static bool add_foreign(struct buf *ret, const char *line, const struct module_setting *ms)
{
	autobuf rest = { 0 };

	if (!says(line, ms, true)) {
		buf_puts(ret, line);
		return line[strspn(line, " \t\r\n#")];
	}
	add_without_param(&rest, line, ms->param);
	if (!says(rest.data, ms, false))
		return false;
	buf_puts(ret, rest.data);
	return true;
}

/* ---- the text ---- */

/*
 * The text of our file with our line set to this value, or without it (UNKNOWN). Lines that
 * somebody else put there stay. NULL: nothing is left but our head line.
 */
static char *own_conf_text(const char *old, const struct module_setting *ms, enum tri value)
{
	struct buf b = { 0 };
	bool says_something = value != UNKNOWN;

	buf_puts(&b, OWN_FILE_HEAD);
	while (old && *old) {
		size_t len = own_conf_line_length(old);
		autofree char *line = xstrndup(old, len);

		old += len;
		if (!starts_with(line, OWN_FILE_MARK))
			says_something |= add_foreign(&b, line, ms);
	}
	if (b.data[b.len - 1] != '\n')
		buf_puts(&b, "\n");
	if (value != UNKNOWN)
		buf_printf(&b, "options %s %s=%d\n", ms->module, ms->param, value);
	if (says_something)
		return buf_steal(&b);
	buf_free(&b);
	return NULL;
}

/* ---- the text without what a change of the past wrote ---- */

enum tri own_conf_value(const char *text, const struct module_setting *ms)
{
	struct modconf c = { 0 };
	struct modconf_token t;
	enum tri value = UNKNOWN;

	if (text)
		modconf_add_file(&c, OWN_CONF_FILE, text, strlen(text));
	if (modconf_winner(&c, ms->module, ms->param, &t))
		value = param_bool(modconf_token_value(&t));
	modconf_free(&c);
	return value;
}

static bool has_own_option(const char *text)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (settings[i].module && own_conf_value(text, settings[i].module) != UNKNOWN)
			return true;
	return false;
}

char *own_conf_undone(const char *today, const char *ours, const char *before)
{
	char *text = today ? xstrdup(today) : NULL;

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct module_setting *ms = settings[i].module;
		enum tri value = ms ? own_conf_value(before, ms) : UNKNOWN;
		char *old = text;

		if (!ms || own_conf_value(ours, ms) == value || own_conf_value(text, ms) == value)
			continue;
		text = own_conf_text(old, ms, value);
		free(old);
	}
	return has_own_option(text) ? text : own_file_head_as_before(text, before);
}

/* ---- the text that gives what is wanted ---- */

enum tri next_value(const struct work *w, const struct modconf *c)
{
	struct modconf_token t;
	bool found = modconf_winner(c, w->ms->module, w->ms->param, &t);

	if (w->m->paging.value == NO)
		return NO;
	if (!conf_is_last_word(&w->host->conf_unread, found ? &t : NULL))
		return UNKNOWN;
	return found ? param_bool(modconf_token_value(&t)) : YES;
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
	const char *old = w->own_conf;

	modconf_with_file(&w->host->conf, OWN_CONF_FILE, old, &w->next);
	if (next_value(w, &w->next) == w->want)
		return true;
	if (old && try_file(w, own_conf_text(old, w->ms, UNKNOWN)))
		return true;
	return try_file(w, own_conf_text(old, w->ms, w->want));
}
