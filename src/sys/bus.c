// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bus.c - the system bus: the library, the connection, calls, and what can go wrong with them.
 */
#include "bus.h"
#include "library.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY "libsystemd.so.0"

#define PENDING_MAX 4096 /* messages that may have come while nobody listened */
#define SAID_MAX    200	 /* of an error's text */

/* ---- the library ---- */

DLOPEN_NOTE(dlopen_note, "systemd", "Asks systemd for services", "recommended", LIBRARY);

static const struct library_function function_table[] = {
#define ROW(name) { "sd_bus_" #name, offsetof(struct functions, name) },
	EACH_FUNCTION(ROW)
#undef ROW
};

static const struct library libsystemd = {
	.soname = LIBRARY,
	.failure = "cannot talk to systemd",
	.packages = "libsystemd0 or systemd-libs",
	.functions = function_table,
	.count = ARRAY_SIZE(function_table),
};

static int load_library(struct bus *b, struct err *e)
{
	if (library_load(&libsystemd, &b->sd, e) < 0)
		return err_status(e, STATUS_FAILED, "no-bus");
	b->loaded = true;
	return 0;
}

static int no_bus(struct err *e)
{
	err_hint(e, "Look at it:  systemctl status dbus.service");
	return err_status(e, STATUS_FAILED, "no-bus");
}

/* ---- the connection ---- */

void disconnect(struct bus *b)
{
	if (!b->link)
		return;
	/* Nothing is waited for: what is not sent by now is not wanted any more. */
	b->sd.close(b->link);
	b->link = b->sd.unref(b->link);
	b->subscribed = false;
	b->owner[0] = '\0';
}

/* Takes in what came meanwhile, a hang-up among it. */
static bool still_connected(struct bus *b)
{
	int r = 1;

	for (int i = 0; r > 0 && i < PENDING_MAX; i++)
		r = b->sd.process(b->link, NULL);
	return r >= 0 && b->sd.is_open(b->link) > 0;
}

/* One step, of at most so long. A signal ends the waiting, not the work. 0 or -errno. */
int turn(struct ports *p, struct bus *b, int64_t deadline)
{
	int r = b->sd.process(b->link, NULL);
	int64_t left = deadline - p->system.monotonic_ms(p);

	if (r != 0 || left <= 0)
		return r < 0 && r != -EINTR ? r : 0;
	r = b->sd.wait(b->link, (uint64_t)left * 1000);
	return r < 0 && r != -EINTR ? r : 0;
}

static char *limit_text(unsigned ms)
{
	return ms % 1000 ? xasprintf("%u ms", ms) : xasprintf("%u s", ms / 1000);
}

/* By ourselves, because the first call would do it without our limit. */
static int wait_ready(struct ports *p, struct bus *b, struct err *e)
{
	int64_t deadline = p->system.monotonic_ms(p) + b->limits->look_ms;
	autofree char *limit = limit_text(b->limits->look_ms);
	int r = 0;

	while (r >= 0 && (r = b->sd.is_ready(b->link)) == 0) {
		if (p->system.monotonic_ms(p) >= deadline) {
			err_set(e, -ETIMEDOUT, "the system bus did not answer within %s", limit);
			return no_bus(e);
		}
		r = turn(p, b, deadline);
	}
	if (r > 0)
		return 0;
	err_sys(e, r, "cannot connect to the system bus");
	return no_bus(e);
}

/*
 * The address may be given from outside, by $DBUS_SYSTEM_BUS_ADDRESS; but sd-bus knows kinds of
 * addresses that run programs (unixexec:).
 */
static int check_address(struct err *e)
{
	const char *address = secure_getenv("DBUS_SYSTEM_BUS_ADDRESS");

	if (!address || (starts_with(address, "unix:") && !strchr(address, ';')))
		return 0;
	err_set(e, -EINVAL, "$DBUS_SYSTEM_BUS_ADDRESS is not the address of one local socket");
	err_hint(e, "Unset it, or set it to unix:path=...");
	return err_status(e, STATUS_FAILED, "no-bus");
}

/*
 * Sees each message that is no answer to a call of ours, before anybody else does. The bus itself vouches for
 * senders. 1: nothing more is done with it, and nothing is kept or answered.
 */
static int take_message(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct bus *b = arg;
	const char *sender = b->sd.message_get_sender(m);

	(void)error;
	if (*b->owner && sender && strcmp(sender, b->owner) == 0 &&
	    b->sd.message_is_signal(m, MANAGER_INTERFACE, "JobRemoved") > 0)
		on_job_removed(b, m);
	return 1;
}

