// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_presets.c - reads the presets, and the [Install] section of each unit file that one enables
 */
#include "observe_presets.h"

#include <string.h>

#include <kvmtune/boot.h>
#include <kvmtune/modconf.h>
#include <kvmtune/port.h>

#include "unread.h"

#define MACHINE_ID    "/etc/machine-id"
#define PRESET_SUFFIX ".preset"

static const char *const preset_dirs[] = {
	"/etc/systemd/system-preset",
	"/usr/local/lib/systemd/system-preset",
	"/usr/lib/systemd/system-preset",
	"/lib/systemd/system-preset",
};

bool observe_first_boot(struct ports *p)
{
	autobuf id = { 0 };
	int r;

	if (!p->image)
		return false;
	r = p->file.read_head(p, MACHINE_ID, 64, &id);
	return error_is_absence(r) || (r == 0 && starts_with(buf_text(&id), "uninitialized"));
}

static void read_presets(struct unit_files *u, struct boot_presets *ret)
{
	struct modconf_name *names = NULL;
	size_t count = 0, kept;

	for (size_t dir = 0; dir < ARRAY_SIZE(preset_dirs); dir++) {
		autostrv found = { 0 };
		const char *name;

		if (unread_note(u->unread, preset_dirs[dir],
				u->p->file.list(u->p, preset_dirs[dir], &found)) < 0)
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

		if (read_noting(u->p, path, u->unread, &text) == 0)
			boot_read_presets(path, buf_text(&text), ret);
	}
	for (size_t i = 0; i < count; i++)
		free(names[i].name);
	free(names);
}

/* The links of one unit, by its [Install] section. */
static void add_links(const char *unit, const struct boot_rule *rule,
		      const struct boot_lines *lines, struct preset_links *ret)
{
	for (size_t i = 0; i < lines->n; i++) {
		const struct boot_line *l = &lines->v[i];
		char *by;

		if (l->key != BOOT_WANTED_BY && l->key != BOOT_REQUIRED_BY &&
		    l->key != BOOT_UPHELD_BY)
			continue;
		by = boot_expand(l->value, unit);
		if (!by)
			continue;
		array_push(ret->v, ret->n) = (struct preset_link){
			.by = by,
			.name = xstrdup(unit),
			.where = xstrdup(rule ? rule->where : "the preset of a first boot"),
			.early = rule && strcmp(last_part(rule->where), last_part(OWN_PRESET)) < 0,
		};
	}
}

/* Of a template: the links of the instances that its rule names, or of the default one. */
static void add_links_of_instances(const char *unit, const struct boot_rule *rule,
				   const struct boot_lines *lines, struct preset_links *ret)
{
	autostrv instances = { 0 };
	const char *instance, *at = strstr(unit, "@.");

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
			add_links(name, rule, lines, ret);
	}
}

static void apply_rule(struct unit_files *u, const char *unit, const struct boot_rule *rule,
		       struct preset_links *ret)
{
	const struct unit_file *f = unit_files_resolve(u, unit);
	struct boot_lines lines = { 0 };
	autobuf text = { 0 };

	/* Another name of a unit has no preset of its own. */
	if (f->kind != UNIT_FOUND || strcmp(f->id, unit) != 0 ||
	    read_noting(u->p, f->path, u->unread, &text) < 0)
		return;
	boot_read_unit(buf_text(&text), &lines);
	if (strstr(unit, "@."))
		add_links_of_instances(unit, rule, &lines, ret);
	else
		add_links(unit, rule, &lines, ret);
	boot_lines_free(&lines);
}

void observe_presets(struct unit_files *u, struct preset_links *ret)
{
	struct boot_presets presets = { 0 };

	read_presets(u, &presets);
	for (size_t i = 0; i < u->unit_count; i++) {
		const char *unit = u->units[i].name;
		const struct boot_rule *rule = boot_preset(&presets, unit);

		if ((!rule || rule->enable) && !unit_files_is_hidden(u, i))
			apply_rule(u, unit, rule, ret);
	}
	boot_presets_free(&presets);
}

void preset_links_free(struct preset_links *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].by);
		free(l->v[i].name);
		free(l->v[i].where);
	}
	free(l->v);
}
