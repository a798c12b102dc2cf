// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text_ksm.c - kernel same-page merging and memory, for people.
 */
#include <string.h>

#include "ksm_report.h"

#define PROCESSES_SHOWN 20

/* ---- KSM itself ---- */

/* ", 3.1 GiB saved", ", nothing merged"; empty where the kernel does not show it. */
static void saved_text(const struct ksm_facts *k, const char *word, struct buf *ret)
{
	if (!ksm_merged_known(k))
		return;
	buf_puts(ret, ", ");
	if (k->stale) {
		buf_puts(ret, "nothing merged; the counters are stale");
		return;
	}
	if (ksm_anything_merged(k)) {
		size_text(ksm_saved_bytes(k), ret);
		buf_puts(ret, word);
	} else {
		buf_puts(ret, "nothing merged");
	}
}

static void state_text(const struct ksm_facts *k, struct buf *ret)
{
	bool driven = unit_is_active(&k->units[KSM_UNIT_KSMTUNED]);

	if (!k->present)
		buf_puts(ret, "not in this kernel");
	else if (k->run == 1)
		buf_puts(ret, "merging");
	else if (k->run == 2)
		buf_puts(ret, ksm_anything_merged(k) ? "off, unmerging" : "off");
	else if (k->run == 0)
		buf_puts(ret, driven ? "not merging until ksmtuned starts it" : "off");
	else
		buf_puts(ret, "unknown: cannot be read");
	if (k->present && k->run >= 0)
		saved_text(k, k->run == 1 ? " saved" : " still saved", ret);
}

static void state_row(struct table *t, const struct ksm_facts *k)
{
	autobuf text = { 0 };

	state_text(k, &text);
	table_row(t, "KSM", text.data, k->present ? KSM_DIR : "");
	if (k->present && k->run_file > 2) {
		autofree char *shown = xasprintf("run is %d: memory is going offline", k->run_file);

		table_row(t, "",
			  k->run_file <= 7 ? shown : "run has a value that no known kernel writes",
			  KSM_RUN_FILE);
	}
	if (k->present && k->writable < 0)
		table_row(t, "", "cannot be written here", strerror(-k->writable));
}

/* ---- what drives it ---- */

static const char *unit_source(const struct host *h, const struct unit_state *s)
{
	if (h->ksm.manager == MANAGER_THERE)
		return "systemd";
	if (h->ksm.manager == MANAGER_DEAD)
		return s->file[0] ? "its files; systemd does not answer"
				  : "systemd does not answer";
	return h->image ? "its files" : "its files; no systemd runs here";
}

static void unit_row(struct table *t, const struct host *h, size_t i)
{
	const struct unit_state *s = &h->ksm.units[i].state;
	const char *name = ksm_unit_names[i];
	autofree char *label = xstrndup(name, strcspn(name, "."));
	autobuf text = { 0 };

	buf_puts(&text, s->active);
	if (s->file[0])
		buf_join(&text, ", ", s->file);
	table_row(t, label, text.len ? text.data : "unknown", unit_source(h, s));
}

static void unit_rows(struct table *t, const struct host *h)
{
	bool any = false;

	for (size_t i = 0; i < KSM_UNIT_COUNT; i++) {
		if (!h->ksm.units[i].exists)
			continue;
		unit_row(t, h, i);
		any |= i < KSM_UNIT_DRIVERS;
	}
	if (!any)
		table_row(t, "services", "neither ksmtuned nor ksm is installed", "");
}

static void writer_rows(struct table *t, const struct ksm_facts *k)
{
	for (size_t i = 0; i < k->writers.n; i++) {
		const struct attribute_writer *w = &k->writers.v[i];
		autofree char *text =
			w->may	    ? xasprintf("%s may turn it on again", w->who)
			: !w->value ? xasprintf("%s writes it by its own policy", w->who)
				    : xasprintf("%s writes %s", w->ours ? "kvmtune's file" : w->who,
						w->value);

		table_row(t, "", text, w->where);
	}
}

static void next_row(struct table *t, const struct ksm_facts *k)
{
	autobuf who = { 0 };
	const char *next = ksm_next_text(k, &who);

	table_row(t, "next boot", next ?: "unknown", buf_text(&who));
}

/* ---- memory ---- */

static void need_text(const struct ksm_facts *k, struct buf *ret)
{
	buf_puts(ret, "needs up to ");
	size_text(ksm_need_bytes(k), ret);
}

