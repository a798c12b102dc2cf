// SPDX-License-Identifier: GPL-2.0-or-later
#include "state.h"

#include <string.h>

#include "ksm_report.h"
#include "conf_lines.h"

static void report_module(const struct host *h, const struct setting *s, struct state_report *ret)
{
	for (size_t i = 0; i < MODULE_COUNT; i++) {
		const char *module = kvm_modules[i].name;

		if (!s->params[i] || (!h->image && setting_module(h, s) != i))
			continue;
		if (ret->now)
			strv_addf(&ret->now_source, "/sys/module/%s/parameters/%s", module,
				  s->params[i]->name);
		module_next_source(h, s, (enum module_id)i, &ret->next_source);
		if (!next_boot_differs(h, &h->modules[i].of[s->id]))
			continue;
		ret->next_boot = value_name(h->modules[i].of[s->id].next_boot);
		next_boot_source(&h->modules[i].of[s->id], &ret->next_boot_source);
	}
}

static void report_ksm(const struct host *h, struct state_report *ret)
{
	const struct ksm_facts *k = &h->ksm;

	ret->next = ksm_next_known(k, &ret->next_source);
	if (ret->now)
		strv_add(&ret->now_source, KSM_RUN_FILE);
	if (ret->now && k->run != 1 && unit_is_active(&k->units[KSM_UNIT_KSMTUNED]))
		strv_add(&ret->now_source, ksm_unit_names[KSM_UNIT_KSMTUNED]);
}

static void report_attribute(const struct host *h, const struct setting *s,
			     struct state_report *ret)
{
	const struct attribute_facts *f = &h->attributes[s->id];

	if (ret->now && f->present)
		strv_add(&ret->now_source, s->attribute->path);
	if (h->image || f->present)
		attribute_next(f, &ret->next_source);
}

void state_report(const struct host *h, const struct setting *s, struct state_report *ret)
{
	const struct setting_state state = setting_state(h, s);

	*ret = (struct state_report){ .now = state.now, .next = state.next };
	if (s->kind == KIND_MODULE)
		report_module(h, s, ret);
	else if (s->kind == KIND_ATTRIBUTE)
		report_attribute(h, s, ret);
	else
		report_ksm(h, ret);
}

void state_report_free(struct state_report *r)
{
	strv_free(&r->now_source);
	strv_free(&r->next_source);
	strv_free(&r->next_boot_source);
}

bool is_left_by(const struct undo_report *r, const struct journal_entry *entry)
{
	const struct journal_entry *planned = r->dry_run ? r->undos[0].undoes : NULL;

	return journal_is_left(r->journal, entry) && (!planned || entry->id != planned->id);
}
