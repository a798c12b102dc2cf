// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * units.c - the service manager, by org.freedesktop.systemd1(5).
 */
#include "bus.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LOOK_MS	  5000	 /* whoever only looks does not wait for long */
#define CALL_MS	  25000	 /* as sd-bus has it */
#define RELOAD_MS 90000	 /* a host with thousands of units takes some seconds */
#define JOB_MS	  120000 /* a unit that does not stop is killed after 90 s */

#define UNKNOWN_RESULT "unknown"

/* There is no such unit, or no file of it. */
static bool is_no_unit(const sd_bus_error *error)
{
	return is_error(error, MANAGER ".NoSuchUnit") ||
	       is_error(error, SD_BUS_ERROR_FILE_NOT_FOUND);
}

/* systemd's words are small letters and dashes; anything else is not known to us. */
static void copy_word(const char *word, char *ret, size_t size)
{
	size_t len = strspn(word, "abcdefghijklmnopqrstuvwxyz-");

	snprintf(ret, size, "%s", word[len] || len >= size ? "" : word);
}

/* ---- states ---- */

static int property_word(struct bus *b, const struct question *q, const char *path,
			 const char *name, char *ret, size_t size, struct err *e)
{
	autocall c = call_begin(b, q, path, PROPERTIES, "Get");
	const char *word;
	int r;

	call_append(&c, "ss", UNIT_INTERFACE, name);
	r = call_end(&c, e);
	if (r == 0)
		r = call_string(&c, "v", "s", &word, e);
	if (r == 0)
		copy_word(word, ret, size);
	return r;
}

/* LoadUnit() knows every unit that there is; GetUnit() only what is in memory. */
static int unit_path(struct bus *b, const struct question *q, char *ret, struct err *e)
{
	autocall c = manager_call(b, q, "LoadUnit");
	int r;

	call_append(&c, "s", q->unit);
	r = call_end(&c, e);
	return r < 0 ? r : call_path(&c, ret, e);
}

/* From disk; the unit's property of that name is as old as the last reload. */
static int file_state(struct bus *b, const struct question *q, char *ret, size_t size,
		      struct err *e)
{
	autocall c = manager_call(b, q, "GetUnitFileState");
	const char *word;
	int r;

	call_append(&c, "s", q->unit);
	r = call_try(&c);
	if (r < 0 && is_no_unit(&c.error)) {
		*ret = '\0';
		return 0;
	}
	r = r < 0 ? call_failed(&c, e) : call_string(&c, "s", NULL, &word, e);
	if (r == 0)
		copy_word(word, ret, size);
	return r;
}

static int active_state(struct bus *b, const struct question *q, char *ret, size_t size,
			struct err *e)
{
	char path[PATH_BYTES];
	int r = unit_path(b, q, path, e);

	return r < 0 ? r : property_word(b, q, path, "ActiveState", ret, size, e);
}

static int unit_state(struct ports *p, const char *unit, struct unit_state *ret, struct err *e)
{
	struct question q = { .asked = "for the state of", .unit = unit, .look = true };
	struct unit_state state = { 0 };
	char path[PATH_BYTES];
	struct bus *b;
	int r = connect_bus(p, &b, e);

	if (r == 0)
		r = unit_path(b, &q, path, e);
	if (r == 0)
		r = property_word(b, &q, path, "LoadState", state.load, sizeof(state.load), e);
	if (r == 0)
		r = property_word(b, &q, path, "ActiveState", state.active, sizeof(state.active),
				  e);
	if (r == 0)
		r = file_state(b, &q, state.file, sizeof(state.file), e);
	if (r == 0)
		*ret = state;
	return r;
}

/* ---- at boot ---- */

static int unit_enable(struct ports *p, const char *unit, bool runtime, struct err *e)
{
	struct question q = { .asked = "to enable", .unit = unit };
	struct bus *b;
	int r = connect_bus(p, &b, e);

	if (r < 0)
		return r;
	autocall c = manager_call(b, &q, "EnableUnitFiles");
	/* Not by force: a link that leads elsewhere is somebody's will. */
	call_append(&c, "asbb", 1, unit, (int)runtime, (int)false);
	return call_end(&c, e);
}

