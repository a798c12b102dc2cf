// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What is to be done for KSM on which host, what is refused, and what leads back.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <kvmtune/plan.h>

#define GIB	 (1ULL << 30)
#define WANT	 "/etc/systemd/system/multi-user.target.wants/"
#define WANT_NOW "/run/systemd/system/multi-user.target.wants/"
#define HEAD	 "# Made by kvmtune, see kvmtune(8); `kvmtune undo` takes it back.\n"
#define BOOT	 "w " KSM_RUN_FILE " - - - - "

/* ---- hosts by hand ---- */

static void counter(struct host *h, const char *name, const char *value)
{
	for (size_t i = 0; i < h->ksm.counter_count; i++) {
		struct param *p = &h->ksm.counters[i];

		if (strcmp(p->name, name) != 0)
			continue;
		free(p->value);
		p->value = xstrdup(value);
		return;
	}
	array_push(h->ksm.counters, h->ksm.counter_count) =
		(struct param){ .name = xstrdup(name), .value = xstrdup(value) };
}

static void links_free(struct unit_link **links, size_t *count)
{
	for (size_t i = 0; i < *count; i++) {
		free((*links)[i].path);
		free((*links)[i].target);
	}
	free(*links);
	*links = NULL;
	*count = 0;
}

static void add_link(struct unit_link **links, size_t *count, const char *path, const char *target)
{
	array_push(*links, *count) =
		(struct unit_link){ .path = xstrdup(path), .target = xstrdup(target) };
}

/* The links that are there, and what [Install] says. */
static void set_links(struct ksm_unit *u, const char *name, const char *file)
{
	autofree char *target = xasprintf("/lib/systemd/system/%s", name);
	autofree char *link = xasprintf(WANT "%s", name);
	autofree char *now = xasprintf(WANT_NOW "%s", name);

	links_free(&u->links, &u->link_count);
	links_free(&u->install, &u->install_count);
	if (starts_with(file, "enabled") || strcmp(file, "disabled") == 0)
		add_link(&u->install, &u->install_count, link, target);
	if (strcmp(file, "enabled") == 0)
		add_link(&u->links, &u->link_count, link, target);
	if (strcmp(file, "enabled-runtime") == 0)
		add_link(&u->links, &u->link_count, now, target);
}

static void unit(struct host *h, enum ksm_unit_id id, const char *load, const char *active,
		 const char *file)
{
	struct ksm_unit *u = &h->ksm.units[id];

	set_links(u, ksm_unit_names[id], file);
	u->exists = strcmp(load, "not-found") != 0;
	snprintf(u->state.load, sizeof(u->state.load), "%s", load);
	snprintf(u->state.active, sizeof(u->state.active), "%s", active);
	snprintf(u->state.file, sizeof(u->state.file), "%s", file);
}

static void units(struct host *h, const char *active, const char *file)
{
	unit(h, KSM_UNIT_KSMTUNED, "loaded", active, file);
	unit(h, KSM_UNIT_KSM, "loaded", active, file);
}

static void writer(struct host *h, const char *who, const char *where, int value, bool tmpfiles)
{
	const char *text = value < 0 ? NULL : settings[SETTING_KSM].attribute->texts[value];

	array_push(h->ksm.writers.v, h->ksm.writers.n) = (struct attribute_writer){
		.who = xstrdup(who), .where = xstrdup(where), .value = text, .tmpfiles = tmpfiles
	};
	if (tmpfiles)
		h->ksm.writers.tmpfiles_others = text;
}

/* Debian with ksmtuned: merging, 262144 mappings of 1024 pages, 16 GiB of 64 GiB available. */
static void make(struct host *h)
{
	*h = (struct host){ .root = true, .parts = HOST_ALL };
	h->id.page_bytes = 4096;
	h->ksm.present = true;
	h->ksm.page_bytes = 4096;
	h->ksm.manager = MANAGER_THERE;
	h->ksm.run = 1;
	counter(h, "run", "1");
	counter(h, "pages_shared", "1024");
	counter(h, "pages_sharing", "262144");
	units(h, "active", "enabled");
	h->memory = (struct memory_facts){ .known = true,
					   .total_bytes = 64 * GIB,
					   .available_bytes = 16 * GIB };
}

static void run_is(struct host *h, int run)
{
	autofree char *text = xasprintf("%d", run);

	h->ksm.run = run;
	counter(h, "run", text);
}

