// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_boot.c - follows unit files from default.target, as systemd does (systemd 252:
 * shared/unit-file.c, core/load-dropin.c, core/transaction.c).
 */
#include "observe_boot.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include <kvmtune/modconf.h>
#include <kvmtune/port.h>

#include "observe_boot_generated.h"
#include "unread.h"

#define CMDLINE	      "/proc/cmdline"
#define MACHINE_ID    "/etc/machine-id"
#define ALIAS_HOPS    8
#define UNITS_MAX     16384
#define PRESET_SUFFIX ".preset"

/* Where unit files are at the next boot, highest priority first (systemd.unit(5)). */
static const char *const unit_dirs[] = {
	"/etc/systemd/system.control", "/run/systemd/generator.early",
	"/etc/systemd/system",	       "/etc/systemd/system.attached",
	"/run/systemd/generator",      "/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system",     "/lib/systemd/system",
	"/run/systemd/generator.late",
};

/* The directory in which a preset makes its links. */
#define LINKS_DIR "/etc/systemd/system"

static const char *const preset_dirs[] = {
	"/etc/systemd/system-preset",
	"/usr/local/lib/systemd/system-preset",
	"/usr/lib/systemd/system-preset",
	"/lib/systemd/system-preset",
};

/* A name in a unit directory. */
struct dir_entry {
	char *name;
	size_t dir;
	char *target; /* where a link leads, NULL: no link */
};

struct node {
	char *id;
	bool sure, visited;
};

/* Another name of a unit: a link beside the unit files. */
struct alias {
	char *id;
	const char *name; /* of the entry */
};

struct edge {
	char *by, *name, *where;
	bool hard;
};

/* What a preset will make: "name" started by `by`. */
struct install {
	char *by, *name, *where;
	bool hard, early;
};

struct tree {
	struct ports *p;
	struct unread *unread;
	struct boot_watch *w;
	struct dir_entry *units; /* sorted by name, then by priority */
	size_t unit_count;
	struct dir_entry *subdirs; /* X.d, X.wants... likewise */
	size_t subdir_count;
	struct alias *aliases; /* sorted by id */
	size_t alias_count;
	struct strv masked; /* by the kernel command line */
	struct install *installs;
	size_t install_count;
	void *nodes; /* for tsearch(3) */
	struct node **queue;
	size_t queue_count, next;
	struct edge *triggers; /* followed when all that is sure is known */
	size_t trigger_count;
	bool sure; /* what is followed now */
};

/* ---- the directories ---- */

static int compare_entries(const void *a, const void *b)
{
	const struct dir_entry *x = a, *y = b;
	int by_name = strcmp(x->name, y->name);

	return by_name ? by_name : (x->dir > y->dir) - (x->dir < y->dir);
}

static bool is_subdir_name(const char *name)
{
	return ends_with(name, ".d") || ends_with(name, ".wants") || ends_with(name, ".requires") ||
	       ends_with(name, ".upholds");
}

/* Not a link: NULL. What cannot be read is noted, and counts as a file. */
static char *target_of(struct tree *t, const char *path)
{
	struct buf target = { 0 };
	int r = t->p->file.read_link(t->p, path, &target);

	if (r != -EINVAL)
		unread_note(t->unread, path, r);
	return r == 0 ? buf_steal(&target) : NULL;
}

static void list_dir(struct tree *t, size_t dir)
{
	autostrv names = { 0 };
	const char *name;
	int r = t->p->file.list(t->p, unit_dirs[dir], &names);

	if (unread_note(t->unread, unit_dirs[dir], r) < 0 ||
	    unread_count_names(t->unread, unit_dirs[dir], names.n) < 0)
		return;
	strv_foreach (name, &names) {
		autofree char *path = xasprintf("%s/%s", unit_dirs[dir], name);

		if (boot_is_unit_name(name))
			array_push(t->units, t->unit_count) = (struct dir_entry){
				.name = xstrdup(name), .dir = dir, .target = target_of(t, path)
			};
		else if (is_subdir_name(name))
			array_push(t->subdirs, t->subdir_count) =
				(struct dir_entry){ .name = xstrdup(name), .dir = dir };
	}
}

