// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/host.h>

#include <string.h>

const char *module_state_name(enum module_state s)
{
	static const char *const names[] = {
		[MODULE_STATE_UNKNOWN] = "unknown",   [MODULE_STATE_ABSENT] = "absent",
		[MODULE_STATE_LOADABLE] = "loadable", [MODULE_STATE_LOADED] = "loaded",
		[MODULE_STATE_BUSY] = "busy",	      [MODULE_STATE_BUILTIN] = "built_in",
	};

	return names[s];
}

const char *module_param(const struct module_facts *m, const char *name)
{
	return param_value(m->params, m->param_count, name);
}

bool module_in_use(const struct module_facts *m)
{
	return m->refcnt > 0 || m->holders.n > 0;
}

static void module_facts_free(struct module_facts *m)
{
	strv_free(&m->virt.source);
	strv_free(&m->enabled.source);
	strv_free(&m->paging.source);
	strv_free(&m->usable.source);
	strv_free(&m->holders);
	params_free(m->params, m->param_count);
}

void host_free(struct host *h)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		module_facts_free(&h->modules[i]);
	modconf_free(&h->conf);
	ksm_free(&h->ksm);
	kvm_users_free(&h->users);
	strv_free(&h->hypervisors);
	strv_free(&h->unseen);
	free(h->own_conf);
	free(h->l1tf);
	*h = (struct host){ 0 };
}