static void nothing_merged(struct host *h)
{
	counter(h, "pages_shared", "0");
	counter(h, "pages_sharing", "0");
}

/* As `kvmtune ksm off` leaves it. */
static void make_off(struct host *h)
{
	make(h);
	units(h, "inactive", "disabled");
	run_is(h, 0);
}

static void no_units(struct host *h)
{
	unit(h, KSM_UNIT_KSMTUNED, "not-found", "inactive", "");
	unit(h, KSM_UNIT_KSM, "not-found", "inactive", "");
}

/* ---- how a plan reads ---- */

static void act_text(const struct act *act, struct buf *ret)
{
	const char *slash = act->target ? strrchr(act->target, '/') : NULL;
	const char *name = slash ? slash + 1 : act->target;

	if (act->kind == ACT_NONE)
		return;
	buf_puts(ret, act_name(act->kind));
	if (act->kind == ACT_SET_RUN)
		buf_printf(ret, "=%s", act->text);
	else if (name)
		buf_printf(ret, " %.*s%s", (int)strcspn(name, "."), name,
			   starts_with(act->target, "/run/") ? "@runtime" : "");
}

/* "set_run=0(set_run=1), unlink ksm(link ksm)": the steps with their undo acts. */
static char *plan_text(const struct plan *plan)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < plan->step_count; i++) {
		buf_puts(&b, i ? ", " : "");
		act_text(&plan->steps[i].act, &b);
		buf_puts(&b, "(");
		act_text(&plan->steps[i].back, &b);
		buf_puts(&b, ")");
	}
	buf_puts(&b, "");
	return b.data ? buf_steal(&b) : xstrdup("");
}

static bool sets_boot(const struct act *act)
{
	return act->kind == ACT_MAKE_LINK || act->kind == ACT_REMOVE_LINK;
}

/* systemd reads its files once: after the last link, or where they are rolled back after the first. */
static void check_reloads(const struct plan *plan, bool no_manager)
{
	size_t first = plan->step_count, last = 0;

	for (size_t i = 0; i < plan->step_count; i++) {
		if (!sets_boot(&plan->steps[i].act))
			continue;
		first = first < i ? first : i;
		last = i;
	}
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];

		if (no_manager)
			first = last = plan->step_count;
		assert_int_equal(s->act.reload, sets_boot(&s->act) && i == last);
		assert_int_equal(s->back.reload, sets_boot(&s->back) && i == first);
	}
}

static const struct plan_options usual = { .reserve_bytes = RESERVE_DEFAULT, .watch_ms = 10000 };

static void build(const struct host *h, const char *value, const struct plan_options *options,
		  struct plan *ret)
{
	struct goal goal = { .setting = &settings[SETTING_KSM], .value = value };

	plan_build(h, &goal, 1, options ?: &usual, ret);
}

/* The plan reads so, and is not refused. */
static void plans(const struct host *h, const char *value, const struct plan_options *options,
		  const char *expected)
{
	struct plan plan;
	autofree char *text = NULL;

	build(h, value, options, &plan);
	text = plan_text(&plan);
	check_reloads(&plan, h->ksm.manager != MANAGER_THERE);
	assert_string_equal(plan.refusal.text, "");
	assert_string_equal(text, expected);
	if (plan.changes[0].already)
		assert_string_equal(text, "");
	plan_free(&plan);
}

static void refuses(const struct host *h, const char *value, const char *id,
		    enum exit_status status, const char *part)
{
	struct plan plan;

	build(h, value, NULL, &plan);
	assert_string_equal(plan.refusal.id, id);
	assert_int_equal(plan.refusal.status, status);
	assert_int_equal(plan.status, status);
	if (!strstr(plan.refusal.text, part) && !strstr(plan.refusal.hint, part))
		fail_msg("\"%s\" is not in: %s / %s", part, plan.refusal.text, plan.refusal.hint);
	plan_free(&plan);
}

static void is_already(const struct host *h, const char *value)
{
	struct plan plan;

	build(h, value, NULL, &plan);
	assert_string_equal(plan.refusal.text, "");
	assert_int_equal(plan.step_count, 0);
	assert_true(plan.changes[0].already);
	assert_int_equal(plan.status, STATUS_DONE);
	plan_free(&plan);
}

/* ---- off ---- */

