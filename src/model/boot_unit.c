// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * boot_unit.c - unit files: which other units they start, and the names of units.
 */
#include <kvmtune/boot.h>

#include <ctype.h>
#include <string.h>

#include "ini.h"

#define UNIT_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\"
#define NAME_MAX_LEN 255
/* No unit file says more than this. */
#define LINES_MAX 4096

struct key {
	const char *section, *name;
	enum boot_key key;
};

static const struct key keys[] = {
	{ "Unit", "Wants", BOOT_WANTS },
	{ "Unit", "Upholds", BOOT_WANTS },
	{ "Service", "Sockets", BOOT_WANTS },
	{ "Unit", "Requires", BOOT_REQUIRES },
	{ "Unit", "BindsTo", BOOT_REQUIRES },
	{ "Unit", "DefaultDependencies", BOOT_DEFAULT_DEPS },
	{ "Timer", "Unit", BOOT_TRIGGERS },
	{ "Path", "Unit", BOOT_TRIGGERS },
	{ "Socket", "Service", BOOT_TRIGGERS },
	{ "Install", "WantedBy", BOOT_WANTED_BY },
	{ "Install", "RequiredBy", BOOT_REQUIRED_BY },
	{ "Install", "UpheldBy", BOOT_UPHELD_BY },
	{ "Install", "Alias", BOOT_ALIAS },
	{ "Install", "Also", BOOT_ALSO },
	{ "Install", "DefaultInstance", BOOT_DEFAULT_INSTANCE },
	{ "Service", "ExecStart", BOOT_EXEC },
	{ "Service", "ExecStartPre", BOOT_EXEC },
	{ "Service", "ExecStartPost", BOOT_EXEC },
};

static void add_line(struct boot_lines *l, enum boot_key key, unsigned line, const char *value)
{
	if (l->n < LINES_MAX)
		array_push(l->v, l->n) =
			(struct boot_line){ .key = key, .line = line, .value = xstrdup(value) };
}

static void add_words(struct boot_lines *l, enum boot_key key, unsigned line, char *words)
{
	char *word;

	while ((word = strsep(&words, BLANKS))) {
		size_t len = strlen(word);

		if (len > 1 && (word[0] == '"' || word[0] == '\'') && word[len - 1] == word[0]) {
			word[len - 1] = '\0';
			word++;
		}
		if (*word)
			add_line(l, key, line, word);
	}
}

void boot_read_unit(const char *text, struct boot_lines *ret)
{
	autoini i = { .lines = { .rest = text, .continued = true } };

	while (ini_next(&i))
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			if (strcmp(i.key, keys[k].name) != 0 ||
			    strcmp(i.section, keys[k].section) != 0)
				continue;
			if (keys[k].key == BOOT_EXEC)
				add_line(ret, BOOT_EXEC, i.lines.number, i.value);
			else
				add_words(ret, keys[k].key, i.lines.number, i.value);
		}
}

void boot_lines_free(struct boot_lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i].value);
	free(l->v);
	*l = (struct boot_lines){ 0 };
}

/* ---- names ---- */

static const char *const types[] = { "service", "socket", "target", "timer",	 "path",  "mount",
				     "slice",	"scope",  "swap",   "automount", "device" };

static const char *type_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	for (size_t i = 0; dot && i < ARRAY_SIZE(types); i++)
		if (strcmp(dot + 1, types[i]) == 0)
			return types[i];
	return NULL;
}

bool boot_is_unit_name(const char *name)
{
	const char *at = strchr(name, '@');

	if (strlen(name) > NAME_MAX_LEN || *name == '.' || *name == '@' || !type_of(name))
		return false;
	/* An instance may have an "@" of its own. */
	for (const char *c = name; *c; c++)
		if (!strchr(UNIT_LETTERS, *c) && !(*c == '@' && at && c >= at))
			return false;
	return true;
}

char *boot_template_of(const char *name)
{
	const char *at = strchr(name, '@'), *dot = strrchr(name, '.');

	if (!at || !dot || dot < at || dot == at + 1)
		return NULL;
	return xasprintf("%.*s%s", (int)(at + 1 - name), name, dot);
}

static bool is_template(const char *name)
{
	const char *at = strchr(name, '@');

	return at && at[1] == '.' && at + 1 == strrchr(name, '.');
}

