// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_units.c - lists the unit directories, and resolves names as systemd does
 */
#include "observe_units.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include <kvmtune/boot.h>
#include <kvmtune/port.h>

#include "unread.h"

#define ALIAS_HOPS 8

/* Where unit files are at the next boot, highest priority first (systemd.unit(5)). */
static const char *const unit_dirs[] = {
	"/etc/systemd/system.control", "/run/systemd/generator.early",
	"/etc/systemd/system",	       "/etc/systemd/system.attached",
	"/run/systemd/generator",      "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system",     "/lib/systemd/system",
	"/run/systemd/generator.late",
};

/* ---- the directories ---- */

static int compare_entries(const void *a, const void *b)
{
	const struct unit_entry *x = a, *y = b;
	int by_name = strcmp(x->name, y->name);

	return by_name ? by_name : (x->dir > y->dir) - (x->dir < y->dir);
}

static bool is_subdir_name(const char *name)
{
	return ends_with(name, ".d") || ends_with(name, ".wants") || ends_with(name, ".requires") ||
	       ends_with(name, ".upholds");
}

char *unit_files_target(struct unit_files *u, const char *path)
{
	struct buf target = { 0 };
	int r = u->p->file.read_link(u->p, path, &target);

	if (r != -EINVAL)
		unread_note(u->unread, path, r);
	return r == 0 ? buf_steal(&target) : NULL;
}

static void list_dir(struct unit_files *u, size_t dir)
{
	autostrv names = { 0 };
	const char *name;
	int r = u->p->file.list(u->p, unit_dirs[dir], &names);

	if (unread_note(u->unread, unit_dirs[dir], r) < 0 ||
	    unread_count_names(u->unread, unit_dirs[dir], names.n) < 0)
		return;
	strv_foreach (name, &names) {
		autofree char *path = xasprintf("%s/%s", unit_dirs[dir], name);

		if (boot_is_unit_name(name))
			array_push(u->units, u->unit_count) =
				(struct unit_entry){ .name = xstrdup(name),
						     .dir = dir,
						     .target = unit_files_target(u, path) };
		else if (is_subdir_name(name))
			array_push(u->subdirs, u->subdir_count) =
				(struct unit_entry){ .name = xstrdup(name), .dir = dir };
	}
}

/* A part of /run is there again after the next boot: what generators make. */
void unit_files_list(struct unit_files *u)
{
	for (size_t dir = 0; dir < ARRAY_SIZE(unit_dirs); dir++)
		if (!u->p->image || !starts_with(unit_dirs[dir], "/run/"))
			list_dir(u, dir);
	if (u->unit_count)
		qsort(u->units, u->unit_count, sizeof(*u->units), compare_entries);
	if (u->subdir_count)
		qsort(u->subdirs, u->subdir_count, sizeof(*u->subdirs), compare_entries);
}

