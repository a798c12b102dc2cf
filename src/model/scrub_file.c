// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * scrub_file.c - of each kind of file what kvmtune looks at; all else goes, line numbers stay.
 */
#include <kvmtune/scrub.h>

#include <fnmatch.h>
#include <string.h>

#include <kvmtune/host.h>

/* ---- lines ---- */

/*
 * What stands for a line, appended; nothing: it goes. `line` has no newline but those behind a
 * backslash.
 */
typedef void (*line_scrubber)(struct scrub *s, const char *path, const char *line, struct buf *ret);

/* How long the first line is, without its end; one that ends in a backslash goes on in the next. */
static size_t line_length(const char *text)
{
	size_t len = strcspn(text, "\n");

	while (text[len] && len && text[len - 1] == '\\')
		len += 1 + strcspn(text + len + 1, "\n");
	return len;
}

static size_t newlines_in(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += *text == '\n';
	return n;
}

/* What goes leaves its newlines, so that an empty file stays the only empty one: a mask. */
static void scrub_lines(struct scrub *s, const char *path, const char *text, line_scrubber scrub,
			struct buf *ret)
{
	while (*text) {
		size_t len = line_length(text);
		autofree char *line = xstrndup(text, len);
		autobuf left = { 0 };

		scrub(s, path, line, &left);
		scrub_identifiers(s, buf_text(&left), left.len, ret);
		for (size_t n = newlines_in(buf_text(&left)); n <= newlines_in(line); n++)
			buf_puts(ret, "\n");
		text += len + (text[len] == '\n');
	}
}

/* ---- modprobe.d and the kernel command line ---- */

static bool is_kvm_name(const struct scrub *s, const char *name)
{
	return starts_with(name, "kvm") || modconf_is_alias(s->conf, name, "kvm_intel") ||
	       modconf_is_alias(s->conf, name, "kvm_amd");
}

static bool is_about_kvm(const struct scrub *s, const struct modconf_line *l)
{
	if (is_kvm_name(s, l->module))
		return true;
	if (l->kind == MODCONF_OPTIONS || l->kind == MODCONF_BLACKLIST)
		return false;
	/* Of these the first word is a pattern. */
	return starts_with(l->value, "kvm") || fnmatch(l->module, "kvm_intel", 0) == 0 ||
	       fnmatch(l->module, "kvm_amd", 0) == 0;
}

/* Of a command it matters that there is one; the words of a site's own may be anything. */
static void add_command_line(const struct modconf_line *l, struct buf *ret)
{
	static const char *const known[] = { "/bin/true", "/bin/false", "/usr/bin/true",
					     "/usr/bin/false" };
	const char *command = "/bin/a-command";

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(l->value, known[i]) == 0)
			command = known[i];
	buf_printf(ret, "%s %s %s", l->kind == MODCONF_INSTALL ? "install" : "remove", l->module,
		   command);
}

/* The line that kvmtune itself begins its files with. */
#define OWN_MARK "# Made by kvmtune, see kvmtune(8); `kvmtune undo` takes it back."

static void scrub_modprobe_line(struct scrub *s, const char *path, const char *line,
				struct buf *ret)
{
	struct modconf one = { 0 };

	modconf_add_file(&one, path, line, strlen(line));
	if (one.count && is_about_kvm(s, &one.lines[0])) {
		if (one.lines[0].kind == MODCONF_INSTALL || one.lines[0].kind == MODCONF_REMOVE)
			add_command_line(&one.lines[0], ret);
		else
			buf_puts(ret, line);
	} else if (strcmp(line, OWN_MARK) == 0) {
		buf_puts(ret, line);
	}
	modconf_free(&one);
}

/* Made anew from what was understood of it. */
static void scrub_cmdline(struct scrub *s, struct buf *ret)
{
	autobuf words = { 0 };

	for (size_t i = 0; i < s->conf->count; i++) {
		const struct modconf_line *l = &s->conf->lines[i];

		if (strcmp(l->file, MODCONF_CMDLINE) != 0 || !is_kvm_name(s, l->module))
			continue;
		buf_puts(&words, words.len ? " " : "");
		if (l->kind == MODCONF_BLACKLIST)
			buf_printf(&words, "modprobe.blacklist=%s", l->module);
		else
			buf_printf(&words, "%s.%s", l->module, l->value);
	}
	buf_puts(&words, "\n");
	scrub_identifiers(s, buf_text(&words), words.len, ret);
}

/* ---- what turns KSM on ---- */

static void scrub_tmpfiles_line(struct scrub *s, const char *path, const char *line,
				struct buf *ret)
{
	struct ksm_facts k = { 0 };

	(void)s;
	ksm_read_tmpfiles(path, line, &k);
	if (k.writer_count || strcmp(line, OWN_MARK) == 0)
		buf_puts(ret, line);
	ksm_free(&k);
}