#define STOP_BOTH                                                                                  \
	"unlink ksmtuned(link ksmtuned), unlink ksm(link ksm), "                                   \
	"stop ksmtuned(start ksmtuned), stop ksm(start ksm)"

static void test_off_with_services(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	plans(&h, "off", NULL, "set_run=0(set_run=1), " STOP_BOTH ", set_run=0()");
	host_free(&h);
}

/* ksmtuned had set 0 by itself: all is rolled back to that. */
static void test_off_while_ksmtuned_rests(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	run_is(&h, 0);
	plans(&h, "off", NULL, "set_run=0(set_run=0), " STOP_BOTH ", set_run=0()");
	host_free(&h);
}

static void test_off_by_hand(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	no_units(&h);
	plans(&h, "off", NULL, "set_run=0(set_run=1)");
	host_free(&h);
}

static void test_off_only_ksm(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	unit(&h, KSM_UNIT_KSMTUNED, "not-found", "inactive", "");
	plans(&h, "off", NULL,
	      "set_run=0(set_run=1), unlink ksm(link ksm), stop ksm(start ksm), set_run=0()");
	host_free(&h);
}

static void test_off_half(void **state)
{
	struct host h;

	(void)state;
	make_off(&h);
	unit(&h, KSM_UNIT_KSM, "loaded", "inactive", "enabled-runtime");
	plans(&h, "off", NULL, "unlink ksm@runtime(link ksm@runtime)");
	unit(&h, KSM_UNIT_KSM, "loaded", "active", "static");
	plans(&h, "off", NULL, "set_run=0(set_run=0), stop ksm(start ksm), set_run=0()");
	/* Masked, but it was running before. */
	unit(&h, KSM_UNIT_KSM, "masked", "active", "masked");
	plans(&h, "off", NULL, "set_run=0(set_run=0), stop ksm(start ksm), set_run=0()");
	host_free(&h);
}

static void test_off_already(void **state)
{
	struct host h;

	(void)state;
	make_off(&h);
	is_already(&h, "off");
	run_is(&h, 2);
	is_already(&h, "off");
	nothing_merged(&h);
	is_already(&h, "off");
	is_already(&h, "unmerged");
	run_is(&h, 0);
	is_already(&h, "unmerged");
	no_units(&h);
	is_already(&h, "off");
	unit(&h, KSM_UNIT_KSM, "masked", "inactive", "masked");
	is_already(&h, "off");
	host_free(&h);
}

static void test_off_deferred(void **state)
{
	struct plan_options defer = usual;
	struct host h;
	struct plan plan;

	(void)state;
	defer.defer = true;
	make(&h);
	plans(&h, "off", &defer, "unlink ksmtuned(link ksmtuned), unlink ksm(link ksm)");
	build(&h, "off", &defer, &plan);
	assert_int_equal(plan.status, STATUS_PENDING);
	assert_true(plan.changes[0].waits);
	plan_free(&plan);
	host_free(&h);
}

/* ---- unmerged ---- */

static void test_unmerged(void **state)
{
	struct host h;
	struct plan plan;

	(void)state;
	make(&h);
	plans(&h, "unmerged", NULL,
	      "set_run=0(set_run=1), " STOP_BOTH ", set_run=2(), watch_memory()");
	build(&h, "unmerged", NULL, &plan);
	/* 5 % of 64 GiB. */
	assert_int_equal(plan.steps[5].act.reserve_bytes, 64 * GIB / 20);
	assert_int_equal(plan.steps[6].act.watch_ms, 10000);
	assert_non_null(strstr(plan.steps[5].note, "1.0 GiB"));
	plan_free(&plan);
	host_free(&h);
	make_off(&h);
	plans(&h, "unmerged", NULL, "set_run=2(set_run=0), watch_memory()");
	/* It says 2, but something is merged: written anew. */
	run_is(&h, 2);
	plans(&h, "unmerged", NULL, "set_run=0(set_run=2), set_run=2(), watch_memory()");
	host_free(&h);
}

static void test_unmerged_without_watch(void **state)
{
	struct plan_options options = { .reserve_bytes = 5 };
	struct host h;
	struct plan plan;

	(void)state;
	make_off(&h);
	plans(&h, "unmerged", &options, "set_run=2(set_run=0)");
	build(&h, "unmerged", &options, &plan);
	/* So little is never left. */
	assert_int_equal(plan.steps[0].act.reserve_bytes, 64 * GIB / 50);
	plan_free(&plan);
	host_free(&h);
}

