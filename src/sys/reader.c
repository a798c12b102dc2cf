// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reader.c - children that look at other people's processes, see reader.h.
 *
 * The children take the processes from one list, by a counter in memory that all share. Each says
 * there what it is at, and that it goes on. Two of them wait for memory of the kernel at the same time.
 */
#include "sys.h"

#include <kvmtune/process.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS	      2
#define PARALLEL_FROM 128 /* processes, from which on a second child is worth its start */

/*
 * A process is given up after so many ticks without anything new, in which the child did not only wait
 * for a CPU. By ticks, not by time: while all of us are stopped, or the machine is, none passes.
 */
#define TICKS		4
#define TICK_MS		250
#define PATIENT_TIMES	3   /* from then on a tick is a fourth as long */
#define USER_TIMES	3   /* processes of a user, after which no more of him are asked */
#define PATIENCE	40  /* ticks in all, after which nobody is asked for what can be held up */
#define PATIENCE_AT_ALL 60  /* after which nobody is looked at any more */
#define DEATHS_MAX	3   /* of children, by others */
#define END_MS		100 /* that a killed child may take to end */

#define BARRED_MAX 32
#define STATUS_MAX (16 << 10)
#define FRAME_MAX  (1 << 20)  /* what is told of one process */
#define TOLD_MAX   (32 << 20) /* of all, after which nobody is asked for more */
#define NOBODY	   UINT_MAX

struct reader_user {
	unsigned uid, times;
};

struct slot {
	atomic_uint index; /* of the process that is looked at, or NOBODY */
	atomic_uint steps;
	atomic_llong uid; /* of that process; -1: not known yet */
};

struct shared {
	atomic_uint next; /* process of the list */
	atomic_bool asks_nobody;
	atomic_uint barred_count;
	atomic_uint barred[BARRED_MAX]; /* users of whom no more is asked */
	struct slot slots[WORKERS];
};

/* How what was told of a process comes: this, and the records, each with its text. */
struct frame {
	unsigned index, answer;
	size_t len; /* of the records */
};

struct record_head {
	unsigned what;
	int number;
	size_t len;
};

/* ---- the child ---- */

struct look {
	const struct reader *reader;
	const struct reader_job *job;
	struct shared *shared;
	struct slot *slot;
	int fd; /* the pipe that its answers come through */
	int pid, dir;
	struct buf records;
	long long uid;
	enum answer answer;
	enum tri may_ask;
};

void look_goes_on(struct look *l)
{
	atomic_fetch_add_explicit(&l->slot->steps, 1, memory_order_relaxed);
}

void look_in(struct look *l, int dir)
{
	l->dir = dir;
}

void look_tell(struct look *l, unsigned what, int number, const char *text, size_t len)
{
	struct record_head head = { .what = what, .number = number, .len = len };

	buf_add(&l->records, (const char *)&head, sizeof(head));
	buf_add(&l->records, text, len);
	buf_add(&l->records, "", 1);
}

int look_read(struct look *l, int dir, const char *name, size_t max, struct buf *ret)
{
	autoclose int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char block[4096];

	if (fd < 0)
		return -errno;
	while (max) {
		ssize_t len = read(fd, block, max < sizeof(block) ? max : sizeof(block));

		if (len < 0 && errno == EINTR)
			continue;
		if (len < 0)
			return -errno;
		if (len == 0)
			break;
		buf_add(ret, block, (size_t)len);
		max -= (size_t)len;
		look_goes_on(l);
	}
	return 0;
}

