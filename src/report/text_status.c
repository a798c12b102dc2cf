// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text_status.c - the state of a host, for people.
 */
#include <string.h>

#include "attribute_report.h"
#include "conf_lines.h"
#include "ksm_report.h"
#include "table.h"

#define LINES_SHOWN 3 /* about one setting, without -v */

/* "Intel Xeon E5-2680 v4": `kvmtune cpu` prints "Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz". */
static char *short_brand(const char *brand)
{
	static const char *const left_out[] = {
		"(R)", "(r)", "(TM)", "(tm)", " CPU", " Processor"
	};
	struct buf b = { 0 };

	while (*brand && strncmp(brand, " @ ", 3) != 0) {
		size_t len = 0;

		for (size_t i = 0; i < ARRAY_SIZE(left_out) && !len; i++)
			len = starts_with(brand, left_out[i]) ? strlen(left_out[i]) : 0;
		if (!len && !(brand[0] == ' ' && brand[1] == ' '))
			buf_add(&b, brand, 1);
		brand += len ? len : 1;
	}
	return buf_steal(&b);
}

static void host_row(struct table *t, const struct host *h)
{
	autofree char *brand = short_brand(h->cpu.brand);
	autobuf b = { 0 };

	if (h->image) {
		table_row(t, "Host", "an image, not the running host", "");
		return;
	}
	buf_printf(&b, "%s, Linux %s, %s", h->id.name, h->id.kernel,
		   brand[0] ? brand : "unknown processor");
	if (h->cpu.hypervisor == YES)
		buf_printf(&b, " (a guest%s%s)", h->cpu.hypervisor_name[0] ? " of " : "",
			   h->cpu.hypervisor_name);
	table_row(t, "Host", b.data, "");
}

/* The number of the change that saw it; NULL: no change did. */
static const char *seen_by_change(const struct fact *f)
{
	const char *source;

	strv_foreach (source, &f->source)
		if (starts_with(source, JOURNAL_SOURCE))
			return source + strlen(JOURNAL_SOURCE);
	return NULL;
}

/* The virtualization of a processor, and the fact that decides it. */
struct virt_text {
	char *text;
	enum meaning meaning;
	const struct fact *by;
};

static void processor_text(const struct kvm_module *module, const struct module_facts *m,
			   struct virt_text *ret)
{
	if (m->virt.value == NO)
		*ret = (struct virt_text){ xstrdup("absent"), MEANS_REFUSED, &m->virt };
	else if (m->enabled.value == NO)
		*ret = (struct virt_text){ xasprintf("present, but %s", virt_off_text(m->off_by)),
					   MEANS_REFUSED, &m->enabled };
	else if (m->paging.value == NO)
		*ret = (struct virt_text){ xasprintf("%s present, %s absent", module->virt,
						     module->paging),
					   MEANS_REFUSED, &m->paging };
	else if (m->usable.value == NO)
		*ret = (struct virt_text){ xasprintf("present, but KVM cannot use this %s",
						     module->paging),
					   MEANS_REFUSED, &m->usable };
	else if (m->usable.value == YES && seen_by_change(&m->usable))
		*ret = (struct virt_text){ xasprintf("present, usable by KVM (on until change %s)",
						     seen_by_change(&m->usable)),
					   MEANS_NOTHING, &m->usable };
	else if (m->usable.value == YES)
		*ret = (struct virt_text){ xstrdup("present, usable by KVM"), MEANS_NOTHING,
					   &m->usable };
	else if (m->paging.value == YES)
		*ret = (struct virt_text){ xstrdup("present; usable by KVM: unknown"),
					   MEANS_UNKNOWN, &m->paging };
	else if (m->virt.value == YES)
		*ret = (struct virt_text){ xasprintf("%s present, %s unknown", module->virt,
						     module->paging),
					   MEANS_UNKNOWN, &m->virt };
	else
		*ret = (struct virt_text){ xstrdup("unknown"), MEANS_UNKNOWN, &m->virt };
}

/* Parameters of the loaded module have long paths: people need only its name. */
static const char *short_source(const struct kvm_module *module, const char *source)
{
	return starts_with(source, "/sys/module/") ? module->name : source;
}

