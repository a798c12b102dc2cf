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

/* Of what systemd may say of one unit. */
#define UNIT_NAME_MAX  255
#define NAMES_MAX      1024
#define READ_MAX       100000
#define PROPERTIES_MAX 1024

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

/*
 * All that is to be known of a unit comes in one answer, a{sv}: systemd would be asked a dozen times
 * otherwise.
 */
struct look {
	struct unit_state *state;
	struct unit_relations *relations; /* NULL: not wanted */
	char job[PATH_BYTES];		  /* "": none */
};

struct property {
	const char *name;
	size_t offset; /* in struct unit_relations */
};

static const struct property relations[] = {
	{ "Requires", offsetof(struct unit_relations, needs) },
	{ "BindsTo", offsetof(struct unit_relations, needs) },
	{ "Requisite", offsetof(struct unit_relations, requisites) },
	{ "Wants", offsetof(struct unit_relations, wants) },
	{ "Upholds", offsetof(struct unit_relations, wants) },
	{ "Conflicts", offsetof(struct unit_relations, conflicts) },
	{ "ConflictedBy", offsetof(struct unit_relations, conflicts) },
	{ "RequiredBy", offsetof(struct unit_relations, stops) },
	{ "RequisiteOf", offsetof(struct unit_relations, stops) },
	{ "BoundBy", offsetof(struct unit_relations, stops) },
	{ "ConsistsOf", offsetof(struct unit_relations, stops) },
	{ "PropagatesStopTo", offsetof(struct unit_relations, stops) },
	{ "UpheldBy", offsetof(struct unit_relations, revived_by) },
	{ "TriggeredBy", offsetof(struct unit_relations, revived_by) },
};

/* It goes into questions, messages and the journal: what is no name of a unit is left out. */
static bool is_unit_name(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  "_.@+:\\-");

	return len && len <= UNIT_NAME_MAX && !name[len] && *name != '.';
}

static int read_names(const struct call *c, struct strv *ret)
{
	const struct functions *sd = &c->bus->sd;
	const char *name;
	int r = sd->message_enter_container(c->reply, 'v', "as");

	if (r > 0)
		r = sd->message_enter_container(c->reply, 'a', "s");
	for (int n = 0; r > 0 && (r = sd->message_read(c->reply, "s", &name)) > 0; n++)
		if (n > READ_MAX)
			r = -EMSGSIZE;
		else if (ret->n < NAMES_MAX && is_unit_name(name) && !strv_has(ret, name))
			strv_add(ret, name);
	if (r == 0)
		r = sd->message_exit_container(c->reply);
	return r < 0 ? r : sd->message_exit_container(c->reply);
}

static int read_word(const struct call *c, char *ret, size_t size)
{
	const char *word;
	int r = c->bus->sd.message_read(c->reply, "v", "s", &word);

	if (r > 0)
		copy_word(word, ret, size);
	return r;
}

/* "CanStart", "CanStop": whether it may be done by hand. */
static int read_refusal(const struct call *c, bool *ret)
{
	int allowed = 1, r = c->bus->sd.message_read(c->reply, "v", "b", &allowed);

	*ret = !allowed;
	return r;
}

static int read_job(const struct call *c, char *ret)
{
	const char *path;
	uint32_t id;
	int r = c->bus->sd.message_read(c->reply, "v", "(uo)", &id, &path);

	if (r > 0 && id && strlen(path) < PATH_BYTES)
		strcpy(ret, path);
	return r;
}

static int read_property(const struct call *c, const char *name, struct look *ret)
{
	struct unit_state *s = ret->state;

	if (strcmp(name, "LoadState") == 0)
		return read_word(c, s->load, sizeof(s->load));
	if (strcmp(name, "ActiveState") == 0)
		return read_word(c, s->active, sizeof(s->active));
	if (strcmp(name, "CanStart") == 0)
		return read_refusal(c, &s->no_start);
	if (strcmp(name, "CanStop") == 0)
		return read_refusal(c, &s->no_stop);
	if (strcmp(name, "Job") == 0)
		return read_job(c, ret->job);
	for (size_t i = 0; ret->relations && i < ARRAY_SIZE(relations); i++)
		if (strcmp(name, relations[i].name) == 0)
			return read_names(
				c, (struct strv *)((char *)ret->relations + relations[i].offset));
	return c->bus->sd.message_skip(c->reply, "v");
}

static int read_properties(const struct call *c, struct look *ret, struct err *e)
{
	const struct functions *sd = &c->bus->sd;
	const char *name;
	int r = sd->message_enter_container(c->reply, 'a', "{sv}");

	for (int n = 0; r > 0 && n < PROPERTIES_MAX; n++) {
		r = sd->message_enter_container(c->reply, 'e', "sv");
		if (r <= 0)
			break;
		r = sd->message_read(c->reply, "s", &name);
		if (r > 0)
			r = read_property(c, name, ret);
		if (r > 0)
			r = sd->message_exit_container(c->reply);
		else
			r = r < 0 ? r : -EBADMSG;
	}
	return r < 0 ? not_understood(r, c->question, e) : 0;
}

