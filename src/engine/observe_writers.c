// SPDX-License-Identifier: GPL-2.0-or-later
#include "observe_writers.h"

#include <string.h>

#include <kvmtune/modconf.h>
#include <kvmtune/port.h>
#include <kvmtune/sysfs_writer.h>

#include "unread.h"

typedef struct sysfs_write (*text_reader)(const char *text, const char *path);

static void tell(struct writers *w, const char *who, const char *file, unsigned line,
		 struct sysfs_write *write)
{
	autofree char *where = xasprintf("%s:%u", file, line);

	if (write->line)
		w->each(w->arg, who, where, write->value);
	free(write->value);
}

static void read_one(struct writers *w, const char *who, const char *file, text_reader reader)
{
	autobuf text = { 0 };
	struct sysfs_write write;

	if (read_noting(w->p, file, w->unread, &text) < 0)
		return;
	write = reader(buf_text(&text), w->path);
	tell(w, who, file, write.line, &write);
}

/* ---- units ---- */

static bool is_script(struct writers *w, const char *path)
{
	autobuf head = { 0 };

	return w->p->file.read_head(w->p, path, 2, &head) == 0 &&
	       strcmp(buf_text(&head), "#!") == 0;
}

/* The prefixes of systemd.service(5); each word that is a path may be the script. */
static void read_command(struct writers *w, const char *unit, const char *command)
{
	autofree char *copy = xstrdup(command);
	char *rest = copy, *word;

	while ((word = strsep(&rest, " \t\"'"))) {
		word += strspn(word, "@-:+!");
		if (*word == '/' && !starts_with(word, "/dev/") && !starts_with(word, "/sys/") &&
		    is_script(w, word))
			read_one(w, unit, word, sysfs_read_script);
	}
}

void observe_unit_writer(struct writers *w, const char *unit, const char *file,
			 const struct boot_lines *lines)
{
	for (size_t i = 0; i < lines->n; i++) {
		const struct boot_line *l = &lines->v[i];
		struct sysfs_write write;

		if (l->key != BOOT_EXEC)
			continue;
		write = sysfs_read_script(l->value, w->path);
		if (!write.line)
			read_command(w, unit, l->value);
		tell(w, unit, file, l->line, &write);
	}
}

/* ---- files ---- */

static void read_dirs(struct writers *w, const char *who, const char *const *dirs, size_t n,
		      const char *suffix, text_reader reader)
{
	struct modconf_name *names = NULL;
	size_t count = 0, kept;

	for (size_t dir = 0; dir < n; dir++) {
		autostrv found = { 0 };
		const char *name;

		if (unread_note(w->unread, dirs[dir], w->p->file.list(w->p, dirs[dir], &found)) <
			    0 ||
		    unread_count_names(w->unread, dirs[dir], found.n) < 0)
			continue;
		strv_foreach (name, &found)
			if (*name != '.' && ends_with(name, suffix))
				array_push(names, count) =
					(struct modconf_name){ .dir = dir, .name = xstrdup(name) };
	}
	kept = modconf_select(names, count);
	for (size_t i = 0; i < kept; i++) {
		autofree char *path = xasprintf("%s/%s", dirs[names[i].dir], names[i].name);

		read_one(w, who, path, reader);
	}
	for (size_t i = 0; i < count; i++)
		free(names[i].name);
	free(names);
}

static void read_rc_local(struct writers *w)
{
	static const char *const files[] = { "/etc/rc.local", "/etc/rc.d/rc.local" };

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		struct file_stat st;

		if (w->p->file.stat(w->p, files[i], &st) == 0 && st.is_regular && (st.mode & 0100))
			read_one(w, "rc.local", files[i], sysfs_read_script);
	}
}

void observe_file_writers(struct writers *w, bool sysfsutils, bool rc_local)
{
	static const char *const rules[] = { "/etc/udev/rules.d", "/usr/local/lib/udev/rules.d",
					     "/usr/lib/udev/rules.d", "/lib/udev/rules.d" };
	static const char *const confs[] = { "/etc/sysfs.d" };

	read_dirs(w, "udev", rules, ARRAY_SIZE(rules), ".rules", sysfs_read_udev);
	if (sysfsutils) {
		read_one(w, "sysfsutils", "/etc/sysfs.conf", sysfs_read_conf);
		read_dirs(w, "sysfsutils", confs, ARRAY_SIZE(confs), ".conf", sysfs_read_conf);
	}
	if (rc_local)
		read_rc_local(w);
}