static int unit_disable(struct ports *p, const char *unit, bool runtime, struct err *e)
{
	struct question q = { .asked = "to disable", .unit = unit };
	struct bus *b;
	int r = connect_bus(p, &b, e);

	if (r < 0)
		return r;
	autocall c = manager_call(b, &q, "DisableUnitFiles");
	call_append(&c, "asb", 1, unit, (int)runtime);
	return call_end(&c, e);
}

/* The links alone change nothing in memory: what wants a unit is read again. */
static int unit_reload(struct ports *p, const char *unit, struct err *e)
{
	struct question q = { .asked = "to read its files again, for", .unit = unit };
	struct bus *b;
	int r = connect_bus(p, &b, e);

	if (r < 0)
		return r;
	autocall c = manager_call(b, &q, "Reload");
	c.limit_ms = b->limits->reload_ms;
	return call_end(&c, e);
}

/* ---- jobs ---- */

/* Called by process() alone, so never before the job's path is known. */
static int on_job_removed(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct bus *b = arg;
	const char *path, *unit, *result, *sender = b->sd.message_get_sender(m);
	uint32_t id;

	(void)error;
	if (b->sd.message_read(m, "uoss", &id, &path, &unit, &result) <= 0)
		return 0;
	if (strcmp(path, b->job.path) != 0 || !sender || strlen(sender) >= SENDER_BYTES)
		return 0;
	strcpy(b->job.sender, sender);
	copy_word(result, b->job.result, sizeof(b->job.result));
	if (!*b->job.result)
		strcpy(b->job.result, UNKNOWN_RESULT);
	return 0;
}

/* Before the job is asked for, or its end could be missed. */
static int subscribe(struct bus *b, const struct question *q, struct err *e)
{
	sigset_t mask;
	int r;

	if (b->subscribed)
		return 0;
	hold_signals(&mask);
	r = b->sd.match_signal(b->link, NULL, MANAGER, MANAGER_PATH, MANAGER_INTERFACE,
			       "JobRemoved", on_job_removed, b);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	if (r < 0)
		return explain(b, r, &SD_BUS_ERROR_NULL, b->limits->call_ms, q, e);
	autocall c = manager_call(b, q, "Subscribe");
	if (call_try(&c) < 0 && !is_error(&c.error, MANAGER ".AlreadySubscribed"))
		return call_failed(&c, e);
	b->subscribed = true;
	return 0;
}

/*
 * Was it systemd who said that the job has ended? Anybody on the bus can send us such a signal; and
 * systemd gets a new unique name when it executes itself anew.
 */
static int sender_is_manager(struct bus *b, const struct question *q, bool *ret, struct err *e)
{
	struct call c = { .bus = b, .question = q, .limit_ms = b->limits->call_ms };
	const char *owner;
	int r;

	c.r = b->sd.message_new_method_call(b->link, &c.request, "org.freedesktop.DBus",
					    "/org/freedesktop/DBus", "org.freedesktop.DBus",
					    "GetNameOwner");
	call_append(&c, "s", MANAGER);
	r = call_end(&c, e);
	if (r == 0)
		r = call_string(&c, "s", NULL, &owner, e);
	if (r == 0)
		*ret = strcmp(owner, b->job.sender) == 0;
	call_free(&c);
	return r;
}

/* Is the job still there? If it is not, its end was not heard: the state tells all. */
static int ask_for_job(struct bus *b, const struct question *q, bool *ret_there, struct err *e)
{
	autocall c = call_begin(b, q, b->job.path, PROPERTIES, "Get");
	int r;

	call_append(&c, "ss", JOB_INTERFACE, "State");
	r = call_try(&c);
	*ret_there = r == 0 || !is_error(&c.error, SD_BUS_ERROR_UNKNOWN_OBJECT);
	if (r == 0 || !*ret_there)
		return 0;
	return is_absence(&c.error) ? left_bus(q, e) : call_failed(&c, e);
}

/* Until somebody says that the job has ended, or the time has come. */
static int listen_for_end(struct ports *p, struct bus *b, int64_t until, const struct question *q,
			  struct err *e)
{
	while (!*b->job.sender && p->system.monotonic_ms(p) < until) {
		int r = turn(p, b, until);

		if (r < 0 || b->sd.is_open(b->link) <= 0)
			return lost(b, r < 0 ? r : -ENOTCONN, q, e);
	}
	return 0;
}