/* Is it a section, or one of the keys? Blanks may be before it, and before '='. */
static bool is_assignment(const char *line, const char *const *keys, size_t count)
{
	line += strspn(line, " \t");
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(keys[i]);

		if (strncmp(line, keys[i], len) == 0 &&
		    line[len + strspn(line + len, " \t")] == '=')
			return true;
	}
	return *line == '[';
}

static void scrub_tuned_line(struct scrub *s, const char *path, const char *line, struct buf *ret)
{
	static const char *const keys[] = { "include" };
	autofree char *section = xasprintf("[sysfs]\n%s\n", line);
	autostrv ignored = { 0 };
	unsigned number = 0;

	(void)s, (void)path;
	ksm_read_tuned(section, &number, &ignored);
	if (number || is_assignment(line, keys, ARRAY_SIZE(keys)))
		buf_puts(ret, line);
}

static void scrub_default_line(struct scrub *s, const char *path, const char *line, struct buf *ret)
{
	static const char *const keys[] = { "KSM_ENABLED" };

	(void)s, (void)path;
	if (is_assignment(line, keys, ARRAY_SIZE(keys)))
		buf_puts(ret, line);
}

static void scrub_unit_line(struct scrub *s, const char *path, const char *line, struct buf *ret)
{
	static const char *const keys[] = { "WantedBy", "RequiredBy", "Alias", "MemoryKSM" };

	(void)s, (void)path;
	if (is_assignment(line, keys, ARRAY_SIZE(keys)))
		buf_puts(ret, line);
}

/* Of the hundreds of units those that have to do with KSM. */
static bool is_wanted_unit(const char *path, const char *text)
{
	return ksm_unit_find(last_part(path)) < KSM_UNIT_COUNT || ksm_read_memory_ksm(text);
}

static void scrub_profile_names(struct scrub *s, const char *text, struct buf *ret)
{
	autofree char *copy = xstrdup(text);
	autostrv names = { 0 };
	const char *name, *gap = "";

	ksm_tuned_names(copy, &names);
	strv_foreach (name, &names) {
		buf_puts(ret, gap);
		scrub_identifiers(s, name, strlen(name), ret);
		gap = " ";
	}
	buf_puts(ret, "\n");
}

/* ---- all files ---- */

/* The kernel's own, and the journal, in which there is nothing but what kvmtune did. */
static bool is_harmless(const char *path)
{
	static const char *const trees[] = { "/sys/module/", "/sys/kernel/mm/ksm/",
					     "/sys/devices/system/cpu/", "/sys/fs/cgroup/",
					     "/proc/pressure/" };
	static const char *const files[] = { "/proc/cpuinfo", "/proc/meminfo", "/proc/vmstat",
					     "/proc/sys/kernel/modules_disabled",
					     STATE_DIR "/journal" };

	for (size_t i = 0; i < ARRAY_SIZE(trees); i++)
		if (starts_with(path, trees[i]))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (strcmp(path, files[i]) == 0)
			return true;
	return false;
}

static line_scrubber scrubber_of(const char *path)
{
	static const struct {
		const char *part;
		line_scrubber scrub;
	} rules[] = {
		{ "/modprobe.d/", scrub_modprobe_line }, { "/tmpfiles.d/", scrub_tmpfiles_line },
		{ "/tuned/", scrub_tuned_line },	 { "/etc/default/", scrub_default_line },
		{ "/systemd/", scrub_unit_line },
	};

	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (strstr(path, rules[i].part))
			return rules[i].scrub;
	return NULL;
}

static bool is_blank(const struct buf *text)
{
	return strspn(buf_text(text), "\n") == text->len;
}

static enum scrub_result scrub_by_line(struct scrub *s, const char *path, const struct buf *text,
				       struct buf *ret)
{
	line_scrubber scrub = scrubber_of(path);
	autobuf left = { 0 };

	if (!scrub)
		return SCRUB_UNKNOWN;
	if (scrub == scrub_unit_line && !is_wanted_unit(path, buf_text(text)))
		return SCRUB_NOTHING;
	scrub_lines(s, path, buf_text(text), scrub, &left);
	/* That there is a unit says something by itself. */
	if (scrub != scrub_unit_line && is_blank(&left))
		return SCRUB_NOTHING;
	buf_add(ret, buf_text(&left), left.len);
	return SCRUB_LEFT;
}

enum scrub_result scrub_file(struct scrub *s, const char *path, const struct buf *text,
			     struct buf *ret)
{
	if (is_harmless(path))
		buf_add(ret, buf_text(text), text->len);
	else if (strcmp(path, MODCONF_CMDLINE) == 0)
		scrub_cmdline(s, ret);
	else if (strcmp(path, "/etc/tuned/active_profile") == 0)
		scrub_profile_names(s, buf_text(text), ret);
	else
		return scrub_by_line(s, path, text, ret);
	return SCRUB_LEFT;
}