static int get_all(struct bus *b, const struct question *q, const char *path, struct look *ret,
		   struct err *e)
{
	autocall c = call_begin(b, q, path, PROPERTIES, "GetAll");
	int r;

	call_append(&c, "s", UNIT_INTERFACE);
	r = call_end(&c, e);
	return r < 0 ? r : read_properties(&c, ret, e);
}

/* One that has ended meanwhile is none. */
static int job_type(struct bus *b, const struct question *q, const struct look *look, char *ret,
		    size_t size, struct err *e)
{
	autocall c = call_begin(b, q, look->job, PROPERTIES, "Get");
	const char *word;
	int r;

	call_append(&c, "ss", JOB_INTERFACE, "JobType");
	r = call_try(&c);
	if (r < 0)
		return is_error(&c.error, SD_BUS_ERROR_UNKNOWN_OBJECT) ? 0 : call_failed(&c, e);
	r = call_string(&c, "v", "s", &word, e);
	if (r == 0)
		copy_word(word, ret, size);
	if (r == 0 && !*ret)
		snprintf(ret, size, "%s", UNKNOWN_RESULT);
	return r;
}

static int look_at(struct bus *b, const struct question *q, struct look *ret, struct err *e)
{
	struct unit_state *s = ret->state;
	char path[PATH_BYTES];
	int r = unit_path(b, q, path, e);

	if (r == 0)
		r = get_all(b, q, path, ret, e);
	if (r == 0 && *ret->job)
		r = job_type(b, q, ret, s->job, sizeof(s->job), e);
	return r;
}

static int active_state(struct bus *b, const struct question *q, struct unit_state *ret,
			struct err *e)
{
	struct look look = { .state = ret };

	return look_at(b, q, &look, e);
}

static int unit_state(struct ports *p, const char *unit, struct unit_state *ret, struct err *e)
{
	struct question q = { .asked = "report the state of", .unit = unit, .look = true };
	struct unit_state state = { 0 };
	struct look look = { .state = &state };
	struct bus *b;
	int r = connect_bus(p, &b, e);

	if (r == 0)
		r = look_at(b, &q, &look, e);
	if (r == 0)
		r = file_state(b, &q, state.file, sizeof(state.file), e);
	if (r == 0)
		*ret = state;
	return r;
}

static int unit_relations(struct ports *p, const char *unit, struct unit_state *ret_state,
			  struct unit_relations *ret, struct err *e)
{
	struct question q = { .asked = "report the dependencies of", .unit = unit, .look = true };
	struct unit_relations found = { 0 };
	struct unit_state state = { 0 };
	struct look look = { .state = &state, .relations = &found };
	struct bus *b;
	int r = connect_bus(p, &b, e);

	if (r == 0)
		r = look_at(b, &q, &look, e);
	if (r < 0) {
		unit_relations_free(&found);
		return r;
	}
	*ret_state = state;
	*ret = found;
	return 0;
}

/* ---- files ---- */

/* The links alone change nothing in memory: what wants a unit is read again. */
static int unit_reload(struct ports *p, const char *unit, struct err *e)
{
	struct question q = { .asked = "reload the unit files for", .unit = unit };
	struct bus *b;
	int r = connect_bus(p, &b, e);

	if (r < 0)
		return r;
	autocall c = manager_call(b, &q, "Reload");
	c.limit_ms = b->limits->reload_ms;
	return call_end(&c, e);
}

/* ---- jobs ---- */

void on_job_removed(struct bus *b, sd_bus_message *m)
{
	const char *path, *unit, *result;
	uint32_t id;

	if (b->sd.message_read(m, "uoss", &id, &path, &unit, &result) <= 0)
		return;
	b->job.missed |= !*b->job.path;
	if (strcmp(path, b->job.path) != 0)
		return;
	copy_word(result, b->job.result, sizeof(b->job.result));
	if (!*b->job.result)
		strcpy(b->job.result, UNKNOWN_RESULT);
}

#define END_OF_JOBS                                                                                \
	"type='signal',sender='" MANAGER "',path='" MANAGER_PATH "',"                              \
	"interface='" MANAGER_INTERFACE "',member='JobRemoved'"

/* Before the job is asked for, or its end could be missed. */
static int subscribe(struct bus *b, const struct question *q, struct err *e)
{
	autocall match = driver_call(b, q, "AddMatch");
	autocall c = manager_call(b, q, "Subscribe");

	if (b->subscribed)
		return 0;
	call_append(&match, "s", END_OF_JOBS);
	if (call_end(&match, e) < 0)
		return e->code;
	if (call_try(&c) < 0 && !is_error(&c.error, MANAGER ".AlreadySubscribed"))
		return call_failed(&c, e);
	b->subscribed = true;
	return 0;
}