static void test_memory(void **state)
{
	const uint64_t need = (1024 + 262144) * 4096ULL;
	struct host h;

	(void)state;
	make(&h);
	h.memory.available_bytes = 64 * GIB / 20 + need;
	plans(&h, "unmerged", NULL,
	      "set_run=0(set_run=1), " STOP_BOTH ", set_run=2(), watch_memory()");
	h.memory.available_bytes--;
	refuses(&h, "unmerged", "memory", STATUS_REFUSED,
		"1.0 GiB, but only 1.0 GiB is available above the 3.2 GiB reserve");
	h.memory.available_bytes = 5;
	refuses(&h, "unmerged", "memory", STATUS_REFUSED, "kvmtune ksm off");
	/* To keep what is merged needs nothing. */
	plans(&h, "off", NULL, "set_run=0(set_run=1), " STOP_BOTH ", set_run=0()");
	h.memory.known = false;
	refuses(&h, "unmerged", "unknown-memory", STATUS_REFUSED, "/proc/meminfo");
	/* With nothing to unmerge it is all the same. */
	host_free(&h);
	make_off(&h);
	h.memory.known = false;
	nothing_merged(&h);
	is_already(&h, "unmerged");
	host_free(&h);
}

static void test_cgroup_memory(void **state)
{
	struct cgroup_room *room;
	struct host h;

	(void)state;
	make(&h);
	room = &array_push(h.ksm.rooms, h.ksm.room_count);
	*room = (struct cgroup_room){ .path = xstrdup("/machine.slice/web"),
				      .guest = xstrdup("web-01"),
				      .limit_bytes = 4 * GIB,
				      .used_bytes = 3 * GIB,
				      .merged_pages = 262144 };
	plans(&h, "unmerged", NULL,
	      "set_run=0(set_run=1), " STOP_BOTH ", set_run=2(), watch_memory()");
	room->used_bytes++;
	refuses(&h, "unmerged", "cgroup-memory", STATUS_REFUSED, "web-01");
	room->used_bytes = 5 * GIB;
	refuses(&h, "unmerged", "cgroup-memory", STATUS_REFUSED, "/machine.slice/web leaves 0");
	host_free(&h);
}

/* ---- on ---- */

static void test_on_with_services(void **state)
{
	struct host h;

	(void)state;
	make_off(&h);
	plans(&h, "on", NULL,
	      "link ksmtuned(unlink ksmtuned), link ksm(unlink ksm), start ksm(stop ksm), "
	      "start ksmtuned(stop ksmtuned)");
	/* What had run at 2 comes back to it. */
	run_is(&h, 2);
	plans(&h, "on", NULL,
	      "set_run=0(set_run=2), link ksmtuned(unlink ksmtuned), link ksm(unlink ksm), "
	      "start ksm(stop ksm), start ksmtuned(stop ksmtuned)");
	host_free(&h);
}

static void test_on_only_ksm(void **state)
{
	struct host h;

	(void)state;
	make_off(&h);
	unit(&h, KSM_UNIT_KSMTUNED, "not-found", "inactive", "");
	plans(&h, "on", NULL, "link ksm(unlink ksm), start ksm(stop ksm), set_run=1(set_run=0)");
	host_free(&h);
}

static void test_on_without_services(void **state)
{
	struct host h;
	struct plan plan;

	(void)state;
	make_off(&h);
	no_units(&h);
	plans(&h, "on", NULL, "write 00-kvmtune(remove 00-kvmtune), set_run=1(set_run=0)");
	build(&h, "on", NULL, &plan);
	assert_string_equal(plan.steps[0].act.target, OWN_TMPFILES);
	assert_string_equal(plan.steps[0].act.text, HEAD BOOT "1\n");
	plan_free(&plan);
	/* On now, but not at the next boot. */
	run_is(&h, 1);
	plans(&h, "on", NULL, "write 00-kvmtune(remove 00-kvmtune)");
	/* A line of somebody else does that. */
	writer(&h, "tmpfiles.d", "/etc/tmpfiles.d/ksm.conf:1", 1, true);
	is_already(&h, "on");
	host_free(&h);
}

static void test_on_already(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	is_already(&h, "on");
	run_is(&h, 0); /* by ksmtuned */
	is_already(&h, "on");
	unit(&h, KSM_UNIT_KSMTUNED, "loaded", "inactive", "disabled");
	run_is(&h, 1);
	is_already(&h, "on");
	host_free(&h);
}

