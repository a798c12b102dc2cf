// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tuned.c - profiles of tuned, merged as tuned/profiles/merger.py does.
 */
#include <kvmtune/tuned.h>

#include <fnmatch.h>
#include <string.h>

#include <kvmtune/ksm.h>

#include "ini.h"

/* More than any profile has. */
#define OPTIONS_MAX 4096

static bool is_true(const char *value)
{
	return strcmp(value, "1") == 0 || strcasecmp(value, "true") == 0;
}

static void cut_comment(char *value)
{
	for (char *c = value; *c; c++)
		if (*c == '#' && (c == value || c[-1] == ' ' || c[-1] == '\t')) {
			*c = '\0';
			break;
		}
	chomp(value);
}

void tuned_read_includes(const char *text, struct strv *ret)
{
	autoini i = { .lines = { .rest = text } };

	while (ini_next(&i)) {
		if (strcmp(i.section, "main") != 0 || strcmp(i.key, "include") != 0)
			continue;
		cut_comment(i.value);
		ksm_tuned_names(i.value, ret);
	}
}

static struct tuned_section *section(struct tuned *t, const char *name)
{
	struct tuned_section *s;

	for (size_t i = 0; i < t->count; i++)
		if (strcmp(t->sections[i].name, name) == 0)
			return &t->sections[i];
	s = &array_push(t->sections, t->count);
	*s = (struct tuned_section){ .name = xstrdup(name),
				     .type = xstrdup(name),
				     .enabled = true };
	return s;
}

static void option_free(struct tuned_option *o)
{
	free(o->key);
	free(o->value);
	free(o->where);
}

static void remove_at(struct tuned_section *s, size_t i)
{
	option_free(&s->options[i]);
	memmove(&s->options[i], &s->options[i + 1], (--s->count - i) * sizeof(*s->options));
}

static void remove_key(struct tuned_section *s, const char *key)
{
	for (size_t i = s->count; i-- > 0;)
		if (strcmp(s->options[i].key, key) == 0)
			remove_at(s, i);
}

static void drop_keys(struct tuned_section *s, char *list)
{
	char *key;

	while ((key = strsep(&list, " \t,;")))
		if (*key)
			remove_key(s, key);
}

/* Wherever these stand in a section, they are about what was said before this file. */
static void apply_removals(struct tuned *t, const char *text)
{
	autoini i = { .lines = { .rest = text } };

	while (ini_next(&i)) {
		cut_comment(i.value);
		if (strcmp(i.key, "replace") == 0 && is_true(i.value))
			while (section(t, i.section)->count)
				remove_at(section(t, i.section), 0);
		else if (strcmp(i.key, "drop") == 0)
			drop_keys(section(t, i.section), i.value);
	}
}

static void set_option(struct tuned_section *s, const char *file, const struct ini *i)
{
	remove_key(s, i->key);
	if (s->count < OPTIONS_MAX)
		array_push(s->options, s->count) =
			(struct tuned_option){ .key = xstrdup(i->key),
					       .value = xstrdup(i->value),
					       .where = xasprintf("%s:%u", file, i->lines.number) };
}

void tuned_add(struct tuned *t, const char *file, const char *text)
{
	autoini i = { .lines = { .rest = text } };

	apply_removals(t, text);
	while (ini_next(&i)) {
		struct tuned_section *s = section(t, i.section);

		cut_comment(i.value);
		if (strcmp(i.key, "enabled") == 0) {
			s->enabled = is_true(i.value);
		} else if (strcmp(i.key, "type") == 0) {
			free(s->type);
			s->type = xstrdup(i.value);
		} else if (strcmp(i.key, "replace") != 0 && strcmp(i.key, "drop") != 0) {
			set_option(s, file, &i);
		}
	}
}

void tuned_free(struct tuned *t)
{
	for (size_t i = 0; i < t->count; i++) {
		free(t->sections[i].name);
		free(t->sections[i].type);
		for (size_t n = 0; n < t->sections[i].count; n++)
			option_free(&t->sections[i].options[n]);
		free(t->sections[i].options);
	}
	free(t->sections);
	*t = (struct tuned){ 0 };
}

static bool names_path(const char *key, const char *path)
{
	return strcmp(key, path) == 0 ||
	       (strpbrk(key, "*?[") && fnmatch(key, path, FNM_PATHNAME) == 0);
}

const struct tuned_option *tuned_sysfs(const struct tuned *t, const char *path)
{
	const struct tuned_option *found = NULL;

	for (size_t i = 0; i < t->count; i++) {
		const struct tuned_section *s = &t->sections[i];

		for (size_t n = 0; s->enabled && strcmp(s->type, "sysfs") == 0 && n < s->count; n++)
			if (names_path(s->options[n].key, path))
				found = &s->options[n];
	}
	return found;
}

/* The last option of a plugin with this name. */
static const struct tuned_option *find_option(const struct tuned *t, const char *plugin,
					      const char *key)
{
	const struct tuned_option *found = NULL;

	for (size_t i = 0; i < t->count; i++) {
		const struct tuned_section *s = &t->sections[i];

		for (size_t n = 0; s->enabled && strcmp(s->type, plugin) == 0 && n < s->count; n++)
			if (strcmp(s->options[n].key, key) == 0)
				found = &s->options[n];
	}
	return found;
}

const struct tuned_option *tuned_service(const struct tuned *t, const char *unit)
{
	autofree char *key = xasprintf("service.%s", unit);

	return find_option(t, "service", key);
}

const struct tuned_option *tuned_vm(const struct tuned *t, const char *const *keys)
{
	const struct tuned_option *found = NULL;

	for (; *keys && !found; keys++)
		found = find_option(t, "vm", *keys);
	return found;
}