/* Of the directory's owner no: it is root where no core may be dumped. */
static unsigned read_uid(struct look *l)
{
	autofree char *path = xasprintf("%d", l->pid);
	autoclose int opened = -1;
	autobuf status = { 0 };
	struct stat st;
	unsigned uid;

	if (l->dir < 0)
		opened = openat(l->job->proc_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (look_read(l, l->dir < 0 ? opened : l->dir, "status", STATUS_MAX, &status) == 0 &&
	    proc_effective_uid(buf_text(&status), &uid))
		return uid;
	return fstat(l->dir < 0 ? opened : l->dir, &st) == 0 ? st.st_uid : 0;
}

unsigned look_uid(struct look *l)
{
	if (l->uid < 0) {
		l->uid = read_uid(l);
		atomic_store(&l->slot->uid, l->uid);
	}
	return (unsigned)l->uid;
}

static bool is_silent(const struct reader *r, int pid)
{
	for (size_t i = 0; i < r->silent_count; i++)
		if (r->silent[i] == pid)
			return true;
	return false;
}

static bool is_barred(struct look *l)
{
	unsigned count = atomic_load(&l->shared->barred_count);

	if (atomic_load(&l->shared->asks_nobody))
		return true;
	for (unsigned i = 0; i < count; i++)
		if (atomic_load(&l->shared->barred[i]) == look_uid(l))
			return true;
	return false;
}

bool look_is_careful(struct look *l)
{
	return is_silent(l->reader, l->pid) || is_barred(l);
}

bool look_may_ask(struct look *l)
{
	if (l->may_ask != UNKNOWN)
		return l->may_ask == YES;
	/* Whose it is has to be known if it does not answer. */
	look_uid(l);
	if (is_silent(l->reader, l->pid))
		l->answer = ANSWERS_NOT;
	else if (is_barred(l))
		l->answer = NOT_ASKED;
	l->may_ask = l->answer == ANSWERS ? YES : NO;
	return l->may_ask == YES;
}

static void send_frame(struct look *l, unsigned index)
{
	struct frame frame = { .index = index, .answer = l->answer, .len = l->records.len };
	autobuf all = { 0 };

	buf_add(&all, (const char *)&frame, sizeof(frame));
	buf_add(&all, buf_text(&l->records), l->records.len);
	if (frame.len > FRAME_MAX || sys_write_all(l->fd, all.data, all.len) < 0)
		_exit(EPIPE);
}

static void look_at(struct look *l, unsigned index)
{
	l->pid = l->job->pids[index];
	l->dir = -1;
	l->uid = -1;
	l->answer = ANSWERS;
	l->may_ask = UNKNOWN;
	buf_reset(&l->records);
	atomic_store(&l->slot->uid, -1);
	atomic_store(&l->slot->index, index);
	l->job->look(l, l->pid, l->job->arg);
	if (l->records.len || l->answer != ANSWERS)
		send_frame(l, index);
	atomic_store(&l->slot->index, NOBODY);
	look_goes_on(l);
}

static _Noreturn void work(struct look *l, unsigned first)
{
	unsigned index = first;

	process_keep_only(l->job->proc_fd, l->fd);
	process_only_look();
	if (index == NOBODY)
		index = atomic_fetch_add(&l->shared->next, 1);
	while (index < l->job->count) {
		look_at(l, index);
		index = atomic_fetch_add(&l->shared->next, 1);
	}
	_exit(0);
}

/* ---- here ---- */

struct worker {
	pid_t pid; /* 0: none */
	int fd;
	struct buf in;
	unsigned index, steps, quiet_ticks;
};

struct walk {
	struct reader *reader;
	const struct reader_job *job;
	struct shared *shared;
	struct worker workers[WORKERS];
	size_t told_bytes;
	unsigned deaths;
	int64_t next_tick;
	int signal_before;
	bool enough;
};

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int signal_of(const struct walk *w)
{
	struct ports *p = w->reader->ports;

	return p ? p->system.interrupted(p) : 0;
}

static unsigned full_tick_ms(const struct reader *r)
{
	return r->tick_ms ? r->tick_ms : TICK_MS;
}

static unsigned tick_ms(const struct reader *r)
{
	return r->silent_count < PATIENT_TIMES ? full_tick_ms(r) : full_tick_ms(r) / 4;
}

static int start_worker(struct walk *w, size_t n, unsigned first, struct err *e)
{
	struct worker *worker = &w->workers[n];
	struct slot *slot = &w->shared->slots[n];
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "cannot read the processes");
	atomic_store(&slot->index, first);
	*worker = (struct worker){ .fd = ends[0], .index = first, .pid = process_fork() };
	if (worker->pid == 0) {
		struct look l = { .reader = w->reader,
				  .job = w->job,
				  .shared = w->shared,
				  .slot = slot,
				  .fd = ends[1] };

		work(&l, first);
	}
	close(ends[1]);
	if (worker->pid > 0)
		return 0;
	err_sys(e, -errno, "cannot start the process that reads other processes");
	worker->pid = 0;
	close(ends[0]);
	return e->code;
}

