// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * manager.c - a made-up service manager that can be told to misbehave.
 *
 *	manager FD [WORD[=VALUE]...]
 *
 * Claims org.freedesktop.systemd1 on $DBUS_SYSTEM_BUS_ADDRESS, writes a byte to FD when it is
 * ready, and answers until it is killed. It knows ksm.service, which is there; of ghost.service
 * there is nothing.
 *
 *	silent=METHOD		never answers it
 *	late=METHOD		answers half a second later
 *	error=METHOD:NAME	answers with this error
 *	answer=METHOD		answers with a number where something else is expected
 *	leave=METHOD		leaves the bus when it is called
 *	job=RESULT		jobs end so ("done")
 *	early			says that a job has ended before it answers the call
 *	slow			jobs take half a second
 *	others			other jobs end in between
 *	forged			another program on the bus says first that the job failed
 *	flood=METHOD		another program sends 96 MiB to the caller before it is answered
 *	unheard			jobs end without a signal
 *	endless			jobs never end
 *	die			leaves the bus in the middle of a job
 *	kill=PID		kills that process, with SIGKILL, in the middle of a job
 *	stubborn		a job ends, and the unit is as it was
 *	active=STATE, load=STATE, file=STATE
 *	long			the states are very long words
 *	waits=TYPE		a job of this type waits for the unit
 *	relation=PROPERTY:NAME	has to do with that unit ("RequiredBy:web.service")
 *	many=PROPERTY		has to do with three thousand
 *	no_start		may not be started by hand
 *	subscribed		Subscribe() has been called on this connection before
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define NAME	     "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define UNIT_PREFIX  MANAGER_PATH "/unit"
#define JOB_PATH     MANAGER_PATH "/job/42"
#define OTHER_JOB    MANAGER_PATH "/job/41"
#define LONG_BYTES   100000

struct unit {
	const char *name;
	char *load, *active;
	const char *file; /* NULL: none */
};

struct job {
	char *state, *type;
};

struct manager {
	char **words;
	sd_bus *bus;
	struct unit units[2];
	struct job job;
	bool job_there;
};

static struct manager *the_manager; /* for the getters of properties */

/* The value of a word that was given, "" where it has none; or NULL. */
static const char *told(const struct manager *m, const char *word)
{
	size_t len = strlen(word);

	for (char **w = m->words; *w; w++)
		if (strncmp(*w, word, len) == 0 && ((*w)[len] == '=' || !(*w)[len]))
			return (*w)[len] ? *w + len + 1 : "";
	return NULL;
}

static bool told_of(const struct manager *m, const char *word, const char *member)
{
	const char *value = told(m, word);

	return value && strcmp(value, member) == 0;
}

static void must(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "manager: %s: %s\n", what, strerror(-r));
	_exit(1);
}

static struct unit *unit_named(struct manager *m, const char *name)
{
	for (size_t i = 0; i < 2; i++)
		if (strcmp(m->units[i].name, name) == 0)
			return &m->units[i];
	return NULL;
}

/* ---- answers ---- */

static int answer_load(struct manager *m, sd_bus_message *call, const char *name, sd_bus_error *e)
{
	char *path;
	int r;

	if (!unit_named(m, name))
		return sd_bus_error_set(e, SD_BUS_ERROR_INVALID_ARGS, "Unit name is not valid.");
	must(sd_bus_path_encode(UNIT_PREFIX, name, &path), "path");
	r = sd_bus_reply_method_return(call, "o", path);
	free(path);
	return r;
}

static int answer_file_state(struct manager *m, sd_bus_message *call, const char *name,
			     sd_bus_error *e)
{
	const struct unit *u = unit_named(m, name);

	if (!u || !u->file)
		return sd_bus_error_set(e, SD_BUS_ERROR_FILE_NOT_FOUND, "No such file");
	return sd_bus_reply_method_return(call, "s", u->file);
}

