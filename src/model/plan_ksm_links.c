// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_ksm_links.c - what starts the services of KSM at boot: links, removed and made one by one.
 * What no such link starts is masked.
 *
 * The same with systemd and without it. `systemctl disable` would do more and less: it removes the
 * file of a unit that is itself a link, and makes other links when it enables again.
 */
#include <string.h>

#include "plan_common.h"
#include "plan_ksm.h"

static char *parent_of(const char *path)
{
	return xstrndup(path, (size_t)(last_part(path) - path) - 1);
}

static bool makes_dir(const struct ksm_work *w, const char *path)
{
	autofree char *dir = parent_of(path);

	return strcmp(dir, UNIT_LINKS_DIR) != 0 && strcmp(dir, RUNTIME_LINKS_DIR) != 0 &&
	       !strv_has(&w->k->link_dirs, dir);
}

static struct act link_act(enum act_kind kind, const char *path, const char *target)
{
	return (struct act){ .kind = kind, .target = xstrdup(path), .text = xstrdup(target) };
}

static void add_make(struct ksm_work *w, const char *path, const char *target)
{
	struct step *s = plan_add_step(w->plan);

	s->act = link_act(ACT_MAKE_LINK, path, target);
	s->back = link_act(ACT_REMOVE_LINK, path, target);
	s->back.new_dir = makes_dir(w, path);
}

static void add_remove(struct ksm_work *w, const struct unit_link *link, bool new_dir)
{
	struct step *s = plan_add_step(w->plan);

	s->act = link_act(ACT_REMOVE_LINK, link->path, link->target);
	s->act.new_dir = new_dir;
	s->back = link_act(ACT_MAKE_LINK, link->path, link->target);
}

static const struct unit_link *find_link(const struct ksm_unit *u, const char *path)
{
	for (size_t i = 0; i < u->link_count; i++)
		if (strcmp(u->links[i].path, path) == 0)
			return &u->links[i];
	return NULL;
}

/* ---- by the past ---- */

/* One that somebody has made to lead elsewhere since is not ours any more. */
static void add_past_link(struct ksm_work *w, size_t unit, const struct act *back)
{
	const struct ksm_unit *u = &w->k->units[unit];
	const struct unit_link *there = find_link(u, back->target);

	if (back->kind == ACT_MAKE_LINK && !there && u->exists)
		add_make(w, back->target, back->text);
	if (back->kind == ACT_REMOVE_LINK && w->target.back && there &&
	    (!back->text || strcmp(back->text, there->target) == 0))
		add_remove(w, there, back->new_dir);
}

/* False: the past has not to do with links of this unit. */
static bool add_past_links(struct ksm_work *w, size_t unit)
{
	bool any = false;

	for (size_t i = 0; i < w->target.past_count; i++) {
		const struct act *back = &w->target.past[i].back;

		if ((back->kind != ACT_MAKE_LINK && back->kind != ACT_REMOVE_LINK) ||
		    ksm_is_mask(back->target, back->text) ||
		    ksm_link_unit(back->target, back->text) != unit)
			continue;
		any |= w->target.back || back->kind == ACT_MAKE_LINK;
		add_past_link(w, unit, back);
	}
	return any;
}

/* ---- by what is there ---- */

/* As `systemctl enable` makes them. */
static void add_install_links(struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];
	bool runtime = w->target.units[unit].runtime;

	if (unit_is_enabled(u) && unit_is_runtime(u) == runtime)
		return;
	for (size_t i = 0; i < u->install_count; i++) {
		const struct unit_link *link = &u->install[i];
		autofree char *path =
			xasprintf("%s%s", runtime ? RUNTIME_LINKS_DIR : UNIT_LINKS_DIR,
				  link->path + strlen(UNIT_LINKS_DIR));

		if (!find_link(u, path))
			add_make(w, path, link->target);
	}
}

/* An undo of what 0.1.0 did is about links of one kind. */
static void remove_links(struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];

	for (size_t i = 0; i < u->link_count; i++) {
		bool runtime = starts_with(u->links[i].path, RUNTIME_LINKS_DIR);

		if (!w->target.back || runtime == w->target.units[unit].runtime)
			add_remove(w, &u->links[i], false);
	}
}

static void add_links_of(struct ksm_work *w, size_t unit)
{
	enum tri want = w->target.units[unit].enabled;

	if (want == UNKNOWN || add_past_links(w, unit))
		return;
	/* Of a service that is not installed a link may be left over: it starts nothing. */
	if (!w->k->units[unit].exists)
		return;
	if (want == NO)
		remove_links(w, unit);
	else
		add_install_links(w, unit);
}

/* ---- masks ---- */

const struct boot_cause *ksm_foreign_cause(const struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];
	const struct boot_cause *found = NULL;

	/* A hard one is worth more: it is the one to refuse for. */
	for (size_t i = 0; i < u->boot.n; i++) {
		const struct boot_cause *c = &u->boot.v[i];

		if (c->by && !ksm_cause_is_own(u, c) && (!found || c->hard > found->hard))
			found = c;
	}
	return found;
}

static void add_mask(struct ksm_work *w, size_t unit)
{
	const struct ksm_unit *u = &w->k->units[unit];
	enum tri want = w->target.units[unit].masked;
	autofree char *path = xasprintf(UNIT_LINKS_DIR "/%s", ksm_unit_names[unit]);

	if (want == YES && !u->mask_link)
		add_make(w, path, "/dev/null");
	else if (want == NO && u->mask_link)
		add_remove(w, &(struct unit_link){ path, (char *)"/dev/null" }, false);
}

/*
 * systemd reads its files once for all links: after the last of them, and in a rollback,
 * last first, after what is then the last.
 */
void ksm_add_link_steps(struct ksm_work *w)
{
	struct plan *plan = w->plan;
	size_t first = plan->step_count;

	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++) {
		add_links_of(w, i);
		add_mask(w, i);
	}
	if (w->k->manager != MANAGER_THERE || plan->step_count == first)
		return;
	plan->steps[plan->step_count - 1].act.reload = true;
	plan->steps[first].back.reload = true;
}