/* Its status as waitpid() gives it, where it has ended; else it is left alone. */
static int forget_worker(struct walk *w, struct worker *worker, bool ended)
{
	int status = 0;

	while (waitpid(worker->pid, &status, ended ? 0 : WNOHANG) < 0 && errno == EINTR)
		;
	if (!ended)
		array_push(w->reader->left, w->reader->left_count) = worker->pid;
	close(worker->fd);
	buf_free(&worker->in);
	worker->pid = 0;
	return status;
}

/* ---- what they tell ---- */

static int nonsense(struct err *e)
{
	return err_set(e, -EPROTO, "the process that reads other processes sent an invalid answer");
}

/* The records of a frame: 0, or -EPROTO. */
static int split(const char *at, size_t len, struct record **ret, size_t *ret_count)
{
	while (len) {
		struct record_head head;

		if (len < sizeof(head))
			return -EPROTO;
		memcpy(&head, at, sizeof(head));
		at += sizeof(head);
		len -= sizeof(head);
		if (head.len >= len || at[head.len] != '\0')
			return -EPROTO;
		array_push(*ret, *ret_count) = (struct record){
			.what = head.what, .number = head.number, .text = at, .len = head.len
		};
		at += head.len + 1;
		len -= head.len + 1;
	}
	return 0;
}

static int take_frame(struct walk *w, const struct frame *frame, const char *records, struct err *e)
{
	autofree struct record *split_up = NULL;
	size_t count = 0;

	if (split(records, frame->len, &split_up, &count) < 0)
		return nonsense(e);
	w->told_bytes += frame->len;
	if (w->told_bytes > TOLD_MAX)
		atomic_store(&w->shared->asks_nobody, true);
	w->enough |= !w->job->told(w->job->arg, w->job->pids[frame->index],
				   (enum answer)frame->answer, split_up, count);
	return 0;
}

/* What is whole of it. */
static int take_frames(struct walk *w, struct worker *worker, struct err *e)
{
	const char *at = buf_text(&worker->in);
	size_t left = worker->in.len;
	struct buf rest = { 0 };
	struct frame frame;

	while (left >= sizeof(frame) && !w->enough) {
		memcpy(&frame, at, sizeof(frame));
		if (frame.index >= w->job->count || frame.answer > NOT_ASKED ||
		    frame.len > FRAME_MAX)
			return nonsense(e);
		if (left - sizeof(frame) < frame.len)
			break;
		if (take_frame(w, &frame, at + sizeof(frame), e) < 0)
			return e->code;
		at += sizeof(frame) + frame.len;
		left -= sizeof(frame) + frame.len;
	}
	buf_add(&rest, at, left);
	buf_free(&worker->in);
	worker->in = rest;
	return 0;
}

/* What there is to read, up to a block: 0 at its end, or what read() gives. */
static ssize_t receive(struct worker *worker)
{
	char block[65536];
	ssize_t n;

	do
		n = read(worker->fd, block, sizeof(block));
	while (n < 0 && errno == EINTR);
	if (n > 0)
		buf_add(&worker->in, block, (size_t)n);
	return n;
}

/* ---- who does not answer ---- */

static void bar(struct walk *w, unsigned uid)
{
	unsigned count = atomic_load(&w->shared->barred_count);

	if (count == BARRED_MAX) {
		atomic_store(&w->shared->asks_nobody, true);
		return;
	}
	atomic_store(&w->shared->barred[count], uid);
	atomic_store(&w->shared->barred_count, count + 1);
}

static void count_for_user(struct walk *w, unsigned uid)
{
	struct reader *r = w->reader;
	struct reader_user *user = NULL;

	for (size_t i = 0; i < r->user_count; i++)
		if (r->users[i].uid == uid)
			user = &r->users[i];
	if (!user)
		user = &array_push(r->users, r->user_count);
	user->uid = uid;
	if (++user->times == USER_TIMES)
		bar(w, uid);
}

static void apply_patience(struct walk *w)
{
	unsigned full = full_tick_ms(w->reader);

	if (w->reader->waited_ms >= PATIENCE * full || w->reader->left_count > WORKERS)
		atomic_store(&w->shared->asks_nobody, true);
	if (w->reader->waited_ms >= PATIENCE_AT_ALL * full)
		w->enough = true;
}

