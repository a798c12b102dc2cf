// SPDX-License-Identifier: GPL-2.0-or-later
#include "json.h"

#include "state.h"

#include <errno.h>
#include <string.h>

#include <kvmtune/version.h>

struct json_object *json_document(const char *name)
{
	struct json_object *o = json_object_new_object();
	autofree char *schema = xasprintf("kvmtune.%s.1", name);

	json_put_text(o, "schema", schema);
	json_put_text(o, "kvmtune_version", KVMTUNE_VERSION);
	return o;
}

/*
 * Letters that a terminal takes for a command, or that turn a text around: DEL, the controls of C1,
 * separators of lines, marks of direction.
 */
static bool is_control(uint32_t c)
{
	return (c >= 0x7f && c < 0xa0) || c == 0x61c || c == 0x200e || c == 0x200f ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

/* Those of two or three bytes are all that it asks for. */
static uint32_t letter_at(const unsigned char *s, size_t len)
{
	if (len == 2)
		return (s[0] & 0x1fu) << 6 | (s[1] & 0x3fu);
	if (len == 3)
		return (s[0] & 0xfu) << 12 | (s[1] & 0x3fu) << 6 | (s[2] & 0x3fu);
	return s[0];
}

/* The text of a document, with those letters as \uXXXX: outside of strings there are none. */
static void escape_controls(const char *text, struct buf *ret)
{
	while (*text) {
		size_t len = utf8_length(text);
		uint32_t letter = letter_at((const unsigned char *)text, len);

		if (is_control(letter))
			buf_printf(ret, "\\u%04x", (unsigned)letter);
		else
			buf_add(ret, text, len ? len : 1);
		text += len ? len : 1;
	}
}

int json_print(FILE *out, struct json_object *document)
{
	const char *text = json_object_to_json_string_ext(
		document, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE);
	autobuf safe = { 0 };
	int r;

	escape_controls(text, &safe);
	r = fprintf(out, "%s\n", buf_text(&safe));
	json_object_put(document);
	return r < 0 ? -EIO : 0;
}

void json_put_text(struct json_object *o, const char *key, const char *text)
{
	json_put(o, key, text ? json_string(text) : NULL);
}

void json_put_bool(struct json_object *o, const char *key, bool value)
{
	json_put(o, key, json_object_new_boolean(value));
}

void json_put_tri(struct json_object *o, const char *key, enum tri value)
{
	json_put(o, key, value == UNKNOWN ? NULL : json_object_new_boolean(value == YES));
}

void json_put_int(struct json_object *o, const char *key, int64_t value)
{
	json_put(o, key, json_object_new_int64(value));
}

struct json_object *json_strv(const struct strv *s)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < s->n; i++)
		json_object_array_add(list, json_string(s->v[i]));
	return list;
}

struct json_object *json_fact(const struct fact *f)
{
	struct json_object *o = json_object_new_object();

	json_put_tri(o, "value", f->value);
	json_put(o, "source", json_strv(&f->source));
	return o;
}

struct json_object *json_error(const struct err *e)
{
	struct json_object *o;

	if (!e->code)
		return NULL;
	o = json_object_new_object();
	json_put_text(o, "id", e->id[0] ? e->id : NULL);
	json_put_text(o, "text", e->text);
	json_put_text(o, "hint", e->hint[0] ? e->hint : NULL);
	json_put_int(o, "exit_status", e->status);
	return o;
}

struct json_object *json_advice(const struct host *host, const enum advice_id *ids, size_t count)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < count; i++) {
		struct json_object *o = json_object_new_object();
		autofree char *text = advice_text(ids[i], host);

		json_put_text(o, "id", advices[ids[i]].name);
		json_put_text(o, "text", text);
		json_put_text(o, "source", advices[ids[i]].source);
		json_object_array_add(list, o);
	}
	return list;
}

enum tri json_answers(enum answer answer)
{
	return answer == NOT_ASKED ? UNKNOWN : answer == ANSWERS ? YES : NO;
}

struct json_object *json_pids(const struct unanswered *u)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < u->count; i++)
		json_object_array_add(list, json_object_new_int(u->pids[i]));
	return list;
}

static struct json_object *user_object(const struct kvm_user *u)
{
	struct json_object *o = json_object_new_object();

	json_put_int(o, "pid", u->pid);
	json_put_int(o, "uid", u->uid);
	json_put_text(o, "user", u->user);
	json_put_tri(o, "answers", json_answers(u->answer));
	json_put_text(o, "program", u->program);
	json_put_text(o, "comm", u->comm);
	json_put(o, "command", json_strv(&u->args));
	json_put_text(o, "guest", u->guest);
	json_put_bool(o, "runs_guest", user_has_guest(u));
	json_put(o, "vcpus", u->vcpus ? json_object_new_int(u->vcpus) : NULL);
	json_put_text(o, "unit", u->unit);
	json_put_text(o, "cgroup", u->cgroup);
	json_put_int(o, "kvm_descriptors", u->kvm_fds);
	json_put_int(o, "vm_descriptors", u->vm_fds);
	json_put_int(o, "vcpu_descriptors", u->vcpu_fds);
	return o;
}

struct json_object *json_users_list(const struct kvm_users *users)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < users->count; i++)
		json_object_array_add(list, user_object(&users->users[i]));
	return list;
}

void json_put_state(struct json_object *o, const struct host *host, const struct setting *s)
{
	struct state_report r;

	state_report(host, s, &r);
	json_put_text(o, "now", r.now);
	json_put(o, "now_source", json_strv(&r.now_source));
	json_put_text(o, "next", r.next);
	json_put_text(o, "next_when", setting_next_when(s));
	json_put(o, "next_source", json_strv(&r.next_source));
	json_put_text(o, "next_boot", r.next_boot);
	json_put(o, "next_boot_source", json_strv(&r.next_boot_source));
	state_report_free(&r);
}
