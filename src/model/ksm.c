// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/ksm.h>

#include <string.h>

const char *const ksm_unit_names[KSM_UNIT_COUNT] = {
	[KSM_UNIT_KSMTUNED] = "ksmtuned.service", [KSM_UNIT_KSM] = "ksm.service",
	[KSM_UNIT_QEMU_KVM] = "qemu-kvm.service", [KSM_UNIT_MOMD] = "momd.service",
	[KSM_UNIT_MOM_VDSM] = "mom-vdsm.service", [KSM_UNIT_VDSMD] = "vdsmd.service",
	[KSM_UNIT_TUNED] = "tuned.service",
};

size_t ksm_unit_find(const char *name)
{
	size_t i = 0;

	while (i < KSM_UNIT_COUNT && strcmp(ksm_unit_names[i], name) != 0)
		i++;
	return i;
}

bool ksm_is_driver(const char *name)
{
	return ksm_unit_find(name) < KSM_UNIT_DRIVERS;
}

const char *param_value(const struct param *params, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(params[i].name, name) == 0)
			return params[i].value;
	return NULL;
}

void params_free(struct param *params, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(params[i].name);
		free(params[i].value);
	}
	free(params);
}

static void free_links(struct unit_link *links, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(links[i].path);
		free(links[i].target);
	}
	free(links);
}

static void free_others(struct ksm_unit *u)
{
	boot_causes_free(&u->boot);
	strv_free(&u->stops);
	strv_free(&u->conflicts);
	strv_free(&u->revived_by);
	strv_free(&u->missing);
	for (size_t i = 0; i < u->need_count; i++) {
		free(u->needs[i].name);
		strv_free(&u->needs[i].users);
	}
	free(u->needs);
}

void unit_relations_free(struct unit_relations *r)
{
	strv_free(&r->needs);
	strv_free(&r->requisites);
	strv_free(&r->wants);
	strv_free(&r->conflicts);
	strv_free(&r->stops);
	strv_free(&r->revived_by);
}

static void free_users(struct ksm_facts *k)
{
	struct kvm_users all = { 0 };

	for (size_t i = 0; i < k->user_count; i++)
		array_push(all.users, all.count) = k->users[i].process;
	kvm_users_free(&all);
	free(k->users);
}

void ksm_free(struct ksm_facts *k)
{
	params_free(k->counters, k->counter_count);
	free(k->manager_error);
	for (size_t i = 0; i < KSM_UNIT_COUNT; i++) {
		free_links(k->units[i].links, k->units[i].link_count);
		free_links(k->units[i].install, k->units[i].install_count);
		free_others(&k->units[i]);
	}
	strv_free(&k->link_dirs);
	attribute_writers_free(&k->writers);
	free(k->own_preset);
	strv_free(&k->memory_ksm);
	unread_free(&k->unread);
	unread_free(&k->users_unread);
	unanswered_free(&k->users_unanswered);
	free_users(k);
	for (size_t i = 0; i < k->room_count; i++) {
		free(k->rooms[i].path);
		free(k->rooms[i].guest);
	}
	free(k->rooms);
	*k = (struct ksm_facts){ 0 };
}

/* ---- counters ---- */

static bool counter(const struct param *counters, size_t count, const char *name, uint64_t *ret)
{
	const char *value = param_value(counters, count, name);

	return value && parse_u64(value, ret) == 0;
}

bool ksm_counter(const struct ksm_facts *k, const char *name, uint64_t *ret)
{
	return counter(k->counters, k->counter_count, name, ret);
}

uint64_t ksm_counted(const struct param *counters, size_t count, const char *name)
{
	uint64_t value;

	return counter(counters, count, name, &value) ? value : 0;
}