/* Each source once. */
static void add_sources(const struct kvm_module *module, const struct fact *fact, struct strv *seen,
			struct buf *ret)
{
	for (size_t i = 0; i < fact->source.n; i++) {
		const char *source = short_source(module, fact->source.v[i]);

		if (strv_has(seen, source))
			continue;
		strv_add(seen, source);
		buf_join(ret, ", ", source);
	}
}

/* With -v the sources of all facts, else of the one that decides. */
static void processor_row(struct table *t, const struct style *style,
			  const struct kvm_module *module, const struct module_facts *m)
{
	const struct fact *facts[] = { &m->virt, &m->enabled, &m->paging, &m->usable };
	autofree char *label = xasprintf("%s, %s", module->virt, module->paging);
	struct virt_text virt;
	autobuf sources = { 0 };
	autostrv seen = { 0 };

	processor_text(module, m, &virt);
	if (!style->verbose)
		add_sources(module, virt.by, &seen, &sources);
	for (size_t i = 0; style->verbose && i < ARRAY_SIZE(facts); i++)
		add_sources(module, facts[i], &seen, &sources);
	table_row(t, label, virt.text, buf_text(&sources));
	table_mark(t, 1, virt.meaning, 0);
	table_mark(t, 2, MEANS_ASIDE, 0);
	free(virt.text);
}

static void use_text(const struct host *h, const struct module_facts *m, struct buf *ret)
{
	size_t n = h->users.count;

	if (m->refcnt < 0)
		return;
	if (!m->refcnt && !m->holders.n)
		buf_puts(ret, ", not in use");
	else if (n)
		buf_printf(ret, ", held by %zu process%s", n, n == 1 ? "" : "es");
	else
		buf_puts(ret, ", in use; its holder cannot be seen from here");
}

/* Where no module counts. */
static void held_text(const struct host *h, struct buf *ret)
{
	size_t n = h->users.count;

	if (n)
		buf_printf(ret, ", held by %zu process%s", n, n == 1 ? "" : "es");
	else if (h->use.held.value == YES)
		buf_puts(ret, ", in use; its holder cannot be seen from here");
	else
		buf_puts(ret, h->use.held.value == NO ? ", not in use" : ", in use: unknown");
}

/* A module that is none of ours makes /dev/kvm. */
static void other_module_row(struct table *t, const struct host *h)
{
	const char *other = host_other_module(h);
	autofree char *label = other ? safe_text(other, 64) : NULL;
	autobuf b = { 0 };

	if (!other)
		return;
	buf_puts(&b, "makes " KVM_DEVICE);
	held_text(h, &b);
	table_row(t, label, b.data, h->use.module_source.v[0]);
}

static void module_row(struct table *t, const struct host *h, const struct kvm_module *module,
		       const struct module_facts *m)
{
	static const char *const texts[] = {
		[MODULE_STATE_UNKNOWN] = "unknown",
		[MODULE_STATE_ABSENT] = "not installed for this kernel",
		[MODULE_STATE_LOADABLE] = "not loaded",
		[MODULE_STATE_LOADED] = "loaded",
		[MODULE_STATE_BUSY] = "being loaded or removed right now",
		[MODULE_STATE_BUILTIN] = "built into the kernel",
	};
	bool held = m->state == MODULE_STATE_LOADED && h->users.count;
	autobuf b = { 0 };

	buf_puts(&b, texts[m->state]);
	if (m->state == MODULE_STATE_LOADED)
		use_text(h, m, &b);
	else if (m->state == MODULE_STATE_BUILTIN && !host_other_module(h))
		held_text(h, &b);
	table_row(t, module->name, b.data, held ? "`kvmtune guests`" : "");
	if (m->state == MODULE_STATE_UNKNOWN)
		table_mark(t, 1, MEANS_UNKNOWN, 0);
}

/* Some defaults differ by kernel: they are unknown until the module is loaded. */
#define BY_DEFAULT "the kernel's default"

