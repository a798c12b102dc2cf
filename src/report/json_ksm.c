// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * json_ksm.c - kernel same-page merging and memory, for programs.
 */
#include <errno.h>
#include <string.h>

#include "json.h"
#include "ksm_report.h"

/* ---- numbers that may be unknown ---- */

static void put_known(struct json_object *o, const char *key, bool known, uint64_t value)
{
	json_put(o, key, known ? json_object_new_uint64(value) : NULL);
}

static void put_word(struct json_object *o, const char *key, const char *word)
{
	json_put_text(o, key, word[0] ? word : NULL);
}

/* ---- the kernel ---- */

/* Words like those of advisor_mode are no counters. */
static struct json_object *counters_object(const struct ksm_facts *k)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < k->counter_count; i++) {
		const char *value = k->counters[i].value;
		bool negative = value[0] == '-';
		uint64_t number;

		if (parse_u64(value + negative, &number) < 0 || number > INT64_MAX)
			continue;
		json_put_int(o, k->counters[i].name, negative ? -(int64_t)number : (int64_t)number);
	}
	return o;
}

static struct json_object *ksmd_object(const struct host *h)
{
	struct json_object *o;

	if (!h->ksm.ksmd_pid || !h->id.ticks_per_second)
		return NULL;
	o = json_object_new_object();
	json_put_int(o, "pid", h->ksm.ksmd_pid);
	json_put_int(o, "cpu_ms", (int64_t)(h->ksm.ksmd_ticks * 1000 / h->id.ticks_per_second));
	return o;
}

/* ---- what drives it ---- */

static const char *manager_name(enum manager m)
{
	return m == MANAGER_THERE ? "there" : m == MANAGER_DEAD ? "dead" : "none";
}

static struct json_object *causes_list(const struct boot_causes *causes)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < causes->n; i++) {
		struct json_object *o = json_object_new_object();

		json_put_text(o, "unit", causes->v[i].by);
		json_put_text(o, "where", causes->v[i].where);
		json_put_bool(o, "sure", causes->v[i].sure);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *units_list(const struct ksm_facts *k)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < KSM_UNIT_COUNT; i++) {
		const struct ksm_unit *u = &k->units[i];
		struct json_object *o = json_object_new_object();

		json_put_text(o, "name", ksm_unit_names[i]);
		json_put_bool(o, "exists", u->exists);
		put_word(o, "load", u->state.load);
		put_word(o, "active", u->state.active);
		put_word(o, "enabled", u->state.file);
		json_put_tri(o, "boot_start",
			     k->boot_known || u->state.file[0] ? ksm_unit_starts(k, i) : UNKNOWN);
		json_put(o, "boot_causes", causes_list(&u->boot));
		json_object_array_add(list, o);
	}
	return list;
}

struct json_object *json_writer(const struct attribute_writer *w)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "who", w->who);
	json_put_text(o, "where", w->where);
	json_put_bool(o, "ours", w->ours);
	return o;
}

static struct json_object *writers_list(const struct ksm_facts *k)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < k->writers.n; i++) {
		const struct attribute_writer *w = &k->writers.v[i];
		struct json_object *o = json_writer(w);

		json_put(o, "value",
			 w->value ? json_object_new_int(ksm_run_value(w->value)) : NULL);
		json_object_array_add(list, o);
	}
	return list;
}

/* ---- processes ---- */

static struct json_object *users_list(const struct ksm_facts *k)
{
	struct json_object *list;

	if (!ksm_users_known(k))
		return NULL;
	list = json_object_new_array();
	for (size_t i = 0; i < k->user_count; i++) {
		const struct ksm_user *u = &k->users[i];
		struct json_object *o = json_object_new_object();

		json_put_int(o, "pid", u->process.pid);
		json_put_tri(o, "answers", json_answers(u->process.answer));
		json_put_text(o, "guest", u->process.guest);
		json_put_text(o, "program", u->process.program);
		json_put_text(o, "unit", u->process.unit);
		json_put_text(o, "cgroup", u->process.cgroup);
		put_known(o, "merged_bytes", k->page_bytes, u->merged_pages * k->page_bytes);
		json_put_tri(o, "merge_any", !u->any_known ? UNKNOWN : u->merge_any ? YES : NO);
		json_object_array_add(list, o);
	}
	return list;
}

static struct json_object *limits_list(const struct ksm_facts *k)
{
	struct json_object *list;

	if (!ksm_users_known(k))
		return NULL;
	list = json_object_new_array();
	for (size_t i = 0; i < k->room_count; i++) {
		const struct cgroup_room *room = &k->rooms[i];
		struct json_object *o = json_object_new_object();

		json_put_text(o, "cgroup", room->path);
		json_put_text(o, "guest", room->guest);
		put_known(o, "limit_bytes", true, room->limit_bytes);
		put_known(o, "used_bytes", true, room->used_bytes);
		put_known(o, "merged_bytes", k->page_bytes, room->merged_pages * k->page_bytes);
		json_object_array_add(list, o);
	}
	return list;
}

/* ---- all of it ---- */

static void put_kernel(struct json_object *o, const struct host *h)
{
	const struct ksm_facts *k = &h->ksm;
	bool merged = ksm_merged_known(k);

	json_put_tri(o, "present", h->image ? UNKNOWN : k->present ? YES : NO);
	json_put_tri(o, "writable", h->image || !k->present ? UNKNOWN : k->writable ? NO : YES);
	json_put(o, "run",
		 h->image || !k->present || k->run < 0 ? NULL : json_object_new_int(k->run));
	json_put(o, "counters", counters_object(k));
	put_known(o, "saved_bytes", merged, merged ? ksm_saved_bytes(k) : 0);
	put_known(o, "need_bytes", merged, merged ? ksm_need_bytes(k) : 0);
	put_known(o, "page_bytes", k->page_bytes, k->page_bytes);
	json_put(o, "ksmd", ksmd_object(h));
}

static void put_drivers(struct json_object *o, const struct ksm_facts *k)
{
	json_put_text(o, "service_manager", manager_name(k->manager));
	json_put_text(o, "service_manager_error", k->manager_error);
	json_put(o, "units", units_list(k));
	json_put(o, "writers", writers_list(k));
	json_put(o, "memory_ksm", json_strv(&k->memory_ksm));
}

struct json_object *json_ksm_object(const struct host *h)
{
	struct json_object *o = json_object_new_object();

	put_kernel(o, h);
	put_drivers(o, &h->ksm);
	json_put(o, "users", users_list(&h->ksm));
	json_put_int(o, "hidden_processes", (int64_t)h->ksm.users_hidden);
	json_put(o, "limits", limits_list(&h->ksm));
	return o;
}

struct json_object *json_memory_object(const struct host *h)
{
	const struct memory_facts *m = &h->memory;
	struct json_object *o = json_object_new_object();

	put_known(o, "total_bytes", m->known, m->total_bytes);
	put_known(o, "available_bytes", m->known, m->available_bytes);
	put_known(o, "reserve_bytes", m->known, m->known ? memory_default_reserve(m) : 0);
	put_known(o, "swap_total_bytes", m->swap_known, m->swap_total_bytes);
	put_known(o, "swap_free_bytes", m->swap_known, m->swap_free_bytes);
	put_known(o, "swapped_in_pages", m->swapped_known, m->swapped_in);
	put_known(o, "swapped_out_pages", m->swapped_known, m->swapped_out);
	put_known(o, "stalled_some_us", m->pressure_known, m->some_us);
	put_known(o, "stalled_full_us", m->pressure_known, m->full_us);
	return o;
}
