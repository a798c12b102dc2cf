/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * err.h - the one way to report that something went wrong.
 *
 * A function that can fail takes a struct err as its last argument and returns 0 or a negative
 * errno value; it describes the failure once, where it happens, with err_set(), and the layers
 * above pass the number on, perhaps with err_wrap(). Only main prints errors.
 *
 *	struct err e = { 0 };
 *	if (ports.file.replace(&ports, path, text, 0644, &e) < 0)
 *		return err_wrap(&e, "cannot save the option");
 *
 * But for `detail` the object holds everything itself: usable when memory is short.
 */
#ifndef KVMTUNE_ERR_H
#define KVMTUNE_ERR_H

#include <kvmtune/base.h>

/* The exit statuses: a contract with scripts, listed in the man page. */
enum exit_status {
	STATUS_DONE = 0,       /* done, or already so; audit: no drift */
	STATUS_FAILED = 1,     /* failed; the host is as it was before */
	STATUS_USAGE = 2,      /* usage error */
	STATUS_REFUSED = 3,    /* unsafe now */
	STATUS_IMPOSSIBLE = 4, /* not possible on this host */
	STATUS_PENDING = 5,    /* saved, waits for the next module load or boot */
	STATUS_STUCK = 6,      /* needs attention: rollback failed, or not verified */
	STATUS_DRIFT = 7,      /* audit: the host differs */
};

struct err {
	int code;		 /* negative errno; 0: no error */
	enum exit_status status; /* what main shall exit with; STATUS_FAILED unless said */
	char id[32];		 /* stable name of the cause, "" where it has none */
	char text[1024];	 /* one or two sentences, no full stop at the end */
	char hint[512];		 /* the way out, "" where there is none */
	char *detail;		 /* a block of text between the two, for people; whoever sets it
				  * leaves it to main to free */
};

/* Describes a failure. code is a negative errno (a positive one is turned). Returns code. */
int err_set(struct err *e, int code, const char *fmt, ...) PRINTF(3, 4);
/* Likewise, with ": " and the text of the errno behind. */
int err_sys(struct err *e, int code, const char *fmt, ...) PRINTF(3, 4);
/* Puts "context: " before what is said already. Returns e->code. */
int err_wrap(struct err *e, const char *fmt, ...) PRINTF(2, 3);
/* The meaning for scripts, and the next step for the reader. Each returns e->code. */
int err_status(struct err *e, enum exit_status status, const char *id);
int err_hint(struct err *e, const char *fmt, ...) PRINTF(2, 3);
/* For a caller that continues after a failure: a function that succeeds does not touch *e. */
void err_clear(struct err *e);

#endif