static void need_row(struct table *t, const struct ksm_facts *k)
{
	autobuf text = { 0 };

	if (!ksm_anything_merged(k))
		return;
	if (k->stale)
		buf_puts(&text, "needs nothing: it only clears the counters");
	else
		need_text(k, &text);
	table_row(t, "unmerging", text.data, "");
}

static void swap_text(const struct memory_facts *m, struct buf *ret)
{
	uint64_t free_bytes = m->swap_free_bytes;

	if (!m->swap_known)
		return;
	if (!m->swap_total_bytes) {
		buf_puts(ret, ", no swap");
		return;
	}
	buf_puts(ret, ", swap ");
	size_text(m->swap_total_bytes, ret);
	buf_puts(ret, ", ");
	size_text(m->swap_total_bytes > free_bytes ? m->swap_total_bytes - free_bytes : 0, ret);
	buf_puts(ret, " of it used");
}

static void available_text(const struct memory_facts *m, struct buf *ret)
{
	if (!m->known) {
		buf_puts(ret, "unknown");
		return;
	}
	size_text(m->available_bytes, ret);
	buf_puts(ret, " available");
}

static void memory_row(struct table *t, const struct memory_facts *m)
{
	autobuf text = { 0 };

	available_text(m, &text);
	swap_text(m, &text);
	table_row(t, "Memory", text.data, "");
}

/* ---- with -v ---- */

static void profit_row(struct table *t, const struct ksm_facts *k)
{
	const char *value = param_value(k->counters, k->counter_count, "general_profit");
	bool loss = value && value[0] == '-';
	autobuf text = { 0 };
	uint64_t bytes;

	if (!value || parse_u64(value + loss, &bytes) < 0)
		return;
	buf_puts(&text, loss ? "-" : "");
	size_text(bytes, &text);
	buf_puts(&text, ": saved memory, less the memory for bookkeeping");
	table_row(t, "profit", text.data, KSM_DIR "/general_profit");
}

static void since_boot_rows(struct table *t, const struct memory_facts *m)
{
	autofree char *swapped =
		xasprintf("%llu pages in, %llu pages out since boot",
			  (unsigned long long)m->swapped_in, (unsigned long long)m->swapped_out);
	autofree char *waited = xasprintf("some waited for it %.1f s, all %.1f s since boot",
					  (double)m->some_us / 1e6, (double)m->full_us / 1e6);

	if (m->swapped_known)
		table_row(t, "swapped", swapped, "/proc/vmstat");
	if (m->pressure_known)
		table_row(t, "pressure", waited, "/proc/pressure/memory");
}

static void memory_ksm_rows(struct table *t, const struct ksm_facts *k)
{
	for (size_t i = 0; i < k->memory_ksm.n; i++)
		table_row(t, "", "MemoryKSM=yes: all memory of a unit may be merged",
			  k->memory_ksm.v[i]);
}

void text_params(FILE *out, const struct style *style, const char *heading,
		 const struct param *params, size_t count)
{
	autobuf b = { 0 };

	for (size_t i = 0; i < count; i++) {
		buf_puts(&b, i ? " " : "");
		buf_add_safe(&b, params[i].name, 60);
		buf_puts(&b, "=");
		buf_add_safe(&b, params[i].value, 40);
	}
	if (!b.len)
		return;
	fputc('\n', out);
	put_paragraph(out, style, "", heading);
	put_paragraph(out, style, "  ", b.data);
}

void text_ksmd(FILE *out, const struct style *style, const struct host *from, const struct host *to,
	       int64_t ms)
{
	uint64_t before = from->ksm.ksmd_ticks, after = to->ksm.ksmd_ticks;
	unsigned hz = from->id.ticks_per_second;
	autofree char *text = NULL;
	double used_ms;

	if (ms <= 0 || !hz || !from->ksm.ksmd_pid || from->ksm.ksmd_pid != to->ksm.ksmd_pid ||
	    after < before)
		return;
	used_ms = (double)(after - before) * 1000 / hz;
	text = xasprintf("ksmd used %.1f %% of a CPU over %.1f s.", used_ms * 100 / (double)ms,
			 (double)ms / 1000);
	fputc('\n', out);
	put_paragraph(out, style, "", text);
}

/* ---- processes ---- */

