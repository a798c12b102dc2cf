// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * act_ksm.c - the acts of KSM: its services, its switch, and a watchful eye on memory.
 */
#include "act.h"

#include <errno.h>
#include <string.h>

#include <kvmtune/observe.h>
#include <kvmtune/port.h>

/* How often the child that unmerges is checked. */
#define UNMERGE_PAUSE_MS 50

/* The counters follow the work by some milliseconds (mm/ksm.c: stale stable nodes). */
#define SETTLE_MS	2000
#define SETTLE_PAUSE_MS 20

/* Swapping is looked for in windows of this length, and believed when seen in two of them. */
#define WATCH_WINDOW_MS 1000
#define WATCH_BELIEVED	2

static void tell(const struct act_context *c, enum act_kind kind, uint64_t done, uint64_t total,
		 int64_t elapsed_ms)
{
	const struct progress progress = {
		.kind = kind, .done = done, .total = total, .elapsed_ms = elapsed_ms
	};

	if (c->what->progress)
		c->what->progress(c->what->arg, &progress);
}

/* ---- the watch ---- */

struct watch {
	struct memory_facts last;
	int64_t at;
	unsigned seen; /* windows in which the host was short of memory */
};

static void watch_begin(struct act_context *c, struct watch *w)
{
	*w = (struct watch){ .at = c->ports->system.monotonic_ms(c->ports) };
	observe_memory(c->ports, &w->last);
}

static bool watch_is_due(const struct act_context *c, const struct watch *w)
{
	return c->ports->system.monotonic_ms(c->ports) - w->at >= WATCH_WINDOW_MS;
}

/* Compares, when it is due. True: the host swaps, and it is not as usual; ret says how. */
static bool watch_look(struct act_context *c, struct watch *w, const struct memory_facts *m,
		       struct buf *ret)
{
	int64_t now = c->ports->system.monotonic_ms(c->ports), ms = now - w->at;
	const struct memory_usual *usual = &c->usual;

	buf_reset(ret);
	if (memory_is_short(&w->last, m, ms, usual->ms ? &usual->from : NULL, &usual->to, usual->ms,
			    ret))
		w->seen++;
	w->last = *m;
	w->at = now;
	return w->seen >= WATCH_BELIEVED;
}

/* How much the host swaps anyway. Without swap there is nothing to learn. */
static void look_as_usual(struct act_context *c)
{
	struct memory_usual *usual = &c->usual;
	struct ports *p = c->ports;
	int64_t start = p->system.monotonic_ms(p);

	*usual = (struct memory_usual){ 0 };
	observe_memory(p, &usual->from);
	if (!usual->from.swap_known || !usual->from.swap_total_bytes)
		return;
	p->system.sleep_ms(p, WATCH_WINDOW_MS);
	observe_memory(p, &usual->to);
	usual->ms = p->system.monotonic_ms(p) - start;
}

static int swapping(struct err *e, const struct buf *how)
{
	err_set(e, -ENOMEM, "the host ran short of memory while pages were unmerged: %s",
		buf_text(how));
	err_status(e, STATUS_FAILED, "swapping");
	return err_hint(e, "Merging is as before. If it was off, unmerged pages stay unmerged "
			   "until:  kvmtune ksm on");
}

static int stopped(struct act_context *c, struct err *e)
{
	int number = c->ports->system.interrupted(c->ports);

	return err_set(e, -EINTR, "stopped by a signal (%s)", strsignal(number) ?: "unknown");
}

static int do_watch(struct act_context *c, const struct act *act, struct err *e)
{
	struct ports *p = c->ports;
	int64_t start = p->system.monotonic_ms(p), passed = 0;
	struct memory_facts m;
	autobuf how = { 0 };
	struct watch w;

	for (watch_begin(c, &w); passed < act->watch_ms;
	     passed = p->system.monotonic_ms(p) - start) {
		tell(c, act->kind, (uint64_t)passed, (uint64_t)act->watch_ms, passed);
		p->system.sleep_ms(
			p, act->watch_ms - passed < 200 ? (unsigned)(act->watch_ms - passed) : 200);
		if (p->system.interrupted(p))
			return stopped(c, e);
		if (!watch_is_due(c, &w))
			continue;
		observe_memory(p, &m);
		if (watch_look(c, &w, &m, &how))
			return swapping(e, &how);
	}
	strv_addf(&c->report->remarks, "watched for %lld s: the change did not make the host swap",
		  (long long)(act->watch_ms / 1000));
	return 0;
}

