// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ksm_files.c - what the files of others say about KSM: tmpfiles.d, tuned, units, /etc/default.
 *
 * All of them are text of unknown origin: a line that makes no sense is passed over.
 */
#include <kvmtune/ksm.h>

#include "ini.h"

#include <fnmatch.h>
#include <search.h>
#include <string.h>

/* What the kernel would take for a value of run: 0, 1 or 2; -1: it would refuse it. */
int ksm_run_value(const char *s)
{
	int value;

	return parse_int(s, &value) == 0 && value >= 0 && value <= 2 ? value : -1;
}

static bool is_run(const char *key)
{
	return strcmp(key, KSM_RUN_FILE) == 0;
}

/* Tools that take patterns for the names of files. */
static bool is_run_pattern(const char *key)
{
	return strpbrk(key, "*?[") && fnmatch(key, KSM_RUN_FILE, FNM_PATHNAME) == 0;
}

/* ---- tmpfiles.d ---- */

/* Takes the next word off *rest, with quotes and backslashes removed. "" at the end. */
static char *cut_word(char **rest)
{
	char *from = *rest + strspn(*rest, BLANKS), *word = from, *to = from;
	char quote = '\0';

	for (; *from && (quote || !strchr(BLANKS, *from)); from++) {
		if (*from == quote) {
			quote = '\0';
		} else if (!quote && (*from == '"' || *from == '\'')) {
			quote = *from;
		} else {
			from += *from == '\\' && from[1];
			*to++ = *from;
		}
	}
	*rest = *from ? from + 1 : from;
	*to = '\0';
	return word;
}

/* As systemd makes paths plain before it compares them: "//", "/./", and "/" at the end go. */
static char *plain_path(const char *path)
{
	struct buf plain = { 0 };

	while (*path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len && !(len == 1 && *path == '.')) {
			buf_puts(&plain, "/");
			buf_add(&plain, path, len);
		}
		path += len;
	}
	return buf_steal(&plain);
}

/* The argument is the rest of the line; "\n" at its end is what people know from echo. */
static char *cut_argument(char *rest)
{
	char *argument = chomp(rest + strspn(rest, BLANKS));
	size_t len = strlen(argument);

	if (len > 2 && strcmp(argument + len - 2, "\\n") == 0)
		argument[len - 2] = '\0';
	return argument;
}

/* What is written is not what stands there: base64, a credential, a specifier, an escape. */
static bool is_veiled(const char *action, const char *argument)
{
	return strpbrk(action, "~^") || strpbrk(argument, "%\\");
}

/* "w /sys/kernel/mm/ksm/run - - - - 1": action, path, mode, user, group, age, argument. */
static void add_tmpfiles_line(const char *file, unsigned number, char *line, struct ksm_facts *ret)
{
	char *action = cut_word(&line), *written = cut_word(&line), *argument;
	autofree char *path = plain_path(written);
	bool veiled;

	if (written[0] != '/' || action[0] != 'w' || action[1 + strspn(action + 1, "+!-=~^")] ||
	    !(is_run(path) || is_run_pattern(path)))
		return;
	for (int i = 0; i < 4; i++)
		cut_word(&line);
	argument = cut_argument(line);
	/* systemd: "Write file requires argument." */
	if (!*argument || strcmp(argument, "-") == 0)
		return;
	veiled = is_veiled(action, argument);
	array_push(ret->writers, ret->writer_count) = (struct ksm_writer){
		.who = xstrdup("tmpfiles.d"),
		.where = xasprintf("%s:%u", file, number),
		.path = xstrdup(path),
		.value = veiled ? -1 : ksm_run_value(argument),
		.tmpfiles = is_run(path) && !veiled,
		.append = strchr(action, '+'),
		.ours = strcmp(file, OWN_TMPFILES) == 0,
	};
}

void ksm_read_tmpfiles(const char *file, const char *text, struct ksm_facts *ret)
{
	struct lines lines = { .rest = text };

	while (lines_next(&lines))
		if (!ini_is_comment(lines.text.data))
			add_tmpfiles_line(file, lines.number, lines.text.data, ret);
	buf_free(&lines.text);
}

static int compare_writers(const void *a, const void *b)
{
	const struct ksm_writer *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/*
 * Does a line count behind those before it? The first one for the same path decides: firsts has them,
 * for tsearch(3), and gets this one where it is the first.
 */
static bool counts(void **firsts, const struct ksm_writer *w)
{
	const struct ksm_writer *first =
		*(const struct ksm_writer **)tsearch(w, firsts, compare_writers);

	return first == w || (first->append && w->append);
}

static void free_nothing(void *writer)
{
	(void)writer;
}

/* As if our file were not there. */
static int value_without_ours(const struct ksm_facts *k)
{
	void *firsts = NULL;
	int value = -1;

	for (size_t i = 0; i < k->writer_count; i++) {
		const struct ksm_writer *w = &k->writers[i];

		if (!w->ours && counts(&firsts, w) && w->value >= 0)
			value = w->value;
	}
	tdestroy(firsts, free_nothing);
	return value;
}

void ksm_settle_tmpfiles(struct ksm_facts *k)
{
	void *firsts = NULL;
	size_t kept = 0;

	k->tmpfiles_others = value_without_ours(k);
	for (size_t i = 0; i < k->writer_count; i++) {
		struct ksm_writer w = k->writers[i];

		/* The first line for a path stays where it is put here. */
		k->writers[kept] = w;
		if (counts(&firsts, &k->writers[kept]))
			kept++;
		else
			ksm_writer_free(&w);
	}
	k->writer_count = kept;
	tdestroy(firsts, free_nothing);
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