/* A part of /run is there again after the next boot: what generators make. */
static void list_dirs(struct tree *t)
{
	for (size_t dir = 0; dir < ARRAY_SIZE(unit_dirs); dir++)
		if (!t->p->image || !starts_with(unit_dirs[dir], "/run/"))
			list_dir(t, dir);
	if (t->unit_count)
		qsort(t->units, t->unit_count, sizeof(*t->units), compare_entries);
	if (t->subdir_count)
		qsort(t->subdirs, t->subdir_count, sizeof(*t->subdirs), compare_entries);
}

/* The first entry of this name, and behind it those of lower priority; NULL: none. */
static const struct dir_entry *find(const struct dir_entry *all, size_t count, const char *name)
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

static bool is_last(const struct dir_entry *all, size_t count, const struct dir_entry *e)
{
	return e + 1 >= all + count || strcmp(e[1].name, e->name) != 0;
}

/* ---- which file a unit is ---- */

enum file_kind { FILE_MISSING, FILE_MASKED, FILE_FOUND };

struct unit_file {
	enum file_kind kind;
	char *id;   /* the unit's own name, where it was found by another one */
	char *path; /* of FILE_FOUND */
};

static void unit_file_free(struct unit_file *f)
{
	free(f->id);
	free(f->path);
}
#define autofile __attribute__((cleanup(unit_file_free))) struct unit_file

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

static bool is_empty_file(struct tree *t, const char *path)
{
	struct file_stat st;

	return t->p->file.stat(t->p, path, &st) == 0 && (st.is_char || (st.is_regular && !st.size));
}

static struct unit_file resolve(struct tree *t, const char *name, int hops);

static struct unit_file plain_file(struct tree *t, const char *id, char *path)
{
	struct file_stat st;
	int r = unread_note(t->unread, path, t->p->file.stat(t->p, path, &st));
	enum file_kind kind = r < 0 ? (error_is_absence(r) ? FILE_MISSING : FILE_FOUND)
			      : is_empty_file(t, path) ? FILE_MASKED
			      : st.is_dir	       ? FILE_MISSING
						       : FILE_FOUND;

	return (struct unit_file){ .kind = kind, .id = xstrdup(id), .path = path };
}

/* False: this entry does not count, as a link from a name of another type. */
static bool resolve_entry(struct tree *t, const struct dir_entry *e, const char *id, int hops,
			  struct unit_file *ret)
{
	autofree char *path = xasprintf("%s/%s", unit_dirs[e->dir], e->name);
	autofree char *leads_to = e->target ? absolute(unit_dirs[e->dir], e->target) : NULL;
	const char *other = leads_to ? name_in_unit_dir(leads_to) : NULL;

	if (leads_to && strcmp(leads_to, "/dev/null") == 0) {
		*ret = (struct unit_file){ .kind = FILE_MASKED, .id = xstrdup(id) };
		return true;
	}
	if (!other) {
		*ret = plain_file(t, id, xstrdup(path));
		return true;
	}
	if (strcmp(other, e->name) == 0) {
		*ret = plain_file(t, id, xstrdup(leads_to));
		return true;
	}
	if (!boot_is_alias_pair(e->name, other))
		return false;
	/* An instance that points to a template keeps its name. */
	if (strchr(e->name, '@') && strstr(other, "@.") && boot_template_of(e->name)) {
		autofile template = resolve(t, other, hops + 1);

		*ret = (struct unit_file){ .kind = template.kind,
					   .id = xstrdup(id),
					   .path = template.path ? xstrdup(template.path) : NULL };
		return true;
	}
	/* An alias of a template stands for each of its instances. */
	if (strcmp(e->name, id) != 0) {
		const char *from = strchr(id, '@') + 1, *to = strchr(other, '@') + 1;
		autofree char *instance = xasprintf("%.*s%s", (int)(to - other), other, from);

		*ret = resolve(t, instance, hops + 1);
		return true;
	}
	*ret = resolve(t, other, hops + 1);
	return true;
}