/* A unit without [Install] cannot be enabled: our file has to do it at boot. */
static void test_on_static(void **state)
{
	struct host h;

	(void)state;
	make_off(&h);
	unit(&h, KSM_UNIT_KSMTUNED, "not-found", "inactive", "");
	unit(&h, KSM_UNIT_KSM, "loaded", "inactive", "static");
	plans(&h, "on", NULL,
	      "write 00-kvmtune(remove 00-kvmtune), start ksm(stop ksm), set_run=1(set_run=0)");
	host_free(&h);
}

/* ---- back ---- */

/* What a change of `value` on this host had to be rolled back to, from a host as it is now. */
static void goes_back(const struct host *before, const char *value, const struct host *now,
		      const char *expected)
{
	struct plan plan, back;
	autofree char *text = NULL;

	build(before, value, NULL, &plan);
	plan_back(now, plan.steps, plan.step_count, &usual, &back);
	text = plan_text(&back);
	assert_string_equal(back.refusal.text, "");
	assert_string_equal(text, expected);
	plan_free(&plan);
	plan_free(&back);
}

#define START_BOTH                                                                                 \
	"link ksmtuned(unlink ksmtuned), link ksm(unlink ksm), start ksm(stop ksm), "              \
	"start ksmtuned(stop ksmtuned)"

static void test_undo_off(void **state)
{
	struct host before, now;

	(void)state;
	make(&before);
	make_off(&now);
	goes_back(&before, "off", &now, START_BOTH ", set_run=1(set_run=0)");
	/* From half-way: the switch and one service. */
	units(&now, "active", "disabled");
	unit(&now, KSM_UNIT_KSMTUNED, "loaded", "inactive", "disabled");
	goes_back(&before, "off", &now,
		  "link ksmtuned(unlink ksmtuned), link ksm(unlink ksm), "
		  "start ksmtuned(stop ksmtuned), set_run=1(set_run=0)");
	/* Nothing was done yet. */
	goes_back(&before, "off", &before, "");
	host_free(&before);
	host_free(&now);
}

static void test_undo_off_to_rest(void **state)
{
	struct host before, now;

	(void)state;
	make(&before);
	run_is(&before, 0);
	make_off(&now);
	goes_back(&before, "off", &now, START_BOTH ", set_run=0(set_run=0)");
	host_free(&before);
	host_free(&now);
}

static void test_undo_off_to_two(void **state)
{
	struct host before, now;
	struct plan plan, back;

	(void)state;
	make(&before);
	run_is(&before, 2);
	nothing_merged(&before);
	make_off(&now);
	/* Something was merged since: it needs memory to come to 2 again. */
	goes_back(&before, "off", &now, START_BOTH ", set_run=2(set_run=0), watch_memory()");
	now.memory.available_bytes = 0;
	build(&before, "off", NULL, &plan);
	plan_back(&now, plan.steps, plan.step_count, &usual, &back);
	assert_string_equal(back.refusal.id, "memory");
	plan_free(&plan);
	plan_free(&back);
	host_free(&before);
	host_free(&now);
}

static void test_undo_on(void **state)
{
	struct host before, now;

	(void)state;
	make_off(&before);
	make(&now);
	goes_back(&before, "on", &now, "set_run=0(set_run=1), " STOP_BOTH);
	no_units(&before);
	host_free(&now);
	make(&now);
	no_units(&now);
	now.own_tmpfiles = xstrdup(HEAD BOOT "1\n");
	goes_back(&before, "on", &now, "remove 00-kvmtune(write 00-kvmtune), set_run=0(set_run=1)");
	host_free(&before);
	host_free(&now);
}

static void test_undo_unmerged(void **state)
{
	struct host before, now;

	(void)state;
	make(&before);
	make_off(&now);
	run_is(&now, 2);
	nothing_merged(&now);
	goes_back(&before, "unmerged", &now, "set_run=0(set_run=2), " START_BOTH ", set_run=1()");
	host_free(&before);
	host_free(&now);
}

