// SPDX-License-Identifier: GPL-2.0-or-later
#include "step_json.h"

#include <kvmtune/json_string.h>
#include <kvmtune/own_file.h>

#include <string.h>

/* ---- to JSON ---- */

static void add_number(struct json_object *o, const char *key, int64_t value)
{
	json_put(o, key, json_object_new_int64(value));
}

/* Two hexadecimal digits a byte. */
static char *acl_text(const struct device_facts *d)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < d->acl_size; i++)
		buf_printf(&b, "%02x", d->acl[i]);
	return buf_steal(&b);
}

static struct json_object *device_to_json(const struct device_facts *d)
{
	struct json_object *o = json_object_new_object();
	autofree char *acl = acl_text(d);

	add_number(o, "uid", d->uid);
	add_number(o, "gid", d->gid);
	add_number(o, "mode", d->mode);
	if (!d->acl_unknown)
		json_put_exact(o, "acl", acl ? acl : "");
	return o;
}

/* What the parameters were, as {"ept": "Y", ...}: what they should have become is history. */
static struct json_object *expects_to_json(const struct act *act)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < act->expect_count; i++)
		json_put_exact(o, act->expects[i].param, act->expects[i].before);
	return o;
}

/* {"ept": 0}; null is the default. */
static struct json_object *wanted_to_json(const struct act *act)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < act->wanted_count; i++) {
		const struct wanted *w = &act->wanted[i];

		json_put(o, w->param,
			 w->value == UNKNOWN ? NULL : json_object_new_int(w->value == YES));
	}
	return o;
}

static struct json_object *act_to_json(const struct act *act)
{
	struct json_object *o = json_object_new_object();

	json_put_exact(o, "kind", act_name(act->kind));
	json_put_exact(o, "target", act->target);
	json_put_exact(o, "text", act->text);
	if (act->wanted_count)
		json_put(o, "parameters", wanted_to_json(act));
	if (act->mode)
		add_number(o, "mode", act->mode);
	if (act->runtime)
		add_number(o, "runtime", 1);
	if (act->new_dir)
		add_number(o, "new_dir", 1);
	if (act->device.exists)
		json_put(o, "device", device_to_json(&act->device));
	if (act->expect_count && (act->kind == ACT_RESTORE || act->kind == ACT_CONFIRM))
		json_put(o, "before", expects_to_json(act));
	return o;
}

struct json_object *steps_to_json(const struct step *steps, size_t count)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		struct json_object *o = json_object_new_object();

		json_put(o, "act", act_to_json(&steps[i].act));
		json_put(o, "back", act_to_json(&steps[i].back));
		json_object_array_add(list, o);
	}
	return list;
}

/* ---- from JSON ---- */

static struct json_object *member(struct json_object *o, const char *key, enum json_type type)
{
	struct json_object *value;

	if (!json_object_is_type(o, json_type_object) ||
	    !json_object_object_get_ex(o, key, &value) || !json_object_is_type(value, type))
		return NULL;
	return value;
}

const char *json_text(struct json_object *o, const char *key)
{
	struct json_object *value = member(o, key, json_type_string);

	return value ? json_object_get_string(value) : NULL;
}

int64_t json_int64(struct json_object *o, const char *key)
{
	struct json_object *value = member(o, key, json_type_int);

	return value ? json_object_get_int64(value) : 0;
}

int json_int(struct json_object *o, const char *key)
{
	struct json_object *value = member(o, key, json_type_int);

	return value ? json_object_get_int(value) : 0;
}

