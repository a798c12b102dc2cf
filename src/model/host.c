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
		[VIRT_OFF_FIRMWARE] = "disabled in firmware",
		[VIRT_OFF_XEN] = "reserved by Xen, which this host runs under",
		[VIRT_OFF_CLEARCPUID] = "hidden by clearcpuid= on the kernel command line",
		[VIRT_OFF_NO_MODULE] = "not enabled by this kernel, which has no KVM module for it",
		[VIRT_OFF_HYPERVISOR] = "not passed on by the hypervisor that this host runs under",
		[VIRT_OFF_UNKNOWN] = "not enabled by this kernel, for an unknown reason",
	};

	return texts[by];
}

const char *virt_off_hint(enum virt_off by)
{
	static const char *const hints[] = {
		[VIRT_OFF_FIRMWARE] =
			"Enable virtualization in the firmware setup (BIOS, UEFI) and reboot.",
		[VIRT_OFF_XEN] =
			"Xen runs the virtual machines here. To use KVM, boot without Xen.",
		[VIRT_OFF_CLEARCPUID] = "Remove it from the kernel command line and reboot.",
		[VIRT_OFF_NO_MODULE] =
			"Install the kernel's modules or boot a kernel with KVM; if that "
			"does not help, check the firmware setup.",
		[VIRT_OFF_HYPERVISOR] = "Enable nested virtualization on its host.",
		[VIRT_OFF_UNKNOWN] = "Check the kernel command line, the kernel's log and the "
				     "firmware setup.",
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

const char *host_other_module(const struct host *h)
{
	return h->use.module && module_find(h->use.module) == MODULE_COUNT ? h->use.module : NULL;
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
	return unread_is_special(file) ? "not a regular file" : strerror(-file->error);
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

bool next_boot_differs(const struct host *h, const struct param_facts *of)
{
	return !h->image && h->loader.count && !h->loader_unread.count && !of->next_refused &&
	       (of->boot.any || !of->boot.unclear) && of->next_boot != of->next;
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

static struct setting_state attribute_setting_state(const struct host *h, const struct setting *s)
{
	const struct attribute_facts *f = &h->attributes[s->id];

	if (!h->image && !f->present)
		return (struct setting_state){ s->attribute->absent, s->attribute->absent };
	/* A file that cannot be read may say otherwise. */
	return (struct setting_state){ f->now,
				       h->ksm.unread.count ? NULL : attribute_next(f, NULL) };
}

struct setting_state setting_state(const struct host *h, const struct setting *s)
{
	if (s->kind == KIND_MODULE)
		return module_setting_state(h, s);
	if (s->kind == KIND_ATTRIBUTE)
		return attribute_setting_state(h, s);
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
	loader_free(&h->loader);
	unread_free(&h->loader_unread);
	ksm_free(&h->ksm);
	free(h->use.module);
	strv_free(&h->use.module_source);
	strv_free(&h->use.held.source);
	for (size_t i = 0; i < SETTING_COUNT; i++)
		attribute_facts_free(&h->attributes[i]);
	kvm_users_free(&h->users);
	strv_free(&h->hypervisors);
	strv_free(&h->unseen);
	free(h->own_conf);
	free(h->own_tmpfiles);
	free(h->device_hidden);
	free(h->l1tf);
	*h = (struct host){ 0 };
}