static int open_link(struct ports *p, struct bus *b, struct err *e)
{
	int r = check_address(e);

	if (r < 0)
		return r;
	r = b->sd.open_system(&b->link);
	if (r < 0) {
		b->link = NULL;
		err_sys(e, r, "cannot connect to the system bus");
		return no_bus(e);
	}
	b->sd.set_method_call_timeout(b->link, (uint64_t)b->limits->call_ms * 1000);
	r = b->sd.add_filter(b->link, NULL, take_message, b);
	if (r < 0) {
		err_sys(e, r, "cannot listen to the system bus");
		no_bus(e);
	} else {
		r = wait_ready(p, b, e);
	}
	if (r < 0)
		disconnect(b);
	return r;
}

int connect_bus(struct ports *p, struct bus **ret, struct err *e)
{
	struct sys *s = sys_of(p);
	int r = 0;

	if (p->image) {
		err_set(e, -EOPNOTSUPP, "an image has no service manager");
		return err_status(e, STATUS_FAILED, "no-bus");
	}
	if (!s->bus) {
		s->bus = xcalloc(1, sizeof(*s->bus));
		s->bus->limits = &s->bus_limits;
	}
	s->bus->p = p;
	if (!s->bus->loaded)
		r = load_library(s->bus, e);
	if (r == 0 && s->bus->link && !still_connected(s->bus))
		disconnect(s->bus);
	if (r == 0 && !s->bus->link)
		r = open_link(p, s->bus, e);
	if (r == 0)
		*ret = s->bus;
	return r;
}

/* ---- what goes wrong ---- */

int give_way_out(const struct question *q, const char *id, struct err *e)
{
	err_hint(e, "Look at it:  systemctl status %s        journalctl -u %s", q->unit, q->unit);
	return err_status(e, STATUS_FAILED, id);
}

bool is_error(const sd_bus_error *error, const char *name)
{
	return error->name && strcmp(error->name, name) == 0;
}

static bool is_denial(const sd_bus_error *error)
{
	return is_error(error, SD_BUS_ERROR_ACCESS_DENIED) ||
	       is_error(error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED);
}

