/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * reader.h - reads the files of other people's processes below /proc, whatever these do.
 *
 * A process can keep its files from being read for as long as it likes: cmdline, maps and others
 * need the lock of its memory (mmap_lock), which it holds while it waits for a page of its own file
 * server; stat needs another one (exec_update_lock). So children do the looking, which can be given
 * up. They stream what they find to this process, which gives each process some time, kills the child
 * that waits for it and has another one go on. On the second look the files that can be held up are
 * left out. The waits of the kernel there end by SIGKILL (Linux 6.1: fs/proc, mm/memory.c); a child
 * that waits for something else is left alone, and ends when the kernel lets it go.
 *
 * The children end with this process. They have no descriptor but that of /proc and the pipe to it
 * (none of the lock), and no capability but those to look.
 */
#ifndef KVMTUNE_READER_H
#define KVMTUNE_READER_H

#include <kvmtune/err.h>
#include <kvmtune/user.h>

struct look;
struct ports;
struct reader_user;

/* State across walks: a process that did not answer is not waited for again. */
struct reader {
	struct ports *ports; /* whose signals end a walk; NULL: none does */
	unsigned tick_ms;    /* a process has four of these to answer; 0: the default, 250 */
	unsigned waited_ms;  /* without an answer, in all walks */
	unsigned given_up;   /* children, likewise */
	int *silent;	     /* processes that did not answer */
	size_t silent_count;
	struct reader_user *users; /* whose these are */
	size_t user_count;
	int *left; /* children that even SIGKILL did not end */
	size_t left_count;
};

/* The result of a look: the job defines `what` and `number`. The text ends with a NUL. */
struct record {
	unsigned what;
	int number;
	const char *text;
	size_t len; /* without that NUL */
};

struct reader_job {
	int proc_fd;
	const int *pids;
	size_t count;
	/* In a child: looks at one process, and tells. */
	void (*look)(struct look *l, int pid, void *arg);
	/*
	 * Here: what one look told, in no order of processes; called where there was anything to tell,
	 * or where the process does not answer. False: enough.
	 */
	bool (*told)(void *arg, int pid, enum answer answer, const struct record *records,
		     size_t count);
	void *arg;
};

/*
 * Looks at all processes of a job. 0, with the number of those that there was no time for any more
 * in *ret_left; -EINTR: a signal asked to stop; or another negative errno.
 */
int reader_run(struct reader *r, const struct reader_job *job, size_t *ret_left, struct err *e);
void reader_free(struct reader *r);
/* The processes in a proc file system, but for this one. The caller frees them. 0 or a negative errno. */
int reader_list(int proc_fd, int **ret_pids, size_t *ret_count, struct err *e);

/* ---- for the look ---- */

/* The directory of the process, where the look has opened it: then all is read in there. */
void look_in(struct look *l, int dir);
void look_tell(struct look *l, unsigned what, int number, const char *text, size_t len);
/* To be called now and then: it goes on, slowly. */
void look_goes_on(struct look *l);
/* The user that the process acts as. */
unsigned look_uid(struct look *l);
/* May a file be read that the process can hold up? Else the answer is told as it is. */
bool look_may_ask(struct look *l);
/* Reads only what no process can delay: if it, or others of its user, did not answer. */
bool look_is_careful(struct look *l);
/* Appends at most max bytes of a file below a directory. 0 or -errno. */
int look_read(struct look *l, int dir, const char *name, size_t max, struct buf *ret);

#endif