static bool resolve_name(struct tree *t, const char *name, const char *id, int hops,
			 struct unit_file *ret)
{
	const struct dir_entry *e = find(t->units, t->unit_count, name);

	for (; e; e = is_last(t->units, t->unit_count, e) ? NULL : e + 1)
		if (resolve_entry(t, e, id, hops, ret))
			return true;
	return false;
}

static struct unit_file resolve(struct tree *t, const char *name, int hops)
{
	autofree char *template = boot_template_of(name);
	struct unit_file f;

	if (strv_has(&t->masked, name))
		return (struct unit_file){ .kind = FILE_MASKED, .id = xstrdup(name) };
	if (hops < ALIAS_HOPS && resolve_name(t, name, name, hops, &f))
		return f;
	if (hops < ALIAS_HOPS && template && resolve_name(t, template, name, hops, &f))
		return f;
	return (struct unit_file){ .kind = FILE_MISSING, .id = xstrdup(name) };
}

/* ---- what is reached ---- */

static int compare_nodes(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->id, ((const struct node *)b)->id);
}

static void reach(struct tree *t, const char *id)
{
	struct node *node = xcalloc(1, sizeof(*node)), *found;

	*node = (struct node){ .id = xstrdup(id), .sure = t->sure };
	found = *(struct node **)tsearch(node, &t->nodes, compare_nodes);
	if (found != node) {
		free(node->id);
		free(node);
		return;
	}
	array_push(t->queue, t->queue_count) = node;
}

static void add_cause(struct boot_causes *c, struct boot_cause cause)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].where, cause.where) == 0 && c->v[i].sure >= cause.sure)
			return;
	if (c->n >= UNITS_MAX)
		return;
	cause.by = cause.by ? xstrdup(cause.by) : NULL;
	cause.where = xstrdup(cause.where);
	array_push(c->v, c->n) = cause;
}

static bool is_watched(const struct boot_watch *w, const char *id, size_t *ret)
{
	for (*ret = 0; *ret < w->count; ++*ret)
		if (strcmp(w->names[*ret], id) == 0)
			return true;
	return false;
}

/* A template is wanted for the instance of the unit that wants it, or else for that unit's name. */
static char *instance_of(const char *name, const char *by)
{
	const char *at = strstr(name, "@."), *by_at = strchr(by, '@'), *by_dot = strrchr(by, '.');
	const char *from = by_at ? by_at + 1 : by;

	if (!at)
		return xstrdup(name);
	return xasprintf("%.*s@%.*s%s", (int)(at - name), name, (int)(by_dot - from), from, at + 1);
}

static void follow(struct tree *t, const struct boot_cause *cause, const char *name)
{
	autofree char *full = instance_of(name, cause->by ?: "preset.target");
	autofile f = resolve(t, full, 0);
	size_t watched;

	if (f.kind != FILE_FOUND && !ends_with(full, ".slice"))
		return;
	if (is_watched(t->w, f.id, &watched))
		add_cause(&t->w->causes[watched], *cause);
	reach(t, f.id);
}

static void follow_line(struct tree *t, const char *by, const char *file,
			const struct boot_line *line, bool hard)
{
	autofree char *name = boot_expand(line->value, by);
	autofree char *where = line->line ? xasprintf("%s:%u", file, line->line) : xstrdup(file);

	if (!name)
		return;
	follow(t,
	       &(struct boot_cause){
		       .by = (char *)by, .where = where, .hard = hard, .sure = t->sure },
	       name);
}

static void trigger(struct tree *t, const char *by, const char *file, unsigned line,
		    const char *name)
{
	array_push(t->triggers, t->trigger_count) =
		(struct edge){ .by = xstrdup(by),
			       .name = xstrdup(name),
			       .where = line ? xasprintf("%s:%u", file, line) : xstrdup(file) };
}

/* ---- one unit ---- */

struct visit {
	struct tree *t;
	const char *id;
	struct strv names; /* of its directories */
	bool triggers;	   /* it has said which unit it triggers */
	bool no_defaults;
};

