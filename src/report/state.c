// SPDX-License-Identifier: GPL-2.0-or-later
#include "state.h"

#include <string.h>

#include "ksm_report.h"
#include "mention.h"

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

void state_report(const struct host *h, const struct setting *s, struct state_report *ret)
{
	const struct setting_state state = setting_state(h, s);

	*ret = (struct state_report){ .now = state.now, .next = state.next };
	if (s->kind == KIND_MODULE)
		report_module(h, s, ret);
	else
		report_ksm(h, ret);
}

void state_report_free(struct state_report *r)
{
	strv_free(&r->now_source);
	strv_free(&r->next_source);
}