/* Starts another in the place of one that is gone, which was at this process. */
static int replace_worker(struct walk *w, size_t n, unsigned index, struct err *e)
{
	struct reader *r = w->reader;
	long long uid = atomic_load(&w->shared->slots[n].uid);

	apply_patience(w);
	if (index >= w->job->count)
		return w->enough ? 0 : start_worker(w, n, NOBODY, e);
	if (is_silent(r, w->job->pids[index])) {
		/* Not even the careful look came back. */
		w->enough |= !w->job->told(w->job->arg, w->job->pids[index], ANSWERS_NOT, NULL, 0);
		return w->enough ? 0 : start_worker(w, n, NOBODY, e);
	}
	array_push(r->silent, r->silent_count) = w->job->pids[index];
	if (uid >= 0)
		count_for_user(w, (unsigned)uid);
	return w->enough ? 0 : start_worker(w, n, index, e);
}

/* Kills it, and takes what it told before. True: it has ended. */
static bool end_worker(struct walk *w, struct worker *worker, struct err *e)
{
	struct pollfd at = { .fd = worker->fd, .events = POLLIN };
	int64_t deadline = now_ms() + END_MS;

	kill(worker->pid, SIGKILL);
	for (;;) {
		int64_t left = deadline - now_ms();

		if (left <= 0 || poll(&at, 1, (int)left) < 0) {
			if (left <= 0)
				return false;
			continue;
		}
		if (at.revents && (receive(worker) <= 0 || take_frames(w, worker, e) < 0))
			return true;
	}
}

/* "R": it does not wait for anybody, but for a CPU. */
static bool waits_for_cpu(const struct walk *w, pid_t pid)
{
	autofree char *path = xasprintf("%d/stat", (int)pid);
	autoclose int fd = openat(w->job->proc_fd, path, O_RDONLY | O_CLOEXEC);
	char text[256];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	const char *behind_comm;

	text[n > 0 ? n : 0] = '\0';
	behind_comm = strrchr(text, ')');
	return behind_comm && behind_comm[1] == ' ' && behind_comm[2] == 'R';
}

static int give_up(struct walk *w, size_t n, struct err *e)
{
	struct worker *worker = &w->workers[n];
	unsigned index = worker->index;

	w->reader->given_up++;
	w->reader->waited_ms += TICKS * tick_ms(w->reader);
	forget_worker(w, worker, end_worker(w, worker, e));
	return e->code ? e->code : replace_worker(w, n, index, e);
}

static int check_worker(struct walk *w, size_t n, struct err *e)
{
	struct worker *worker = &w->workers[n];
	unsigned index = atomic_load(&w->shared->slots[n].index);
	unsigned steps = atomic_load(&w->shared->slots[n].steps);
	bool goes_on = index != worker->index || steps != worker->steps;

	worker->index = index;
	worker->steps = steps;
	if (goes_on || waits_for_cpu(w, worker->pid))
		worker->quiet_ticks = goes_on ? 0 : worker->quiet_ticks;
	else if (++worker->quiet_ticks >= TICKS)
		return give_up(w, n, e);
	return 0;
}

/* ---- all of it ---- */

static int stopped(struct err *e)
{
	return err_set(e, -EINTR, "stopped by a signal");
}

/* It was done, or was killed by somebody else: a terminal's signals are for all of us. */
static int worker_ended(struct walk *w, size_t n, struct err *e)
{
	unsigned index = atomic_load(&w->shared->slots[n].index);
	int status = forget_worker(w, &w->workers[n], true);
	int number = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (status == 0)
		return 0;
	if (number == SIGINT || number == SIGTERM || number == SIGHUP)
		return stopped(e);
	if (++w->deaths > DEATHS_MAX)
		return err_set(e, -ECHILD, "the process that reads other processes was killed");
	return replace_worker(w, n, index, e);
}

static int listen(struct walk *w, size_t n, struct err *e)
{
	ssize_t got = receive(&w->workers[n]);

	if (got > 0)
		return take_frames(w, &w->workers[n], e);
	return worker_ended(w, n, e);
}

