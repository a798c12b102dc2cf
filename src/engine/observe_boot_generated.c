// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_boot_generated.c - units that are not there before the boot makes them: of SysV init
 * scripts (systemd-sysv-generator(8)), and of generators that are scripts (systemd.generator(7)).
 */
#include "observe_boot_generated.h"

#include <ctype.h>
#include <string.h>

#include <kvmtune/port.h>

#include "unread.h"

static const char *const generator_dirs[] = {
	"/etc/systemd/system-generators",
	"/usr/local/lib/systemd/system-generators",
	"/usr/lib/systemd/system-generators",
	"/lib/systemd/system-generators",
};

/* The link in /etc/rc?.d that starts a script; it is in any of the levels of a normal boot. */
static char *find_start_link(struct ports *p, const char *script, struct unread *unread)
{
	for (int level = 2; level <= 5; level++) {
		autofree char *dir = xasprintf("/etc/rc%d.d", level);
		autostrv names = { 0 };
		const char *name;

		if (unread_note(unread, dir, p->file.list(p, dir, &names)) < 0)
			continue;
		strv_foreach (name, &names)
			if (name[0] == 'S' && isdigit((unsigned char)name[1]) &&
			    isdigit((unsigned char)name[2]) && strcmp(name + 3, script) == 0)
				return xasprintf("%s/%s", dir, name);
	}
	return NULL;
}

char *observe_sysv_start(struct ports *p, const char *unit, struct unread *unread)
{
	autofree char *script = xstrndup(unit, strlen(unit) - strlen(".service"));
	autofree char *path = xasprintf("/etc/init.d/%s", script);
	struct file_stat st;

	if (unread_note(unread, path, p->file.stat(p, path, &st)) < 0 || !st.is_regular ||
	    !(st.mode & 0100))
		return NULL;
	return find_start_link(p, script, unread);
}

static bool mentions(struct ports *p, const char *path, const char *word, struct unread *unread)
{
	autobuf head = { 0 }, text = { 0 };

	/* The others are programs, those of systemd itself. */
	if (p->file.read_head(p, path, 2, &head) < 0 || strcmp(buf_text(&head), "#!") != 0)
		return false;
	return read_noting(p, path, unread, &text) == 0 && strstr(buf_text(&text), word);
}

/* Where /usr is merged, /lib is another name for /usr/lib: what is there was looked at already. */
static bool is_seen(struct ports *p, const char *dir)
{
	autobuf target = { 0 };

	return starts_with(dir, "/lib/") && p->file.read_link(p, "/lib", &target) == 0 &&
	       strcmp(buf_text(&target), "usr/lib") == 0;
}

char *observe_generator(struct ports *p, const char *word, struct unread *unread)
{
	for (size_t i = 0; i < ARRAY_SIZE(generator_dirs); i++) {
		autostrv names = { 0 };
		const char *name;

		if (is_seen(p, generator_dirs[i]))
			continue;
		if (unread_note(unread, generator_dirs[i],
				p->file.list(p, generator_dirs[i], &names)) < 0)
			continue;
		strv_sort(&names);
		strv_foreach (name, &names) {
			char *path = xasprintf("%s/%s", generator_dirs[i], name);

			if (mentions(p, path, word, unread))
				return path;
			free(path);
		}
	}
	return NULL;
}