static void limit_text(const struct ksm_facts *k, const struct ksm_user *u, struct buf *ret)
{
	const struct cgroup_room *room = ksm_tightest_room(k, u);

	if (!room)
		return;
	buf_puts(ret, "limit ");
	size_text(room->limit_bytes, ret);
	buf_puts(ret, ", ");
	size_text(room_free_bytes(room), ret);
	buf_puts(ret, " free");
}

static void process_row(struct table *t, const struct ksm_facts *k, const struct ksm_user *u)
{
	autofree char *pid = xasprintf("%d", u->process.pid);
	autobuf merged = { 0 }, limit = { 0 };

	size_text(u->merged_pages * k->page_bytes, &merged);
	limit_text(k, u, &limit);
	if (u->process.answer != ANSWERS)
		buf_join(&limit, ", ", answer_text(u->process.answer));
	table_row(t, pid, u->process.guest ?: "-", buf_text(&merged), u->process.program ?: "-",
		  u->process.unit ?: "-", buf_text(&limit));
}

static void more_processes(FILE *out, const struct ksm_facts *k)
{
	uint64_t pages = 0;
	autobuf b = { 0 };

	if (k->user_count <= PROCESSES_SHOWN)
		return;
	for (size_t i = PROCESSES_SHOWN; i < k->user_count; i++)
		pages += k->users[i].merged_pages;
	size_text(pages * k->page_bytes, &b);
	fprintf(out, "  and %zu more with %s\n", k->user_count - PROCESSES_SHOWN, buf_text(&b));
}

static void processes(FILE *out, const struct style *style, const struct ksm_facts *k)
{
	struct table *t;

	if (ksm_anything_merged(k) && !ksm_users_known(k) && !k->users_hidden) {
		fputc('\n', out);
		put_paragraph(out, style, "",
			      "This kernel does not show which processes have merged pages.");
	}
	if (!k->user_count)
		return;
	t = table_new("PID>", "GUEST", "MERGED>", "PROGRAM", "UNIT", "", NULL);
	for (size_t i = 0; i < k->user_count && i < PROCESSES_SHOWN; i++)
		process_row(t, k, &k->users[i]);
	fputc('\n', out);
	table_print(t, out, style, "  ");
	more_processes(out, k);
}

/* ---- all of it ---- */

static void status_memory_row(struct table *t, const struct host *h)
{
	autobuf text = { 0 };

	available_text(&h->memory, &text);
	if (ksm_anything_merged(&h->ksm)) {
		buf_puts(&text, "; unmerging ");
		need_text(&h->ksm, &text);
	}
	table_row(t, "Memory", text.data, "");
}

void ksm_status_rows(struct table *t, const struct host *h)
{
	autobuf text = { 0 }, who = { 0 };
	const char *next = ksm_next_text(&h->ksm, &who);

	if (!h->image && !h->ksm.present) {
		table_row(t, "ksm", "not in this kernel", "");
		return;
	}
	if (!h->image) {
		state_text(&h->ksm, &text);
		buf_puts(&text, "; ");
	}
	buf_printf(&text, "%s at the next boot", next ?: "unknown");
	table_row(t, "ksm", text.data, buf_text(&who));
	if (!next)
		table_mark(t, 1, MEANS_UNKNOWN, 0);
	table_mark(t, 2, MEANS_ASIDE, 0);
	if (!h->image)
		status_memory_row(t, h);
}

static void verbose_rows(struct table *t, const struct host *h)
{
	profit_row(t, &h->ksm);
	since_boot_rows(t, &h->memory);
	memory_ksm_rows(t, &h->ksm);
}

static void driver_rows(struct table *t, const struct host *h)
{
	unit_rows(t, h);
	writer_rows(t, &h->ksm);
	next_row(t, &h->ksm);
}

void text_ksm(FILE *out, const struct style *style, const struct host *h)
{
	struct table *t = table_new("", "", "", NULL);
	const struct ksm_facts *k = &h->ksm;

	if (!h->image)
		state_row(t, k);
	if (h->image || k->present)
		driver_rows(t, h);
	if (!h->image) {
		need_row(t, k);
		memory_row(t, &h->memory);
	}
	if (style->verbose)
		verbose_rows(t, h);
	table_mark_all(t, 0, MEANS_LABEL);
	table_mark_all(t, 2, MEANS_ASIDE);
	table_print(t, out, style, "");
	processes(out, style, k);
	if (h->unseen.n)
		fputc('\n', out);
	text_unseen(out, style, h);
	if (style->verbose)
		text_params(out, style, KSM_DIR, k->counters, k->counter_count);
}