static void say_removed(sd_bus *bus, const char *to, const char *path, const char *result)
{
	sd_bus_message *s = NULL;

	must(sd_bus_message_new_signal(bus, &s, MANAGER_PATH, NAME ".Manager", "JobRemoved"),
	     "signal");
	must(sd_bus_message_append(s, "uoss", 42, path, "ksm.service", result), "signal");
	must(to ? sd_bus_send_to(bus, s, to, NULL) : sd_bus_send(bus, s, NULL), "signal");
	must(sd_bus_flush(bus), "flush");
	sd_bus_message_unref(s);
}

static void forge(const char *to)
{
	sd_bus *other = NULL;

	must(sd_bus_open_system(&other), "second connection");
	say_removed(other, to, JOB_PATH, "failed");
	sd_bus_flush_close_unref(other);
}

/* Large signals, as an answer to nothing they are; and many small calls. */
#define FLOOD_SIGNALS 192
#define FLOOD_BYTES   (512 * 1024)
#define FLOOD_CALLS   20000

static void flood(const char *to)
{
	char *large = malloc(FLOOD_BYTES + 1);
	sd_bus *other = NULL;

	memset(large, 'x', FLOOD_BYTES);
	large[FLOOD_BYTES] = '\0';
	must(sd_bus_open_system(&other), "second connection");
	for (int i = 0; i < FLOOD_SIGNALS; i++)
		say_removed(other, to, JOB_PATH, large);
	for (int i = 0; i < FLOOD_CALLS; i++) {
		sd_bus_message *m = NULL;

		must(sd_bus_message_new_method_call(other, &m, to, "/", "org.freedesktop.DBus.Peer",
						    i % 2 ? "Ping" : "Pong"),
		     "call");
		must(sd_bus_message_set_expect_reply(m, 0), "call");
		must(sd_bus_send(other, m, NULL), "call");
		must(sd_bus_flush(other), "flush");
		sd_bus_message_unref(m);
	}
	sd_bus_flush_close_unref(other);
	free(large);
}

static void end_job(struct manager *m, struct unit *u, bool start)
{
	const char *result = told(m, "job");

	if (!told(m, "stubborn")) {
		free(u->active);
		u->active = strdup(start ? "active" : "inactive");
	}
	m->job_there = false;
	if (!told(m, "unheard"))
		say_removed(m->bus, NULL, JOB_PATH, result ? result : "done");
}

static void misbehave_in_job(struct manager *m, const char *caller)
{
	if (told(m, "slow"))
		usleep(500000);
	if (told(m, "others"))
		for (int i = 0; i < 50; i++)
			say_removed(m->bus, NULL, OTHER_JOB, i % 2 ? "failed" : "canceled");
	if (told(m, "forged"))
		forge(caller);
	if (told(m, "die"))
		_exit(0);
	if (told(m, "kill"))
		kill((pid_t)atoi(told(m, "kill")), SIGKILL);
}

static int answer_job(struct manager *m, sd_bus_message *call, const char *name, bool start,
		      sd_bus_error *e)
{
	struct unit *u = unit_named(m, name);

	if (!u || strcmp(u->load, "not-found") == 0)
		return sd_bus_error_setf(e, NAME ".NoSuchUnit", "Unit %s not loaded.", name);
	m->job_there = true;
	if (told(m, "early"))
		end_job(m, u, start);
	must(sd_bus_reply_method_return(call, "o", JOB_PATH), "answer");
	must(sd_bus_flush(m->bus), "flush");
	misbehave_in_job(m, sd_bus_message_get_sender(call));
	if (!told(m, "early") && !told(m, "endless"))
		end_job(m, u, start);
	return 1;
}

static int answer(struct manager *m, sd_bus_message *call, const char *member, sd_bus_error *e)
{
	const char *name = NULL;

	if (strcmp(member, "Subscribe") == 0 && told(m, "subscribed"))
		return sd_bus_error_set(e, NAME ".AlreadySubscribed", "Client is already.");
	if (strcmp(member, "Subscribe") == 0 || strcmp(member, "Reload") == 0)
		return sd_bus_reply_method_return(call, NULL);
	must(sd_bus_message_read(call, "s", &name), "name");
	if (strcmp(member, "StartUnit") == 0 || strcmp(member, "StopUnit") == 0) {
		const char *mode;

		must(sd_bus_message_read(call, "s", &mode), "mode");
		if (strcmp(mode, "ignore-requirements") != 0)
			return sd_bus_error_set(e, SD_BUS_ERROR_INVALID_ARGS, "Others come along.");
	}
	if (strcmp(member, "LoadUnit") == 0)
		return answer_load(m, call, name, e);
	if (strcmp(member, "GetUnitFileState") == 0)
		return answer_file_state(m, call, name, e);
	return answer_job(m, call, name, strcmp(member, "StartUnit") == 0, e);
}