static void take_lines(struct visit *v, const char *file, const struct boot_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		const struct boot_line *l = &lines->v[i];
		autofree char *name = NULL;

		if (l->key == BOOT_WANTS || l->key == BOOT_REQUIRES)
			follow_line(v->t, v->id, file, l, l->key == BOOT_REQUIRES);
		else if (l->key == BOOT_DEFAULT_DEPS)
			v->no_defaults = l->value[0] == 'n' || l->value[0] == '0' ||
					 l->value[0] == 'f' || strcmp(l->value, "off") == 0;
		else if (l->key == BOOT_TRIGGERS && (name = boot_expand(l->value, v->id))) {
			trigger(v->t, v->id, file, l->line, name);
			v->triggers = true;
		}
	}
	if (v->t->w->each)
		v->t->w->each(v->t->w->arg, v->id, file, lines);
}

static void read_unit_file(struct visit *v, const char *path)
{
	struct boot_lines lines = { 0 };
	autobuf text = { 0 };

	if (read_noting(v->t->p, path, v->t->unread, &text) < 0)
		return;
	boot_read_unit(buf_text(&text), &lines);
	take_lines(v, path, &lines);
	boot_lines_free(&lines);
}

/* Calls each() for the names in X<suffix>, of all directories: where a name is twice, the first one. */
static void in_subdirs(struct visit *v, const char *suffix,
		       bool (*each)(struct visit *v, const char *path, const char *suffix))
{
	struct tree *t = v->t;
	autostrv seen = { 0 };
	const char *unit;

	strv_foreach (unit, &v->names) {
		autofree char *sub = xasprintf("%s%s", unit, suffix);
		const struct dir_entry *e = find(t->subdirs, t->subdir_count, sub);

		for (; e; e = is_last(t->subdirs, t->subdir_count, e) ? NULL : e + 1) {
			autofree char *dir = xasprintf("%s/%s", unit_dirs[e->dir], e->name);
			autostrv names = { 0 };
			const char *name;
			int r = t->p->file.list(t->p, dir, &names);

			if (unread_note(t->unread, dir, r) < 0 ||
			    unread_count_names(t->unread, dir, names.n) < 0)
				continue;
			strv_sort(&names);
			strv_foreach (name, &names) {
				autofree char *path = xasprintf("%s/%s", dir, name);

				if (!strv_has(&seen, name) && each(v, path, suffix))
					strv_add(&seen, name);
			}
		}
	}
}

static bool take_drop_in(struct visit *v, const char *path, const char *suffix)
{
	(void)suffix;
	if (*last_part(path) != '.' && ends_with(path, ".conf"))
		read_unit_file(v, path);
	return true;
}

/*
 * A link counts by its own name, wherever it leads but to nothing. One in /etc is what kvmtune may
 * remove, so that the one below it counts then: it is followed, too.
 */
static bool take_link(struct visit *v, const char *path, const char *suffix)
{
	struct tree *t = v->t;
	autofree char *target = target_of(t, path);
	const char *name = last_part(path);

	if (!target || !boot_is_unit_name(name))
		return true;
	if (strcmp(target, "/dev/null") == 0 || is_empty_file(t, path))
		return true;
	follow(t,
	       &(struct boot_cause){ .by = (char *)v->id,
				     .where = (char *)path,
				     .hard = strcmp(suffix, ".requires") == 0,
				     .sure = t->sure },
	       name);
	return !starts_with(path, LINKS_DIR "/");
}

static void take_installs(struct visit *v)
{
	struct tree *t = v->t;

	for (size_t i = 0; i < t->install_count; i++) {
		const struct install *in = &t->installs[i];
		autofree char *path = xasprintf(LINKS_DIR "/%s.wants/%s", in->by, in->name);
		autofree char *there = NULL;

		/* It makes no link where there is one; but kvmtune may remove that. */
		if (!strv_has(&v->names, in->by) ||
		    ((there = target_of(t, path)) && strcmp(there, "/dev/null") == 0))
			continue;
		follow(t,
		       &(struct boot_cause){
			       .where = in->where, .sure = t->sure, .early = in->early },
		       in->name);
	}
}

