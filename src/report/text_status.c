// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text_status.c - what a host is, for people.
 */
#include <string.h>

#include "ksm_report.h"
#include "mention.h"
#include "table.h"

static void host_row(struct table *t, const struct host *h)
{
	autobuf b = { 0 };

	if (h->image) {
		table_row(t, "Host", "an image, not the running host", "");
		return;
	}
	buf_printf(&b, "%s, Linux %s", h->id.name, h->id.kernel);
	table_row(t, "Host", b.data, "");
	buf_reset(&b);
	buf_puts(&b, h->cpu.brand[0] ? h->cpu.brand : "unknown");
	if (h->cpu.hypervisor == YES)
		buf_printf(&b, " (a guest%s%s)", h->cpu.hypervisor_name[0] ? " of " : "",
			   h->cpu.hypervisor_name);
	table_row(t, "Processor", b.data, "");
}

static char *processor_text(const struct kvm_module *module, const struct module_facts *m)
{
	if (m->virt.value == NO)
		return xstrdup("no");
	if (m->enabled.value == NO)
		return xasprintf("there, but %s", virt_off_text(m->off_by));
	if (m->paging.value == NO)
		return xasprintf("%s yes, %s no", module->virt, module->paging);
	if (m->usable.value == NO)
		return xasprintf("yes, but not an %s that KVM can use", module->paging);
	if (m->usable.value == YES)
		return xstrdup("yes, usable by KVM");
	if (m->paging.value == YES)
		return xstrdup("yes; whether KVM can use it is unknown");
	if (m->virt.value == YES)
		return xasprintf("%s yes, %s unknown", module->virt, module->paging);
	return xstrdup("unknown");
}

/* The parameter of the loaded module has a long path: for people its module's name is enough. */
static const char *short_source(const struct kvm_module *module, const char *source)
{
	return starts_with(source, "/sys/module/") ? module->name : source;
}

/* All sources of the facts behind processor_text(), each once. */
static void processor_sources(const struct kvm_module *module, const struct module_facts *m,
			      struct buf *ret)
{
	const struct fact *facts[] = { &m->virt, &m->enabled, &m->paging, &m->usable };
	autostrv seen = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(facts); i++)
		for (size_t k = 0; k < facts[i]->source.n; k++) {
			const char *source = short_source(module, facts[i]->source.v[k]);

			if (strv_has(&seen, source))
				continue;
			strv_add(&seen, source);
			buf_join(ret, ", ", source);
		}
}

static void processor_row(struct table *t, const struct kvm_module *module,
			  const struct module_facts *m)
{
	autofree char *label = xasprintf("%s, %s", module->virt, module->paging);
	autofree char *text = processor_text(module, m);
	autobuf sources = { 0 };

	processor_sources(module, m, &sources);
	table_row(t, label, text, buf_text(&sources));
}

static void use_text(const struct host *h, const struct module_facts *m, struct buf *ret)
{
	size_t n = h->users.count;

	if (m->refcnt < 0)
		return;
	if (!m->refcnt && !m->holders.n)
		buf_puts(ret, ", not in use");
	else if (n)
		buf_printf(ret, ", in use by %zu process%s", n, n == 1 ? "" : "es");
	else
		buf_puts(ret, ", in use, by nobody who can be seen from here");
}

static void module_row(struct table *t, const struct host *h, const struct kvm_module *module,
		       const struct module_facts *m)
{
	static const char *const texts[] = {
		[MODULE_STATE_UNKNOWN] = "unknown",
		[MODULE_STATE_ABSENT] = "not there for this kernel",
		[MODULE_STATE_LOADABLE] = "not loaded",
		[MODULE_STATE_LOADED] = "loaded",
		[MODULE_STATE_BUSY] = "being loaded or removed right now",
		[MODULE_STATE_BUILTIN] = "built into the kernel",
	};
	autobuf b = { 0 };

	buf_puts(&b, texts[m->state]);
	if (m->state == MODULE_STATE_LOADED)
		use_text(h, m, &b);
	table_row(t, module->name, b.data, "");
}

/* The default of some parameters differs by kernel: it is not known before they are loaded. */
static const char *next_word(const struct host *h, const struct param_facts *of)
{
	bool by_default = of->next == UNKNOWN && !of->next_decided;

	return by_default && conf_is_last_word(&h->conf_unread, NULL) ? "by default"
								      : on_off(of->next);
}

/* An image may have two of a name. */
static char *setting_label(const struct host *h, const struct setting *s, enum module_id module)
{
	return h->image && s->params[0] && s->params[1]
		       ? xasprintf("%s, %s", s->name, kvm_modules[module].name)
		       : xstrdup(s->name);
}

static void setting_row(struct table *t, const struct host *h, const struct setting *s,
			enum module_id module)
{
	autofree char *label = setting_label(h, s, module);
	const struct module_facts *m = &h->modules[module];
	const struct param_facts *of = &m->of[s->id];
	bool none = s->params[module]->is_paging && m->paging.value == NO;
	autobuf b = { 0 };
	autostrv source = { 0 };

