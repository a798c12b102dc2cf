// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_ksm_jobs.c - which other units a start or a stop of the services of KSM has to do with.
 *
 * systemd has no dry run for jobs; but the properties of its units say what a job takes along
 * (transaction.c), so they are followed from unit to unit.
 */
#include <kvmtune/port.h>

#include <stdio.h>
#include <string.h>

#include "observe_ksm.h"

/* So many units are looked at; more than any of these services has to do with. */
#define UNITS_MAX 512
/* What so many need is not looked at one by one: it is in use. */
#define USERS_MAX 16

struct seen {
	char *name;
	struct ksm_unit unit; /* of which only the state is filled */
	struct unit_relations relations;
};

struct walk {
	struct ports *p;
	struct seen *seen;
	size_t count;
	struct err *e;
};

/* NULL: systemd does not answer, with e filled, or there are too many. Good until the next call. */
static const struct seen *look_at(struct walk *w, const char *name)
{
	struct unit_relations relations = { 0 };
	struct unit_state state;
	struct seen *seen;

	for (size_t i = 0; i < w->count; i++)
		if (strcmp(w->seen[i].name, name) == 0)
			return &w->seen[i];
	if (w->e->code || w->count >= UNITS_MAX ||
	    w->p->unit.relations(w->p, name, &state, &relations, w->e) < 0)
		return NULL;
	seen = &array_push(w->seen, w->count);
	*seen = (struct seen){ .name = xstrdup(name), .relations = relations };
	seen->unit.state = state;
	return seen;
}

static bool is_up(struct walk *w, const char *name)
{
	const struct seen *s = look_at(w, name);

	return s && unit_is_up(&s->unit);
}

static void copy(struct strv *ret, const struct strv *from)
{
	const char *word;

	strv_foreach (word, from)
		if (!strv_has(ret, word))
			strv_add(ret, word);
}

/* Without those that depend on it by a link: that ends with the link. */
static void copy_but_linked(struct strv *ret, const struct strv *from, const char *kind,
			    const struct ksm_unit *u)
{
	const char *word;

	strv_foreach (word, from) {
		autofree char *part = xasprintf("/%s.%s/", word, kind);
		bool linked = false;

		for (size_t i = 0; i < u->link_count; i++)
			linked |= strstr(u->links[i].path, part) != NULL;
		if (!linked)
			strv_add(ret, word);
	}
}

/* All that is reached from the units in `all`; those that run are added to ret. */
static void follow_stops(struct walk *w, struct strv *all, const char *unit, struct strv *ret)
{
	for (size_t i = 0; i < all->n && i < UNITS_MAX; i++) {
		const struct seen *s = look_at(w, all->v[i]);

		if (!s)
			return;
		if (strcmp(s->name, unit) == 0)
			continue;
		if (unit_is_up(&s->unit))
			strv_add(ret, s->name);
		copy(all, &s->relations.stops);
	}
}

static void find_running(struct walk *w, const struct strv *names, struct strv *ret)
{
	const char *name;

	strv_foreach (name, names)
		if (is_up(w, name) && !strv_has(ret, name))
			strv_add(ret, name);
}

/* ---- what a start needs ---- */

struct needs {
	struct walk *w;
	struct ksm_unit *unit; /* whose needs these are */
	struct strv visited;
};

static void add_users(struct walk *w, const struct strv *users, struct strv *ret)
{
	if (users->n > USERS_MAX)
		copy(ret, users);
	else
		find_running(w, users, ret);
}

static bool can_start(const struct unit_state *s)
{
	return strcmp(s->load, "loaded") == 0 && !s->no_start;
}

static void add_missing(struct needs *n, const char *name, const struct unit_state *s)
{
	strv_addf(&n->unit->missing, "%s (%s)", name,
		  strcmp(s->load, "loaded") != 0 ? s->load : "refuses manual starts");
}

/* What runs already because of it is looked at, too; but targets and the like start half of a host. */
static bool is_worth_a_look(const char *name)
{
	return !ends_with(name, ".target") && !ends_with(name, ".slice") &&
	       !ends_with(name, ".mount");
}

static bool add_needs_of(struct needs *n, const char *name, bool soft, bool active);

/* What it needs comes before it. Below a unit that runs nothing is started. */
static void add_need(struct needs *n, const char *name, bool soft, bool below_active)
{
	const struct seen *s = look_at(n->w, name);
	struct unit_need need = { .soft = soft };
	autostrv users = { 0 };
	struct unit_state state;

	if (!s || strv_has(&n->visited, name))
		return;
	strv_add(&n->visited, name);
	state = s->unit.state;
	need.active = unit_is_up(&s->unit);
	copy(&users, &s->relations.stops);
	if (!need.active && (below_active || !can_start(&state))) {
		if (!soft && !below_active)
			add_missing(n, name, &state);
		return;
	}
	if ((!need.active || is_worth_a_look(name)) && !add_needs_of(n, name, soft, need.active))
		return;
	if (need.active)
		add_users(n->w, &users, &need.users);
	need.name = xstrdup(name);
	array_push(n->unit->needs, n->unit->need_count) = need;
}

/* Of a unit that is to be started, or runs. False: nobody needs it, and it would stop others. */
static bool add_needs_of(struct needs *n, const char *name, bool soft, bool active)
{
	const struct seen *s = look_at(n->w, name);
	autostrv hard = { 0 }, wants = { 0 }, conflicts = { 0 }, requisites = { 0 }, stops = { 0 };
	const char *other;

	if (!s)
		return false;
	copy(&hard, &s->relations.needs);
	copy(&wants, &s->relations.wants);
	if (!active) {
		copy(&conflicts, &s->relations.conflicts);
		copy(&requisites, &s->relations.requisites);
	}
	find_running(n->w, &conflicts, &stops);
	if (soft && stops.n)
		return false;
	copy(&n->unit->conflicts, &stops);
	strv_foreach (other, &requisites)
		if (!soft && !is_up(n->w, other))
			strv_addf(&n->unit->missing, "%s (not running)", other);
	strv_foreach (other, &hard)
		add_need(n, other, soft, active);
	strv_foreach (other, &wants)
		add_need(n, other, true, active);
	return true;
}

static void observe_jobs_of(struct walk *w, const char *name, struct ksm_unit *u)
{
	const struct seen *s = look_at(w, name);
	struct needs needs = { .w = w, .unit = u };
	autostrv all = { 0 }, revivers = { 0 };

	if (!s)
		return;
	u->state.no_start = s->unit.state.no_start;
	u->state.no_stop = s->unit.state.no_stop;
	copy_but_linked(&revivers, &s->relations.revived_by, "upholds", u);
	copy_but_linked(&all, &s->relations.stops, "requires", u);
	follow_stops(w, &all, name, &u->stops);
	find_running(w, &revivers, &u->revived_by);
	strv_add(&needs.visited, name);
	add_needs_of(&needs, name, false, unit_is_up(u));
	strv_free(&needs.visited);
}

int observe_ksm_jobs(struct ports *p, struct host *h, struct err *e)
{
	struct walk w = { .p = p, .e = e };

	for (size_t i = 0; i < KSM_UNIT_DRIVERS && !e->code; i++)
		if (h->ksm.units[i].exists)
			observe_jobs_of(&w, ksm_unit_names[i], &h->ksm.units[i]);
	for (size_t i = 0; i < w.count; i++) {
		free(w.seen[i].name);
		unit_relations_free(&w.seen[i].relations);
	}
	free(w.seen);
	return e->code;
}
