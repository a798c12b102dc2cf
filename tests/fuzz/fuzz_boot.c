// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_boot - any text as each of the files that decide what a boot starts or writes: unit files,
 * presets, our own preset file, sysfs.conf, rules of udev, scripts.
 *
 * What must hold: a line is one of the file; a name that becomes part of a path is one of a unit; our
 * text says what it was told to.
 */
#include "fuzz.h"

#include <kvmtune/boot.h>
#include <kvmtune/ksm.h>
#include <kvmtune/modconf.h>
#include <kvmtune/sysfs_writer.h>

static unsigned count_lines(const char *text)
{
	unsigned lines = 1;

	for (; *text; text++)
		lines += *text == '\n';
	return lines;
}

static void check_name(const char *word)
{
	static const char *const units[] = { "ksm.service", "t@a-b.service", "x-y@.timer",
					     "nodot" };

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		autofree char *name = boot_expand(word, units[i]);
		autofree char *template = name ? boot_template_of(name) : NULL;
		autostrv dirs = { 0 };

		if (!name)
			continue;
		must(boot_is_unit_name(name) && !strchr(name, '/') && *name != '.');
		must(!template || boot_is_unit_name(template));
		boot_dir_names(name, &dirs);
		must(dirs.n >= 1);
		(void)boot_is_alias_pair(name, units[i]);
		(void)boot_is_trigger(name);
		free(boot_default_trigger(name));
	}
}

static void check_unit(const char *text, unsigned lines)
{
	struct boot_lines l = { 0 };

	boot_read_unit(text, &l);
	for (size_t i = 0; i < l.n; i++) {
		must(l.v[i].line >= 1 && l.v[i].line <= lines);
		check_name(l.v[i].value);
	}
	boot_lines_free(&l);
}

static void check_presets(const char *text, unsigned lines)
{
	struct boot_presets p = { 0 };
	unsigned before = ksm_preset_units(text);
	autofree char *ours = NULL;

	boot_read_presets("f", text, &p);
	must(p.count <= lines);
	(void)boot_preset(&p, "ksm.service");
	boot_presets_free(&p);
	for (unsigned units = 0; units < 1u << KSM_UNIT_DRIVERS; units++) {
		autofree char *edited = ksm_preset_edit(text, units);

		must(ksm_preset_units(edited) == units);
	}
	ours = ksm_preset_edit(text, before);
	must(ksm_preset_units(ours) == before);
}

static void check_writes(const char *text, unsigned lines)
{
	struct sysfs_write all[] = { sysfs_read_conf(text, KSM_RUN_FILE),
				     sysfs_read_udev(text, KSM_RUN_FILE),
				     sysfs_read_script(text, KSM_RUN_FILE) };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		must(all[i].line <= lines && (all[i].line || !all[i].value));
		free(all[i].value);
	}
}

static void check_cmdline(const char *text)
{
	static const char *const names[] = { "vmx" };
	autofree char *words = modconf_kernel_words(text);

	must(strlen(words) <= strlen(text) && strncmp(words, text, strlen(words)) == 0);
	(void)modconf_kernel_list_has(words, "clearcpuid", names, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	unsigned lines = count_lines(text);

	check_unit(text, lines);
	check_name(text);
	check_presets(text, lines);
	check_writes(text, lines);
	check_cmdline(text);
	return 0;
}
