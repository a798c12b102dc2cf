/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * json_string.h - the one way from text to JSON, for documents and for the journal.
 *
 * JSON is UTF-8; names of files and of processes are any bytes. No other file calls the functions of
 * json-c that take text (tests/lint/lint.sh, json): each string and each key comes through here.
 */
#ifndef KVMTUNE_JSON_STRING_H
#define KVMTUNE_JSON_STRING_H

#include <json-c/json.h>

#include <kvmtune/base.h>

/* Length of the well-formed UTF-8 sequence at s (RFC 3629), or 0. */
size_t utf8_length(const char *s);

/* For documents: a byte that is no UTF-8 becomes U+FFFD. The caller owns the object. */
struct json_object *json_string(const char *text);
/* Adds a member; the key is cleaned likewise. Takes value, which may be NULL: null. */
void json_put(struct json_object *o, const char *key, struct json_object *value);

/*
 * For the journal: json_restored() gives back the same bytes, whatever they are. A byte that is no UTF-8 is
 * kept as one of 128 private letters, U+10FF80 to U+10FFFF; and so is each byte of those letters.
 */
struct json_object *json_exact(const char *text);
/* Adds a member whose key is kept likewise; nothing where text is NULL. */
void json_put_exact(struct json_object *o, const char *key, const char *text);
/* The text of such a string or key; to be freed. NULL: NULL. */
char *json_restored(const char *kept);

#endif