static int compare_aliases(const void *a, const void *b)
{
	return strcmp(((const struct alias *)a)->id, ((const struct alias *)b)->id);
}

/* Once for all units: an image may have as many links as it likes. */
static void find_aliases(struct tree *t)
{
	for (size_t i = 0; i < t->unit_count; i++) {
		const struct dir_entry *e = &t->units[i];

		if (!e->target || (i && strcmp(e[-1].name, e->name) == 0))
			continue;
		autofile f = resolve(t, e->name, 0);

		if (f.kind == FILE_FOUND && strcmp(f.id, e->name) != 0)
			array_push(t->aliases, t->alias_count) =
				(struct alias){ .id = xstrdup(f.id), .name = e->name };
	}
	if (t->alias_count)
		qsort(t->aliases, t->alias_count, sizeof(*t->aliases), compare_aliases);
}

/* The names that links beside the unit files give it. */
static void add_aliases(struct visit *v)
{
	const struct tree *t = v->t;
	struct alias key = { .id = (char *)v->id };
	const struct alias *at;

	if (!t->alias_count)
		return;
	at = bsearch(&key, t->aliases, t->alias_count, sizeof(key), compare_aliases);
	while (at && at > t->aliases && strcmp(at[-1].id, v->id) == 0)
		at--;
	for (; at && at < t->aliases + t->alias_count && strcmp(at->id, v->id) == 0; at++)
		boot_dir_names(at->name, &v->names);
}

static bool has_default_deps(const char *id)
{
	return ends_with(id, ".service") || boot_is_trigger(id);
}

static void visit(struct tree *t, const struct node *node)
{
	struct visit v = { .t = t, .id = node->id };
	autofile f = resolve(t, node->id, 0);
	static const char *const suffixes[] = { ".wants", ".requires", ".upholds" };

	boot_dir_names(node->id, &v.names);
	add_aliases(&v);
	if (f.kind == FILE_FOUND)
		read_unit_file(&v, f.path);
	in_subdirs(&v, ".d", take_drop_in);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		in_subdirs(&v, suffixes[i], take_link);
	take_installs(&v);
	if (has_default_deps(node->id) && !v.no_defaults)
		follow_line(t, node->id, f.path ?: node->id,
			    &(struct boot_line){ .value = (char *)"sysinit.target" }, true);
	if (boot_is_trigger(node->id) && !v.triggers) {
		autofree char *name = boot_default_trigger(node->id);

		trigger(t, node->id, f.path ?: node->id, 0, name);
	}
	strv_free(&v.names);
}

/* ---- presets ---- */

static bool is_first_boot(struct tree *t)
{
	autobuf id = { 0 };
	int r = t->p->file.read_head(t->p, MACHINE_ID, 64, &id);

	if (!t->p->image)
		return false;
	return error_is_absence(r) || (r == 0 && starts_with(buf_text(&id), "uninitialized"));
}

static void read_presets(struct tree *t, struct boot_presets *ret)
{
	struct modconf_name *names = NULL;
	size_t count = 0, kept;

	for (size_t dir = 0; dir < ARRAY_SIZE(preset_dirs); dir++) {
		autostrv found = { 0 };
		const char *name;

		if (unread_note(t->unread, preset_dirs[dir],
				t->p->file.list(t->p, preset_dirs[dir], &found)) < 0)
			continue;
		strv_foreach (name, &found)
			if (*name != '.' && ends_with(name, PRESET_SUFFIX))
				array_push(names, count) =
					(struct modconf_name){ .dir = dir, .name = xstrdup(name) };
	}
	kept = modconf_select(names, count);
	for (size_t i = 0; i < kept; i++) {
		autofree char *path = xasprintf("%s/%s", preset_dirs[names[i].dir], names[i].name);
		autobuf text = { 0 };

		if (read_noting(t->p, path, t->unread, &text) == 0)
			boot_read_presets(path, buf_text(&text), ret);
	}
	for (size_t i = 0; i < count; i++)
		free(names[i].name);
	free(names);
}

