/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json.h - pieces that the JSON documents share. Each returns a new object, owned by the caller.
 */
#ifndef KVMTUNE_JSON_H
#define KVMTUNE_JSON_H

#include <kvmtune/json_string.h>
#include <kvmtune/report.h>

/* An object with "schema": "kvmtune.NAME.1" and "kvmtune_version". */
struct json_object *json_document(const char *name);
/* Prints it with a newline and puts it. 0, or -EIO when it could not be written. */
int json_print(FILE *out, struct json_object *document);

void json_put_text(struct json_object *o, const char *key, const char *text); /* NULL: null */
void json_put_bool(struct json_object *o, const char *key, bool value);
void json_put_tri(struct json_object *o, const char *key, enum tri value); /* unknown: null */
void json_put_int(struct json_object *o, const char *key, int64_t value);

/* {"value": true|false|null, "source": [...]} */
struct json_object *json_fact(const struct fact *f);
struct json_object *json_strv(const struct strv *s);
/* Does a process answer? null: it was not asked. */
enum tri json_answers(enum answer answer);
struct json_object *json_pids(const struct unanswered *u);
struct json_object *json_users_list(const struct kvm_users *users);
struct json_object *json_advice(const struct host *host, const enum advice_id *ids, size_t count);
struct json_object *json_host_object(const struct host *h);
/* The state of a setting: "now", "next" and where each is known from. */
void json_put_state(struct json_object *o, const struct host *host, const struct setting *s);
/* All of KSM; "memory" beside it. */
/* Who writes an attribute and where; what he writes is the caller's. */
struct json_object *json_writer(const struct attribute_writer *w);
struct json_object *json_ksm_object(const struct host *host);
struct json_object *json_memory_object(const struct host *host);
/* "at_work", "interrupted": a change that is being made, or that was interrupted. */
void json_put_open_change(struct json_object *o, const struct journal *journal);
struct json_object *json_left_list(const struct undo_report *r);
struct json_object *json_error(const struct err *e); /* null where there is none */

#endif