static char *copy_text(struct json_object *o, const char *key)
{
	return json_restored(json_text(o, key));
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Journals before 0.2.0 have none: then it is unknown. So it is where the text is no ACL. */
static void acl_from_text(const char *text, struct device_facts *ret)
{
	size_t size = text ? strlen(text) / 2 : 0;

	ret->acl_unknown = !text || *text;
	if (!size || size > ACL_MAX || text[2 * size])
		return;
	for (size_t i = 0; i < size; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return;
		ret->acl[i] = (unsigned char)(high << 4 | low);
	}
	ret->acl_unknown = !device_acl_is_valid(ret->acl, size);
	ret->acl_size = ret->acl_unknown ? 0 : size;
}

static void device_from_json(struct json_object *o, struct device_facts *ret)
{
	if (!o)
		return;
	*ret = (struct device_facts){
		.exists = true,
		.uid = (unsigned)json_int64(o, "uid"),
		.gid = (unsigned)json_int64(o, "gid"),
		.mode = (unsigned)json_int64(o, "mode") & 0777,
	};
	acl_from_text(json_text(o, "acl"), ret);
}

static void expects_from_json(struct json_object *before, struct act *act)
{
	if (!before)
		return;
	json_object_object_foreach(before, name, value)
	{
		const char *text = json_object_is_type(value, json_type_string)
					   ? json_object_get_string(value)
					   : NULL;

		if (!text)
			continue;
		array_push(act->expects, act->expect_count) =
			(struct expect){ .param = json_restored(name),
					 .before = json_restored(text),
					 .after = json_restored(text) };
	}
}

static void add_wanted(struct act *act, const char *param, enum tri value)
{
	array_push(act->wanted, act->wanted_count) =
		(struct wanted){ .param = json_restored(param), .value = value };
}

static void wanted_from_json(struct json_object *o, struct act *act)
{
	struct json_object *parameters = member(o, "parameters", json_type_object);
	const char *only = json_text(o, "parameter");

	/* A journal of 0.1.0 has one. */
	if (only)
		add_wanted(act, only, json_int(o, "value") ? YES : NO);
	if (!parameters)
		return;
	json_object_object_foreach(parameters, name, value)
	{
		bool number = json_object_is_type(value, json_type_int);

		add_wanted(act, name, !number ? UNKNOWN : json_object_get_int(value) ? YES : NO);
	}
}

/* A module of ours; and where parameters are named, each is a setting. */
static bool is_module(const struct act *act)
{
	enum module_id module = module_find(act->target);

	if (module == MODULE_COUNT)
		return false;
	for (size_t i = 0; i < act->wanted_count; i++)
		if (!setting_of_param(module, act->wanted[i].param))
			return false;
	return true;
}

/* One of a setting of that kind, and a word that it takes. */
static bool is_attribute(const struct act *act)
{
	const struct setting *s = setting_of_attribute(act->target);

	return s && s->kind == KIND_ATTRIBUTE && act->text &&
	       attribute_text(s->attribute, act->text);
}

static bool is_unit_name(const char *name)
{
	return *name != '.' && strlen(name) < 256 && strchr(name, '.') &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_.@+:\\-")];
}

/* What a service needed was started before it: there is nothing else that is done to other units. */
static bool is_pair_allowed(const struct step *s)
{
	const char *unit = s->back.target;

	if (s->back.kind != ACT_START_UNIT && s->back.kind != ACT_STOP_UNIT)
		return true;
	return ksm_is_driver(unit) ||
	       (s->back.kind == ACT_STOP_UNIT && s->act.kind == ACT_START_UNIT &&
		strcmp(s->act.target, unit) == 0);
}

/*
 * Only our own files, /dev/kvm, the modules of our settings with their parameters, and the services
 * that drive KSM may be named:
 * a journal that somebody else wrote shall not have kvmtune touch anything else.
 */
static bool target_allowed(const struct act *act)
{
	enum act_kind kind = act->kind;
	const char *target = act->target;

	if (kind == ACT_NONE || kind == ACT_CHECK_GUEST || kind == ACT_WATCH_MEMORY)
		return true;
	if (!target)
		return false;
	switch (kind) {
	case ACT_WRITE_FILE:
	case ACT_REMOVE_FILE:
		return strcmp(target, OWN_CONF_FILE) == 0 || strcmp(target, OWN_TMPFILES) == 0 ||
		       strcmp(target, OWN_PRESET) == 0;
	case ACT_ENABLE_UNIT:
	case ACT_DISABLE_UNIT:
		return ksm_is_driver(target);
	case ACT_START_UNIT:
	case ACT_STOP_UNIT:
		return ksm_is_driver(target) || is_unit_name(target);
	case ACT_MAKE_LINK:
	case ACT_REMOVE_LINK:
		return ksm_is_unit_link(target, act->text);
	case ACT_SET_RUN:
		return strcmp(target, KSM_RUN_FILE) == 0;
	case ACT_SET_ATTRIBUTE:
		return is_attribute(act);
	case ACT_CHECK_DEVICE:
		return strcmp(target, KVM_DEVICE) == 0;
	default:
		return is_module(act);
	}
}

/* What an act cannot be done without. */
static bool has_all(const struct act *act)
{
	const char *text = act->text;

	switch (act->kind) {
	case ACT_WRITE_FILE:
	case ACT_MAKE_LINK:
		return text;
	case ACT_RESTORE:
		return text && act->wanted_count;
	case ACT_SET_RUN:
		return text && text[0] >= '0' && text[0] <= '2' && !text[1];
	default:
		return true;
	}
}

/* modprobe and systemd-tmpfiles would do whatever other lines say. */
static void drop_harm(struct act *act)
{
	char *text = own_file_harmless(act->target, act->text);

	free(act->text);
	act->text = text;
}

static bool act_from_json(struct json_object *o, struct act *ret)
{
	const char *name = json_text(o, "kind");
	bool known = false;
	enum act_kind kind = name ? act_find(name, &known) : ACT_NONE;

	if (!known)
		return false;
	*ret = (struct act){ .kind = kind,
			     .target = copy_text(o, "target"),
			     .text = copy_text(o, "text"),
			     .mode = (unsigned)json_int(o, "mode") & 0777,
			     .runtime = json_int(o, "runtime") != 0,
			     .new_dir = json_int(o, "new_dir") != 0 };
	wanted_from_json(o, ret);
	if (!has_all(ret) || !target_allowed(ret)) {
		act_free(ret);
		return false;
	}
	if (kind == ACT_WRITE_FILE)
		drop_harm(ret);
	device_from_json(member(o, "device", json_type_object), &ret->device);
	expects_from_json(member(o, "before", json_type_object), ret);
	return true;
}

static void add_lost(struct strv *ret, struct json_object *act, size_t number)
{
	autofree char *kind = safe_text(json_text(act, "kind") ?: "unknown", 40);
	autofree char *target = safe_text(json_text(act, "target") ?: "nothing", 200);

	strv_addf(ret, "step %zu of the change (%s %s) is unknown to this kvmtune version", number,
		  kind, target);
}

void steps_from_json(struct json_object *from, struct step **ret, size_t *ret_count,
		     struct strv *ret_lost)
{
	struct json_object *list = member(from, "steps", json_type_array);
	size_t n = list ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *o = json_object_array_get_idx(list, i);
		struct json_object *act = member(o, "act", json_type_object);
		struct step step = { 0 };

		if (act_from_json(act, &step.act) &&
		    act_from_json(member(o, "back", json_type_object), &step.back) &&
		    is_pair_allowed(&step)) {
			array_push(*ret, *ret_count) = step;
			continue;
		}
		step_free(&step);
		add_lost(ret_lost, act, i + 1);
	}
}