static int on_call(sd_bus_message *call, void *arg, sd_bus_error *e)
{
	struct manager *m = arg;
	const char *member = sd_bus_message_get_member(call), *error = told(m, "error");
	size_t len = strlen(member);

	if (told_of(m, "silent", member))
		return 1;
	if (told_of(m, "leave", member))
		_exit(0);
	if (told_of(m, "late", member))
		usleep(500000);
	if (told_of(m, "flood", member))
		flood(sd_bus_message_get_sender(call));
	if (told_of(m, "answer", member))
		return sd_bus_reply_method_return(call, "u", 7);
	if (error && strncmp(error, member, len) == 0 && error[len] == ':')
		return sd_bus_error_set(e, error + len + 1, "No\033[31m, because\nof this");
	return answer(m, call, member, e);
}

/* ---- objects ---- */

#define METHOD(name, in, out) SD_BUS_METHOD(name, in, out, on_call, SD_BUS_VTABLE_UNPRIVILEGED)
static sd_bus_vtable manager_table[] = {
	SD_BUS_VTABLE_START(0),
	METHOD("LoadUnit", "s", "o"),
	METHOD("GetUnitFileState", "s", "s"),
	METHOD("Reload", "", ""),
	METHOD("Subscribe", "", ""),
	METHOD("StartUnit", "ss", "o"),
	METHOD("StopUnit", "ss", "o"),
	SD_BUS_VTABLE_END,
};

/* sd-bus lets nobody answer otherwise than the table says: so the table has to. */
static void declare_wrong_answer(const struct manager *m)
{
	for (size_t i = 0; i < sizeof(manager_table) / sizeof(*manager_table); i++) {
		sd_bus_vtable *v = &manager_table[i];

		if (v->type == 'M' && told_of(m, "answer", v->x.method.member))
			v->x.method.result = "u";
	}
}

static int get_job(sd_bus *bus, const char *path, const char *interface, const char *property,
		   sd_bus_message *reply, void *arg, sd_bus_error *e)
{
	bool waits = told(the_manager, "waits");

	(void)bus, (void)path, (void)interface, (void)property, (void)arg, (void)e;
	return sd_bus_message_append(reply, "(uo)", waits ? 42 : 0, waits ? JOB_PATH : "/");
}

static int get_can(sd_bus *bus, const char *path, const char *interface, const char *property,
		   sd_bus_message *reply, void *arg, sd_bus_error *e)
{
	bool refused = strcmp(property, "CanStart") == 0 && told(the_manager, "no_start");

	(void)bus, (void)path, (void)interface, (void)arg, (void)e;
	return sd_bus_message_append(reply, "b", !refused);
}

static int add_names(const char *property, sd_bus_message *reply)
{
	const char *relation = told(the_manager, "relation");
	size_t len = strlen(property);
	char name[64];
	int r = 0;

	if (relation && strncmp(relation, property, len) == 0 && relation[len] == ':')
		r = sd_bus_message_append(reply, "s", relation + len + 1);
	for (int i = 0; r >= 0 && told_of(the_manager, "many", property) && i < 3000; i++) {
		snprintf(name, sizeof(name), "unit%d.service", i);
		r = sd_bus_message_append(reply, "s", name);
	}
	return r;
}

static int get_names(sd_bus *bus, const char *path, const char *interface, const char *property,
		     sd_bus_message *reply, void *arg, sd_bus_error *e)
{
	int r = sd_bus_message_open_container(reply, 'a', "s");

	(void)bus, (void)path, (void)interface, (void)arg, (void)e;
	if (r >= 0)
		r = add_names(property, reply);
	return r < 0 ? r : sd_bus_message_close_container(reply);
}

