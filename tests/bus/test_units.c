// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * units.c before a made-up service manager (manager.c) on a bus of its own: a dbus-daemon with one
 * socket in a temporary directory. The buses of this host are not touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/sys.h"
#include "../unit/library.h"

#define KSM	    "ksm.service"
#define GHOST	    "ghost.service"
#define GENEROUS_MS 30000
#define WORDS_MAX   4

/* Long where all goes well, however slow this machine is; short where a limit is to be met. */
static const struct bus_limits long_limits = { 20000, 20000, 20000, 20000 };
static const struct bus_limits short_limits = { 300, 300, 300, 1000 };

static struct bed {
	char dir[64], config[128], address[128];
	pid_t daemon, manager;
	struct ports ports;
	struct err e;
	int fds;
} bed;

/* ---- processes ---- */

static int count_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Runs a program, and waits until it has written something to the descriptor it inherits. */
static pid_t run(char *const *argv, int ready_fd)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(ready[1], ready_fd);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(ready[1]);
	if (read(ready[0], &byte, 1) != 1)
		fail_msg("%s does not start", argv[0]);
	close(ready[0]);
	return pid;
}

static void end(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		kill(*pid, SIGCONT);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

static void start_daemon(void)
{
	char config[160];
	char *argv[] = {
		"dbus-daemon", config, "--nofork", "--nopidfile", "--print-address=9", NULL
	};

	snprintf(config, sizeof(config), "--config-file=%s", bed.config);
	bed.daemon = run(argv, 9);
}

static char *path_beside(const char *name)
{
	autofree char *self = own_path();

	*strrchr(self, '/') = '\0';
	return xasprintf("%s/%s", self, name);
}

/* The word "kill" means the bus. */
static void start_manager(const char *const *words)
{
	autofree char *program = path_beside("manager");
	char killing[32], *argv[WORDS_MAX + 3] = { program, "9" };

	snprintf(killing, sizeof(killing), "kill=%d", (int)bed.daemon);
	for (int i = 0; i < WORDS_MAX && words[i]; i++)
		argv[2 + i] = strcmp(words[i], "kill") == 0 ? killing : (char *)words[i];
	bed.manager = run(argv, 9);
}

#define MANAGER(...) start_manager((const char *const[WORDS_MAX + 1]){ __VA_ARGS__ })

/* ---- each test's bed ---- */

static int set_up(void **state)
{
	FILE *config;

	(void)state;
	bed = (struct bed){ .dir = "/tmp/kvmtune-bus.XXXXXX", .fds = count_fds() };
	assert_non_null(mkdtemp(bed.dir));
	snprintf(bed.config, sizeof(bed.config), "%s/config", bed.dir);
	snprintf(bed.address, sizeof(bed.address), "unix:path=%s/socket", bed.dir);
	config = fopen(bed.config, "we");
	assert_non_null(config);
	fprintf(config,
		"<busconfig><listen>%s</listen><auth>EXTERNAL</auth><policy context=\"default\">"
		"<allow user=\"*\"/><allow own=\"*\"/><allow send_destination=\"*\"/>"
		"<allow receive_sender=\"*\"/></policy></busconfig>\n",
		bed.address);
	fclose(config);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", bed.address, 1);
	start_daemon();
	assert_int_equal(ports_open(&bed.ports, NULL, &bed.e), 0);
	sys_of(&bed.ports)->bus_limits = long_limits;
	return 0;
}

static int tear_down(void **state)
{
	char socket[128];
	int children;

	(void)state;
	ports_close(&bed.ports);
	end(&bed.manager);
	end(&bed.daemon);
	snprintf(socket, sizeof(socket), "%s/socket", bed.dir);
	unlink(socket);
	unlink(bed.config);
	rmdir(bed.dir);
	children = waitpid(-1, NULL, WNOHANG);
	if (count_fds() != bed.fds || children != -1) {
		print_error("%d descriptors, %d before; children: %d\n", count_fds(), bed.fds,
			    children);
		return -1;
	}
	return 0;
}

static int stop_unit(const char *unit)
{
	return bed.ports.unit.stop(&bed.ports, unit, &bed.e);
}

static int start_unit(const char *unit)
{
	return bed.ports.unit.start(&bed.ports, unit, &bed.e);
}

static int reload_for(const char *unit)
{
	return bed.ports.unit.reload(&bed.ports, unit, &bed.e);
}

static struct unit_state last_state;
static int ask_state(const char *unit)
{
	return bed.ports.unit.state(&bed.ports, unit, &last_state, &bed.e);
}

static void assert_state(const char *unit, const char *load, const char *active, const char *file)
{
	if (ask_state(unit) < 0)
		fail_msg("%s: %s", bed.e.id, bed.e.text);
	assert_string_equal(last_state.load, load);
	assert_string_equal(last_state.active, active);
	assert_string_equal(last_state.file, file);
}

static void assert_good(int r)
{
	if (r < 0)
		fail_msg("%s: %s", bed.e.id, bed.e.text);
	assert_int_equal(r, 0);
	assert_string_equal(bed.e.text, "");
}

static void assert_safe(const char *text)
{
	for (; *text; text++)
		assert_true(*text >= ' ' && *text <= '~');
}

static void assert_error(int r, const char *id, const char *text)
{
	assert_true(r < 0);
	assert_int_equal(r, bed.e.code);
	assert_int_equal(bed.e.status, STATUS_FAILED);
	if (strcmp(bed.e.id, id) != 0)
		fail_msg("%s, not %s: %s", bed.e.id, id, bed.e.text);
	if (!strstr(bed.e.text, text))
		fail_msg("\"%s\" does not say \"%s\"", bed.e.text, text);
	assert_safe(bed.e.text);
	assert_string_not_equal(bed.e.hint, "");
}

/* ---- one call to one manager ---- */

struct one {
	const char *name;
	int (*call)(const char *unit);
	const char *unit;
	const char *words[WORDS_MAX + 1]; /* for the manager */
	const char *id;			  /* NULL: the call succeeds */
	const char *text;		  /* of the error */
	bool hurry;			  /* limits are short */
};

#define DENIED	    ":org.freedesktop.DBus.Error.AccessDenied"
#define INTERACTIVE ":org.freedesktop.DBus.Error.InteractiveAuthorizationRequired"
#define LIMITS	    ":org.freedesktop.DBus.Error.LimitsExceeded"
#define MASKED	    ":org.freedesktop.systemd1.UnitMasked"

static const struct one ones[] = {
	{ "state: no answer",
	  ask_state,
	  KSM,
	  { "silent=LoadUnit" },
	  "bus-timeout",
	  "did not answer within 300 ms when asked to report the state of " KSM,
	  true },
	{ "state: no last answer",
	  ask_state,
	  KSM,
	  { "silent=GetUnitFileState" },
	  "bus-timeout",
	  "within 300 ms",
	  true },
	{ "state: late answer", ask_state, KSM, { "late=LoadUnit" }, NULL, NULL, false },
	{ "state: access denied",
	  ask_state,
	  KSM,
	  { "error=LoadUnit" DENIED },
	  "bus-denied",
	  "systemd refused to report the state of " KSM ": No\\x1b[31m",
	  false },
	{ "state: wrong answer",
	  ask_state,
	  KSM,
	  { "answer=LoadUnit" },
	  "bus-error",
	  "cannot be read",
	  false },
	{ "state: wrong last answer",
	  ask_state,
	  KSM,
	  { "answer=GetUnitFileState" },
	  "bus-error",
	  "cannot be read",
	  false },
	{ "state: bad name", ask_state, "x", { NULL }, "bus-error", "not valid", false },
	{ "stop", stop_unit, KSM, { NULL }, NULL, NULL, false },
	{ "stop: no such unit", stop_unit, GHOST, { NULL }, NULL, NULL, false },
	{ "stop: subscribed already", stop_unit, KSM, { "subscribed" }, NULL, NULL, false },
	{ "stop: may not subscribe",
	  stop_unit,
	  KSM,
	  { "error=Subscribe" DENIED },
	  "bus-denied",
	  "to stop " KSM,
	  false },
	{ "stop: signal before answer", stop_unit, KSM, { "early" }, NULL, NULL, false },
	{ "stop: other jobs between", stop_unit, KSM, { "others", "slow" }, NULL, NULL, false },
	{ "stop: forged end", stop_unit, KSM, { "forged" }, NULL, NULL, false },
	{ "stop: forged end, no true one",
	  stop_unit,
	  KSM,
	  { "forged", "endless" },
	  "bus-timeout",
	  "within 1 s",
	  true },
	{ "stop: unheard end", stop_unit, KSM, { "unheard" }, NULL, NULL, true },
	{ "stop: no message and no effect",
	  stop_unit,
	  KSM,
	  { "unheard", "stubborn" },
	  "job-failed",
	  KSM " was stopped, but is active",
	  true },
	{ "stop: no end",
	  stop_unit,
	  KSM,
	  { "endless" },
	  "bus-timeout",
	  "did not answer within 1 s when asked to stop " KSM,
	  true },
	{ "stop: no answer",
	  stop_unit,
	  KSM,
	  { "silent=StopUnit" },
	  "bus-timeout",
	  "to stop " KSM,
	  true },
	{ "stop: late answer", stop_unit, KSM, { "late=StopUnit" }, NULL, NULL, false },
	{ "stop: skipped", stop_unit, KSM, { "job=skipped" }, NULL, NULL, false },
	{ "stop: failed",
	  stop_unit,
	  KSM,
	  { "job=failed" },
	  "job-failed",
	  "systemd could not stop " KSM ": its job ended with \"failed\"",
	  false },
	{ "stop: canceled",
	  stop_unit,
	  KSM,
	  { "job=canceled" },
	  "job-failed",
	  "\"canceled\"",
	  false },
	{ "stop: timeout", stop_unit, KSM, { "job=timeout" }, "job-failed", "\"timeout\"", false },
	{ "stop: no known end",
	  stop_unit,
	  KSM,
	  { "job=DO\033NE" },
	  "job-failed",
	  "\"unknown\"",
	  false },
	{ "stop: an end without a message",
	  stop_unit,
	  KSM,
	  { "job=" },
	  "job-failed",
	  "\"unknown\"",
	  false },
	{ "stop: still active",
	  stop_unit,
	  KSM,
	  { "stubborn" },
	  "job-failed",
	  "but is active",
	  false },
	{ "stop: no known state",
	  stop_unit,
	  KSM,
	  { "stubborn", "active=X" },
	  "job-failed",
	  "in no known state",
	  false },
	{ "stop: failed state",
	  stop_unit,
	  KSM,
	  { "stubborn", "active=failed" },
	  NULL,
	  NULL,
	  false },
	{ "stop: authorization",
	  stop_unit,
	  KSM,
	  { "error=StopUnit" INTERACTIVE },
	  "bus-denied",
	  "systemd refused to stop " KSM,
	  false },
	{ "stop: wrong answer",
	  stop_unit,
	  KSM,
	  { "answer=StopUnit" },
	  "bus-error",
	  "cannot be read",
	  false },
	{ "stop: systemd leaves at once",
	  stop_unit,
	  KSM,
	  { "leave=StopUnit" },
	  "bus-lost",
	  "systemd left the bus when asked to stop " KSM,
	  false },
	{ "stop: systemd leaves in the job",
	  stop_unit,
	  KSM,
	  { "die" },
	  "bus-lost",
	  "systemd left the bus",
	  true },
	{ "stop: the bus dies",
	  stop_unit,
	  KSM,
	  { "kill", "endless" },
	  "bus-lost",
	  "the connection to systemd broke when asked to stop " KSM,
	  false },
	{ "start", start_unit, KSM, { "active=inactive" }, NULL, NULL, false },
	{ "start: on its way",
	  start_unit,
	  KSM,
	  { "active=activating", "stubborn" },
	  NULL,
	  NULL,
	  false },
	{ "start: no such unit",
	  start_unit,
	  GHOST,
	  { NULL },
	  "bus-error",
	  "no unit " GHOST,
	  false },
	{ "start: without effect",
	  start_unit,
	  KSM,
	  { "active=inactive", "stubborn" },
	  "job-failed",
	  KSM " was started, but is inactive",
	  false },
	{ "start: masked",
	  start_unit,
	  KSM,
	  { "error=StartUnit" MASKED },
	  "bus-error",
	  "systemd failed to start",
	  false },
	{ "start: dependency",
	  start_unit,
	  KSM,
	  { "job=dependency" },
	  "job-failed",
	  "\"dependency\"",
	  false },
	{ "reload: too often",
	  reload_for,
	  KSM,
	  { "error=Reload" LIMITS },
	  "bus-error",
	  "reload the unit files for",
	  false },
	{ "reload: no answer",
	  reload_for,
	  KSM,
	  { "silent=Reload" },
	  "bus-timeout",
	  "reload the unit files for",
	  true },
	{ "reload: denied",
	  reload_for,
	  KSM,
	  { "error=Reload" DENIED },
	  "bus-denied",
	  "reload the unit files for",
	  false },
};

static void test_one(void **state)
{
	const struct one *one = *state;
	int64_t begun = bed.ports.system.monotonic_ms(&bed.ports);
	int r;

	if (one->hurry)
		sys_of(&bed.ports)->bus_limits = short_limits;
	start_manager(one->words);
	r = one->call(one->unit);
	if (one->id)
		assert_error(r, one->id, one->text);
	else
		assert_good(r);
	/* Whether it is stuck, not how fast it is. */
	assert_true(bed.ports.system.monotonic_ms(&bed.ports) - begun < GENEROUS_MS);
}

/* ---- states ---- */

static void test_state(void **state)
{
	(void)state;
	MANAGER(NULL);
	assert_state(KSM, "loaded", "active", "enabled");
	assert_state(GHOST, "not-found", "inactive", "");
}

static void test_hostile_states(void **state)
{
	(void)state;
	MANAGER("load=loaded\033[2J", "active=Active", "file=../enabled");
	assert_state(KSM, "", "", "");
	end(&bed.manager);
	MANAGER("long");
	assert_state(KSM, "", "", "");
}

/* The last that fits, and the first that does not. */
static void test_longest_state(void **state)
{
	(void)state;
	MANAGER("load=abcdefghijklmnopqrstuvwxyz-abcd", "active=abcdefghijklmnopqrstuvwxyz-abcde");
	assert_state(KSM, "abcdefghijklmnopqrstuvwxyz-abcd", "", "enabled");
}

static void test_state_untouched_by_failure(void **state)
{
	(void)state;
	MANAGER("answer=GetUnitFileState");
	last_state = (struct unit_state){ .load = "as", .active = "it", .file = "was" };
	assert_error(ask_state(KSM), "bus-error", "cannot be read");
	assert_string_equal(last_state.load, "as");
	assert_string_equal(last_state.active, "it");
	assert_string_equal(last_state.file, "was");
}

/* ---- changes ---- */

static void test_changes_are_made(void **state)
{
	(void)state;
	MANAGER(NULL);
	assert_good(reload_for(KSM));
	assert_good(stop_unit(KSM));
	assert_state(KSM, "loaded", "inactive", "enabled");
	assert_good(stop_unit(KSM));
	assert_good(start_unit(KSM));
	assert_state(KSM, "loaded", "active", "enabled");
}

/* ---- what has to do with a unit ---- */

static struct unit_relations last_relations;
static int ask_relations(const char *unit)
{
	last_relations = (struct unit_relations){ 0 };
	return bed.ports.unit.relations(&bed.ports, unit, &last_state, &last_relations, &bed.e);
}

static void test_relations(void **state)
{
	(void)state;
	MANAGER("relation=RequiredBy:web.service", "many=Requires", "no_start", "waits=start");
	assert_good(ask_relations(KSM));
	assert_string_equal(last_state.active, "active");
	assert_string_equal(last_state.job, "start");
	assert_true(last_state.no_start);
	assert_false(last_state.no_stop);
	assert_int_equal(last_relations.stops.n, 1);
	assert_string_equal(last_relations.stops.v[0], "web.service");
	assert_int_equal(last_relations.needs.n, 1024);
	assert_int_equal(last_relations.wants.n + last_relations.revived_by.n, 0);
	unit_relations_free(&last_relations);
	assert_good(ask_relations(GHOST));
	assert_string_equal(last_state.load, "not-found");
	unit_relations_free(&last_relations);
}

/* They get into questions, messages and the journal. */
static void test_hostile_names(void **state)
{
	(void)state;
	MANAGER("relation=TriggeredBy:../x\033[2J.timer");
	assert_good(ask_relations(KSM));
	assert_int_equal(last_relations.revived_by.n, 0);
}

static void test_job_that_ends_meanwhile(void **state)
{
	(void)state;
	MANAGER("waits=");
	assert_state(KSM, "loaded", "active", "enabled");
	assert_string_equal(last_state.job, "");
}

static void test_start_in_vain_says_why(void **state)
{
	(void)state;
	MANAGER("active=inactive", "stubborn");
	assert_error(start_unit(KSM), "job-failed", "but is inactive");
	assert_non_null(strstr(bed.e.hint, "ConditionVirtualization"));
	assert_non_null(strstr(bed.e.hint, "systemctl status " KSM));
}

/* ---- messages of others ---- */

/* The most memory that this process ever had. */
static long peak_mib(void)
{
	struct rusage usage;

	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	return usage.ru_maxrss / 1024;
}

/* AddressSanitizer keeps freed memory for a while. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define KEEPS_FREED_MEMORY true
#endif
#endif
#ifndef KEEPS_FREED_MEMORY
#define KEEPS_FREED_MEMORY false
#endif

static void flood_is_dropped(const char *method, int (*call)(const char *unit))
{
	autofree char *word = xasprintf("flood=%s", method);

	MANAGER(word);
	assert_good(call(KSM));
	if (!KEEPS_FREED_MEMORY && peak_mib() >= 64)
		fail_msg("%ld MiB", peak_mib());
	end(&bed.manager);
}

/* Anybody may send us what he likes, at any time: it takes no memory, and the answer still comes. */
static void test_flood(void **state)
{
	(void)state;
	flood_is_dropped("LoadUnit", ask_state);
	flood_is_dropped("StopUnit", stop_unit);
	flood_is_dropped("Reload", reload_for);
}

static volatile sig_atomic_t alarms;
static void on_alarm(int number)
{
	(void)number;
	alarms++;
}

static void test_signals_do_not_stop_the_waiting(void **state)
{
	struct sigaction act = { .sa_handler = on_alarm }, old;
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } }, never = { 0 };

	(void)state;
	MANAGER("late=StopUnit", "slow");
	alarms = 0;
	sigaction(SIGALRM, &act, &old);
	setitimer(ITIMER_REAL, &often, NULL);
	assert_int_equal(stop_unit(KSM), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	sigaction(SIGALRM, &old, NULL);
	assert_true(alarms > 5);
}

