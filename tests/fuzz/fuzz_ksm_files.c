// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_ksm_files - any text as each of the files that turn KSM on: tmpfiles.d, a profile of tuned, a
 * unit file, /etc/default/qemu-kvm, ksm_stat.
 *
 * What must hold: a value is one that the kernel takes, or unknown; a line is one of the file; names
 * that become parts of paths cannot leave their directory; and a link that kvmtune would make is one
 * that it may undo.
 */
#include "fuzz.h"

#include <kvmtune/ksm.h>
#include <kvmtune/setting.h>
#include <kvmtune/tuned.h>

static unsigned count_lines(const char *text)
{
	unsigned lines = 0;

	for (; *text; lines++) {
		text += strcspn(text, "\n");
		text += *text == '\n';
	}
	return lines;
}

static void check_value(const struct attribute *a, const char *value)
{
	must(!value || attribute_text(a, value) == value);
}

static void check_tmpfiles(const char *text, unsigned lines)
{
	const struct attribute *a = settings[SETTING_KSM].attribute;
	struct attribute_writers k = { 0 };
	const struct attribute_watch watch = { a, &k };
	size_t all;

	attribute_read_tmpfiles("/etc/tmpfiles.d/a.conf", text, &watch, 1);
	attribute_read_tmpfiles(OWN_TMPFILES, text, &watch, 1);
	all = k.n;
	must(all % 2 == 0 && all <= 2 * (size_t)lines);
	attribute_settle_tmpfiles(&k);
	check_value(a, k.tmpfiles_others);
	must(k.n <= all && (k.n > 0) == (all > 0));
	for (size_t i = 0; i < k.n; i++) {
		const struct attribute_writer *w = &k.v[i];

		check_value(a, w->value);
		must(w->path && w->path[0] == '/');
		must(!w->tmpfiles || strcmp(w->path, a->path) == 0);
	}
	attribute_writers_free(&k);
}

static void check_tuned(const char *text)
{
	autostrv includes = { 0 };
	struct tuned t = { 0 };
	const struct tuned_option *o;
	const char *name;

	tuned_read_includes(text, &includes);
	strv_foreach (name, &includes)
		must(*name && *name != '.' && !strchr(name, '/'));
	tuned_add(&t, "a", text);
	tuned_add(&t, "b", text);
	o = tuned_sysfs(&t, KSM_RUN_FILE);
	/* Said twice, the second one counts. */
	must(!o || starts_with(o->where, "b:"));
	o = tuned_service(&t, "ksm");
	must(!o || starts_with(o->where, "b:"));
	tuned_free(&t);
}

static void check_install(const char *text)
{
	static const char unit[] = "ksm.service", fragment[] = "/lib/systemd/system/ksm.service";
	struct ksm_facts k = { 0 };
	struct ksm_unit *u = &k.units[KSM_UNIT_KSM];

	ksm_read_install(unit, fragment, text, u);
	for (size_t i = 0; i < u->install_count; i++)
		must(ksm_is_unit_link(u->install[i].path, u->install[i].target));
	ksm_free(&k);
}

static void check_stat(const char *text)
{
	uint64_t number = 7;

	if (ksm_read_stat(text, "ksm_merge_any", &number))
		must(strstr(text, "ksm_merge_any"));
	else
		must(number == 7);
}

/* A link is one of the directory of links, whatever its name, and leads to the file of a service. */
static void check_link(const char *text)
{
	autofree char *path = xasprintf(UNIT_LINKS_DIR "/%s", text);

	if (!ksm_is_unit_link(path, "/lib/systemd/system/ksm.service"))
		return;
	must(!strstr(path, "/../") && !ends_with(path, "/..") && !strstr(path, "//"));
	must(!ksm_is_driver(text) && ends_with(text, ".service"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = xstrndup((const char *)data, size);
	unsigned lines = count_lines(text), line = 0;

	check_tmpfiles(text, lines);
	check_tuned(text);
	(void)ksm_read_default_qemu(text, &line);
	must(line <= lines && ksm_read_memory_ksm(text) <= lines);
	check_install(text);
	check_stat(text);
	check_link(text);
	return 0;
}