static const char *next_word(const struct host *h, const struct param_facts *of)
{
	bool by_default = of->next == UNKNOWN && !of->next_decided;

	if (h->image && !h->loader_unread.count && of->next == UNKNOWN &&
	    (of->boot.any || of->boot.unclear))
		return next_boot_word(of);
	return by_default && (!h->image || !h->loader_unread.count) &&
			       conf_is_last_word(&h->conf_unread, NULL)
		       ? BY_DEFAULT
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
	enum meaning meaning = MEANS_NOTHING;
	const char *next = next_word(h, of);
	autobuf b = { 0 };
	autostrv source = { 0 };

	if (of->now == UNKNOWN && none) {
		buf_puts(&b, "not possible here");
	} else if (of->now == UNKNOWN) {
		buf_printf(&b, "%s at the next load", next);
	} else if (of->now == of->next) {
		buf_printf(&b, "%s, now and at the next load", on_off(of->now));
	} else {
		buf_printf(&b, "%s; %s at the next load", on_off(of->now), next);
		meaning = of->next == UNKNOWN ? MEANS_NOTHING : MEANS_PENDING;
	}
	if (strcmp(next, on_off(UNKNOWN)) == 0)
		meaning = MEANS_UNKNOWN;
	module_next_source(h, s, module, &source);
	table_row(t, label, b.data, source.n && strcmp(next, BY_DEFAULT) != 0 ? source.v[0] : "");
	table_mark(t, 1, meaning, 0);
	table_mark(t, 2, MEANS_ASIDE, 0);
}

/* Printed if the boot loader's files give another value than the next load. */
static void next_boot_row(struct table *t, const struct host *h, const struct setting *s,
			  enum module_id module)
{
	const struct param_facts *of = &h->modules[module].of[s->id];
	autofree char *text = xasprintf("at the next boot %s", next_boot_word(of));
	autostrv source = { 0 };

	if (!next_boot_differs(h, of))
		return;
	next_boot_source(of, &source);
	table_row(t, "", text, source.v[0]);
}

static bool is_shown(const struct conf_line *l)
{
	return !l->decides && !l->refused;
}

/* The other lines about a setting; without -v the first ones. */
static void conf_rows(struct table *t, const struct style *style, const struct host *h,
		      const struct setting *s, enum module_id module)
{
	struct conf_lines lines = { 0 };
	size_t shown = 0, left_out;

	find_conf_lines(h, s, module, &lines);
	left_out = lines.left_out;
	for (size_t i = 0; i < lines.count; i++) {
		if (!is_shown(&lines.v[i]))
			continue;
		if (!style->verbose && shown == LINES_SHOWN) {
			left_out++;
			continue;
		}
		table_row(t, "", lines.v[i].text, lines.v[i].where);
		table_mark(t, 2, MEANS_ASIDE, 0);
		shown++;
	}
	if (left_out) {
		autofree char *more =
			xasprintf("%zu more line%s%s", left_out, left_out == 1 ? "" : "s",
				  style->verbose ? "" : ": `kvmtune status -v`");

		table_row(t, "", more, "");
	}
	conf_lines_free(&lines);
}

/* The rows of a module: of one setting, or of all (NULL). Other names have no row of their own. */
static void module_rows(struct table *t, const struct style *style, const struct host *h,
			enum module_id module, const struct setting *only)
{
	if (!h->image) {
		processor_row(t, style, &kvm_modules[module], &h->modules[module]);
		module_row(t, h, &kvm_modules[module], &h->modules[module]);
	}
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct setting *s = &settings[i];
		const struct module_param *row = s->params[module];

		if (!row || s->other_name || (only && only->params[module] != row))
			continue;
		setting_row(t, h, s, module);
		next_boot_row(t, h, s, module);
		conf_rows(t, style, h, s, module);
	}
}

void text_unseen(FILE *out, const struct style *style, const struct host *h)
{
	for (size_t i = 0; i < h->unseen.n; i++) {
		autofree char *text = safe_text(h->unseen.v[i], 1000);

		put_paragraph(out, style, "not seen: ", text);
	}
}

/* Printed only if a module could not be loaded again: that it can is normal. */
static void text_reload(FILE *out, const struct style *style, const struct host *h)
{
	for (size_t i = 0; i < MODULE_COUNT; i++) {
		const struct reload_facts *reload = &h->modules[i].reload;
		autofree char *why = safe_text(reload->why_not.text, sizeof(reload->why_not.text));

		if (reload->state == RELOAD_IMPOSSIBLE)
			put_paragraph(out, style, "not reloadable: ", why);
	}
	if (h->device_hidden) {
		autofree char *text = xasprintf(
			KVM_DEVICE
			" of the host is not visible from here (%s hides the kernel's devtmpfs)",
			h->device_hidden);

		put_paragraph(out, style, "not reloadable: ", text);
	}
}