/* ---- unmerging ---- */

static uint64_t merged_bytes(struct act_context *c)
{
	struct param *counters = NULL;
	size_t count = 0;
	uint64_t pages = 0;

	if (observe_ksm_counters(c->ports, &counters, &count) == 0)
		pages = ksm_merged_pages(counters, count);
	params_free(counters, count);
	return pages * c->before->id.page_bytes;
}

struct unmerge {
	uint64_t total; /* bytes merged at the beginning */
	bool unmerged_known;
	uint64_t unmerged; /* pages unmerged since boot, at the beginning */
	int64_t started;
	struct watch watch;
};

/*
 * What is left to do. The counters of KSM fall only when all of a process is done (mm/ksm.c:
 * unmerge_and_remove_all_rmap_items), and stay too high when it is stopped in between; the kernel's
 * count of unmerged pages moves with each.
 */
static uint64_t left_bytes(struct act_context *c, const struct unmerge *u,
			   const struct memory_facts *m)
{
	uint64_t left = merged_bytes(c), done = 0;

	if (u->unmerged_known && m->unmerged_known && m->unmerged > u->unmerged)
		done = (m->unmerged - u->unmerged) * c->before->id.page_bytes;
	done = done < u->total ? done : u->total;
	return left < u->total - done ? left : u->total - done;
}

/* The plan had looked at it; but stopping the services takes a while. */
static int check_memory(struct act_context *c, const struct act *act, uint64_t need, struct err *e)
{
	struct memory_facts m = { 0 };
	autobuf text = { 0 };

	if (c->before->ksm.stale)
		return 0;
	observe_memory(c->ports, &m);
	if (memory_suffices(&m, need, act->reserve_bytes))
		return 0;
	if (!m.known) {
		err_set(e, -ENODATA, MEMORY_UNKNOWN_TEXT);
		return err_status(e, STATUS_REFUSED, "unknown-memory");
	}
	buf_puts(&text, "memory became short during the change: unmerging needs up to ");
	memory_shortage_text(&m, need, act->reserve_bytes, &text);
	err_set(e, -ENOMEM, "%s", text.data);
	return err_status(e, STATUS_REFUSED, "memory");
}

/* Guests may take memory meanwhile, and the counters may have said too little. */
static bool eats_the_reserve(const struct unmerge *u, const struct memory_facts *m,
			     const struct act *act)
{
	return u->total && (!m->known || m->available_bytes < act->reserve_bytes);
}

/* While the child works: a reason to stop it? 0: none. */
static int look_after(struct act_context *c, const struct act *act, struct unmerge *u,
		      struct err *e)
{
	struct ports *p = c->ports;
	struct memory_facts m;
	autobuf how = { 0 };

	observe_memory(p, &m);
	tell(c, act->kind, u->total - left_bytes(c, u, &m), u->total,
	     p->system.monotonic_ms(p) - u->started);
	/* A rollback is not stopped. */
	if (c->report->failed)
		return 0;
	if (p->system.interrupted(p))
		return stopped(c, e);
	if (watch_is_due(c, &u->watch) && watch_look(c, &u->watch, &m, &how))
		return swapping(e, &how);
	if (!eats_the_reserve(u, &m, act))
		return 0;
	err_set(e, -ENOMEM, "not enough memory to unmerge: the reserve was about to be used");
	return err_status(e, STATUS_FAILED, "memory");
}

static int run_child(struct act_context *c, const struct act *act, struct unmerge *u, struct err *e)
{
	struct ports *p = c->ports;
	int r = p->ksm.unmerge_begin(p, e);

	while (r >= 0 && (r = p->ksm.unmerge_wait(p, UNMERGE_PAUSE_MS, e)) == 1) {
		int stop = look_after(c, act, u, e);

		if (stop == 0)
			continue;
		p->ksm.unmerge_stop(p);
		return stop;
	}
	return r;
}

