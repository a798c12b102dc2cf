/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bus.h - calls to systemd on the system bus, for units.c alone.
 *
 *	connect_bus(p, &b, e);
 *	autocall c = manager_call(b, &question, "LoadUnit");
 *	call_append(&c, "s", unit);
 *	call_end(&c, e);		0, or a negative errno with e filled
 *	call_string(&c, "s", NULL, &word, e);
 *
 * libsystemd is loaded when it is first needed, not linked: it brings four libraries more, and most
 * commands do without. What the bus says is not trusted: a state is a short word or unknown, text
 * is made safe before it gets into a message.
 *
 * Anybody on the bus can send us messages. sd_bus_call() would keep them all until its answer comes; so
 * calls are asynchronous, and each message is read as it comes: an answer to our call,
 * a signal from systemd, or dropped.
 */
#ifndef KVMTUNE_BUS_H
#define KVMTUNE_BUS_H

#include <systemd/sd-bus.h>

#include "sys.h"

#define MANAGER		  "org.freedesktop.systemd1"
#define MANAGER_PATH	  "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE MANAGER ".Manager"
#define UNIT_INTERFACE	  MANAGER ".Unit"
#define JOB_INTERFACE	  MANAGER ".Job"
#define PROPERTIES	  "org.freedesktop.DBus.Properties"
#define DRIVER		  "org.freedesktop.DBus"
#define DRIVER_PATH	  "/org/freedesktop/DBus"

#define PATH_BYTES   256
#define SENDER_BYTES 256 /* the longest bus name, and its end */

/* All that is used of the library. */
#define EACH_FUNCTION(X)                                                                           \
	X(open_system)                                                                             \
	X(close)                                                                                   \
	X(unref)                                                                                   \
	X(is_open)                                                                                 \
	X(is_ready)                                                                                \
	X(set_method_call_timeout)                                                                 \
	X(process)                                                                                 \
	X(wait)                                                                                    \
	X(call_async)                                                                              \
	X(slot_unref)                                                                              \
	X(add_filter)                                                                              \
	X(message_new_method_call)                                                                 \
	X(message_set_auto_start)                                                                  \
	X(message_append)                                                                          \
	X(message_read)                                                                            \
	X(message_enter_container)                                                                 \
	X(message_exit_container)                                                                  \
	X(message_skip)                                                                            \
	X(message_get_sender)                                                                      \
	X(message_is_signal)                                                                       \
	X(message_get_error)                                                                       \
	X(message_ref)                                                                             \
	X(message_unref)                                                                           \
	X(error_copy)                                                                              \
	X(error_free)

struct functions {
#define MEMBER(name) typeof(&sd_bus_##name) name;
	EACH_FUNCTION(MEMBER)
#undef MEMBER
};

/* A start or stop that is waited for. */
struct job {
	char path[PATH_BYTES]; /* "": systemd has not named it yet */
	char result[32];       /* "": nothing was heard of its end */
	bool missed;	       /* a job has ended before ours was named: perhaps ours */
};

struct bus {
	struct functions sd;
	bool loaded;
	struct ports *p;
	sd_bus *link;	 /* NULL: not connected */
	bool subscribed; /* to the ends of jobs, on this connection */
	char owner
		[SENDER_BYTES]; /* the unique name of systemd, whose signals are heard; "": nobody */
	struct job job;
	const struct bus_limits *limits;
};

/* What is asked, for messages. */
struct question {
	const char *asked; /* "stop" */
	const char *unit;
	bool look; /* only how things are */
};

/* A call on its way: made by call_begin(), filled by append, done by call_end(). */
struct call {
	struct bus *bus;
	const struct question *question;
	unsigned limit_ms;
	sd_bus_message *request, *reply;
	bool answered;
	sd_bus_error error;
	int r;
};

void call_free(struct call *c);
#define autocall __attribute__((cleanup(call_free))) struct call

/* Connects where there is no connection, or it broke. */
int connect_bus(struct ports *p, struct bus **ret, struct err *e);
void disconnect(struct bus *b);
/* One step of the connection, until the deadline at most. A signal ends the waiting, not the work. */
int turn(struct ports *p, struct bus *b, int64_t deadline);

/* Takes a signal of systemd: units.c has it. */
void on_job_removed(struct bus *b, sd_bus_message *m);

struct call call_begin(struct bus *b, const struct question *q, const char *path,
		       const char *interface, const char *member);
struct call manager_call(struct bus *b, const struct question *q, const char *member);
/* To the bus itself. */
struct call driver_call(struct bus *b, const struct question *q, const char *member);
/* What could not be put together fails here. */
#define call_append(c, ...)                                                                        \
	((c)->r = (c)->r < 0 ? (c)->r : (c)->bus->sd.message_append((c)->request, __VA_ARGS__))

int call_try(struct call *c); /* leaves the error for the caller to judge */
int call_failed(struct call *c, struct err *e);
int call_end(struct call *c, struct err *e);
/* One string of the answer, which lives as long as the call does. inner: of a variant. */
int call_string(struct call *c, const char *types, const char *inner, const char **ret,
		struct err *e);
int not_understood(int r, const struct question *q, struct err *e);
/* A path of an object, of PATH_BYTES. */
int call_path(struct call *c, char *ret, struct err *e);

/* Errors. Each fills e and returns its code. */
bool is_error(const sd_bus_error *error, const char *name);
/* Whoever answers to the name of systemd is not there. */
bool is_absence(const sd_bus_error *error);
int give_way_out(const struct question *q, const char *id, struct err *e);
int lost(struct bus *b, int r, const struct question *q, struct err *e);
int left_bus(const struct question *q, struct err *e);
int too_late(unsigned limit_ms, const struct question *q, struct err *e);
/* r: what call_try() returned. */
int explain(struct bus *b, int r, const sd_bus_error *error, unsigned limit_ms,
	    const struct question *q, struct err *e);

#endif
