// SPDX-License-Identifier: GPL-2.0-or-later
#include "attribute_report.h"

#include <string.h>

#include "state.h"

static void attribute_row(struct table *t, const struct host *h, const struct setting *s)
{
	const struct attribute_facts *f = &h->attributes[s->id];
	struct state_report r;
	autobuf b = { 0 };
	const char *next;

	state_report(h, s, &r);
	next = r.next ?: f->writers.n ? "unknown" : "the kernel's default";
	if (!h->image && !f->present)
		buf_puts(&b, "not in this kernel");
	else if (r.now && r.next && strcmp(r.now, r.next) == 0)
		buf_printf(&b, "%s, now and at the next boot", r.now);
	else if (h->image)
		buf_printf(&b, "%s at the next boot", next);
	else
		buf_printf(&b, "%s; %s at the next boot", r.now ?: "unknown", next);
	table_row(t, s->name, b.data, r.next_source.n ? r.next_source.v[0] : "");
	table_mark(t, 2, MEANS_ASIDE, 0);
	state_report_free(&r);
}

/* A row for the known state, and of the finer settings only for those that somebody has set. */
static bool is_worth_a_row(const struct host *h, const struct style *style, const struct setting *s)
{
	const struct attribute_facts *f = &h->attributes[s->id];

	return f->writers.n || (f->now && (s->id == SETTING_THP || style->verbose));
}

void attribute_status_rows(struct table *t, const struct style *style, const struct host *h)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (settings[i].kind == KIND_ATTRIBUTE && is_worth_a_row(h, style, &settings[i]))
			attribute_row(t, h, &settings[i]);
}

static void writer_rows(struct table *t, const struct attribute_facts *f)
{
	for (size_t i = 0; i < f->writers.n; i++) {
		const struct attribute_writer *w = &f->writers.v[i];
		autofree char *text =
			w->may ? xasprintf("%s may write it", w->who)
			       : xasprintf("%s writes %s", w->ours ? "kvmtune's file" : w->who,
					   w->value ?: "another value");

		table_row(t, "", text, w->where);
		table_mark(t, 2, MEANS_ASIDE, 0);
	}
	if (f->boot) {
		autofree char *text = xasprintf("the kernel command line sets %s", f->boot);

		table_row(t, "", text, "/proc/cmdline");
	}
}

void text_attribute(FILE *out, const struct style *style, const struct host *h,
		    const struct setting *s)
{
	struct table *t = table_new("", "", "", NULL);

	attribute_row(t, h, s);
	writer_rows(t, &h->attributes[s->id]);
	table_mark_all(t, 0, MEANS_LABEL);
	table_print(t, out, style, "");
	text_unseen(out, style, h);
}
