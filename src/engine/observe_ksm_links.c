// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_ksm_links.c - the links that start the services of KSM at boot, or give them other names.
 *
 * systemd takes the links in X.wants/ by their own names, which may be other names of a unit
 * (load-dropin.c). A link beside the unit files is another name where it points to one of them; where
 * it leads elsewhere it is the unit file, which stays.
 */
#include <kvmtune/port.h>

#include <errno.h>
#include <string.h>

#include "observe_ksm.h"
#include "unread.h"

static const char *const link_dirs[] = { UNIT_LINKS_DIR, RUNTIME_LINKS_DIR };

/* Names of one unit. An image could chain as many as it likes, each found in a pass of its own. */
#define ALIASES_MAX 32

struct links {
	struct ports *p;
	struct unread *unread;
	struct unit_link *all;
	size_t count;
	struct strv *dirs; /* X.wants and the like */
};

static bool is_wants_dir(const char *name)
{
	return ends_with(name, ".wants") || ends_with(name, ".requires") ||
	       ends_with(name, ".upholds");
}

/* -EINVAL: no link (readlink(2)). */
static int add_link(struct links *l, const char *path)
{
	struct buf target = { 0 };
	int r = l->p->file.read_link(l->p, path, &target);

	if (r != -EINVAL)
		unread_note(l->unread, path, r);
	if (r == 0)
		array_push(l->all, l->count) =
			(struct unit_link){ .path = xstrdup(path), .target = buf_steal(&target) };
	buf_free(&target);
	return r;
}

static void add_links_in(struct links *l, const char *dir, bool top)
{
	autostrv names = { 0 };
	const char *name;
	int r = l->p->file.list(l->p, dir, &names);

	if (unread_note(l->unread, dir, r) < 0 || unread_count_names(l->unread, dir, names.n) < 0)
		return;
	if (!top)
		strv_add(l->dirs, dir);
	strv_sort(&names);
	strv_foreach (name, &names) {
		autofree char *path = xasprintf("%s/%s", dir, name);

		if (add_link(l, path) == -EINVAL && top && is_wants_dir(name))
			add_links_in(l, path, false);
	}
}

/* ---- which of them are a unit's ---- */

static bool is_top(const struct unit_link *link)
{
	for (size_t i = 0; i < ARRAY_SIZE(link_dirs); i++) {
		size_t len = strlen(link_dirs[i]);

		if (starts_with(link->path, link_dirs[i]) && !strchr(link->path + len + 1, '/'))
			return true;
	}
	return false;
}

static bool is_alias(const struct unit_link *link)
{
	return is_top(link) && ksm_is_in_unit_dir(link->target);
}

/* The other end of an alias, where one end is a name of the unit; NULL: it has nothing new. */
static const char *new_name(const struct unit_link *link, const struct strv *names)
{
	const char *a = last_part(link->path), *b = last_part(link->target);
	bool has_a = strv_has(names, a), has_b = strv_has(names, b);

	if (!is_alias(link) || has_a == has_b)
		return NULL;
	return has_a ? b : a;
}

static void find_names(const struct links *l, const char *unit, struct strv *ret)
{
	size_t before;

	strv_add(ret, unit);
	do {
		before = ret->n;
		for (size_t i = 0; i < l->count; i++) {
			const char *name = new_name(&l->all[i], ret);

			if (name && ret->n < ALIASES_MAX)
				strv_add(ret, name);
			else if (name)
				unread_note(l->unread, l->all[i].path, -EFBIG);
		}
	} while (ret->n > before);
}

/* The link by the unit's own name beside the unit files is its unit file. */
static bool belongs_to(const struct unit_link *link, const char *unit, const struct strv *names)
{
	const char *name = last_part(link->path);

	if (!strv_has(names, name))
		return false;
	return !is_top(link) || (is_alias(link) && strcmp(name, unit) != 0);
}

/* One to /dev/null hides what has its name elsewhere; to `systemctl is-enabled` it is any link. */
static void copy_links(const struct links *l, const char *unit, struct ksm_unit *u)
{
	autostrv names = { 0 };

	find_names(l, unit, &names);
	for (size_t i = 0; i < l->count; i++)
		if (!belongs_to(&l->all[i], unit, &names))
			continue;
		else if (strcmp(l->all[i].target, "/dev/null") == 0)
			u->hidden = true;
		else
			array_push(u->links, u->link_count) =
				(struct unit_link){ .path = xstrdup(l->all[i].path),
						    .target = xstrdup(l->all[i].target) };
}

void observe_ksm_links(struct ports *p, struct host *h)
{
	struct ksm_facts *k = &h->ksm;
	struct links l = { .p = p, .unread = &k->unread, .dirs = &k->link_dirs };

	for (size_t i = 0; i < ARRAY_SIZE(link_dirs); i++)
		add_links_in(&l, link_dirs[i], true);
	for (size_t i = 0; i < KSM_UNIT_COUNT; i++)
		copy_links(&l, ksm_unit_names[i], &k->units[i]);
	for (size_t i = 0; i < l.count; i++) {
		free(l.all[i].path);
		free(l.all[i].target);
	}
	free(l.all);
}
