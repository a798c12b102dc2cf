// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text_cpu.c - the capabilities of a processor, for people.
 */
#include <string.h>

#include "table.h"

#define MOST_NAMES 2 /* printed with a reason; the others are counted */

static void print_processor(FILE *out, const struct style *style, const struct cpu_report *r)
{
	const struct cpu_id *id = &r->judgement->id;
	struct table *t = table_new("", "", NULL);
	autobuf b = { 0 };

	table_row(t, "Processor", id->brand[0] ? id->brand : "unknown");
	buf_printf(&b, "%s, family %d, model %d, stepping %d",
		   id->vendor[0] ? id->vendor : "unknown", id->family, id->model, id->stepping);
	table_row(t, "Vendor", b.data);
	buf_reset(&b);
	buf_printf(&b, "%zu%s", r->judgement->cpu_count,
		   r->captured ? ", from files: not of this host" : "");
	table_row(t, "Logical CPUs", b.data);
	if (id->hypervisor == YES) {
		buf_reset(&b);
		buf_printf(&b, "yes%s%s", id->hypervisor_name[0] ? ", of " : "",
			   id->hypervisor_name);
		table_row(t, "A guest", b.data);
	}
	table_print(t, out, style, "");
}

static bool is_amd(const struct cpu_judgement *j)
{
	return cpu_is_amd(&j->id) || j->caps[CAP_SVM].value == YES;
}

/*
 * Is it worth a line here? What the other vendor's processors have is not; nor, where there is no
 * virtualization at all, is each of its parts.
 */
static bool is_shown(const struct cpu_judgement *j, enum cpu_cap_id id)
{
	bool amd = is_amd(j), intel = !amd || j->caps[CAP_VMX].value == YES;
	enum cpu_cap_id basis = amd && !cpu_cap_names[id].intel ? CAP_SVM : CAP_VMX;

	if (id == CAP_HYPERVISOR)
		return false;
	if (!(amd && cpu_cap_names[id].amd) && !(intel && cpu_cap_names[id].intel))
		return false;
	return id == basis || id == CAP_EPT_USABLE || id == CAP_NPT_USABLE ||
	       j->caps[basis].value != NO;
}

/* Parameters of the loaded module have long paths: people need only its name. */
static const char *short_source(const char *source)
{
	static const char *const modules[] = { "kvm_intel", "kvm_amd" };

	for (size_t i = 0; i < ARRAY_SIZE(modules); i++) {
		autofree char *dir = xasprintf("/sys/module/%s", modules[i]);

		if (starts_with(source, dir))
			return modules[i];
	}
	return source;
}

static void join_sources(const struct cpu_cap *cap, struct buf *ret)
{
	autostrv seen = { 0 };

	for (size_t i = 0; i < cap->source.n; i++) {
		const char *source = short_source(cap->source.v[i]);

		if (strv_has(&seen, source))
			continue;
		strv_add(&seen, source);
		buf_join(ret, ", ", source);
	}
}

static enum meaning tri_meaning(enum tri t)
{
	return t == YES ? MEANS_GOOD : t == NO ? MEANS_LABEL : MEANS_UNKNOWN;
}

static void print_caps(FILE *out, const struct style *style, const struct cpu_judgement *j)
{
	struct table *t = table_new("", "", "", "", NULL);

	for (size_t i = 0; i < CAP_COUNT; i++) {
		autobuf sources = { 0 };

		if (!is_shown(j, i))
			continue;
		join_sources(&j->caps[i], &sources);
		table_row(t, cpu_cap_names[i].name, cpu_cap_names[i].title,
			  tri_name(j->caps[i].value), buf_text(&sources));
		table_mark(t, 2, tri_meaning(j->caps[i].value), 0);
	}
	if (j->asids) {
		autofree char *asids = xasprintf("%u", j->asids);

		table_row(t, "", "address space identifiers", asids, "CPUID 8000000Ah EBX");
	}
	fputc('\n', out);
	table_mark_all(t, 3, MEANS_ASIDE);
	table_print(t, out, style, "");
}

static bool same_why(const struct cpu_judgement *j, enum cpu_cap_id a, enum cpu_cap_id b)
{
	return is_shown(j, a) && is_shown(j, b) && j->caps[a].why && j->caps[b].why &&
	       strcmp(j->caps[a].why, j->caps[b].why) == 0;
}

/* "ept and 18 more": all that have this reason. */
static char *names_with_why(const struct cpu_judgement *j, enum cpu_cap_id first)
{
	struct buf b = { 0 };
	size_t n = 0;

	for (size_t i = first; i < CAP_COUNT; i++) {
		if (!same_why(j, first, i))
			continue;
		if (++n <= MOST_NAMES)
			buf_join(&b, ", ", cpu_cap_names[i].name);
	}
	if (n > MOST_NAMES)
		buf_printf(&b, " and %zu more", n - MOST_NAMES);
	return buf_steal(&b);
}

static bool printed_before(const struct cpu_judgement *j, enum cpu_cap_id id)
{
	for (size_t i = 0; i < id; i++)
		if (same_why(j, i, id))
			return true;
	return false;
}

/* Prints a reason once for all capabilities that have it. */
static void print_whys(FILE *out, const struct style *style, const struct cpu_judgement *j)
{
	bool any = false;

	for (size_t i = 0; i < CAP_COUNT; i++) {
		autofree char *names = NULL, *why = NULL, *text = NULL;

		if (!same_why(j, i, i) || printed_before(j, i))
			continue;
		names = names_with_why(j, i);
		why = safe_text(j->caps[i].why, 1000);
		text = xasprintf("%s: %s", names, why);
		fputs(any ? "" : "\n", out);
		put_paragraph(out, style, "", text);
		any = true;
	}
}

static void print_msrs(FILE *out, const struct style *style, const struct cpu_evidence *e)
{
	struct table *t = table_new("CPU>", "MSR", "VALUE", NULL);

	for (size_t i = 0; i < e->msr_count; i++) {
		autofree char *cpu = xasprintf("%u", e->msrs[i].cpu);
		autofree char *msr = xasprintf("%Xh", e->msrs[i].msr);
		autofree char *value = xasprintf("0x%016llx", (unsigned long long)e->msrs[i].value);

		table_row(t, cpu, msr, value);
	}
	fputs(e->msr_count ? "\n" : "", out);
	table_print(t, out, style, "");
}

static void print_list(FILE *out, const struct style *style, const char *label,
		       const struct strv *list)
{
	for (size_t i = 0; i < list->n; i++) {
		autofree char *text = safe_text(list->v[i], 1000);

		fputs(i ? "" : "\n", out);
		put_paragraph(out, style, label, text);
	}
}

void text_cpu(FILE *out, const struct style *style, const struct cpu_report *r)
{
	print_processor(out, style, r);
	print_caps(out, style, r->judgement);
	if (!style->quiet)
		print_whys(out, style, r->judgement);
	print_list(out, style, "differs: ", &r->judgement->differences);
	if (style->verbose)
		print_msrs(out, style, r->evidence);
	print_list(out, style, "not seen: ", r->unseen);
}

void text_capability(FILE *out, const struct style *style, const struct cpu_report *r,
		     enum cpu_cap_id id)
{
	const struct cpu_cap *cap = &r->judgement->caps[id];
	autofree char *label = xasprintf("%s: ", cpu_cap_names[id].name);
	autobuf sources = { 0 }, text = { 0 };

	join_sources(cap, &sources);
	buf_mark(&text, tri_meaning(cap->value), tri_name(cap->value));
	if (sources.len)
		buf_printf(&text, "  (%s)", sources.data);
	put_paragraph(out, style, label, text.data);
}