/* ---- the connection ---- */

static void test_no_systemd_on_the_bus(void **state)
{
	(void)state;
	assert_error(stop_unit(KSM), "no-bus", "systemd is not on the system bus");
	MANAGER(NULL);
	bed.e = (struct err){ 0 };
	assert_good(stop_unit(KSM));
}

static void test_no_bus(void **state)
{
	(void)state;
	setenv("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/nonexistent/socket", 1);
	assert_error(ask_state(KSM), "no-bus", "cannot connect to the system bus: No such file");
}

static void test_frozen_bus(void **state)
{
	(void)state;
	sys_of(&bed.ports)->bus_limits = short_limits;
	kill(bed.daemon, SIGSTOP);
	assert_error(ask_state(KSM), "no-bus", "the system bus did not answer within 300 ms");
	assert_error(ask_state(KSM), "no-bus", "the system bus did not answer within 300 ms");
}

static void test_bus_frozen_later(void **state)
{
	(void)state;
	MANAGER(NULL);
	assert_good(ask_state(KSM));
	sys_of(&bed.ports)->bus_limits = short_limits;
	kill(bed.daemon, SIGSTOP);
	assert_error(ask_state(KSM), "bus-timeout", "did not answer within 300 ms");
	sys_of(&bed.ports)->bus_limits = long_limits;
	kill(bed.daemon, SIGCONT);
	bed.e = (struct err){ 0 };
	assert_good(ask_state(KSM));
}