/* `on` brings back what `off` had found, not more. */
static void test_on_as_before(void **state)
{
	struct plan_options options = usual;
	struct host before, now;
	struct plan plan;

	(void)state;
	make(&before);
	unit(&before, KSM_UNIT_KSMTUNED, "loaded", "inactive", "disabled");
	make_off(&now);
	build(&before, "off", NULL, &plan);
	assert_true(plan_touches_ksm(plan.steps, plan.step_count));
	assert_true(plan_turned_ksm_off(plan.steps, plan.step_count));
	assert_false(plan_turned_ksm_on(plan.steps, plan.step_count));
	options.ksm_before = plan.steps;
	options.ksm_before_count = plan.step_count;
	plans(&now, "on", &options,
	      "link ksm(unlink ksm), start ksm(stop ksm), set_run=1(set_run=0)");
	plan_free(&plan);
	/* By hand, though there are services: by hand again, and so that it lasts. */
	host_free(&before);
	make(&before);
	units(&before, "inactive", "disabled");
	build(&before, "off", NULL, &plan);
	options.ksm_before = plan.steps;
	options.ksm_before_count = plan.step_count;
	plans(&now, "on", &options, "write 00-kvmtune(remove 00-kvmtune), set_run=1(set_run=0)");
	plan_free(&plan);
	host_free(&before);
	host_free(&now);
}

static void test_questions_about_the_past(void **state)
{
	struct host h;
	struct plan plan;

	(void)state;
	make_off(&h);
	build(&h, "unmerged", NULL, &plan);
	assert_true(plan_touches_ksm(plan.steps, plan.step_count));
	assert_false(plan_turned_ksm_off(plan.steps, plan.step_count));
	assert_false(plan_turned_ksm_on(plan.steps, plan.step_count));
	plan_free(&plan);
	build(&h, "on", NULL, &plan);
	assert_false(plan_turned_ksm_off(plan.steps, plan.step_count));
	assert_true(plan_turned_ksm_on(plan.steps, plan.step_count));
	plan_free(&plan);
	host_free(&h);
}

/* ---- refusals ---- */

static void test_refusals(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	h.root = false;
	refuses(&h, "off", "not-root", STATUS_IMPOSSIBLE, "sudo");
	h.root = true;
	h.ksm.writable = -EROFS;
	refuses(&h, "off", "read-only-sysfs", STATUS_IMPOSSIBLE, "Read-only");
	h.ksm.writable = 0;
	h.ksm.units_writable = -EROFS;
	refuses(&h, "off", "read-only-config", STATUS_IMPOSSIBLE, "/etc/systemd/system");
	h.nixos = true;
	refuses(&h, "off", "generated-config", STATUS_IMPOSSIBLE, "hardware.ksm.enable");
	h.ksm.manager = MANAGER_DEAD;
	h.ksm.manager_error = xstrdup("Connection refused");
	refuses(&h, "off", "no-bus", STATUS_FAILED, "Connection refused");
	h.ksm.present = false;
	refuses(&h, "on", "no-ksm", STATUS_IMPOSSIBLE, "no same-page merging");
	host_free(&h);
}

static void test_refuse_units(void **state)
{
	struct host h;

	(void)state;
	make_off(&h);
	unit(&h, KSM_UNIT_KSMTUNED, "masked", "inactive", "masked");
	refuses(&h, "on", "unit-masked", STATUS_REFUSED, "systemctl unmask ksmtuned.service");
	host_free(&h);
	make(&h);
	unit(&h, KSM_UNIT_KSM, "loaded", "active", "generated");
	refuses(&h, "off", "unit-generated", STATUS_REFUSED, "update-rc.d ksm disable");
	host_free(&h);
}

static void test_refuse_driven(void **state)
{
	struct host h;

	(void)state;
	make(&h);
	writer(&h, "mom-vdsm.service", "/usr/lib/systemd/system/mom-vdsm.service", -1, false);
	refuses(&h, "off", "ksm-driven", STATUS_REFUSED, "policy");
	host_free(&h);
	make_off(&h);
	writer(&h, "qemu-kvm.service", "/etc/default/qemu-kvm:3", 1, false);
	refuses(&h, "off", "ksm-driven", STATUS_REFUSED, "/etc/default/qemu-kvm:3");
	host_free(&h);
	make_off(&h);
	writer(&h, "tuned profile realtime-virtual-host", "/usr/lib/tuned/x/tuned.conf:9", 2,
	       false);
	refuses(&h, "on", "ksm-driven", STATUS_REFUSED, "turns KSM off");
	is_already(&h, "off");
	host_free(&h);
}

