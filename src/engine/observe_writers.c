// SPDX-License-Identifier: GPL-2.0-or-later
#include "observe_writers.h"

#include <string.h>

#include <kvmtune/modconf.h>
#include <kvmtune/observe.h>
#include <kvmtune/port.h>
#include <kvmtune/sysfs_writer.h>

#include "unread.h"

typedef struct sysfs_write (*text_reader)(const char *text, const char *path);
typedef void (*file_sink)(struct writers *w, const char *file, const char *text);

void writers_watch(struct writers *w, const struct attribute *a, bool boot_said,
		   struct attribute_writers *ret)
{
	w->boot_said[w->count] = boot_said;
	w->watches[w->count++] = (struct attribute_watch){ a, ret };
}

void writers_add(struct writers *w, size_t watch, const char *who, const char *where,
		 const char *text)
{
	const char *value = text ? attribute_text(w->watches[watch].attribute, text) : NULL;
	struct attribute_writers *to = &w->later[watch];

	array_push(to->v, to->n) = (struct attribute_writer){
		.who = xstrdup(who), .where = xstrdup(where), .value = value, .may = !value
	};
}

/* Frees what was read. Returns whether the text writes the attribute. */
static bool add_write(struct writers *w, size_t watch, const char *who, const char *file,
		      unsigned line, struct sysfs_write *write)
{
	autofree char *where = xasprintf("%s:%u", file, line);

	if (write->line)
		writers_add(w, watch, who, where, write->value);
	free(write->value);
	return write->line > 0;
}

static void add_text(struct writers *w, const char *who, const char *file, const char *text,
		     text_reader reader)
{
	for (size_t i = 0; i < w->count; i++) {
		struct sysfs_write write = reader(text, w->watches[i].attribute->path);

		add_write(w, i, who, file, write.line, &write);
	}
}

static void read_one(struct writers *w, const char *file, file_sink sink)
{
	autobuf text = { 0 };

	if (read_noting(w->p, file, w->unread, &text) == 0)
		sink(w, file, buf_text(&text));
}

/* ---- units ---- */

static bool is_script(struct writers *w, const char *path)
{
	autobuf head = { 0 };

	return w->p->file.read_head(w->p, path, 2, &head) == 0 &&
	       strcmp(buf_text(&head), "#!") == 0;
}

static void read_script(struct writers *w, const char *unit, const char *path)
{
	autobuf text = { 0 };

	if (is_script(w, path) && read_noting(w->p, path, w->unread, &text) == 0)
		add_text(w, unit, path, buf_text(&text), sysfs_read_script);
}

/* The prefixes of systemd.service(5); each word that is a path may be the script. */
static void read_command(struct writers *w, const char *unit, const char *command)
{
	autofree char *copy = xstrdup(command);
	char *rest = copy, *word;

	while ((word = strsep(&rest, " \t\"'"))) {
		word += strspn(word, "@-:+!");
		if (*word == '/' && !starts_with(word, "/dev/") && !starts_with(word, "/sys/"))
			read_script(w, unit, word);
	}
}

static void read_exec(struct writers *w, const char *unit, const char *file,
		      const struct boot_line *l)
{
	bool found = false;

	for (size_t i = 0; i < w->count; i++) {
		struct sysfs_write write =
			sysfs_read_script(l->value, w->watches[i].attribute->path);

		found |= add_write(w, i, unit, file, l->line, &write);
	}
	if (!found)
		read_command(w, unit, l->value);
}

void observe_unit_writer(struct writers *w, const char *unit, const char *file,
			 const struct boot_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++)
		if (lines->v[i].key == BOOT_EXEC)
			read_exec(w, unit, file, &lines->v[i]);
}

/* ---- files ---- */

static bool is_dir(struct writers *w, const char *dir, const char *name)
{
	autofree char *path = xasprintf("%s/%s", dir, name);
	struct file_stat st;

	return w->p->file.stat(w->p, path, &st) == 0 && st.is_dir;
}

static void list_dir(struct writers *w, const char *const *dirs, size_t dir, const char *suffix,
		     struct modconf_name **names, size_t *count)
{
	autostrv found = { 0 };
	const char *name;

