// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/attribute.h>

#include <fnmatch.h>
#include <search.h>
#include <string.h>

#include "ini.h"

/* Numbers by their value: a kernel reads 01 as 1. */
static bool same_text(const char *a, const char *b)
{
	int x, y;

	return strcmp(a, b) == 0 || (parse_int(a, &x) == 0 && parse_int(b, &y) == 0 && x == y);
}

const char *attribute_text(const struct attribute *a, const char *text)
{
	for (const char *const *t = a->texts; *t; t++)
		if (same_text(*t, text))
			return *t;
	return NULL;
}

const char *attribute_chosen(const struct attribute *a, const char *shown, struct strv *ret)
{
	autofree char *copy = xstrdup(shown);
	const char *chosen = NULL;
	char *rest = copy, *word;

	while ((word = strsep(&rest, " \t\n"))) {
		size_t len = strlen(word);
		bool marked = len > 2 && word[0] == '[' && word[len - 1] == ']';

		if (!len)
			continue;
		if (marked) {
			word[len - 1] = '\0';
			chosen = attribute_text(a, ++word);
		}
		strv_add(ret, word);
	}
	return chosen;
}

const char *attribute_boot_text(const struct attribute *a, const char *kernel_words)
{
	autofree char *copy = xstrdup(kernel_words);
	const char *text = NULL;
	char *rest = copy, *word;
	size_t len = a->boot_word ? strlen(a->boot_word) : 0;

	/* A value that the kernel does not know changes nothing (mm/huge_memory.c). */
	while (len && (word = strsep(&rest, " \t\n")))
		if (strncmp(word, a->boot_word, len) == 0 && word[len] == '=' &&
		    attribute_text(a, word + len + 1))
			text = attribute_text(a, word + len + 1);
	return text;
}

static void writer_free(struct attribute_writer *w)
{
	free(w->who);
	free(w->where);
	free(w->path);
}

void attribute_writers_free(struct attribute_writers *w)
{
	for (size_t i = 0; i < w->n; i++)
		writer_free(&w->v[i]);
	free(w->v);
	*w = (struct attribute_writers){ 0 };
}

void attribute_facts_free(struct attribute_facts *f)
{
	strv_free(&f->words);
	attribute_writers_free(&f->writers);
}

const char *attribute_next(const struct attribute_facts *f, struct strv *ret_who)
{
	const struct attribute_writer *last = NULL, *may = NULL;

	for (size_t i = 0; i < f->writers.n; i++)
		if (f->writers.v[i].may)
			may = &f->writers.v[i];
		else
			last = &f->writers.v[i];
	if (may && ret_who)
		strv_addf(ret_who, "may be written by %s (%s)", may->who, may->where);
	else if (ret_who && (last || f->boot))
		strv_add(ret_who, last ? last->where : "/proc/cmdline");
	return may ? NULL : last ? last->value : f->boot;
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

/* A line that writes: action, path, mode, user, group, age, argument. */
struct write_line {
	const char *file;
	unsigned number;
	char *path;
	char *argument;
	bool append, veiled;
};

/* Does it write to this attribute, by its name or by a pattern? */
static bool writes_to(const struct write_line *l, const struct attribute *a)
{
	return strcmp(l->path, a->path) == 0 ||
	       (strpbrk(l->path, "*?[") && fnmatch(l->path, a->path, FNM_PATHNAME) == 0);
}

static void add_writer(const struct write_line *l, const struct attribute_watch *watch)
{
	struct attribute_writers *to = watch->to;

	array_push(to->v, to->n) = (struct attribute_writer){
		.who = xstrdup("tmpfiles.d"),
		.where = xasprintf("%s:%u", l->file, l->number),
		.path = xstrdup(l->path),
		.value = l->veiled ? NULL : attribute_text(watch->attribute, l->argument),
		.tmpfiles = strcmp(l->path, watch->attribute->path) == 0 && !l->veiled,
		.append = l->append,
		.ours = strcmp(l->file, OWN_TMPFILES) == 0,
	};
}

/* "w /sys/kernel/mm/ksm/run - - - - 1". False: it is none, or systemd would refuse it. */
static bool cut_write_line(char *line, struct write_line *ret)
{
	char *action = cut_word(&line), *written = cut_word(&line);

	if (written[0] != '/' || action[0] != 'w' || action[1 + strspn(action + 1, "+!-=~^")])
		return false;
	for (int i = 0; i < 4; i++)
		cut_word(&line);
	ret->argument = cut_argument(line);
	/* systemd: "Write file requires argument." */
	if (!*ret->argument || strcmp(ret->argument, "-") == 0)
		return false;
	ret->path = plain_path(written);
	ret->append = strchr(action, '+');
	ret->veiled = is_veiled(action, ret->argument);
	return true;
}

void attribute_read_tmpfiles(const char *file, const char *text,
			     const struct attribute_watch *watches, size_t count)
{
	struct lines lines = { .rest = text };

	while (lines_next(&lines)) {
		struct write_line l = { .file = file, .number = lines.number };

		if (ini_is_comment(lines.text.data) || !cut_write_line(lines.text.data, &l))
			continue;
		for (size_t i = 0; i < count; i++)
			if (writes_to(&l, watches[i].attribute))
				add_writer(&l, &watches[i]);
		free(l.path);
	}
	buf_free(&lines.text);
}

static int compare_writers(const void *a, const void *b)
{
	const struct attribute_writer *x = a, *y = b;

	return strcmp(x->path, y->path);
}

/*
 * Does a line count behind those before it? The first one for the same path decides: firsts has them,
 * for tsearch(3), and gets this one where it is the first.
 */
static bool counts(void **firsts, const struct attribute_writer *w)
{
	const struct attribute_writer *first =
		*(const struct attribute_writer **)tsearch(w, firsts, compare_writers);

	return first == w || (first->append && w->append);
}

static void free_nothing(void *writer)
{
	(void)writer;
}

/* As if our file were not there. */
static const char *value_without_ours(const struct attribute_writers *all)
{
	void *firsts = NULL;
	const char *value = NULL;

	for (size_t i = 0; i < all->n; i++) {
		const struct attribute_writer *w = &all->v[i];

		if (!w->ours && counts(&firsts, w) && w->value)
			value = w->value;
	}
	tdestroy(firsts, free_nothing);
	return value;
}

void attribute_settle_tmpfiles(struct attribute_writers *all)
{
	void *firsts = NULL;
	size_t kept = 0;

	all->tmpfiles_others = value_without_ours(all);
	for (size_t i = 0; i < all->n; i++) {
		struct attribute_writer w = all->v[i];

		/* The first line for a path stays where it is put here. */
		all->v[kept] = w;
		if (counts(&firsts, &all->v[kept]))
			kept++;
		else
			writer_free(&w);
	}
	all->n = kept;
	tdestroy(firsts, free_nothing);
}