/* A line of tmpfiles.d that turns it on at boot: ours stands before it. */
static void test_override_tmpfiles(void **state)
{
	struct host h;
	struct plan plan;

	(void)state;
	make_off(&h);
	writer(&h, "tmpfiles.d", "/etc/tmpfiles.d/ksm.conf:1", 1, true);
	build(&h, "off", NULL, &plan);
	assert_int_equal(plan.step_count, 1);
	assert_string_equal(plan.steps[0].act.text, HEAD BOOT "0\n");
	plan_free(&plan);
	h.own_tmpfiles = xstrdup(HEAD BOOT "0\n");
	h.ksm.writers.v[0].ours = true;
	h.ksm.writers.v[0].value = "0";
	is_already(&h, "off");
	/* And it goes when the other line does the right thing. */
	plans(&h, "on", NULL, "remove 00-kvmtune(write 00-kvmtune), " START_BOTH);
	host_free(&h);
}

/* ---- no manager ---- */

static void test_image(void **state)
{
	struct host h;
	struct plan plan;

	(void)state;
	make(&h);
	h.image = true;
	h.root = false;
	h.ksm.present = false;
	h.ksm.run = -1;
	h.ksm.manager = MANAGER_NONE;
	unit(&h, KSM_UNIT_KSMTUNED, "not-found", "", "");
	unit(&h, KSM_UNIT_KSM, "loaded", "", "enabled");
	plans(&h, "off", NULL, "unlink ksm(link ksm)");
	build(&h, "off", NULL, &plan);
	assert_int_equal(plan.status, STATUS_DONE);
	assert_string_equal(plan.steps[0].act.target, WANT "ksm.service");
	assert_string_equal(plan.steps[0].back.text, "/lib/systemd/system/ksm.service");
	plan_free(&plan);
	host_free(&h);
}

/* A chroot: the kernel is not ours to change, and what is saved waits for a boot. */
static void test_chroot(void **state)
{
	struct host h;
	struct plan plan;

	(void)state;
	make(&h);
	h.ksm.manager = MANAGER_NONE;
	unit(&h, KSM_UNIT_KSMTUNED, "not-found", "", "");
	unit(&h, KSM_UNIT_KSM, "loaded", "", "enabled");
	plans(&h, "unmerged", NULL, "unlink ksm(link ksm)");
	build(&h, "off", NULL, &plan);
	assert_int_equal(plan.status, STATUS_PENDING);
	plan_free(&plan);
	host_free(&h);
}

/* ---- with ept ---- */

static void test_one_plan(void **state)
{
	struct goal goals[] = { { .setting = &settings[SETTING_KSM], .value = "off" },
				{ .setting = &settings[SETTING_EPT], .value = "off" } };
	struct host h;
	struct plan plan;

	(void)state;
	make(&h);
	/* No VT-x: refused, and nothing is left of the KSM half. */
	h.modules[MODULE_KVM_INTEL].virt.value = NO;
	plan_build(&h, goals, 2, &usual, &plan);
	assert_string_equal(plan.refusal.id, "no-virt");
	assert_int_equal(plan.status, STATUS_IMPOSSIBLE);
	plan_free(&plan);
	host_free(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_off_with_services),
		cmocka_unit_test(test_off_while_ksmtuned_rests),
		cmocka_unit_test(test_off_by_hand),
		cmocka_unit_test(test_off_only_ksm),
		cmocka_unit_test(test_off_half),
		cmocka_unit_test(test_off_already),
		cmocka_unit_test(test_off_deferred),
		cmocka_unit_test(test_unmerged),
		cmocka_unit_test(test_unmerged_without_watch),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_cgroup_memory),
		cmocka_unit_test(test_on_with_services),
		cmocka_unit_test(test_on_only_ksm),
		cmocka_unit_test(test_on_without_services),
		cmocka_unit_test(test_on_already),
		cmocka_unit_test(test_on_static),
		cmocka_unit_test(test_undo_off),
		cmocka_unit_test(test_undo_off_to_rest),
		cmocka_unit_test(test_undo_off_to_two),
		cmocka_unit_test(test_undo_on),
		cmocka_unit_test(test_undo_unmerged),
		cmocka_unit_test(test_on_as_before),
		cmocka_unit_test(test_questions_about_the_past),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_refuse_units),
		cmocka_unit_test(test_refuse_driven),
		cmocka_unit_test(test_override_tmpfiles),
		cmocka_unit_test(test_image),
		cmocka_unit_test(test_chroot),
		cmocka_unit_test(test_one_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