/* The first entry of this name, and behind it those of lower priority; NULL: none. */
static const struct unit_entry *find(const struct unit_entry *all, size_t count, const char *name)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (strcmp(all[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < count && strcmp(all[low].name, name) == 0 ? &all[low] : NULL;
}

static bool is_last(const struct unit_entry *all, size_t count, const struct unit_entry *e)
{
	return e + 1 >= all + count || strcmp(e[1].name, e->name) != 0;
}

/* ---- which file a unit is ---- */

static void unit_file_free(struct unit_file *f)
{
	free(f->id);
	free(f->path);
}

/* "." and ".." taken out; relative to the directory of the link. */
static char *absolute(const char *dir, const char *target)
{
	autofree char *joined = *target == '/' ? xstrdup(target) : xasprintf("%s/%s", dir, target);
	struct buf b = { 0 };

	for (const char *part = joined; *part;) {
		size_t len = strcspn(part, "/");

		if (len == 2 && part[0] == '.' && part[1] == '.') {
			while (b.len && b.data[--b.len] != '/')
				;
			if (b.data)
				b.data[b.len] = '\0';
		} else if (len && !(len == 1 && part[0] == '.')) {
			buf_puts(&b, "/");
			buf_add(&b, part, len);
		}
		part += len + (part[len] == '/');
	}
	return b.len ? buf_steal(&b) : (buf_free(&b), xstrdup("/"));
}

/* The name of a unit where the path is one directly in a unit directory; NULL. */
static const char *name_in_unit_dir(const char *path)
{
	const char *name = last_part(path);
	size_t len = (size_t)(name - path) - 1;

	for (size_t i = 0; i < ARRAY_SIZE(unit_dirs); i++)
		if (strlen(unit_dirs[i]) == len && strncmp(path, unit_dirs[i], len) == 0)
			return name;
	/* Until the next boot only. */
	if (len == strlen("/run/systemd/system") && starts_with(path, "/run/systemd/system/"))
		return name;
	return NULL;
}

/* Does a chain of links end at /dev/null? An image has no such node: the links have to say so. */
static bool leads_to_null(struct unit_files *u, const char *path)
{
	autofree char *at = xstrdup(path);

	for (int hops = 0; hops < ALIAS_HOPS; hops++) {
		autofree char *target = unit_files_target(u, at);
		autofree char *dir = xstrndup(at, (size_t)(last_part(at) - at));

		if (!target)
			return false;
		free(at);
		at = absolute(dir, target);
		if (strcmp(at, "/dev/null") == 0)
			return true;
	}
	return false;
}

static bool is_empty(const struct file_stat *st)
{
	return st->is_char || (st->is_regular && !st->size);
}

bool unit_files_is_empty(struct unit_files *u, const char *path)
{
	struct file_stat st;

	return u->p->file.stat(u->p, path, &st) < 0 ? leads_to_null(u, path) : is_empty(&st);
}

static enum unit_kind kind_of(struct unit_files *u, const char *path)
{
	struct file_stat st;
	int r = unread_note(u->unread, path, u->p->file.stat(u->p, path, &st));

	if (r < 0 && leads_to_null(u, path))
		return UNIT_MASKED;
	if (r < 0)
		return error_is_absence(r) ? UNIT_MISSING : UNIT_FOUND;
	return is_empty(&st) ? UNIT_MASKED : st.is_dir ? UNIT_MISSING : UNIT_FOUND;
}

static bool is_instance(const char *name)
{
	autofree char *template = boot_template_of(name);

	return template;
}

static struct unit_file find_file(struct unit_files *u, const char *name, int hops);

static struct unit_file plain_file(struct unit_files *u, const char *id, char *path)
{
	return (struct unit_file){ .kind = kind_of(u, path), .id = xstrdup(id), .path = path };
}

/* False: this entry does not count, as a link from a name of another type. */
static bool resolve_entry(struct unit_files *u, const struct unit_entry *e, const char *id,
			  int hops, struct unit_file *ret)
{
	autofree char *path = xasprintf("%s/%s", unit_dirs[e->dir], e->name);
	autofree char *leads_to = e->target ? absolute(unit_dirs[e->dir], e->target) : NULL;
	const char *other = leads_to ? name_in_unit_dir(leads_to) : NULL;

	if (leads_to && strcmp(leads_to, "/dev/null") == 0) {
		*ret = (struct unit_file){ .kind = UNIT_MASKED, .id = xstrdup(id) };
		return true;
	}
	if (!other) {
		*ret = plain_file(u, id, xstrdup(path));
		return true;
	}
	if (strcmp(other, e->name) == 0) {
		*ret = plain_file(u, id, xstrdup(leads_to));
		return true;
	}
	if (!boot_is_alias_pair(e->name, other))
		return false;
	/* An instance that points to a template keeps its name. */
	if (is_instance(e->name) && strstr(other, "@.")) {
		*ret = find_file(u, other, hops + 1);
		free(ret->id);
		ret->id = xstrdup(id);
		return true;
	}
	/* An alias of a template stands for each of its instances. */
	if (strcmp(e->name, id) != 0) {
		const char *from = strchr(id, '@') + 1, *to = strchr(other, '@') + 1;
		autofree char *instance = xasprintf("%.*s%s", (int)(to - other), other, from);

		*ret = find_file(u, instance, hops + 1);
		return true;
	}
	*ret = find_file(u, other, hops + 1);
	return true;
}

static bool resolve_name(struct unit_files *u, const char *name, const char *id, int hops,
			 struct unit_file *ret)
{
	const struct unit_entry *e = find(u->units, u->unit_count, name);

	for (; e; e = is_last(u->units, u->unit_count, e) ? NULL : e + 1)
		if (resolve_entry(u, e, id, hops, ret))
			return true;
	return false;
}

static struct unit_file find_file(struct unit_files *u, const char *name, int hops)
{
	autofree char *template = boot_template_of(name);
	struct unit_file f;

	if (strv_has(&u->masked, name))
		return (struct unit_file){ .kind = UNIT_MASKED, .id = xstrdup(name) };
	if (hops < ALIAS_HOPS && resolve_name(u, name, name, hops, &f))
		return f;
	if (hops < ALIAS_HOPS && template && resolve_name(u, template, name, hops, &f))
		return f;
	return (struct unit_file){ .kind = UNIT_MISSING, .id = xstrdup(name) };
}

/* What was found of a name: it is asked for by each unit that starts it. */
struct resolved {
	char *name;
	struct unit_file file;
};

static int compare_resolved(const void *a, const void *b)
{
	return strcmp(((const struct resolved *)a)->name, ((const struct resolved *)b)->name);
}

static void free_resolved(void *resolved)
{
	struct resolved *r = resolved;

	free(r->name);
	unit_file_free(&r->file);
	free(r);
}

const struct unit_file *unit_files_resolve(struct unit_files *u, const char *name)
{
	struct resolved *r = xcalloc(1, sizeof(*r)), *found;

	r->name = xstrdup(name);
	found = *(struct resolved **)tsearch(r, &u->resolved, compare_resolved);
	if (found == r)
		r->file = find_file(u, name, 0);
	else
		free_resolved(r);
	return &found->file;
}

/* ---- the other names, and the directories of all names ---- */

static int compare_aliases(const void *a, const void *b)
{
	return strcmp(((const struct unit_alias *)a)->id, ((const struct unit_alias *)b)->id);
}

/* Once for all units: an image may have as many links as it likes. */
void unit_files_find_aliases(struct unit_files *u)
{
	for (size_t i = 0; i < u->unit_count; i++) {
		const struct unit_entry *e = &u->units[i];

		const struct unit_file *f;

		if (!e->target || unit_files_is_hidden(u, i))
			continue;
		f = unit_files_resolve(u, e->name);
		if (f->kind == UNIT_FOUND && strcmp(f->id, e->name) != 0)
			array_push(u->aliases, u->alias_count) =
				(struct unit_alias){ .id = f->id, .name = e->name };
	}
	if (u->alias_count)
		qsort(u->aliases, u->alias_count, sizeof(*u->aliases), compare_aliases);
}

void unit_files_names(const struct unit_files *u, const char *id, struct strv *ret)
{
	struct unit_alias key = { .id = (char *)id };
	const struct unit_alias *at;

	boot_dir_names(id, ret);
	if (!u->alias_count)
		return;
	at = bsearch(&key, u->aliases, u->alias_count, sizeof(key), compare_aliases);
	while (at && at > u->aliases && strcmp(at[-1].id, id) == 0)
		at--;
	for (; at && at < u->aliases + u->alias_count && strcmp(at->id, id) == 0; at++)
		boot_dir_names(at->name, ret);
}

void unit_files_in_subdirs(struct unit_files *u, const struct strv *unit_names, const char *suffix,
			   unit_subdir_sink each, void *arg)
{
	autostrv seen = { 0 };
	const char *unit;

	strv_foreach (unit, unit_names) {
		autofree char *sub = xasprintf("%s%s", unit, suffix);
		const struct unit_entry *e = find(u->subdirs, u->subdir_count, sub);

		for (; e; e = is_last(u->subdirs, u->subdir_count, e) ? NULL : e + 1) {
			autofree char *dir = xasprintf("%s/%s", unit_dirs[e->dir], e->name);
			autostrv names = { 0 };
			const char *name;
			int r = u->p->file.list(u->p, dir, &names);

			if (unread_note(u->unread, dir, r) < 0 ||
			    unread_count_names(u->unread, dir, names.n) < 0)
				continue;
			strv_sort(&names);
			strv_foreach (name, &names) {
				autofree char *path = xasprintf("%s/%s", dir, name);

				if (!strv_has(&seen, name) && each(arg, path, suffix))
					strv_add(&seen, name);
			}
		}
	}
}

bool unit_files_is_hidden(const struct unit_files *u, size_t unit)
{
	return unit && strcmp(u->units[unit - 1].name, u->units[unit].name) == 0;
}

static void free_entries(struct unit_entry *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(all[i].name);
		free(all[i].target);
	}
	free(all);
}

void unit_files_free(struct unit_files *u)
{
	free_entries(u->units, u->unit_count);
	free_entries(u->subdirs, u->subdir_count);
	free(u->aliases);
	tdestroy(u->resolved, free_resolved);
	strv_free(&u->masked);
}