/* Whoever answers to the name of systemd is not there. */
bool is_absence(const sd_bus_error *error)
{
	return is_error(error, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
	       is_error(error, SD_BUS_ERROR_NAME_HAS_NO_OWNER);
}

static bool is_hang_up(int r)
{
	return r == -ENOTCONN || r == -ECONNRESET || r == -EPIPE || r == -ESHUTDOWN;
}

int lost(struct bus *b, int r, const struct question *q, struct err *e)
{
	disconnect(b);
	err_sys(e, r, "the connection to systemd broke when asked to %s %s", q->asked, q->unit);
	return give_way_out(q, "bus-lost", e);
}

int left_bus(const struct question *q, struct err *e)
{
	err_set(e, -ENOTCONN, "systemd left the bus when asked to %s %s", q->asked, q->unit);
	return give_way_out(q, "bus-lost", e);
}

int too_late(unsigned limit_ms, const struct question *q, struct err *e)
{
	autofree char *limit = limit_text(limit_ms);

	err_set(e, -ETIMEDOUT, "systemd did not answer within %s when asked to %s %s", limit,
		q->asked, q->unit);
	return give_way_out(q, "bus-timeout", e);
}

static int answered_no(int r, const sd_bus_error *error, const struct question *q, struct err *e)
{
	autofree char *said = safe_text(error->message ? error->message : "", SAID_MAX);
	bool denied = is_denial(error);

	err_set(e, r, "systemd %s to %s %s%s%s", denied ? "refused" : "failed", q->asked, q->unit,
		*said ? ": " : "", said);
	return give_way_out(q, denied ? "bus-denied" : "bus-error", e);
}

/* r: what call_try() returned. */
int explain(struct bus *b, int r, const sd_bus_error *error, unsigned limit_ms,
	    const struct question *q, struct err *e)
{
	if (is_hang_up(r))
		return lost(b, r, q, e);
	if (is_absence(error)) {
		err_set(e, -ENOTCONN, "systemd is not on the system bus");
		return no_bus(e);
	}
	/* The bus says this of one that left: who is only late is told by our own limit. */
	if (is_error(error, SD_BUS_ERROR_NO_REPLY))
		return left_bus(q, e);
	if (r == -ETIMEDOUT)
		return too_late(limit_ms, q, e);
	return answered_no(r, error, q, e);
}

int not_understood(int r, const struct question *q, struct err *e)
{
	err_sys(e, r < 0 ? r : -EBADMSG, "systemd's answer cannot be read when asked to %s %s",
		q->asked, q->unit);
	return give_way_out(q, "bus-error", e);
}

/* ---- calls ---- */

void call_free(struct call *c)
{
	c->bus->sd.message_unref(c->request);
	c->bus->sd.message_unref(c->reply);
	c->bus->sd.error_free(&c->error);
}

static struct call call_of(struct bus *b, const struct question *q)
{
	return (struct call){ .bus = b,
			      .question = q,
			      .limit_ms = q->look ? b->limits->look_ms : b->limits->call_ms };
}

struct call call_begin(struct bus *b, const struct question *q, const char *path,
		       const char *interface, const char *member)
{
	struct call c = call_of(b, q);

	c.r = b->sd.message_new_method_call(b->link, &c.request, MANAGER, path, interface, member);
	/* Nobody is started to answer: systemd runs or does not. */
	if (c.r >= 0)
		c.r = b->sd.message_set_auto_start(c.request, 0);
	return c;
}

struct call driver_call(struct bus *b, const struct question *q, const char *member)
{
	struct call c = call_of(b, q);

	c.r = b->sd.message_new_method_call(b->link, &c.request, DRIVER, DRIVER_PATH, DRIVER,
					    member);
	return c;
}

struct call manager_call(struct bus *b, const struct question *q, const char *member)
{
	return call_begin(b, q, MANAGER_PATH, MANAGER_INTERFACE, member);
}

static int on_answer(sd_bus_message *m, void *arg, sd_bus_error *error)
{
	struct call *c = arg;

	(void)error;
	c->answered = true;
	c->reply = c->bus->sd.message_ref(m);
	return 1;
}

/* Takes messages off the bus until the answer is there. A signal ends no wait: see turn(). */
static int wait_for_answer(struct call *c)
{
	struct bus *b = c->bus;
	int64_t deadline = b->p->system.monotonic_ms(b->p) + c->limit_ms;

	while (!c->answered) {
		int r = turn(b->p, b, deadline);

		if (r < 0)
			return r;
		if (!c->answered && b->sd.is_open(b->link) <= 0)
			return -ECONNRESET;
		if (!c->answered && b->p->system.monotonic_ms(b->p) >= deadline)
			return -ETIMEDOUT;
	}
	return 0;
}

/* An answer that is an error; one of sd-bus itself where the connection broke. */
static int judge_answer(struct call *c)
{
	const sd_bus_error *error = c->bus->sd.message_get_error(c->reply);
	int r;

	if (!error)
		return 0;
	if (is_error(error, SD_BUS_ERROR_NO_REPLY) && c->bus->sd.is_open(c->bus->link) <= 0)
		return -ECONNRESET;
	r = c->bus->sd.error_copy(&c->error, error);
	return r < 0 ? r : -EIO;
}

int call_try(struct call *c)
{
	sd_bus_slot *slot = NULL;

	if (c->r < 0)
		return c->r;
	/* Without a limit of its own: what the bus says of who left is told from who is late. */
	c->r = c->bus->sd.call_async(c->bus->link, &slot, c->request, on_answer, c, UINT64_MAX);
	if (c->r >= 0)
		c->r = wait_for_answer(c);
	if (c->r >= 0)
		c->r = judge_answer(c);
	/* An answer that comes too late finds nobody. */
	c->bus->sd.slot_unref(slot);
	return c->r;
}

int call_failed(struct call *c, struct err *e)
{
	return explain(c->bus, c->r, &c->error, c->limit_ms, c->question, e);
}

int call_end(struct call *c, struct err *e)
{
	return call_try(c) < 0 ? call_failed(c, e) : 0;
}

/* One string of the answer, which lives as long as the call does. */
int call_string(struct call *c, const char *types, const char *inner, const char **ret,
		struct err *e)
{
	int r = inner ? c->bus->sd.message_read(c->reply, types, inner, ret)
		      : c->bus->sd.message_read(c->reply, types, ret);

	return r > 0 ? 0 : not_understood(r, c->question, e);
}

/* A path of an object, bounded. */
int call_path(struct call *c, char *ret, struct err *e)
{
	const char *path;
	int r = call_string(c, "o", NULL, &path, e);

	if (r < 0)
		return r;
	if (strlen(path) >= PATH_BYTES)
		return not_understood(-ENAMETOOLONG, c->question, e);
	strcpy(ret, path);
	return 0;
}
