/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * step_json.h - steps as JSON for the journal, and back. What comes back is checked: the journal is
 * a file, and a file can hold anything.
 */
#ifndef KVMTUNE_STEP_JSON_H
#define KVMTUNE_STEP_JSON_H

#include <json-c/json.h>

#include <kvmtune/plan.h>

struct json_object *steps_to_json(const struct step *steps, size_t count);
/*
 * Reads the array `steps` of an object. ret_lost gets a sentence about each step that this program
 * does not know, or that names what is not kvmtune's to change: it is left out.
 */
void steps_from_json(struct json_object *from, struct step **ret, size_t *ret_count,
		     struct strv *ret_lost);

/* Members of an object: NULL or 0 where there is none of that kind. */
const char *json_text(struct json_object *o, const char *key);
int json_int(struct json_object *o, const char *key);
int64_t json_int64(struct json_object *o, const char *key);

#endif