static void module_params(FILE *out, const struct style *style, const struct module_facts *m,
			  const char *module)
{
	autofree char *heading = xasprintf("Parameters of %s now", module);

	text_params(out, style, heading, m->params, m->param_count);
}

void text_open_change(FILE *out, const struct style *style, const struct journal *journal)
{
	const struct journal_entry *open = journal_interrupted(journal);
	autofree char *command = open ? safe_text(open->command, 200) : NULL, *text = NULL;

	if (journal->at_work) {
		text = xasprintf("%s; until it ends the host may be in between", journal->at_work);
		put_paragraph(out, style, "in progress: ", text);
	} else if (open) {
		text = xasprintf("kvmtune %s did not end; the host may be in between", command);
		put_paragraph(out, style, "interrupted: ", text);
		put_paragraph(out, style, "", journal_way_out(open));
	}
	if (text)
		fputc('\n', out);
}

/* Options with which a module would not load. */
static void text_refused_options(FILE *out, const struct style *style, const struct host *h)
{
	bool any = false;

	for (size_t i = 0; i < MODULE_COUNT * SETTING_COUNT; i++) {
		enum module_id module = (enum module_id)(i / SETTING_COUNT);
		const struct setting *s = &settings[i % SETTING_COUNT];
		struct conf_lines lines = { 0 };

		if (!s->params[module] || s->other_name ||
		    !h->modules[module].of[s->id].next_refused)
			continue;
		find_conf_lines(h, s, module, &lines);
		for (size_t k = 0; k < lines.count; k++) {
			size_t len = strlen(lines.v[k].text) - lines.v[k].remark_len;
			autofree char *bare = xstrndup(lines.v[k].text, len);
			autofree char *line = safe_text(bare, 200);
			autofree char *where = safe_text(lines.v[k].where, 200);
			autofree char *text = xasprintf("%s (%s): %s would not load", line, where,
							kvm_modules[module].name);

			if (lines.v[k].refused)
				put_paragraph(out, style, "refused: ", text);
			any |= lines.v[k].refused;
		}
		conf_lines_free(&lines);
	}
	if (any)
		fputc('\n', out);
}

void text_status(FILE *out, const struct style *style, const struct host *host,
		 const struct journal *journal)
{
	struct table *t = table_new("", "", "", NULL);
	autofree char *holders = style->verbose ? holders_table(style, &host->users) : xstrdup("");

	text_open_change(out, style, journal);
	text_refused_options(out, style, host);
	host_row(t, host);
	for (size_t i = 0; i < MODULE_COUNT; i++)
		if (module_fits((enum module_id)i, &host->cpu))
			module_rows(t, style, host, (enum module_id)i, NULL);
	other_module_row(t, host);
	ksm_status_rows(t, host);
	attribute_status_rows(t, style, host);
	table_mark_all(t, 0, MEANS_LABEL);
	table_print(t, out, style, "");
	/* Parameters come with a blank line of their own. */
	fprintf(out, "%.*s", (int)strlen(holders) - !host->unseen.n, holders);
	text_reload(out, style, host);
	text_unseen(out, style, host);
	for (size_t i = 0; style->verbose && i < MODULE_COUNT; i++)
		if (module_fits((enum module_id)i, &host->cpu))
			module_params(out, style, &host->modules[i], kvm_modules[i].name);
	if (!style->quiet)
		text_host_advice(out, style, host);
}

static void text_module_setting(FILE *out, const struct style *style, const struct host *host,
				const struct setting *setting)
{
	struct table *t = table_new("", "", "", NULL);

	for (size_t i = 0; i < MODULE_COUNT; i++)
		if (setting->params[i] && (host->image || setting_module(host, setting) == i))
			module_rows(t, style, host, (enum module_id)i, setting);
	text_refused_options(out, style, host);
	table_mark_all(t, 0, MEANS_LABEL);
	table_print(t, out, style, "");
	text_unseen(out, style, host);
	if (style->verbose && !host->image) {
		enum module_id module = setting_module(host, setting);

		module_params(out, style, &host->modules[module], kvm_modules[module].name);
	}
}

void text_setting(FILE *out, const struct style *style, const struct host *host,
		  const struct setting *setting)
{
	if (setting->kind == KIND_MODULE)
		text_module_setting(out, style, host, setting);
	else if (setting->kind == KIND_ATTRIBUTE)
		text_attribute(out, style, host, setting);
	else
		text_ksm(out, style, host);
}