/* An address that sd-bus would run a program for. */
static void test_address_runs_nothing(void **state)
{
	char trap[128], address[256];

	(void)state;
	snprintf(trap, sizeof(trap), "%s/trap", bed.dir);
	snprintf(address, sizeof(address), "unixexec:path=/usr/bin/touch,argv1=%s", trap);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	assert_error(ask_state(KSM), "no-bus", "DBUS_SYSTEM_BUS_ADDRESS");
	snprintf(address, sizeof(address),
		 "unix:path=/nonexistent;unixexec:path=/usr/bin/touch,argv1=%s", trap);
	setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
	assert_error(ask_state(KSM), "no-bus", "DBUS_SYSTEM_BUS_ADDRESS");
	assert_int_equal(access(trap, F_OK), -1);
}

static void restart_all(void)
{
	end(&bed.manager);
	end(&bed.daemon);
	start_daemon();
	MANAGER(NULL);
}

/* The rollback needs the manager after the bus has been lost. */
static void test_reconnects_after_loss(void **state)
{
	(void)state;
	MANAGER("kill", "endless");
	assert_error(stop_unit(KSM), "bus-lost", "broke");
	restart_all();
	bed.e = (struct err){ 0 };
	assert_good(stop_unit(KSM));
	assert_state(KSM, "loaded", "inactive", "enabled");
}