static uint64_t settled_bytes(struct act_context *c)
{
	struct ports *p = c->ports;
	int64_t end = p->system.monotonic_ms(p) + SETTLE_MS;
	uint64_t left;

	while ((left = merged_bytes(c)) > 0 && p->system.monotonic_ms(p) < end)
		p->system.sleep_ms(p, SETTLE_PAUSE_MS);
	return left;
}

static int not_all(struct err *e, uint64_t left, uint64_t total)
{
	autobuf text = { 0 };

	size_text(left, &text);
	buf_puts(&text, " of ");
	size_text(total, &text);
	return err_wrap(e, "up to %s are still merged", text.data);
}

static void remark_unmerged(struct act_context *c, const struct unmerge *u)
{
	int64_t ms = c->ports->system.monotonic_ms(c->ports) - u->started;
	autobuf text = { 0 };

	if (!u->total)
		return;
	size_text(u->total, &text);
	strv_addf(&c->report->remarks, "%s of merged pages were unmerged in %lld.%lld s", text.data,
		  (long long)(ms / 1000), (long long)(ms % 1000 / 100));
}

static int unmerge(struct act_context *c, const struct act *act, struct err *e)
{
	struct unmerge u = { .total = merged_bytes(c) };
	struct memory_facts m;
	uint64_t left;
	int r = c->report->failed ? 0 : check_memory(c, act, u.total, e);

	if (r < 0)
		return r;
	if (u.total && !c->report->failed)
		look_as_usual(c);
	u.started = c->ports->system.monotonic_ms(c->ports);
	watch_begin(c, &u.watch);
	u.unmerged_known = u.watch.last.unmerged_known;
	u.unmerged = u.watch.last.unmerged;
	r = run_child(c, act, &u, e);
	if (r == -ENOMEM && !e->id[0])
		err_status(e, STATUS_FAILED, "memory");
	if (r == -ENOMEM && !e->hint[0])
		err_hint(e, "Stop merging and keep merged pages:  kvmtune ksm off");
	if (r < 0) {
		observe_memory(c->ports, &m);
		return not_all(e, left_bytes(c, &u, &m), u.total);
	}
	left = settled_bytes(c);
	if (left) {
		err_set(e, -EBUSY, "the kernel did not unmerge all pages");
		return not_all(e, left, u.total);
	}
	remark_unmerged(c, &u);
	return 0;
}

/* ---- the switch ---- */

static int do_set_run(struct act_context *c, const struct act *act, struct err *e)
{
	struct ports *p = c->ports;
	int want = atoi(act->text), now;
	int r = want == 2 ? unmerge(c, act, e) : p->file.write_value(p, act->target, act->text, e);

	if (r < 0)
		return r;
	now = observe_ksm_run(p);
	if (now == want)
		return 0;
	err_set(e, -ESTALE, "%s was set to %d but reads %d now: another program writes it",
		act->target, want, now);
	return err_hint(e, "Find that program:  kvmtune ksm");
}

/* ---- services ---- */

/* The directory that was made for it goes, too, unless somebody uses it by now. */
static int remove_link(struct ports *p, const struct act *act, struct err *e)
{
	autofree char *dir =
		xstrndup(act->target, (size_t)(last_part(act->target) - act->target) - 1);
	int r = p->file.remove(p, act->target, e);

	return r < 0 || !act->new_dir ? r : p->file.remove_dir(p, dir, e);
}

static int set_link(struct ports *p, const struct act *act, struct err *e)
{
	bool make = act->kind == ACT_MAKE_LINK;
	int r = make ? p->file.make_link(p, act->target, act->text, e) : remove_link(p, act, e);

	return r < 0 || !act->reload ? r : p->unit.reload(p, last_part(act->target), e);
}

int act_ksm_do(struct act_context *c, const struct act *act, struct err *e)
{
	struct ports *p = c->ports;

	switch (act->kind) {
	case ACT_MAKE_LINK:
	case ACT_REMOVE_LINK:
		return set_link(p, act, e);
	case ACT_START_UNIT:
		return p->unit.start(p, act->target, e);
	case ACT_STOP_UNIT:
		return p->unit.stop(p, act->target, e);
	case ACT_SET_RUN:
		return do_set_run(c, act, e);
	case ACT_WATCH_MEMORY:
		return do_watch(c, act, e);
	default:
		return 0;
	}
}