/* Now and then the job is asked for: systemd may be gone, or its signal may have been lost. */
static int wait_for_job(struct ports *p, struct bus *b, const struct question *q, struct err *e)
{
	int64_t deadline = p->system.monotonic_ms(p) + b->limits->job_ms;

	for (;;) {
		int64_t now = p->system.monotonic_ms(p), pause = b->limits->call_ms;
		bool ended = false, there = true;
		int r;

		if (now >= deadline)
			return too_late(b->limits->job_ms, q, e);
		r = listen_for_end(p, b, deadline - now < pause ? deadline : now + pause, q, e);
		if (r == 0 && *b->job.sender)
			r = sender_is_manager(b, q, &ended, e);
		else if (r == 0)
			r = ask_for_job(b, q, &there, e);
		if (r < 0 || ended)
			return r;
		b->job.sender[0] = b->job.result[0] = '\0';
		if (!there)
			return 0;
	}
}

/* "": its end was not heard. */
static int judge_job(const struct bus *b, const struct question *q, struct err *e)
{
	const char *result = b->job.result;

	if (!*result || strcmp(result, "done") == 0 || strcmp(result, "skipped") == 0)
		return 0;
	err_set(e, -EIO, "systemd was asked %s %s, and the job ended with \"%s\"", q->asked,
		q->unit, result);
	return give_way_out(q, "job-failed", e);
}

/* 1: there is no such unit. */
static int run_job(struct ports *p, struct bus *b, const char *member, const struct question *q,
		   struct err *e)
{
	int r = subscribe(b, q, e);

	if (r < 0)
		return r;
	autocall c = manager_call(b, q, member);
	call_append(&c, "ss", q->unit, "replace");
	r = call_try(&c);
	if (r < 0)
		return is_error(&c.error, MANAGER ".NoSuchUnit") ? 1 : call_failed(&c, e);
	b->job = (struct job){ 0 };
	r = call_path(&c, b->job.path, e);
	if (r == 0)
		r = wait_for_job(p, b, q, e);
	return r < 0 ? r : judge_job(b, q, e);
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

/* A job that ended well says that something was tried, not that the unit runs. */
static int unit_start(struct ports *p, const char *unit, struct err *e)
{
	struct question q = { .asked = "to start", .unit = unit };
	char active[32] = "";
	struct bus *b;
	int r = connect_bus(p, &b, e);

	if (r == 0)
		r = run_job(p, b, "StartUnit", &q, e);
	if (r == 1) {
		err_set(e, -ENOENT, "there is no unit %s to start", unit);
		return give_way_out(&q, "bus-error", e);
	}
	if (r == 0)
		r = active_state(b, &q, active, sizeof(active), e);
	if (r < 0 || is_one_of(active, "active", "activating", "reloading"))
		return r;
	err_set(e, -EIO, "%s was started, but is %s", unit, *active ? active : "in no known state");
	give_way_out(&q, "job-failed", e);
	/* ksm.service has such conditions; one that does not hold is no failure to systemd. */
	if (strcmp(active, "inactive") == 0)
		err_hint(e,
			 "A condition of the unit may not hold (ConditionVirtualization=no in a "
			 "virtual machine). Look at it:  systemctl status %s",
			 unit);
	return e->code;
}

static int unit_stop(struct ports *p, const char *unit, struct err *e)
{
	struct question q = { .asked = "to stop", .unit = unit };
	char active[32] = "";
	struct bus *b;
	int r = connect_bus(p, &b, e);

	if (r == 0)
		r = run_job(p, b, "StopUnit", &q, e);
	if (r == 1)
		return 0;
	if (r == 0)
		r = active_state(b, &q, active, sizeof(active), e);
	if (r < 0 || is_one_of(active, "inactive", "failed", "failed"))
		return r;
	err_set(e, -EIO, "%s was stopped, but is %s", unit, *active ? active : "in no known state");
	return give_way_out(&q, "job-failed", e);
}

void sys_units(struct ports *p)
{
	sys_of(p)->bus_limits = (struct bus_limits){ LOOK_MS, CALL_MS, RELOAD_MS, JOB_MS };
	p->unit.state = unit_state;
	p->unit.enable = unit_enable;
	p->unit.disable = unit_disable;
	p->unit.reload = unit_reload;
	p->unit.start = unit_start;
	p->unit.stop = unit_stop;
}

void sys_units_close(struct ports *p)
{
	struct sys *s = sys_of(p);

	if (s->bus)
		disconnect(s->bus);
	free(s->bus);
	s->bus = NULL;
}