	if (unread_note(w->unread, dirs[dir], w->p->file.list(w->p, dirs[dir], &found)) < 0 ||
	    unread_count_names(w->unread, dirs[dir], found.n) < 0)
		return;
	strv_foreach (name, &found)
		if (*name != '.' && ends_with(name, suffix) && !is_dir(w, dirs[dir], name))
			array_push(*names, *count) =
				(struct modconf_name){ .dir = dir, .name = xstrdup(name) };
}

/*
 * Reads the files in the order in which systemd does (conf-files.c), which is that of modprobe.d.
 * A broken link, or one to /dev/null, hides what has the same name below it.
 */
static void read_dirs(struct writers *w, const char *const *dirs, size_t n, const char *suffix,
		      file_sink sink)
{
	struct modconf_name *names = NULL;
	size_t count = 0, kept;

	for (size_t dir = 0; dir < n; dir++)
		list_dir(w, dirs, dir, suffix, &names, &count);
	kept = modconf_select(names, count);
	for (size_t i = 0; i < kept; i++) {
		autofree char *path = xasprintf("%s/%s", dirs[names[i].dir], names[i].name);

		read_one(w, path, sink);
	}
	for (size_t i = 0; i < count; i++)
		free(names[i].name);
	free(names);
}

static void add_tmpfiles(struct writers *w, const char *file, const char *text)
{
	attribute_read_tmpfiles(file, text, w->watches, w->count);
}

static void add_udev(struct writers *w, const char *file, const char *text)
{
	add_text(w, "udev", file, text, sysfs_read_udev);
}

static void add_sysfsutils(struct writers *w, const char *file, const char *text)
{
	add_text(w, "sysfsutils", file, text, sysfs_read_conf);
}

static void add_rc_local(struct writers *w, const char *file, const char *text)
{
	add_text(w, "rc.local", file, text, sysfs_read_script);
}

void observe_tmpfiles(struct writers *w)
{
	static const char *const dirs[] = { "/etc/tmpfiles.d", "/run/tmpfiles.d",
					    "/usr/local/lib/tmpfiles.d", "/usr/lib/tmpfiles.d",
					    "/lib/tmpfiles.d" };

	read_dirs(w, dirs, ARRAY_SIZE(dirs), ".conf", add_tmpfiles);
}

static void read_rc_local(struct writers *w)
{
	static const char *const files[] = { "/etc/rc.local", "/etc/rc.d/rc.local" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct file_stat st;

		if (w->p->file.stat(w->p, files[i], &st) == 0 && st.is_regular && (st.mode & 0100))
			read_one(w, files[i], add_rc_local);
	}
}

void observe_file_writers(struct writers *w, bool sysfsutils, bool rc_local)
{
	static const char *const rules[] = { "/etc/udev/rules.d", "/usr/local/lib/udev/rules.d",
					     "/usr/lib/udev/rules.d", "/lib/udev/rules.d" };
	static const char *const confs[] = { "/etc/sysfs.d" };

	read_dirs(w, rules, ARRAY_SIZE(rules), ".rules", add_udev);
	if (sysfsutils) {
		read_one(w, "/etc/sysfs.conf", add_sysfsutils);
		read_dirs(w, confs, ARRAY_SIZE(confs), ".conf", add_sysfsutils);
	}
	if (rc_local)
		read_rc_local(w);
}

/* ---- tuned ---- */

void observe_tuned_writers(struct writers *w, const struct tuned *t, const char *profile)
{
	autofree char *who = xasprintf("tuned profile %s", profile);

	for (size_t i = 0; i < w->count; i++) {
		const struct attribute *a = w->watches[i].attribute;
		const struct tuned_option *o = tuned_sysfs(t, a->path);

		if (!o && a->tuned_vm && !w->boot_said[i])
			o = tuned_vm(t, a->tuned_vm);
		if (o && attribute_text(a, o->value))
			writers_add(w, i, who, o->where, o->value);
	}
}

/* ---- all ---- */

static void append(struct attribute_writers *to, struct attribute_writers *from)
{
	for (size_t i = 0; i < from->n; i++)
		array_push(to->v, to->n) = from->v[i];
	free(from->v);
	*from = (struct attribute_writers){ 0 };
}

void writers_settle(struct writers *w)
{
	for (size_t i = 0; i < w->count; i++) {
		attribute_settle_tmpfiles(w->watches[i].to);
		append(w->watches[i].to, &w->later[i]);
	}
}
