// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ksm_files.c - what the files of others say about KSM alone: units, /etc/default, names of tuned.
 *
 * All of them are text of unknown origin: a line that makes no sense is passed over.
 */
#include <kvmtune/ksm.h>

#include "ini.h"

#include <string.h>

int ksm_run_value(const char *text)
{
	return text && text[0] >= '0' && text[0] <= '2' && !text[1] ? text[0] - '0' : -1;
}

/* ---- tuned ---- */

#define NAME_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@+-"

/* A profile's name becomes part of a path. */
static bool is_profile_name(const char *name)
{
	return *name && *name != '.' && !name[strspn(name, NAME_LETTERS)];
}

/* Far more than are followed. */
#define PROFILE_NAMES_MAX 256

void ksm_tuned_names(char *list, struct strv *ret)
{
	char *name;

	while ((name = strsep(&list, " \t\r\n,;")))
		if (is_profile_name(name) && ret->n < PROFILE_NAMES_MAX && !strv_has(ret, name))
			strv_add(ret, name);
}

/* ---- /etc/default/qemu-kvm ---- */

/* A file of shell assignments: the last one holds. "AUTO" is on, but in a guest. */
bool ksm_read_default_qemu(const char *text, unsigned *ret_line)
{
	autoini i = { .lines = { .rest = text } };
	bool on = true;

	while (ini_next(&i)) {
		if (strcmp(i.key, "KSM_ENABLED") != 0)
			continue;
		i.value += strspn(i.value, "\"'");
		on = i.value[0] != '0';
		*ret_line = i.lines.number;
	}
	return on;
}

/* ---- unit files ---- */

/* The words for true of systemd.syntax(7). */
static bool is_true(const char *word)
{
	static const char *const words[] = { "1", "yes", "y", "true", "t", "on" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strcasecmp(word, words[i]) == 0)
			return true;
	return false;
}

unsigned ksm_read_memory_ksm(const char *text)
{
	autoini i = { .lines = { .rest = text, .continued = true } };
	unsigned line = 0;

	/* Of the hundreds of unit files hardly one has the word. */
	if (!strstr(text, "MemoryKSM"))
		return 0;
	while (ini_next(&i))
		if (strcmp(i.key, "MemoryKSM") == 0)
			line = is_true(i.value) ? i.lines.number : 0;
	return line;
}

/* It becomes part of a path. What has a specifier (%i) in it is not for units like ours. */
static bool is_unit_name(const char *name)
{
	return *name != '.' && !name[strspn(name, NAME_LETTERS ":\\")] &&
	       (ends_with(name, ".target") || ends_with(name, ".service"));
}

/* More than any unit is wanted by. */
#define UNITS_MAX 256

static void add_units(char *list, struct strv *ret)
{
	char *name;

	/* "An empty string resets the list." */
	if (!*list)
		strv_free(ret);
	while ((name = strsep(&list, " \t")))
		if (is_unit_name(name) && ret->n < UNITS_MAX && !strv_has(ret, name))
			strv_add(ret, name);
}

static void add_link(struct ksm_unit *u, char *path, const char *target)
{
	array_push(u->install, u->install_count) =
		(struct unit_link){ .path = path, .target = xstrdup(target) };
}

/* Of the same kind as the unit (systemd.unit(5)), and not one of the services themselves. */
static bool is_alias_name(const char *name)
{
	return ends_with(name, ".service") && !ksm_is_driver(name);
}

void ksm_read_install(const char *name, const char *fragment, const char *text,
		      struct ksm_unit *ret)
{
	static const char *const keys[] = { "WantedBy", "RequiredBy", "UpheldBy", "Alias" };
	static const char *const dirs[] = { "wants", "requires", "upholds" };
	struct strv lists[ARRAY_SIZE(keys)] = { 0 };
	autoini i = { .lines = { .rest = text, .continued = true } };

	while (ini_next(&i))
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++)
			if (strcmp(i.section, "Install") == 0 && strcmp(i.key, keys[k]) == 0)
				add_units(i.value, &lists[k]);
	for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
		for (size_t n = 0; n < lists[k].n; n++) {
			const char *other = lists[k].v[n];

			if (k < ARRAY_SIZE(dirs))
				add_link(
					ret,
					xasprintf(UNIT_LINKS_DIR "/%s.%s/%s", other, dirs[k], name),
					fragment);
			else if (is_alias_name(other))
				add_link(ret, xasprintf(UNIT_LINKS_DIR "/%s", other), fragment);
		}
		strv_free(&lists[k]);
	}
}

/* ---- processes ---- */

bool ksm_read_stat(const char *text, const char *key, uint64_t *ret)
{
	struct lines lines = { .rest = text };
	size_t len = strlen(key);
	bool found = false;

	while (!found && lines_next(&lines)) {
		const char *value = lines.text.data;

		if (strncmp(value, key, len) != 0 || !strchr(": \t", value[len]))
			continue;
		value += len + strspn(value + len, ": \t");
		found = strcmp(value, "yes") == 0 || strcmp(value, "no") == 0;
		if (found)
			*ret = value[0] == 'y';
		else
			found = parse_u64(value, ret) == 0;
	}
	buf_free(&lines.text);
	return found;
}