static int turn(struct walk *w, struct err *e)
{
	int64_t left = w->next_tick - now_ms();
	struct pollfd at[WORKERS];

	for (size_t i = 0; i < WORKERS; i++)
		at[i] = (struct pollfd){ .fd = w->workers[i].pid ? w->workers[i].fd : -1,
					 .events = POLLIN };
	if (poll(at, WORKERS, left > 0 ? (int)left : 0) < 0 && errno != EINTR)
		return err_sys(e, -errno, "cannot wait for the process that reads other processes");
	if (signal_of(w) != w->signal_before)
		return stopped(e);
	for (size_t i = 0; i < WORKERS && !w->enough; i++)
		if (w->workers[i].pid && at[i].revents && listen(w, i, e) < 0)
			return e->code;
	if (now_ms() < w->next_tick)
		return 0;
	w->next_tick = now_ms() + tick_ms(w->reader);
	for (size_t i = 0; i < WORKERS && !w->enough; i++)
		if (w->workers[i].pid && check_worker(w, i, e) < 0)
			return e->code;
	return 0;
}

static bool anybody_at_work(const struct walk *w)
{
	for (size_t i = 0; i < WORKERS; i++)
		if (w->workers[i].pid)
			return true;
	return false;
}

static void start_all(struct walk *w, struct err *e)
{
	w->next_tick = now_ms() + tick_ms(w->reader);
	for (size_t i = 0; i < WORKERS; i++)
		if (e->code == 0 && (i == 0 || w->job->count >= PARALLEL_FROM))
			start_worker(w, i, NOBODY, e);
}

/* Whom there was no time for. */
static size_t not_looked_at(const struct walk *w)
{
	unsigned next = atomic_load(&w->shared->next);

	return next < w->job->count ? w->job->count - next : 0;
}

static void end_all(struct walk *w)
{
	struct err ignored = { 0 };

	w->enough = true;
	for (size_t i = 0; i < WORKERS; i++)
		if (w->workers[i].pid)
			forget_worker(w, &w->workers[i], end_worker(w, &w->workers[i], &ignored));
}

/* Of those that did not end when they were killed some may have by now. */
static void reap_left(struct reader *r)
{
	size_t kept = 0;

	for (size_t i = 0; i < r->left_count; i++)
		if (waitpid(r->left[i], NULL, WNOHANG) == 0)
			r->left[kept++] = r->left[i];
	r->left_count = kept;
}

int reader_run(struct reader *r, const struct reader_job *job, size_t *ret_left, struct err *e)
{
	struct walk w = { .reader = r, .job = job };

	err_clear(e);
	w.shared = mmap(NULL, sizeof(*w.shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (w.shared == MAP_FAILED)
		return err_sys(e, -errno, "cannot read the processes");
	reap_left(r);
	w.signal_before = signal_of(&w);
	for (size_t i = 0; i < r->user_count; i++)
		if (r->users[i].times >= USER_TIMES)
			bar(&w, r->users[i].uid);
	apply_patience(&w);
	if (!w.enough)
		start_all(&w, e);
	while (e->code == 0 && !w.enough && anybody_at_work(&w))
		turn(&w, e);
	end_all(&w);
	if (e->code == 0)
		*ret_left =
			r->waited_ms >= PATIENCE_AT_ALL * full_tick_ms(r) ? not_looked_at(&w) : 0;
	munmap(w.shared, sizeof(*w.shared));
	return e->code;
}

/* Our pid as this /proc has it, which may be that of another name space. */
static int own_pid(int proc_fd)
{
	char text[32];
	ssize_t len = readlinkat(proc_fd, "self", text, sizeof(text) - 1);
	int pid;

	if (len < 0)
		return -1;
	text[len] = '\0';
	return parse_int(text, &pid) < 0 ? -1 : pid;
}

int reader_list(int proc_fd, int **ret_pids, size_t *ret_count, struct err *e)
{
	int fd = openat(proc_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int self = own_pid(proc_fd), pid, r;
	struct dirent *entry;

	if (!dir) {
		r = -errno;
		closep(&fd);
		return err_sys(e, r, "cannot list the processes");
	}
	while ((errno = 0, entry = readdir(dir)))
		if (parse_int(entry->d_name, &pid) == 0 && pid > 0 && pid != self)
			array_push(*ret_pids, *ret_count) = pid;
	r = -errno;
	closedir(dir);
	return r < 0 ? err_sys(e, r, "cannot list the processes") : 0;
}

void reader_free(struct reader *r)
{
	free(r->silent);
	free(r->users);
	free(r->left);
	*r = (struct reader){ 0 };
}
