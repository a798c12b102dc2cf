// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/host.h>

#include <errno.h>
#include <search.h>
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

static bool may_come_after(const char *unread, const struct modconf_line *line)
{
	if (!line->line)
		return false;
	for (size_t i = 0; modconf_dirs[i]; i++)
		if (strcmp(unread, modconf_dirs[i]) == 0)
			return true;
	return strcmp(unread, MODCONF_CMDLINE) == 0 ||
	       strcmp(last_part(unread), last_part(line->file)) >= 0;
}

const char *virt_off_text(enum virt_off by)
{
	static const char *const texts[] = {
		[VIRT_OFF_FIRMWARE] = "switched off by the firmware",
		[VIRT_OFF_XEN] = "kept by Xen, which this host runs under",
		[VIRT_OFF_CLEARCPUID] = "hidden by clearcpuid= on the kernel command line",
		[VIRT_OFF_NO_MODULE] = "not offered by this kernel, which has no KVM module for it",
		[VIRT_OFF_HYPERVISOR] = "not offered to this kernel, which runs under a hypervisor",
	};

	return texts[by];
}

const char *virt_off_hint(enum virt_off by)
{
	static const char *const hints[] = {
		[VIRT_OFF_FIRMWARE] =
			"Turn virtualization on in the firmware setup (BIOS, UEFI) and "
			"boot again.",
		[VIRT_OFF_XEN] = "Xen runs the virtual machines here: for KVM boot without Xen.",
		[VIRT_OFF_CLEARCPUID] = "Take it off the kernel command line and boot again.",
		[VIRT_OFF_NO_MODULE] =
			"Install the kernel's modules or boot a kernel with KVM; if that "
			"does not help, look at the firmware setup.",
		[VIRT_OFF_HYPERVISOR] = "Whether it may run guests is set on its host.",
	};

	return hints[by];
}

bool conf_is_last_word(const struct unread *unread, const struct modconf_token *word)
{
	for (size_t i = 0; i < unread->count; i++)
		if (!word || may_come_after(unread->files[i].path, word->at))
			return false;
	return true;
}

const char *module_param(const struct module_facts *m, const char *name)
{
	return param_value(m->params, m->param_count, name);
}

struct refused {
	const struct host *h;
	const char *param;
	bool number, found;
	struct modconf_token *ret;
};

static bool keep_refused(const struct modconf_token *t, void *arg)
{
	struct refused *r = arg;

	r->found = strcmp(t->param, r->param) == 0 &&
		   param_is_refused(t->has_value ? t->value : NULL, r->number, r->h->id.kernel);
	if (r->found)
		*r->ret = *t;
	return !r->found;
}

bool find_refused_option(const struct host *h, const struct modconf *conf, const char *module,
			 const struct module_param *row, const struct param_facts *of,
			 struct modconf_token *ret)
{
	struct refused r = { .h = h, .param = row->name, .number = of->number, .ret = ret };

	/* What kernel an image boots is not known. */
	if (!h->image)
		modconf_each_option(conf, module, keep_refused, &r);
	return r.found;
}

bool module_in_use(const struct module_facts *m)
{
	return m->refcnt > 0 || m->holders.n > 0;
}

bool unread_is_special(const struct unread_file *file)
{
	return file->error == -EINVAL;
}

bool unread_has_too_much(const struct unread *u)
{
	for (size_t i = 0; i < u->count; i++)
		if (u->files[i].error == -EFBIG)
			return true;
	return false;
}

const char *unread_reason(const struct unread_file *file)
{
	if (file->error == -EFBIG)
		return "not read: too much";
	return unread_is_special(file) ? "it is no regular file" : strerror(-file->error);
}

static void free_nothing(void *path)
{
	(void)path;
}

void unread_free(struct unread *u)
{
	tdestroy(u->paths, free_nothing);
	for (size_t i = 0; i < u->count; i++)
		free(u->files[i].path);
	free(u->files);
	*u = (struct unread){ 0 };
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

/* ---- the state of a setting ---- */

enum module_id setting_module(const struct host *h, const struct setting *s)
{
	enum module_id found = MODULE_COUNT;

	for (size_t i = MODULE_COUNT; i-- > 0;) {
		if (!s->params[i])
			continue;
		if (found == MODULE_COUNT || module_fits((enum module_id)i, &h->cpu))
			found = (enum module_id)i;
	}
	return found;
}

enum tri param_next(const struct module_facts *m, const struct module_param *row,
		    const struct modconf_token *winner, bool sure)
{
	if (row->is_paging && m->paging.value == NO)
		return NO;
	if (!sure)
		return UNKNOWN;
	if (winner)
		return param_bool(modconf_token_value(winner));
	/* Kernels differ in the default of other parameters, and so do distributions. */
	return row->is_paging ? YES : UNKNOWN;
}

static struct setting_state module_setting_state(const struct host *h, const struct setting *s)
{
	const struct param_facts *of = &h->modules[setting_module(h, s)].of[s->id];
	enum tri next = of->next;

	/* Nobody knows which of both modules an image will load. */
	for (size_t i = 0; h->image && i < MODULE_COUNT; i++)
		if (s->params[i] && h->modules[i].of[s->id].next != next)
			next = UNKNOWN;
	return (struct setting_state){ value_name(of->now), value_name(next) };
}

struct setting_state setting_state(const struct host *h, const struct setting *s)
{
	if (s->kind == KIND_MODULE)
		return module_setting_state(h, s);
	return (struct setting_state){ ksm_now(&h->ksm), ksm_next_known(&h->ksm, NULL) };
}

void host_free(struct host *h)
{
	for (size_t i = 0; i < MODULE_COUNT; i++)
		module_facts_free(&h->modules[i]);
	modconf_free(&h->conf);
	modconf_free(&h->boot_conf);
	free(h->kernel_words);
	unread_free(&h->conf_unread);
	ksm_free(&h->ksm);
	kvm_users_free(&h->users);
	strv_free(&h->hypervisors);
	strv_free(&h->unseen);
	free(h->own_conf);
	free(h->device_hidden);
	free(h->l1tf);
	*h = (struct host){ 0 };
}