static void add_install(struct tree *t, const char *unit, const char *by, const char *where,
			bool early, bool hard)
{
	array_push(t->installs, t->install_count) = (struct install){ .by = xstrdup(by),
								      .name = xstrdup(unit),
								      .where = xstrdup(where),
								      .hard = hard,
								      .early = early };
}

static void preset_lines(struct tree *t, const char *unit, const char *where, bool early,
			 const struct boot_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		const struct boot_line *l = &lines->v[i];
		autofree char *by = NULL;

		if ((l->key == BOOT_WANTED_BY || l->key == BOOT_REQUIRED_BY ||
		     l->key == BOOT_UPHELD_BY) &&
		    (by = boot_expand(l->value, unit)))
			add_install(t, unit, by, where, early, l->key == BOOT_REQUIRED_BY);
	}
}

/* The instances that a preset enables of a template: by its rule, or the default one. */
static void preset_instances(struct tree *t, const char *unit, const struct boot_rule *rule,
			     const char *where, bool early, const struct boot_lines *lines)
{
	autostrv instances = { 0 };
	const char *instance, *at = strstr(unit, "@.");

	if (!at) {
		preset_lines(t, unit, where, early, lines);
		return;
	}
	if (rule)
		strv_foreach (instance, &rule->instances)
			strv_add(&instances, instance);
	for (size_t i = 0; !instances.n && i < lines->n; i++)
		if (lines->v[i].key == BOOT_DEFAULT_INSTANCE)
			strv_add(&instances, lines->v[i].value);
	strv_foreach (instance, &instances) {
		autofree char *name =
			xasprintf("%.*s@%s%s", (int)(at - unit), unit, instance, at + 1);

		if (boot_is_unit_name(name))
			preset_lines(t, name, where, early, lines);
	}
}

/* Every unit file that is no other name of one. */
static void apply_presets(struct tree *t)
{
	struct boot_presets presets = { 0 };

	read_presets(t, &presets);
	for (size_t i = 0; i < t->unit_count; i++) {
		const char *unit = t->units[i].name;
		const struct boot_rule *rule = boot_preset(&presets, unit);
		autofile f = { 0 };
		struct boot_lines lines = { 0 };
		autobuf text = { 0 };
		bool early;

		if ((rule && !rule->enable) || (i && strcmp(t->units[i - 1].name, unit) == 0))
			continue;
		f = resolve(t, unit, 0);
		if (f.kind != FILE_FOUND || strcmp(f.id, unit) != 0 ||
		    read_noting(t->p, f.path, t->unread, &text) < 0)
			continue;
		boot_read_unit(buf_text(&text), &lines);
		early = rule && strcmp(last_part(rule->where), last_part(OWN_PRESET)) < 0;
		preset_instances(t, unit, rule, rule ? rule->where : "the preset of a first boot",
				 early, &lines);
		boot_lines_free(&lines);
	}
	boot_presets_free(&presets);
}

/* ---- all of it ---- */

/* systemd-debug-generator(8): systemd.wants=, systemd.mask=. */
static void read_cmdline(struct tree *t, struct strv *ret_wants)
{
	autobuf text = { 0 };
	char *rest, *word;

	if (t->p->image || read_noting(t->p, CMDLINE, t->unread, &text) < 0 || !text.len)
		return;
	rest = text.data;
	while ((word = strsep(&rest, " \t\n"))) {
		if (starts_with(word, "systemd.wants="))
			strv_add(ret_wants, strchr(word, '=') + 1);
		else if (starts_with(word, "systemd.mask="))
			strv_add(&t->masked, strchr(word, '=') + 1);
		else if (starts_with(word, "systemd.unit="))
			reach(t, strchr(word, '=') + 1);
	}
}