/* Unmerging may take minutes: nobody listens meanwhile. */
static void test_bus_restarted_between_calls(void **state)
{
	(void)state;
	MANAGER(NULL);
	assert_good(stop_unit(KSM));
	restart_all();
	assert_good(stop_unit(KSM));
}

static void test_image_has_no_manager(void **state)
{
	(void)state;
	MANAGER(NULL);
	bed.ports.image = true;
	assert_true(stop_unit(KSM) < 0);
	assert_string_equal(bed.e.id, "no-bus");
	bed.ports.image = false;
	bed.e = (struct err){ 0 };
	assert_state(KSM, "loaded", "active", "enabled");
}

static void test_no_library(void **state)
{
	char text[1300];

	(void)state;
	assert_int_equal(run_with_library("libsystemd.so.0", NULL, text, sizeof(text)), 0);
	assert_string_equal(text,
			    "no-bus cannot talk to systemd: libsystemd.so.0 cannot be loaded");
}

/* In a process of its own, see library.h. */
static int without_library(void)
{
	struct ports p;
	struct unit_state s;
	struct err e = { 0 };

	if (ports_open(&p, NULL, &e) < 0 || p.unit.state(&p, KSM, &s, &e) == 0)
		return 1;
	printf("%s %s", e.id, e.text);
	ports_close(&p);
	return 0;
}