/* Anybody can send us a signal that looks like systemd's; and systemd has a new name when it executes itself anew. */
static int find_owner(struct bus *b, const struct question *q, struct err *e)
{
	autocall c = driver_call(b, q, "GetNameOwner");
	const char *owner;
	int r;

	call_append(&c, "s", MANAGER);
	r = call_end(&c, e);
	if (r == 0)
		r = call_string(&c, "s", NULL, &owner, e);
	if (r == 0)
		snprintf(b->owner, sizeof(b->owner), "%s",
			 strlen(owner) < sizeof(b->owner) ? owner : "");
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

/* Until systemd says that the job has ended, or the time has come. */
static int listen_for_end(struct ports *p, struct bus *b, int64_t until, const struct question *q,
			  struct err *e)
{
	while (!*b->job.result && p->system.monotonic_ms(p) < until) {
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
	bool there = true;

	for (;;) {
		int64_t now = p->system.monotonic_ms(p), pause = b->limits->call_ms;
		int r = 0;

		if (now >= deadline)
			return too_late(b->limits->job_ms, q, e);
		if (!b->job.missed)
			r = listen_for_end(p, b, deadline - now < pause ? deadline : now + pause, q,
					   e);
		b->job.missed = false;
		if (r < 0 || *b->job.result)
			return r;
		r = ask_for_job(b, q, &there, e);
		if (r < 0 || !there)
			return r;
		r = find_owner(b, q, e);
		if (r < 0)
			return r;
	}
}

/* "": its end was not heard. */
static int judge_job(const struct bus *b, const struct question *q, struct err *e)
{
	const char *result = b->job.result;

	if (!*result || strcmp(result, "done") == 0 || strcmp(result, "skipped") == 0)
		return 0;
	err_set(e, -EIO, "systemd could not %s %s: its job ended with \"%s\"", q->asked, q->unit,
		result);
	return give_way_out(q, "job-failed", e);
}

/*
 * This one unit alone: what else a start needs is started before it, by the plan, and where a stop
 * would take others along there is no plan. A job of this unit that is there already is joined where
 * it leads to the same, and otherwise cancelled (systemd's transaction.c, job.c).
 * 1: there is no such unit.
 */
static int run_job(struct ports *p, struct bus *b, const char *member, const struct question *q,
		   struct err *e)
{
	int r = subscribe(b, q, e);

	if (r == 0)
		r = find_owner(b, q, e);
	if (r < 0)
		return r;
	autocall c = manager_call(b, q, member);
	call_append(&c, "ss", q->unit, "ignore-requirements");
	b->job = (struct job){ 0 };
	r = call_try(&c);
	if (r < 0)
		return is_error(&c.error, MANAGER ".NoSuchUnit") ? 1 : call_failed(&c, e);
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
	struct question q = { .asked = "start", .unit = unit };
	struct unit_state s = { 0 };
	struct bus *b;
	int r = connect_bus(p, &b, e);

	if (r == 0)
		r = run_job(p, b, "StartUnit", &q, e);
	if (r == 1) {
		err_set(e, -ENOENT, "there is no unit %s to start", unit);
		return give_way_out(&q, "bus-error", e);
	}
	if (r == 0)
		r = active_state(b, &q, &s, e);
	if (r < 0 || is_one_of(s.active, "active", "activating", "reloading"))
		return r;
	err_set(e, -EIO, "%s was started, but is %s", unit,
		*s.active ? s.active : "in no known state");
	give_way_out(&q, "job-failed", e);
	/* ksm.service has such conditions; one that does not hold is no failure to systemd. */
	if (strcmp(s.active, "inactive") == 0)
		err_hint(e,
			 "A condition of the unit may not hold (ConditionVirtualization=no in a "
			 "virtual machine). Look at it:  systemctl status %s",
			 unit);
	return e->code;
}

static int unit_stop(struct ports *p, const char *unit, struct err *e)
{
	struct question q = { .asked = "stop", .unit = unit };
	struct unit_state s = { 0 };
	struct bus *b;
	int r = connect_bus(p, &b, e);

	if (r == 0)
		r = run_job(p, b, "StopUnit", &q, e);
	if (r == 1)
		return 0;
	if (r == 0)
		r = active_state(b, &q, &s, e);
	if (r < 0 || is_one_of(s.active, "inactive", "failed", "failed"))
		return r;
	err_set(e, -EIO, "%s was stopped, but is %s", unit,
		*s.active ? s.active : "in no known state");
	return give_way_out(&q, "job-failed", e);
}

void sys_units(struct ports *p)
{
	sys_of(p)->bus_limits = (struct bus_limits){ LOOK_MS, CALL_MS, RELOAD_MS, JOB_MS };
	p->unit.state = unit_state;
	p->unit.relations = unit_relations;
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
