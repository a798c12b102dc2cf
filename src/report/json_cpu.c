// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * json_cpu.c - what a processor can do, for programs.
 */
#include <string.h>

#include "json.h"

/* "ept-1gb" is a name for people; keys have '_'. */
static char *key_of(enum cpu_cap_id id)
{
	char *key = xstrdup(cpu_cap_names[id].name);

	for (char *c = key; *c; c++)
		*c = *c == '-' ? '_' : *c;
	return key;
}

static void put_text_fact(struct json_object *o, const char *key, const char *text,
			  const char *source)
{
	struct json_object *fact = json_object_new_object();
	struct json_object *sources = json_object_new_array();

	json_put_text(fact, "value", text[0] ? text : NULL);
	if (text[0])
		json_object_array_add(sources, json_string(source));
	json_put(fact, "source", sources);
	json_put(o, key, fact);
}

static void put_caps(struct json_object *o, const struct cpu_judgement *j)
{
	struct json_object *reasons = json_object_new_object();

	for (size_t i = 0; i < CAP_COUNT; i++) {
		const struct cpu_cap *cap = &j->caps[i];
		const struct fact fact = { .value = cap->value, .source = cap->source };
		autofree char *key = key_of(i);

		json_put(o, key, json_fact(&fact));
		if (cap->why)
			json_put_text(reasons, key, cap->why);
	}
	json_put(o, "reasons", reasons);
}

static struct json_object *msrs_list(const struct cpu_evidence *e)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < e->msr_count; i++) {
		struct json_object *o = json_object_new_object();
		autofree char *msr = xasprintf("0x%x", e->msrs[i].msr);
		autofree char *value = xasprintf("0x%016llx", (unsigned long long)e->msrs[i].value);

		json_put_int(o, "cpu", e->msrs[i].cpu);
		json_put_text(o, "msr", msr);
		json_put_text(o, "value", value);
		json_object_array_add(list, o);
	}
	return list;
}

int json_cpu(FILE *out, const struct cpu_report *r)
{
	const struct cpu_judgement *j = r->judgement;
	struct json_object *o = json_document("cpu");

	json_put(o, "host", json_host_object(r->host));
	json_put_bool(o, "captured", r->captured);
	put_text_fact(o, "vendor", j->id.vendor, "CPUID 0");
	put_text_fact(o, "brand", j->id.brand, "CPUID 80000002h");
	json_put_int(o, "family", j->id.family);
	json_put_int(o, "model", j->id.model);
	json_put_int(o, "stepping", j->id.stepping);
	json_put_int(o, "logical_cpus", (int64_t)j->cpu_count);
	json_put_text(o, "hypervisor_name",
		      j->id.hypervisor_name[0] ? j->id.hypervisor_name : NULL);
	put_caps(o, j);
	json_put(o, "asids", j->asids ? json_object_new_int64(j->asids) : NULL);
	json_put(o, "differences", json_strv(&j->differences));
	json_put(o, "msrs", msrs_list(r->evidence));
	json_put(o, "not_seen", json_strv(r->unseen));
	return json_print(out, o);
}
