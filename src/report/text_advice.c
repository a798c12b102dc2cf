// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text_advice.c - advice for people: all of it, or a line each.
 */
#include <string.h>

#include "table.h"

/* Each fits into 80 columns behind the longest name. */
static const char *const briefs[ADVICE_COUNT] = {
	[ADVICE_SHADOW_PAGING_HOLES] = "guests reach code with holes published in 2026",
	[ADVICE_EPT_OFF_SLOWER] = "some loads get several times slower",
	[ADVICE_EPT_OFF_CENTOS7_CPUS] = "CentOS 7 guests may see one CPU",
	[ADVICE_EPT_OFF_OVMF_SMP] = "SMP guests under OVMF may fail to start",
	[ADVICE_EPT_OFF_NESTED] = "nested guests become very slow",
	[ADVICE_EPT_OFF_TDX] = "TDX guests do not start",
	[ADVICE_EPT_OFF_L1TF] = "by itself a full mitigation of L1TF",
	[ADVICE_NPT_OFF_SLOWER] = "its effect is not measured: measure your load",
	[ADVICE_NPT_OFF_NESTED] = "nested guests become very slow",
	[ADVICE_NPT_OFF_SEV] = "encrypted guests do not start",
	[ADVICE_NESTED_OFF_GUESTS] = "guests with VMX or SVM do not start",
	[ADVICE_NESTED_OFF_HOLES] = "keeps guests from the holes of 2026",
	[ADVICE_NESTED_ON_HOLES] = "guests reach code with holes published in 2026",
	[ADVICE_KVM_CONTAINERS] = "restart containers that bind-mount /dev/kvm",
	[ADVICE_LIBVIRT_CACHE] = "libvirt's capability cache is stale",
	[ADVICE_KSM_OFF_GAIN] = "gained 1 % once: measure your load",
	[ADVICE_KSM_OFF_MEMORY] = "memory in use will grow: watch swap",
	[ADVICE_KSM_ON_SIDE_CHANNEL] = "guests can find out what others have in memory",
	[ADVICE_KSM_NO_PROFIT] = "KSM takes more memory than it saves",
};

void text_advice(FILE *out, const struct style *style, const struct host *host,
		 const enum advice_id *ids, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		autofree char *advice = advice_text(ids[i], host);
		autofree char *text = xasprintf("%s (%s)", advice, advices[ids[i]].source);

		put_paragraph(out, style, "note: ", text);
	}
}

/*
 * "ept off": the settings that kvmtune turned off. NULL: something else turned off one of them.
 * A user of kvmtune has seen the advice at that change.
 */
static char *chosen_here(const struct host *h)
{
	autobuf chosen = { 0 };

	for (size_t i = 0; i < MODULE_COUNT * SETTING_COUNT; i++) {
		const struct setting *s = &settings[i % SETTING_COUNT];
		const struct param_facts *of = &h->modules[i / SETTING_COUNT].of[s->id];

		if (!s->params[i / SETTING_COUNT] || s->other_name || !of->next_decided ||
		    (of->now != NO && of->next != NO))
			continue;
		if (!of->winner.at->line || strcmp(of->winner.at->file, OWN_CONF_FILE) != 0)
			return NULL;
		buf_join(&chosen, ", ", s->name);
	}
	return chosen.len ? xasprintf("%s off", chosen.data) : NULL;
}

#define IN_FULL "`kvmtune status -v`"

static void one_line(FILE *out, const struct style *style, const char *chosen,
		     const enum advice_id *ids, size_t count)
{
	autobuf text = { 0 };

	buf_printf(&text, "%s: %s", chosen, advices[ids[0]].name);
	if (count > 1)
		buf_printf(&text, " and %zu more", count - 1);
	buf_puts(&text, ", see " IN_FULL);
	put_paragraph(out, style, "advice: ", text.data);
}

static void line_each(FILE *out, const struct style *style, const enum advice_id *ids, size_t count)
{
	struct table *t = table_new("", "", "", NULL);

	for (size_t i = 0; i < count; i++) {
		table_row(t, "advice:", advices[ids[i]].name, briefs[ids[i]]);
		table_mark(t, 0, MEANS_LABEL, 6);
	}
	table_row(t, "", "in full: " IN_FULL, "");
	table_print(t, out, style, "");
}

void text_host_advice(FILE *out, const struct style *style, const struct host *h)
{
	autofree char *chosen = chosen_here(h);
	enum advice_id *ids = NULL;
	size_t count = 0;

	advise_host(h, &ids, &count);
	if (count)
		fputc('\n', out);
	if (style->verbose)
		text_advice(out, style, h, ids, count);
	else if (count && chosen)
		one_line(out, style, chosen, ids, count);
	else if (count)
		line_each(out, style, ids, count);
	free(ids);
}