	if (of->now == UNKNOWN && none)
		buf_puts(&b, "not possible here");
	else if (of->now == UNKNOWN)
		buf_printf(&b, "next load %s", next_word(h, of));
	else if (of->now == of->next)
		buf_printf(&b, "%s, now and at the next load", on_off(of->now));
	else
		buf_printf(&b, "now %s; next load %s", on_off(of->now), next_word(h, of));
	module_next_source(h, s, module, &source);
	table_row(t, label, b.data, source.n ? source.v[0] : "");
}

static void mention_rows(struct table *t, const struct host *h, const struct setting *s,
			 enum module_id module)
{
	struct mentions mentions = { 0 };

	find_mentions(h, s, module, &mentions);
	for (size_t i = 0; i < mentions.count; i++) {
		if (!mentions.v[i].wins)
			table_row(t, "", mentions.v[i].text, mentions.v[i].where);
	}
	if (mentions.left_out) {
		autofree char *more = xasprintf("%zu more lines", mentions.left_out);

		table_row(t, "", more, "");
	}
	mentions_free(&mentions);
}

/* Those of a module; only one setting, or all (NULL). Another name is the setting that it stands for. */
static void module_rows(struct table *t, const struct host *h, enum module_id module,
			const struct setting *only)
{
	if (!h->image) {
		processor_row(t, &kvm_modules[module], &h->modules[module]);
		module_row(t, h, &kvm_modules[module], &h->modules[module]);
	}
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *s = &settings[i];
		const struct module_param *row = s->params[module];

		if (!row || s->other_name || (only && only->params[module] != row))
			continue;
		setting_row(t, h, s, module);
		mention_rows(t, h, s, module);
	}
}

void text_unseen(FILE *out, const struct host *h)
{
	for (size_t i = 0; i < h->unseen.n; i++)
		fprintf(out, "not seen: %s\n", h->unseen.v[i]);
}

/* Only where it could not: that a module can be loaded again goes without saying. */
static void text_reload(FILE *out, const struct host *h)
{
	for (size_t i = 0; i < MODULE_COUNT; i++) {
		const struct reload_facts *reload = &h->modules[i].reload;
		autofree char *why = safe_text(reload->why_not.text, sizeof(reload->why_not.text));

		if (reload->state == RELOAD_IMPOSSIBLE)
			fprintf(out, "not reloadable: %s\n", why);
	}
	if (h->device_hidden)
		fprintf(out,
			"not reloadable: " KVM_DEVICE
			" of the host cannot be seen from here (%s)\n",
			h->device_hidden);
}

static void module_params(FILE *out, const struct module_facts *m, const char *module)
{
	autofree char *heading = xasprintf("%s now runs with", module);

	text_params(out, heading, m->params, m->param_count);
}

/* A change that is being made, or that was interrupted: the host may be in between. */
void text_open_change(FILE *out, const struct journal *journal)
{
	const struct journal_entry *open = journal_interrupted(journal);
	autofree char *command = open ? safe_text(open->command, 200) : NULL;

	if (journal->at_work)
		fprintf(out,
			"A change is being made now: %s.\n"
			"Until it ends the host may be in between.\n\n",
			journal->at_work);
	else if (open)
		fprintf(out,
			"An earlier change (%s) did not end: the host may be in between.\n%s\n\n",
			command, journal_way_out(open));
}

static void host_advice(FILE *out, const struct host *h)
{
	enum advice_id *ids = NULL;
	size_t n = 0;

	advise_host(h, &ids, &n);
	if (n)
		fputc('\n', out);
	text_advice(out, h, ids, n);
	free(ids);
}

void text_status(FILE *out, const struct style *style, const struct host *host,
		 const struct journal *journal)
{
	struct table *t = table_new("", "", "", NULL);
	autofree char *users = users_table(&host->users);

	text_open_change(out, journal);
	host_row(t, host);
	for (size_t i = 0; i < MODULE_COUNT; i++)
		if (module_fits((enum module_id)i, &host->cpu))
			module_rows(t, host, (enum module_id)i, NULL);
	ksm_status_rows(t, host);
	table_print(t, out, "");
	fputs(users, out);
	text_reload(out, host);
	if (host->unseen.n)
		text_unseen(out, host);
	if (style->verbose)
		for (size_t i = 0; i < MODULE_COUNT; i++)
			if (module_fits((enum module_id)i, &host->cpu))
				module_params(out, &host->modules[i], kvm_modules[i].name);
	if (!style->quiet)
		host_advice(out, host);
}

static void text_module_setting(FILE *out, const struct style *style, const struct host *host,
				const struct setting *setting)
{
	struct table *t = table_new("", "", "", NULL);

	for (size_t i = 0; i < MODULE_COUNT; i++)
		if (setting->params[i] && (host->image || setting_module(host, setting) == i))
			module_rows(t, host, (enum module_id)i, setting);
	table_print(t, out, "");
	text_unseen(out, host);
	if (style->verbose && !host->image) {
		enum module_id module = setting_module(host, setting);

		module_params(out, &host->modules[module], kvm_modules[module].name);
	}
}

void text_setting(FILE *out, const struct style *style, const struct host *host,
		  const struct setting *setting)
{
	if (setting->kind == KIND_MODULE)
		text_module_setting(out, style, host, setting);
	else
		text_ksm(out, style, host);
}