/* systemd: an instance may stand for an instance or the template of the same, a plain unit for a plain one. */
bool boot_is_alias_pair(const char *name, const char *target)
{
	const char *type = type_of(name), *other = type_of(target);
	autofree char *a = boot_template_of(name), *b = boot_template_of(target);

	if (!type || !other || strcmp(type, other) != 0)
		return false;
	if (a)
		return b ? strcmp(strchr(name, '@'), strchr(target, '@')) == 0
			 : is_template(target);
	return is_template(name) == is_template(target) && !b;
}

bool boot_is_trigger(const char *name)
{
	return ends_with(name, ".timer") || ends_with(name, ".socket") || ends_with(name, ".path");
}

char *boot_default_trigger(const char *name)
{
	return xasprintf("%.*s.service", (int)(strrchr(name, '.') - name), name);
}

/* "foo-bar-baz.service" has foo-bar-.service and foo-.service, too (systemd.unit(5)). */
static void add_prefixes(const char *name, struct strv *ret)
{
	const char *dot = strrchr(name, '.'), *at = strchr(name, '@');
	const char *end = at && at < dot ? at : dot;
	const char *from = at && at < dot ? at : dot;

	for (const char *c = end - 1; c > name; c--)
		if (c[-1] == '-' && c < end)
			strv_addf(ret, "%.*s%s%s", (int)(c - name), name, from == at ? "@" : "",
				  dot);
}

void boot_dir_names(const char *name, struct strv *ret)
{
	autofree char *template = boot_template_of(name);
	const char *type = type_of(name);

	strv_add(ret, name);
	if (template)
		strv_add(ret, template);
	add_prefixes(name, ret);
	if (type)
		strv_add(ret, type);
}

static void unescape(const char *from, size_t len, struct buf *ret)
{
	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		if (from[i] == '-') {
			buf_puts(ret, "/");
		} else if (i + 3 < len && from[i] == '\\' && from[i + 1] == 'x' &&
			   isxdigit((unsigned char)from[i + 2]) &&
			   isxdigit((unsigned char)from[i + 3])) {
			char hex[3] = { from[i + 2], from[i + 3], '\0' };

			byte = (unsigned)strtoul(hex, NULL, 16);
			buf_add(ret, &(char){ (char)byte }, 1);
			i += 3;
		} else {
			buf_add(ret, from + i, 1);
		}
	}
}

/* False: a specifier that is about the running host, or none. */
static bool add_specifier(char letter, const char *unit, struct buf *ret)
{
	const char *dot = strrchr(unit, '.'), *at = strchr(unit, '@');
	size_t prefix = (size_t)((at ? at : dot) - unit);
	const char *instance = at ? at + 1 : dot, *last = unit;

	switch (letter) {
	case 'n':
		buf_puts(ret, unit);
		return true;
	case 'N':
		buf_add(ret, unit, (size_t)(dot - unit));
		return true;
	case 'p':
		buf_add(ret, unit, prefix);
		return true;
	case 'i':
		buf_add(ret, instance, (size_t)(dot - instance));
		return true;
	case 'I':
		unescape(instance, (size_t)(dot - instance), ret);
		return true;
	case 'P':
		unescape(unit, prefix, ret);
		return true;
	case 'j':
		for (size_t i = 0; i < prefix; i++)
			if (unit[i] == '-')
				last = unit + i + 1;
		buf_add(ret, last, prefix - (size_t)(last - unit));
		return true;
	case '%':
		buf_puts(ret, "%");
		return true;
	default:
		return false;
	}
}

char *boot_expand(const char *word, const char *unit)
{
	struct buf b = { 0 };
	bool good = type_of(unit) != NULL;

	for (; good && *word; word++) {
		if (*word != '%')
			buf_add(&b, word, 1);
		else if (!*++word)
			good = false;
		else
			good = add_specifier(*word, unit, &b);
		good = good && b.len <= NAME_MAX_LEN;
	}
	if (good && b.len && boot_is_unit_name(b.data))
		return buf_steal(&b);
	buf_free(&b);
	return NULL;
}

/* ---- what starts a unit ---- */

void boot_causes_free(struct boot_causes *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->v[i].by);
		free(c->v[i].where);
	}
	free(c->v);
	*c = (struct boot_causes){ 0 };
}

enum tri boot_starts(const struct boot_causes *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->v[i].sure)
			return YES;
	return c->n ? UNKNOWN : NO;
}