/* What is too much for a number is the largest one: as a need it is then never met. */
static uint64_t add_up(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t bytes_of(const struct ksm_facts *k, uint64_t pages)
{
	return k->page_bytes && pages > UINT64_MAX / k->page_bytes ? UINT64_MAX
								   : pages * k->page_bytes;
}

/* Each of these mappings gets a page of its own when merging is undone. */
static uint64_t saved_pages(const struct param *counters, size_t count)
{
	return add_up(ksm_counted(counters, count, "pages_sharing"),
		      ksm_counted(counters, count, "ksm_zero_pages"));
}

uint64_t ksm_saved_bytes(const struct ksm_facts *k)
{
	return k->stale ? 0 : bytes_of(k, saved_pages(k->counters, k->counter_count));
}

uint64_t ksm_merged_pages(const struct param *counters, size_t count)
{
	return add_up(saved_pages(counters, count), ksm_counted(counters, count, "pages_shared"));
}

uint64_t ksm_need_bytes(const struct ksm_facts *k)
{
	return k->stale ? 0 : bytes_of(k, ksm_merged_pages(k->counters, k->counter_count));
}

/* ---- units ---- */

static bool is_one_of(const char *word, const char *const *words)
{
	for (; *words; words++)
		if (strcmp(word, *words) == 0)
			return true;
	return false;
}

bool unit_is_active(const struct ksm_unit *u)
{
	static const char *const words[] = { "active", "activating", "reloading", "refreshing",
					     NULL };

	return is_one_of(u->state.active, words);
}

bool unit_is_up(const struct ksm_unit *u)
{
	static const char *const starts[] = { "start", "restart", "try-restart", NULL };

	if (strcmp(u->state.job, "stop") == 0)
		return false;
	return unit_is_active(u) || is_one_of(u->state.job, starts);
}

bool unit_rests(const struct ksm_unit *u)
{
	static const char *const words[] = { "inactive", "failed", "", NULL };

	return is_one_of(u->state.active, words) && !u->state.job[0];
}

/*
 * Not "linked": that is a unit file from elsewhere, which nothing starts. "generated" are those
 * made of SysV scripts or the like, at every boot.
 */
bool unit_is_enabled(const struct ksm_unit *u)
{
	static const char *const words[] = { "enabled", "enabled-runtime", "generated", NULL };

	return is_one_of(u->state.file, words);
}

bool unit_is_masked(const struct ksm_unit *u)
{
	static const char *const words[] = { "masked", "masked-runtime", NULL };

	return is_one_of(u->state.file, words) || strcmp(u->state.load, "masked") == 0;
}

bool unit_is_runtime(const struct ksm_unit *u)
{
	return strcmp(u->state.file, "enabled-runtime") == 0;
}

/* ---- states ---- */

bool ksm_anything_merged(const struct ksm_facts *k)
{
	return ksm_merged_pages(k->counters, k->counter_count) > 0;
}

uint64_t room_free_bytes(const struct cgroup_room *room)
{
	return room->limit_bytes > room->used_bytes ? room->limit_bytes - room->used_bytes : 0;
}

bool ksm_nothing_merged(const struct ksm_facts *k)
{
	uint64_t ignored;

	return ksm_counter(k, "pages_sharing", &ignored) && !ksm_anything_merged(k);
}

/* ksmtuned writes 0 for as long as there is enough memory: it is on all the same. */
const char *ksm_now(const struct ksm_facts *k)
{
	if (k->run < 0)
		return NULL;
	if (k->run == 1 || unit_is_active(&k->units[KSM_UNIT_KSMTUNED]))
		return "on";
	return ksm_nothing_merged(k) ? "unmerged" : "off";
}

/* Does a boot start it? Where the unit files were not followed, by what systemd says of it. */
static enum tri starts_at_boot(const struct ksm_facts *k, const struct ksm_unit *u)
{
	if (strcmp(u->state.file, "generated") == 0)
		return YES;
	if (k->boot_known)
		return boot_starts(&u->boot);
	return unit_is_enabled(u) && !unit_is_runtime(u) ? YES : NO;
}

enum tri ksm_unit_starts(const struct ksm_facts *k, size_t unit)
{
	return starts_at_boot(k, &k->units[unit]);
}

static bool has_link(const struct ksm_unit *u, const char *path)
{
	for (size_t i = 0; i < u->link_count; i++)
		if (strcmp(u->links[i].path, path) == 0)
			return true;
	return false;
}

bool ksm_cause_is_own(const struct ksm_unit *u, const struct boot_cause *c)
{
	return has_link(u, c->where) || (c->by && ksm_is_driver(c->by));
}

/* The link that `systemctl enable` makes. */
static bool is_plain_link(const struct boot_cause *c)
{
	return starts_with(c->where, UNIT_LINKS_DIR "/") && ends_with(c->where, ".service");
}

/* "ksm.service", and who wants it where that is not such a link. */
static void name_unit(struct strv *ret_who, const struct ksm_facts *k, size_t unit)
{
	const struct boot_causes *causes = &k->units[unit].boot;
	const struct boot_cause *other = NULL;
	bool plain = !k->boot_known;

	for (size_t i = 0; i < causes->n; i++) {
		const struct boot_cause *c = &causes->v[i];

		plain |= is_plain_link(c);
		if (!c->by || !ksm_is_driver(c->by))
			other = other ?: c;
	}
	if (plain || !other)
		strv_add(ret_who, ksm_unit_names[unit]);
	else
		strv_addf(ret_who, "%s (%s%s)", ksm_unit_names[unit],
			  other->sure ? "" : "may be started by ", other->where);
}

const char *ksm_next(const struct ksm_facts *k, struct strv *ret_who)
{
	const struct attribute_writer *last = NULL, *may = NULL;
	bool on = false, maybe = false;
	int run;

	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++) {
		enum tri starts = ksm_unit_starts(k, i);

		if (starts != NO && ret_who)
			name_unit(ret_who, k, i);
		on |= starts == YES;
		maybe |= starts == UNKNOWN;
	}
	if (on || maybe)
		return on ? "on" : NULL;
	/* They are in the order in which a boot comes to them. */
	for (size_t i = 0; i < k->writers.n; i++)
		if (k->writers.v[i].may)
			may = &k->writers.v[i];
		else
			last = &k->writers.v[i];
	run = last ? ksm_run_value(last->value) : 0;
	if (may && run != 1) {
		if (ret_who)
			strv_addf(ret_who, "may be turned on by %s (%s)", may->who, may->where);
		return NULL;
	}
	if (ret_who)
		strv_add(ret_who, last ? last->where : "default");
	return run < 0 ? NULL : run == 1 ? "on" : "off";
}

/* Is there a unit of which neither systemd nor its files said whether it starts at boot? */
static bool any_unknown(const struct ksm_facts *k)
{
	for (size_t i = 0; i < KSM_UNIT_COUNT; i++)
		if (k->units[i].exists && !k->units[i].state.file[0])
			return true;
	return false;
}

static bool driver_is_enabled(const struct ksm_facts *k)
{
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		if (ksm_unit_starts(k, i) == YES)
			return true;
	return false;
}

const char *ksm_next_known(const struct ksm_facts *k, struct strv *ret_who)
{
	const char *next = ksm_next(k, ret_who);
	bool on = next && strcmp(next, "on") == 0;

	/* What is known may be enough to say "on"; it is not to say "off". */
	if (k->unread.count ? driver_is_enabled(k)
			    : k->manager != MANAGER_DEAD || !any_unknown(k) || !next || on)
		return next;
	if (ret_who)
		strv_free(ret_who);
	return NULL;
}