/* ---- all ---- */

static bool have_program(const char *name)
{
	autofree char *path = xstrdup(getenv("PATH") ? getenv("PATH") : "/usr/bin");
	char *rest = path, *dir;

	while ((dir = strsep(&rest, ":"))) {
		autofree char *file = xasprintf("%s/%s", dir, name);

		if (access(file, X_OK) == 0)
			return true;
	}
	return false;
}

static const char *missing(void)
{
	void *library = dlopen("libsystemd.so.0", RTLD_LAZY);

	if (!library)
		return "libsystemd";
	dlclose(library);
	return have_program("dbus-daemon") ? NULL : "dbus-daemon";
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
static const struct CMUnitTest others[] = {
	TEST(test_state),
	TEST(test_hostile_states),
	TEST(test_longest_state),
	TEST(test_state_untouched_by_failure),
	TEST(test_changes_are_made),
	TEST(test_relations),
	TEST(test_hostile_names),
	TEST(test_job_that_ends_meanwhile),
	TEST(test_start_in_vain_says_why),
	TEST(test_flood),
	TEST(test_signals_do_not_stop_the_waiting),
	TEST(test_no_systemd_on_the_bus),
	TEST(test_no_bus),
	TEST(test_frozen_bus),
	TEST(test_bus_frozen_later),
	TEST(test_address_runs_nothing),
	TEST(test_reconnects_after_loss),
	TEST(test_bus_restarted_between_calls),
	TEST(test_image_has_no_manager),
	TEST(test_no_library),
};

static int run_all(void)
{
	struct CMUnitTest tests[ARRAY_SIZE(ones) + ARRAY_SIZE(others)];

	for (size_t i = 0; i < ARRAY_SIZE(ones); i++) {
		tests[i] = (struct CMUnitTest)TEST(test_one);
		tests[i].name = ones[i].name;
		tests[i].initial_state = (void *)&ones[i];
	}
	memcpy(tests + ARRAY_SIZE(ones), others, sizeof(others));
	return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}

int main(int argc, char **argv)
{
	const char *lacks;

	if (argc > 1 && strcmp(argv[1], WITH_LIBRARY) == 0)
		return without_library();
	lacks = missing();
	if (!lacks)
		return run_all();
	printf("[  SKIPPED ] units: %s is missing\n", lacks);
	return getenv("KVMTUNE_TESTS_MUST_RUN") && *getenv("KVMTUNE_TESTS_MUST_RUN") == '1';
}
