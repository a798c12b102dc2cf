// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * list.c - the settings, for people and for programs.
 */
#include <string.h>

#include "json.h"
#include "state.h"
#include "table.h"

static const char *kept_in(const struct setting *s)
{
	static const char *const files[KIND_COUNT] = {
		[KIND_MODULE] = OWN_CONF_FILE,
		[KIND_ATTRIBUTE] = OWN_TMPFILES,
		[KIND_KSM] = UNIT_LINKS_DIR ", " OWN_TMPFILES,
	};

	return files[s->kind];
}

static void row(struct table *t, const struct style *style, const struct host *h,
		const struct setting *s)
{
	bool here = setting_fits(s, &h->cpu);
	autofree char *when = xasprintf("next %s", setting_next_when(s));
	autobuf values = { 0 };
	struct state_report r;

	setting_values_text(s, &values);
	state_report(h, s, &r);
	table_row(t, s->name, values.data, here ? r.now ?: "-" : "not here",
		  here ? r.next ?: "-" : "", here ? when : "", style->verbose ? kept_in(s) : "");
	table_mark(t, 0, MEANS_LABEL, 0);
	if (!here)
		table_mark(t, 2, MEANS_ASIDE, 0);
	else if (r.now && r.next && strcmp(r.now, r.next) != 0)
		table_mark(t, 3, MEANS_PENDING, 0);
	state_report_free(&r);
}

void text_list(FILE *out, const struct style *style, const struct host *host)
{
	struct table *t = table_new("SETTING", "VALUES", "NOW", "NEXT", "WHEN",
				    style->verbose ? "KEPT IN" : "", NULL);

	for (size_t i = 0; i < SETTING_COUNT; i++)
		row(t, style, host, &settings[i]);
	table_print(t, out, style, "");
}

static struct json_object *values_list(const struct setting *s)
{
	struct json_object *list = json_object_new_array();

	for (const char *const *v = s->values; *v; v++)
		json_object_array_add(list, json_string(*v));
	return list;
}

int json_list(FILE *out, const struct host *host)
{
	struct json_object *o = json_document("list"), *list = json_object_new_object();

	json_put(o, "host", json_host_object(host));
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *s = &settings[i];
		struct json_object *of = json_object_new_object();

		json_put_text(of, "title", s->title);
		json_put(of, "values", values_list(s));
		json_put_bool(of, "here", setting_fits(s, &host->cpu));
		json_put_bool(of, "other_name", s->other_name);
		json_put_state(of, host, s);
		json_put_text(of, "kept_in", kept_in(s));
		json_put(list, s->name, of);
	}
	json_put(o, "settings", list);
	json_put(o, "not_seen", json_strv(&host->unseen));
	return json_print(out, o);
}

int json_failure(FILE *out, const char *command, enum exit_status status, const struct err *e)
{
	struct json_object *o = json_document("error");

	json_put_text(o, "command", command);
	json_put_int(o, "exit_status", status);
	json_put(o, "error", json_error(e));
	return json_print(out, o);
}