/* Nobody knows where a boot of this tree begins. */
static void reach_all(struct tree *t)
{
	size_t watched;

	for (size_t i = 0; i < t->unit_count; i++)
		if (!is_watched(t->w, t->units[i].name, &watched) &&
		    !strstr(t->units[i].name, "@."))
			reach(t, t->units[i].name);
	for (size_t i = 0; i < t->subdir_count; i++) {
		const char *name = t->subdirs[i].name, *dot = strrchr(name, '.');
		autofree char *unit = xstrndup(name, (size_t)(dot - name));

		if (!is_watched(t->w, unit, &watched) && boot_is_unit_name(unit) &&
		    !strstr(unit, "@."))
			reach(t, unit);
	}
	for (size_t i = 0; i < t->install_count; i++)
		if (!is_watched(t->w, t->installs[i].by, &watched))
			reach(t, t->installs[i].by);
}

static void visit_all(struct tree *t)
{
	while (t->next < t->queue_count && t->next < UNITS_MAX)
		visit(t, t->queue[t->next++]);
}

static void walk(struct tree *t)
{
	autostrv wants = { 0 };
	const char *name;
	autofile first = { 0 };

	t->sure = true;
	read_cmdline(t, &wants);
	find_aliases(t);
	first = resolve(t, "default.target", 0);
	if (first.kind == FILE_FOUND)
		reach(t, first.id);
	else
		reach_all(t);
	strv_foreach (name, &wants)
		if (boot_is_unit_name(name))
			follow(t,
			       &(struct boot_cause){ .by = (char *)"default.target",
						     .where = (char *)CMDLINE,
						     .sure = true },
			       name);
	visit_all(t);
	t->sure = false;
	for (size_t i = 0; i < t->trigger_count; i++) {
		const struct edge *e = &t->triggers[i];

		follow(t, &(struct boot_cause){ .by = e->by, .where = e->where }, e->name);
		visit_all(t);
	}
}

/* Without a unit file an init script is made one; what a generator makes is known by its own text alone. */
static void follow_generated(struct tree *t)
{
	for (size_t i = 0; i < t->w->count; i++) {
		const char *unit = t->w->names[i];
		autofree char *stem = xstrndup(unit, strlen(unit) - strlen(".service"));
		autofree char *link = NULL, *generator = NULL;
		autofile f = resolve(t, unit, 0);

		if (f.kind == FILE_MISSING)
			link = observe_sysv_start(t->p, unit, t->unread);
		if (link)
			add_cause(&t->w->causes[i],
				  (struct boot_cause){ .by = (char *)"multi-user.target",
						       .where = link,
						       .sure = true });
		if (f.kind != FILE_MASKED)
			generator = observe_generator(t->p, stem, t->unread);
		if (generator)
			add_cause(&t->w->causes[i],
				  (struct boot_cause){ .by = (char *)last_part(generator),
						       .where = generator });
	}
}

static void free_entries(struct dir_entry *all, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(all[i].name);
		free(all[i].target);
	}
	free(all);
}

static void free_node(void *node)
{
	free(((struct node *)node)->id);
	free(node);
}

static void tree_free(struct tree *t)
{
	free_entries(t->units, t->unit_count);
	free_entries(t->subdirs, t->subdir_count);
	for (size_t i = 0; i < t->alias_count; i++)
		free(t->aliases[i].id);
	free(t->aliases);
	strv_free(&t->masked);
	for (size_t i = 0; i < t->install_count; i++) {
		free(t->installs[i].by);
		free(t->installs[i].name);
		free(t->installs[i].where);
	}
	free(t->installs);
	tdestroy(t->nodes, free_node);
	free(t->queue);
	for (size_t i = 0; i < t->trigger_count; i++) {
		free(t->triggers[i].by);
		free(t->triggers[i].name);
		free(t->triggers[i].where);
	}
	free(t->triggers);
}

void observe_boot(struct ports *p, struct boot_watch *w, struct unread *unread)
{
	struct tree t = { .p = p, .unread = unread, .w = w };

	if (w->other_init) {
		follow_generated(&t);
		tree_free(&t);
		return;
	}
	list_dirs(&t);
	w->first_boot = is_first_boot(&t);
	if (w->first_boot)
		apply_presets(&t);
	walk(&t);
	if (p->image)
		follow_generated(&t);
	tree_free(&t);
}