#define NAMES(property) SD_BUS_PROPERTY(property, "as", get_names, 0, 0)
static const sd_bus_vtable unit_table[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("Job", "(uo)", get_job, 0, 0),
	SD_BUS_PROPERTY("CanStart", "b", get_can, 0, 0),
	SD_BUS_PROPERTY("CanStop", "b", get_can, 0, 0),
	NAMES("Requires"),
	NAMES("Requisite"),
	NAMES("Wants"),
	NAMES("BindsTo"),
	NAMES("Conflicts"),
	NAMES("RequiredBy"),
	NAMES("ConsistsOf"),
	NAMES("TriggeredBy"),
	NAMES("UpheldBy"),
	SD_BUS_PROPERTY("LoadState", "s", NULL, offsetof(struct unit, load), 0),
	SD_BUS_PROPERTY("ActiveState", "s", NULL, offsetof(struct unit, active), 0),
	SD_BUS_VTABLE_END,
};

static const sd_bus_vtable job_table[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_PROPERTY("State", "s", NULL, offsetof(struct job, state), 0),
	SD_BUS_PROPERTY("JobType", "s", NULL, offsetof(struct job, type), 0),
	SD_BUS_VTABLE_END,
};

static int find_unit(sd_bus *bus, const char *path, const char *interface, void *arg, void **ret,
		     sd_bus_error *e)
{
	char *name = NULL;

	(void)bus, (void)interface, (void)e;
	if (sd_bus_path_decode(path, UNIT_PREFIX, &name) <= 0)
		return 0;
	*ret = unit_named(arg, name);
	free(name);
	return *ret != NULL;
}

static int find_job(sd_bus *bus, const char *path, const char *interface, void *arg, void **ret,
		    sd_bus_error *e)
{
	struct manager *m = arg;

	(void)bus, (void)interface, (void)e;
	*ret = &m->job;
	return m->job_there && strcmp(path, JOB_PATH) == 0;
}

static char *state_of(const struct manager *m, const char *word, const char *otherwise)
{
	const char *value = told(m, word);
	char *text;

	if (!told(m, "long"))
		return strdup(value ? value : otherwise);
	text = malloc(LONG_BYTES + 1);
	memset(text, 'a', LONG_BYTES);
	text[LONG_BYTES] = '\0';
	return text;
}

static void serve(struct manager *m, int ready)
{
	declare_wrong_answer(m);
	must(sd_bus_open_system(&m->bus), "bus");
	must(sd_bus_add_object_vtable(m->bus, NULL, MANAGER_PATH, NAME ".Manager", manager_table,
				      m),
	     "object");
	must(sd_bus_add_fallback_vtable(m->bus, NULL, UNIT_PREFIX, NAME ".Unit", unit_table,
					find_unit, m),
	     "units");
	must(sd_bus_add_fallback_vtable(m->bus, NULL, MANAGER_PATH "/job", NAME ".Job", job_table,
					find_job, m),
	     "jobs");
	must(sd_bus_request_name(m->bus, NAME, 0), "name");
	must(write(ready, "", 1) == 1 ? 0 : -errno, "ready");
	close(ready);
	for (;;) {
		int r = sd_bus_process(m->bus, NULL);

		if (r == 0)
			r = sd_bus_wait(m->bus, UINT64_MAX);
		if (r < 0 && r != -EINTR)
			_exit(0);
	}
}

int main(int argc, char **argv)
{
	struct manager m = { 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc < 2)
		return 2;
	m.words = argv + 2;
	the_manager = &m;
	m.job.state = strdup("running");
	m.job.type = strdup(told(&m, "waits") ? told(&m, "waits") : "stop");
	m.job_there = told(&m, "waits") && *told(&m, "waits");
	m.units[0] = (struct unit){ .name = "ksm.service",
				    .load = state_of(&m, "load", "loaded"),
				    .active = state_of(&m, "active", "active"),
				    .file = state_of(&m, "file", "enabled") };
	m.units[1] = (struct unit){ .name = "ghost.service",
				    .load = strdup("not-found"),
				    .active = strdup("inactive") };
	serve(&m, atoi(argv[1]));
	return 0;
}
