// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_boot.c - follows unit files from default.target, as systemd does (systemd 252:
 * core/load-dropin.c, core/transaction.c).
 */
#include "observe_boot.h"

#include <search.h>
#include <string.h>

#include <kvmtune/port.h>

#include "observe_boot_generated.h"
#include "observe_presets.h"
#include "observe_units.h"
#include "unread.h"

#define CMDLINE	  "/proc/cmdline"
#define UNITS_MAX 16384

/* A timer, a socket or a path starts `name` when something happens. */
struct trigger {
	char *by, *name, *where;
};

struct tree {
	struct boot_watch *w;
	struct unit_files files;
	struct preset_links presets;
	void *reached; /* names of units, for tsearch(3) */
	char **queue;  /* the same, in the order in which they were reached */
	size_t queue_count, next;
	struct trigger *triggers; /* followed when all that is sure is known */
	size_t trigger_count;
	bool sure; /* what is followed now */
};

/* ---- what is reached ---- */

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void reach(struct tree *t, const char *id)
{
	char *name = xstrdup(id);

	if (*(char **)tsearch(name, &t->reached, compare_names) != name) {
		free(name);
		return;
	}
	array_push(t->queue, t->queue_count) = name;
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
	const struct unit_file *f = unit_files_resolve(&t->files, full);
	size_t watched;

	if (f->kind != UNIT_FOUND && !ends_with(full, ".slice"))
		return;
	if (is_watched(t->w, f->id, &watched))
		add_cause(&t->w->causes[watched], *cause);
	reach(t, f->id);
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

static void add_trigger(struct tree *t, const char *by, const char *file, unsigned line,
			const char *name)
{
	array_push(t->triggers, t->trigger_count) =
		(struct trigger){ .by = xstrdup(by),
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
			add_trigger(v->t, v->id, file, l->line, name);
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

	if (read_noting(v->t->files.p, path, v->t->files.unread, &text) < 0)
		return;
	boot_read_unit(buf_text(&text), &lines);
	take_lines(v, path, &lines);
	boot_lines_free(&lines);
}

static bool take_drop_in(void *visit, const char *path, const char *suffix)
{
	(void)suffix;
	if (*last_part(path) != '.' && ends_with(path, ".conf"))
		read_unit_file(visit, path);
	return true;
}

/*
 * A link counts by its own name, wherever it leads but to nothing. One in /etc is what kvmtune may
 * remove, so that the one below it counts then: it is followed, too.
 */
static bool take_link(void *visit, const char *path, const char *suffix)
{
	struct visit *v = visit;
	struct tree *t = v->t;
	autofree char *target = unit_files_target(&t->files, path);
	const char *name = last_part(path);

	if (!target || !boot_is_unit_name(name))
		return true;
	if (strcmp(target, "/dev/null") == 0 || unit_files_is_empty(&t->files, path))
		return true;
	follow(t,
	       &(struct boot_cause){ .by = (char *)v->id,
				     .where = (char *)path,
				     .hard = strcmp(suffix, ".requires") == 0,
				     .sure = t->sure },
	       name);
	return !starts_with(path, UNIT_LINKS_DIR "/");
}

static void take_preset_links(struct visit *v)
{
	struct tree *t = v->t;

	for (size_t i = 0; i < t->presets.n; i++) {
		const struct preset_link *l = &t->presets.v[i];
		autofree char *path = xasprintf(UNIT_LINKS_DIR "/%s.wants/%s", l->by, l->name);
		autofree char *there = NULL;

		/* It makes no link where there is one; but kvmtune may remove that. */
		if (!strv_has(&v->names, l->by) || ((there = unit_files_target(&t->files, path)) &&
						    strcmp(there, "/dev/null") == 0))
			continue;
		follow(t,
		       &(struct boot_cause){
			       .where = l->where, .sure = t->sure, .early = l->early },
		       l->name);
	}
}

static bool has_default_deps(const char *id)
{
	return ends_with(id, ".service") || boot_is_trigger(id);
}

static void visit(struct tree *t, const char *id)
{
	struct visit v = { .t = t, .id = id };
	const struct unit_file *f = unit_files_resolve(&t->files, id);
	static const char *const suffixes[] = { ".wants", ".requires", ".upholds" };

	unit_files_names(&t->files, id, &v.names);
	if (f->kind == UNIT_FOUND)
		read_unit_file(&v, f->path);
	unit_files_in_subdirs(&t->files, &v.names, ".d", take_drop_in, &v);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		unit_files_in_subdirs(&t->files, &v.names, suffixes[i], take_link, &v);
	take_preset_links(&v);
	if (has_default_deps(id) && !v.no_defaults)
		follow_line(t, id, f->path ?: id,
			    &(struct boot_line){ .value = (char *)"sysinit.target" }, true);
	if (boot_is_trigger(id) && !v.triggers) {
		autofree char *name = boot_default_trigger(id);

		add_trigger(t, id, f->path ?: id, 0, name);
	}
	strv_free(&v.names);
}

/* ---- all of it ---- */

/* systemd-debug-generator(8): systemd.wants=, systemd.mask=. */
static void read_cmdline(struct tree *t, struct strv *ret_wants)
{
	autobuf text = { 0 };
	char *rest, *word;

	if (t->files.p->image || read_noting(t->files.p, CMDLINE, t->files.unread, &text) < 0 ||
	    !text.len)
		return;
	rest = text.data;
	while ((word = strsep(&rest, " \t\n"))) {
		if (starts_with(word, "systemd.wants="))
			strv_add(ret_wants, strchr(word, '=') + 1);
		else if (starts_with(word, "systemd.mask="))
			strv_add(&t->files.masked, strchr(word, '=') + 1);
		else if (starts_with(word, "systemd.unit="))
			reach(t, strchr(word, '=') + 1);
	}
}

/* Nobody knows where a boot of this tree begins. */
static void reach_all(struct tree *t)
{
	size_t watched;

	for (size_t i = 0; i < t->files.unit_count; i++)
		if (!is_watched(t->w, t->files.units[i].name, &watched) &&
		    !strstr(t->files.units[i].name, "@."))
			reach(t, t->files.units[i].name);
	for (size_t i = 0; i < t->files.subdir_count; i++) {
		const char *name = t->files.subdirs[i].name, *dot = strrchr(name, '.');
		autofree char *unit = xstrndup(name, (size_t)(dot - name));

		if (!is_watched(t->w, unit, &watched) && boot_is_unit_name(unit) &&
		    !strstr(unit, "@."))
			reach(t, unit);
	}
	for (size_t i = 0; i < t->presets.n; i++)
		if (!is_watched(t->w, t->presets.v[i].by, &watched))
			reach(t, t->presets.v[i].by);
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
	const struct unit_file *first;

	t->sure = true;
	read_cmdline(t, &wants);
	unit_files_find_aliases(&t->files);
	first = unit_files_resolve(&t->files, "default.target");
	if (first->kind == UNIT_FOUND)
		reach(t, first->id);
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
		const struct trigger *e = &t->triggers[i];

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
		const struct unit_file *f = unit_files_resolve(&t->files, unit);

		if (f->kind == UNIT_MISSING)
			link = observe_sysv_start(t->files.p, unit, t->files.unread);
		if (link)
			add_cause(&t->w->causes[i],
				  (struct boot_cause){ .by = (char *)"multi-user.target",
						       .where = link,
						       .sure = true });
		if (f->kind != UNIT_MASKED)
			generator = observe_generator(t->files.p, stem, t->files.unread);
		if (generator)
			add_cause(&t->w->causes[i],
				  (struct boot_cause){ .by = (char *)last_part(generator),
						       .where = generator });
	}
}

static void tree_free(struct tree *t)
{
	unit_files_free(&t->files);
	preset_links_free(&t->presets);
	tdestroy(t->reached, free);
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
	struct tree t = { .w = w, .files = { .p = p, .unread = unread } };

	if (w->other_init) {
		follow_generated(&t);
		tree_free(&t);
		return;
	}
	unit_files_list(&t.files);
	w->first_boot = observe_first_boot(p);
	if (w->first_boot)
		observe_presets(&t.files, &t.presets);
	walk(&t);
	if (p->image)
		follow_generated(&t);
	tree_free(&t);
}
