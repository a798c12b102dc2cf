// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * faults - every system call of a command of kvmtune fails, or is its last; then the host is judged
 *
 *	faults [OPTION...] list COMMAND			its calls, and the faults of each
 *	faults [OPTION...] all COMMAND			all of them in turn
 *	faults [OPTION...] one COMMAND CALL FAULT	one of them, with all that is said
 *
 * COMMAND	one word with the arguments of kvmtune: "ept off"
 * CALL		PROCESS:NAME:N, as `list` has it: the Nth call of that name in the command itself (0)
 *		or in the child that was started first (1), second...
 * FAULT	EIO..., kill-entry, kill-exit
 * --root DIR	of an image: nothing else is altered, or compared
 * --after COMMAND	the host is brought to where this one leads first
 * --part K/N	of all faults every Nth, from the Kth on
 * --sample N	one fault of each call of the change that alters something, and of the others of every
 *		Nth
 * --proof N	of the calls that only read after the change every Nth (1)
 * --full	nothing is left out: see below
 * --seconds N	begin no other one after that time, and say how many are left
 *
 * Written for this, because strace, whose injection can repeat any of it by hand, stops at all
 * calls, those of the loader among them. Here a seccomp filter stops only those of the one name, the
 * host is read without starting programs, and put back only where it differs.
 *
 * What is left out without --full is the same as something that is done. A kill when a call returns
 * is one before the next begins: both are tried only where a call alters something; none where it
 * neither alters, waits nor looks at anything outside; and before and after the change, where nothing
 * goes on, none but those that alter. Where the plan that goes to the journal is, byte for byte, that
 * of a run without faults, what follows is that run ("same plan": it ends there). After the change
 * each call that only reads has one of its errors, in turn. Where the host is, byte for byte and with
 * its journal, as before, `status` is not asked again.
 *
 * It begins with the first instruction of the program's own file. What is before is the dynamic
 * loader's: a fault there ends any program with 127 before a line of it is run.
 *
 * The host has to be as `before` when the command says 1, 3 or 4, as the `goal` (what a run without
 * faults makes) when it says 0, and led back by `undo` when it says 6. A command that was killed
 * leaves either, or something in between that `status` tells of and one `undo` leads back. For the
 * command "undo" back is where it was going.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault-calls.h"

#define MAX_PROCESS  32
#define MAX_WORDS    16
#define HANG_SECONDS 60
#define UDEV_MS	     5000 /* it sets owner and mode of /dev/kvm some time after the load */
#define OURS	     "/tmp/faults."
#define OUT_FILE     OURS "out"
#define ERR_FILE     OURS "err"
#define FIRST_FILE   OURS "first" /* what the faulty one had said, before status and undo */
#define KSM	     "/sys/kernel/mm/ksm/"
#define LOCK	     "/run/lock/kvmtune.lock"
#define JOURNAL	     "/var/lib/kvmtune/journal"
#define OWN_CONF     "/etc/modprobe.d/zz-kvmtune.conf"
#define JOURNAL_SYNC                                                                               \
	SYS_fdatasync /* the first of these has the plan on disk: nothing is done yet */

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "faults: %s: %s\n", what, strerror(errno));
	exit(99);
}

static void *must(void *p)
{
	if (!p)
		die("memory");
	return p;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void nap(void)
{
	const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };

	nanosleep(&pause, NULL);
}

/* ---- files ---- */

struct item {
	char *path;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	char *text; /* of a file, or where a link leads */
	size_t len;
};

static const char *root = ""; /* of an image; all paths are below it */

static const char *below_root(const char *path)
{
	static char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s%s", root, path);
	return text;
}

/* Not of the host that is judged, but of ours. */
static bool is_ours(const char *path)
{
	return strncmp(path, OURS, strlen(OURS)) == 0;
}

static void read_text(struct item *item, bool is_link)
{
	const char *path = is_ours(item->path) ? item->path : below_root(item->path);
	char text[65536];
	ssize_t n;
	int fd;

	if (is_link) {
		n = readlink(path, text, sizeof(text));
	} else {
		fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
		n = fd < 0 ? -1 : read(fd, text, sizeof(text));
		close(fd);
	}
	item->len = n > 0 ? (size_t)n : 0;
	item->text = must(malloc(item->len + 1));
	memcpy(item->text, text, item->len);
	item->text[item->len] = '\0';
}

/* ---- a run under observation ------------------------------------------------------------------- */

struct point {
	unsigned process; /* 0: the command, 1...: its children in turn */
	long number;	  /* of the call */
	unsigned nth;	  /* of this number in this process, from 1 on */
	unsigned faults;
	enum phase { BEFORE_CHANGE, IN_CHANGE, PROOF } phase;
};

struct process {
	pid_t pid;
	bool to_exit; /* runs to the end of the call */
	struct point *seen;
	size_t seen_count;
};

struct run {
	const struct point *at; /* NULL: all are noted, none fails */
	enum fault fault;
	struct process processes[MAX_PROCESS];
	unsigned process_count;
	unsigned alive;
	bool began; /* at the program's own first instruction */
	unsigned long entry;
	long entry_code;
	struct point *points; /* in their order, if all are noted */
	size_t point_count;
	bool hit;
	bool hung;
	size_t journal_len;    /* before it began */
	const char *same_plan; /* a run that has written this goes on like one without a fault */
	bool same;
	int status; /* of process 0, as wait() has it */
};

static volatile sig_atomic_t time_is_over;

static void on_alarm(int number)
{
	(void)number;
	time_is_over = 1;
}

static void words_of(char *text, char **words)
{
	char *rest = text, *word;
	int n = 0;

	words[n++] = "kvmtune";
	if (*root) {
		words[n++] = "--root";
		words[n++] = (char *)root;
	}
	while ((word = strsep(&rest, " ")) && n < MAX_WORDS - 1)
		if (*word)
			words[n++] = word;
	words[n] = NULL;
}

static void redirect(int fd, const char *path, int flags)
{
	int from = open(path, flags, 0600);

	if (from < 0 || dup2(from, fd) < 0)
		die(path);
	close(from);
}

static void redirect_all(void)
{
	redirect(0, "/dev/null", O_RDONLY);
	redirect(1, OUT_FILE, O_WRONLY | O_CREAT | O_TRUNC);
	redirect(2, ERR_FILE, O_WRONLY | O_CREAT | O_TRUNC);
}

/* Stops at all calls of that number and those that end the first writing, or at each (-1). */
static void install_filter(long number)
{
	struct sock_filter some[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)number, 1, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, JOURNAL_SYNC, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_filter all[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE) };
	struct sock_fprog program = { COUNT(some), some };

	if (number < 0)
		program = (struct sock_fprog){ COUNT(all), all };
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		die("seccomp");
}

static pid_t begin_traced(const char *command, long number)
{
	char *words[MAX_WORDS], *text = must(strdup(command));
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		words_of(text, words);
		redirect_all();
		if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
			die("ptrace");
		raise(SIGSTOP); /* until the options are set */
		install_filter(number);
		execvp(words[0], words);
		die("kvmtune");
	}
	free(text);
	if (waitpid(pid, NULL, 0) != pid)
		die("waitpid");
	if (ptrace(PTRACE_SETOPTIONS, pid, 0,
		   PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACESECCOMP |
			   PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
			   PTRACE_O_TRACECLONE) < 0)
		die("ptrace options");
	return pid;
}

static unsigned process_index(struct run *r, pid_t pid)
{
	for (unsigned i = 0; i < r->process_count; i++)
		if (r->processes[i].pid == pid)
			return i;
	if (r->process_count == MAX_PROCESS)
		die("too many processes");
	r->processes[r->process_count] = (struct process){ .pid = pid };
	r->alive++;
	return r->process_count++;
}

static unsigned long entry_of(pid_t pid)
{
	char path[64];
	Elf64_auxv_t item;
	unsigned long entry = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/auxv", (int)pid);
	f = must(fopen(path, "r"));
	while (!entry && fread(&item, sizeof(item), 1, f) == 1)
		if (item.a_type == AT_ENTRY)
			entry = item.a_un.a_val;
	fclose(f);
	return entry;
}

/* The loader runs undisturbed up to a breakpoint. */
static void set_breakpoint(struct run *r, pid_t pid)
{
	r->entry = entry_of(pid);
	r->entry_code = ptrace(PTRACE_PEEKTEXT, pid, r->entry, 0);
	if (ptrace(PTRACE_POKETEXT, pid, r->entry, (r->entry_code & ~0xffL) | 0xcc) < 0)
		die("breakpoint");
}

static bool at_breakpoint(struct run *r, pid_t pid)
{
	struct user_regs_struct regs;

	if (r->began || ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0 || regs.rip != r->entry + 1)
		return false;
	regs.rip = r->entry;
	ptrace(PTRACE_POKETEXT, pid, r->entry, r->entry_code);
	ptrace(PTRACE_SETREGS, pid, 0, &regs);
	r->began = true;
	return true;
}

/* How often this process has made this call by now, this one included. */
static unsigned count_call(struct process *p, long number)
{
	for (size_t i = 0; i < p->seen_count; i++)
		if (p->seen[i].number == number)
			return ++p->seen[i].nth;
	p->seen = must(realloc(p->seen, (p->seen_count + 1) * sizeof(*p->seen)));
	p->seen[p->seen_count++] = (struct point){ .number = number, .nth = 1 };
	return 1;
}

static void note_point(struct run *r, const struct point *point)
{
	if (r->point_count % 256 == 0)
		r->points = must(realloc(r->points, (r->point_count + 256) * sizeof(*r->points)));
	r->points[r->point_count++] = *point;
}

/* Instead of the call; but a close() that fails has closed, and brk() fails by changing nothing. */
static void fail_call(struct run *r, struct process *p, struct user_regs_struct *regs)
{
	if (r->at->number == SYS_close) {
		p->to_exit = true;
		return;
	}
	if (r->at->number == SYS_brk) {
		regs->rdi = 0;
	} else {
		regs->orig_rax = -1UL;
		regs->rax = (unsigned long)-faults[r->fault].error;
	}
	if (ptrace(PTRACE_SETREGS, p->pid, 0, regs) < 0)
		die("PTRACE_SETREGS");
}

static void kill_all(struct run *r)
{
	for (unsigned i = 0; i < r->process_count; i++)
		if (r->processes[i].pid > 0)
			kill(r->processes[i].pid, SIGKILL);
}

static bool is_same_point(const struct point *a, const struct point *b)
{
	return a->process == b->process && a->number == b->number && a->nth == b->nth;
}

static bool wrote_same_plan(const struct run *r)
{
	struct item journal = { .path = (char *)JOURNAL };
	size_t len = strlen(r->same_plan);
	bool same;

	read_text(&journal, false);
	same = len && journal.len > r->journal_len &&
	       strncmp(journal.text + r->journal_len, r->same_plan, len) == 0;
	free(journal.text);
	return same;
}

static void inject(struct run *r, struct process *p, struct user_regs_struct *regs)
{
	r->hit = true;
	if (r->fault == F_KILL_ENTRY)
		kill(p->pid, SIGKILL);
	else if (r->fault == F_KILL_EXIT)
		p->to_exit = true;
	else
		fail_call(r, p, regs);
}

static void at_call(struct run *r, unsigned index)
{
	struct process *p = &r->processes[index];
	struct user_regs_struct regs;
	struct point here = { .process = index };

	if (!r->began || ptrace(PTRACE_GETREGS, p->pid, 0, &regs) < 0)
		return;
	here.number = (long)regs.orig_rax;
	here.nth = count_call(p, here.number);
	if (!r->at) {
		here.faults = fault_mask(p->pid, &regs);
		note_point(r, &here);
	} else if (!r->hit && is_same_point(&here, r->at)) {
		inject(r, p, &regs);
	} else if (r->hit && here.number == JOURNAL_SYNC && r->same_plan && here.nth == 1) {
		r->same = wrote_same_plan(r);
		if (r->same)
			kill_all(r);
	}
}

static void at_exit_of_call(struct run *r, struct process *p)
{
	struct user_regs_struct regs;

	p->to_exit = false;
	if (r->fault == F_KILL_EXIT) {
		kill(p->pid, SIGKILL);
	} else if (ptrace(PTRACE_GETREGS, p->pid, 0, &regs) == 0) {
		regs.rax = (unsigned long)-faults[r->fault].error;
		ptrace(PTRACE_SETREGS, p->pid, 0, &regs);
	}
}

static void at_stop(struct run *r, unsigned index, int status)
{
	struct process *p = &r->processes[index];
	int number = WSTOPSIG(status), event = status >> 16, pass = 0;
	unsigned long child;

	if (event == PTRACE_EVENT_SECCOMP)
		at_call(r, index);
	else if (event == PTRACE_EVENT_EXEC)
		set_breakpoint(r, p->pid);
	else if (event && ptrace(PTRACE_GETEVENTMSG, p->pid, 0, &child) == 0)
		process_index(r, (pid_t)child); /* is waited for, even if its parent ends at once */
	else if (number == (SIGTRAP | 0x80))
		at_exit_of_call(r, p);
	else if (event == 0 && !(number == SIGTRAP && at_breakpoint(r, p->pid)) &&
		 number != SIGSTOP)
		pass = number;
	ptrace(p->to_exit ? PTRACE_SYSCALL : PTRACE_CONT, p->pid, 0, pass);
}

static void at_end(struct run *r, unsigned index, int status)
{
	r->processes[index].pid = -1;
	r->alive--;
	if (index == 0)
		r->status = status;
}

/* Until the command and all of its children have ended. */
static void traced_run(struct run *r, const char *command)
{
	pid_t pid = begin_traced(command, r->at ? r->at->number : -1);
	unsigned index;
	int status;

	process_index(r, pid);
	time_is_over = 0;
	alarm(HANG_SECONDS);
	ptrace(PTRACE_CONT, pid, 0, 0);
	while (r->alive) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno != EINTR)
			die("waitpid");
		if (time_is_over && !r->hung) {
			r->hung = true;
			kill_all(r);
		}
		if (pid < 0)
			continue;
		index = process_index(r, pid);
		if (WIFSTOPPED(status))
			at_stop(r, index, status);
		else
			at_end(r, index, status);
	}
	alarm(0);
}

static void run_free(struct run *r)
{
	for (unsigned i = 0; i < r->process_count; i++)
		free(r->processes[i].seen);
	free(r->points);
}

/* Not traced; returns the status as wait() has it. */
static int plain_run(char **words)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		redirect_all();
		execvp(words[0], words);
		die(words[0]);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return status;
}

static int kvmtune(const char *command)
{
	char *words[MAX_WORDS], *text = must(strdup(command));
	int status;

	words_of(text, words);
	status = plain_run(words);
	free(text);
	return status;
}

/* ---- the host -------------------------------------------------------------------------------- */

struct host {
	struct item *items; /* by path */
	size_t count;
};

/* What is compared and can be put back file by file; kvmtune's own journal is only put back. */
static const char *const trees[] = { "/etc/modprobe.d",	    "/run/modprobe.d",
				     "/etc/systemd/system", "/run/systemd/system",
				     "/etc/tmpfiles.d",	    "/var/lib/kvmtune" };
#define OWN "/var/lib/kvmtune"

static const char *const values[] = { "/sys/module/kvm/parameters",
				      "/sys/module/kvm_intel",
				      "/sys/module/kvm_amd",
				      "/dev/kvm",
				      KSM "run",
				      "/run/systemd/units" };

static struct host *walking;

static bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || !path[len]);
}

/* Of a module its parameters and that it is there; of units that they are active. */
static bool is_of_interest(const char *path)
{
	if (is_below(path, "/run/systemd/units"))
		return strstr(path, "invocation:ksm");
	if (is_below(path, "/sys/module"))
		return strstr(path, "/parameters/") || strstr(path, "/initstate");
	return true;
}

static int add_item(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
	struct item *item;

	(void)ftw;
	if (kind == FTW_NS || !is_of_interest(path + strlen(root)))
		return 0;
	if (walking->count % 64 == 0)
		walking->items = must(
			realloc(walking->items, (walking->count + 64) * sizeof(*walking->items)));
	item = &walking->items[walking->count++];
	path += strlen(root);
	*item = (struct item){ must(strdup(path)), st->st_mode, st->st_uid, st->st_gid, NULL, 0 };
	if (is_below(path, "/run/systemd/units"))
		item->text = must(strdup("active"));
	else if (S_ISREG(st->st_mode) || S_ISLNK(st->st_mode))
		read_text(item, S_ISLNK(st->st_mode));
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->path, ((const struct item *)b)->path);
}

static void look(struct host *ret)
{
	*ret = (struct host){ 0 };
	walking = ret;
	for (size_t i = 0; i < COUNT(trees); i++)
		nftw(below_root(trees[i]), add_item, 16, FTW_PHYS);
	for (size_t i = 0; !*root && i < COUNT(values); i++)
		nftw(values[i], add_item, 16, FTW_PHYS);
	qsort(ret->items, ret->count, sizeof(*ret->items), by_path);
}

static void host_free(struct host *h)
{
	for (size_t i = 0; i < h->count; i++) {
		free(h->items[i].path);
		free(h->items[i].text);
	}
	free(h->items);
	*h = (struct host){ 0 };
}

static bool same_item(const struct item *a, const struct item *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->len == b->len &&
	       (!a->len || memcmp(a->text, b->text, a->len) == 0);
}

/* What is in one only, or differs: is told to `each` with NULL for what is not there. */
typedef void difference_fn(const struct item *have, const struct item *want, void *arg);

static void compare(const struct host *have, const struct host *want, difference_fn *each,
		    void *arg)
{
	size_t i = 0, j = 0;

	while (i < have->count || j < want->count) {
		const struct item *a = i < have->count ? &have->items[i] : NULL;
		const struct item *b = j < want->count ? &want->items[j] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->path, b->path);

		if (order != 0 || !same_item(a, b))
			each(order <= 0 ? a : NULL, order >= 0 ? b : NULL, arg);
		i += order <= 0;
		j += order >= 0;
	}
}

/* The journal may differ; what a torn write left over may not, wherever it is. */
static bool matters(const struct item *item)
{
	return !is_below(item->path, OWN) || strstr(item->path, "kvmtune-new");
}

static void count_difference(const struct item *have, const struct item *want, void *arg)
{
	*(unsigned *)arg += matters(have ? have : want);
}

static unsigned differences(const struct host *have, const struct host *want)
{
	unsigned n = 0;

	compare(have, want, count_difference, &n);
	return n;
}

static void count_any(const struct item *have, const struct item *want, void *arg)
{
	(void)have, (void)want;
	(*(unsigned *)arg)++;
}

/* Byte for byte, the journal too: what kvmtune says of one it says of the other. */
static bool is_identical(const struct host *a, const struct host *b)
{
	unsigned n = 0;

	compare(a, b, count_any, &n);
	return n == 0;
}

static void print_item(char sign, const struct item *item)
{
	if (!item)
		return;
	printf("#   %c %s %o %u:%u ", sign, item->path, item->mode, item->uid, item->gid);
	for (size_t i = 0; i < item->len; i++)
		putchar(item->text[i] >= ' ' ? item->text[i] : '|');
	putchar('\n');
}

static void print_difference(const struct item *have, const struct item *want, void *arg)
{
	(void)arg;
	if (!matters(have ? have : want))
		return;
	print_item('-', want);
	print_item('+', have);
}

static long ksm_number(const char *name)
{
	char path[64], text[32] = "";
	int fd;

	snprintf(path, sizeof(path), KSM "%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		return 0;
	close(fd);
	return atol(text);
}

static bool is_merged(void)
{
	return !*root && ksm_number("pages_sharing") > 0;
}

/* A lock that somebody holds when all of them have ended would be held for ever. */
static bool is_locked(void)
{
	int fd = open(below_root(LOCK), O_RDWR | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;

	if (fd >= 0)
		close(fd);
	return locked;
}

/* ---- putting it back ------------------------------------------------------------------------- */

static void ksm_set(const char *name, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), KSM "%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void merge_again(void)
{
	int64_t end = now_ms() + 30000;

	ksm_set("pages_to_scan", "20000");
	ksm_set("sleep_millisecs", "2");
	ksm_set("run", "1");
	while (!is_merged() && now_ms() < end)
		nap();
	ksm_set("pages_to_scan", "100");
	ksm_set("sleep_millisecs", "20");
}

static void make_item(const struct item *item)
{
	const char *path = below_root(item->path);
	int fd;

	if (S_ISDIR(item->mode)) {
		mkdir(path, 0700);
	} else if (S_ISLNK(item->mode)) {
		unlink(path);
		if (symlink(item->text, path) < 0)
			die(path);
		return;
	} else {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, item->text, item->len) != (ssize_t)item->len)
			die(path);
		close(fd);
	}
	if (chmod(path, item->mode & 07777) < 0 || chown(path, item->uid, item->gid) < 0)
		die(path);
}

struct reset {
	bool module; /* has to be loaded anew */
	bool units;
	bool run;
};

static bool is_in_trees(const char *path)
{
	for (size_t i = 0; i < COUNT(trees); i++)
		if (is_below(path, trees[i]))
			return true;
	return false;
}

static void reset_item(const struct item *have, const struct item *want, void *arg)
{
	const char *path = have ? have->path : want->path;
	struct reset *r = arg;

	if (is_in_trees(path)) {
		if (want)
			make_item(want);
		else
			remove(below_root(path));
		return;
	}
	r->module |= is_below(path, "/sys/module") || is_below(path, "/dev/kvm");
	r->units |= is_below(path, "/run/systemd/units");
	r->run |= is_below(path, KSM "run");
}

static const struct item *find(const struct host *h, const char *path)
{
	struct item key = { .path = (char *)path };

	return bsearch(&key, h->items, h->count, sizeof(key), by_path);
}

static const char *module_of(const struct host *h)
{
	return find(h, "/sys/module/kvm_intel/initstate") ? "kvm_intel" : "kvm_amd";
}

/* The last line of `modprobe --show-depends`: "insmod PATH OPTIONS". */
static struct {
	char *path, *options;
} load;

/* What modprobe would do on the host as it is, without starting it each time. */
static void note_load(const struct host *h)
{
	struct item item = { .path = (char *)OUT_FILE };
	char *rest, *line;

	plain_run((char *[]){ "modprobe", "--show-depends", (char *)module_of(h), NULL });
	read_text(&item, false);
	for (rest = item.text; (line = strsep(&rest, "\n"));) {
		if (strncmp(line, "insmod ", 7) != 0)
			continue;
		line += 7;
		free(load.path);
		free(load.options);
		load.path = must(strdup(strsep(&line, " ")));
		load.options = must(strdup(line ? line : ""));
	}
	free(item.text);
}

/* False: for modprobe to do, with what it needs before. */
static bool load_again(void)
{
	int fd = load.path ? open(load.path, O_RDONLY | O_CLOEXEC) : -1;
	bool done = fd >= 0 && syscall(SYS_finit_module, fd, load.options, 0) == 0;

	if (fd >= 0)
		close(fd);
	return done;
}

/* By the options of modprobe.d, which is as it was by now. */
static void reset_module(const struct host *want)
{
	const char *module = module_of(want);

	syscall(SYS_delete_module, module, O_NONBLOCK);
	if (!load_again())
		plain_run((char *[]){ "modprobe", (char *)module, NULL });
}

static void reset_units(const struct host *want)
{
	bool active = find(want, "/run/systemd/units/invocation:ksmtuned.service");

	plain_run((char *[]){ "systemctl", active ? "start" : "stop", "ksm.service",
			      "ksmtuned.service", NULL });
}

/* Differences of what others set a little later are waited for. */
static unsigned settled_differences(const struct host *want, struct host *ret)
{
	int64_t end = now_ms() + UDEV_MS;

	for (look(ret); differences(ret, want); look(ret)) {
		const struct item *a = find(ret, "/dev/kvm"), *b = find(want, "/dev/kvm");
		bool device = a && b && !same_item(a, b);

		if (!device || now_ms() > end)
			break;
		host_free(ret);
		nap();
	}
	return differences(ret, want);
}

static bool reset(const struct host *want, bool merged)
{
	struct reset todo = { 0 };
	struct host now;
	bool good;

	look(&now);
	compare(&now, want, reset_item, &todo);
	host_free(&now);
	if (todo.module)
		reset_module(want);
	if (todo.units)
		reset_units(want);
	if (merged && !is_merged())
		merge_again();
	if (todo.run || todo.units || merged)
		ksm_set("run", find(want, KSM "run")->text);
	good = settled_differences(want, &now) == 0;
	if (!good) {
		printf("# the host cannot be put back:\n");
		compare(&now, want, print_difference, NULL);
	}
	host_free(&now);
	return good;
}

/* ---- the verdict ----------------------------------------------------------------------------- */

enum verdict { BEFORE, SAME_PLAN, AFTER, UNDONE, BROKEN, NOT_REACHED, VERDICTS };

struct trial {
	const char *command;
	const char *after; /* NULL: nothing is done first */
	bool is_undo;
	bool merged; /* there are pages for it to take apart */
	bool goal_merged;
	struct host before, goal;
	struct point *points;
	size_t count;
	size_t journal_len; /* before */
	char *plan;	    /* as a run without faults writes it */
	bool tell;
	unsigned tally[FAULTS][VERDICTS];
};

struct judging {
	struct trial *t;
	const struct run *run;
	char why[256];
	struct host now; /* that is told of */
};

static enum verdict broken(struct judging *j, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(j->why, sizeof(j->why), format, args);
	va_end(args);
	return BROKEN;
}

static bool file_says(const char *path, const char *words)
{
	struct item item = { .path = (char *)path };
	bool says;

	read_text(&item, false);
	says = strstr(item.text, words);
	free(item.text);
	return says;
}

static void print_file(const char *path)
{
	struct item item = { .path = (char *)path };
	char *rest, *line;

	read_text(&item, false);
	for (rest = item.text; (line = strsep(&rest, "\n")) && (*line || rest);)
		printf("#   %s\n", line);
	free(item.text);
}

static bool is_as(struct judging *j, const struct host *want)
{
	host_free(&j->now);
	return settled_differences(want, &j->now) == 0;
}

/* `status` must succeed; does it tell of an interrupted change? (prepare() has asked it `before`) */
static int says_interrupted(struct judging *j)
{
	int status;

	if (is_identical(&j->now, &j->t->before) && !j->t->tell)
		return 0;
	status = kvmtune("status");

	if (j->t->tell)
		print_file(OUT_FILE);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return -1;
	return file_says(OUT_FILE, "did not end");
}

static enum verdict judge_undo(struct judging *j)
{
	const struct host *back = j->t->is_undo ? &j->t->goal : &j->t->before;
	int status = kvmtune("undo");

	if (j->t->tell) {
		printf("# undo: status %d\n", WEXITSTATUS(status));
		print_file(ERR_FILE);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return broken(j, "undo ended with %#x", status);
	if (!is_as(j, back))
		return broken(j, "undo did not lead back");
	if (says_interrupted(j) != 0)
		return broken(j, "after undo status is not content");
	return UNDONE;
}

/* It ended too early to tell: by a kill, or for want of memory. */
static enum verdict judge_killed(struct judging *j)
{
	bool before = is_as(j, &j->t->before), goal = !before && is_as(j, &j->t->goal);
	int interrupted = says_interrupted(j);

	if (interrupted < 0)
		return broken(j, "status fails");
	if (interrupted)
		return judge_undo(j);
	if (before || goal)
		return before ? BEFORE : AFTER;
	return broken(j, "killed in between, and status does not tell");
}

static enum verdict judge_before(struct judging *j)
{
	int interrupted;

	if (!is_as(j, &j->t->before))
		return broken(j, "it says %d, but the host is not as it was",
			      WEXITSTATUS(j->run->status));
	interrupted = says_interrupted(j);
	if (interrupted < 0)
		return broken(j, "status fails");
	return interrupted ? judge_undo(j) : BEFORE;
}

static enum verdict judge_stuck(struct judging *j)
{
	int interrupted = says_interrupted(j);

	if (interrupted < 0)
		return broken(j, "status fails");
	if (!interrupted && !is_as(j, &j->t->goal))
		return broken(j, "it says 6, but status does not tell");
	return judge_undo(j);
}

/*
 * Where a file of modprobe.d could not be read, an option may stand in ours that is not needed else:
 * that is the only difference. Then the command has nothing more to do, and undo leads back.
 */
static enum verdict judge_other_way(struct judging *j)
{
	struct host there = j->now;
	bool fits =
		differences(&there, &j->t->goal) == 1 && find(&there, OWN_CONF) && !j->t->is_undo;

	j->now = (struct host){ 0 };
	fits = fits && kvmtune(j->t->command) == 0 && is_as(j, &there);
	host_free(&there);
	if (!fits)
		return broken(j, "it says 0, but the host is not at the goal");
	return judge_undo(j) == UNDONE ? AFTER : BROKEN;
}

static enum verdict judge(struct judging *j)
{
	const struct run *r = j->run;

	if (r->hung)
		return broken(j, "it hung");
	if (is_locked())
		return broken(j, "the lock is held");
	if (r->same)
		return is_as(j, &j->t->before) ? SAME_PLAN
					       : broken(j, "altered before the journal");
	if (WIFSIGNALED(r->status) && r->at->process == 0 && r->fault >= F_KILL_ENTRY)
		return judge_killed(j);
	/* glibc's malloc() itself fails so where its first brk() does, before main() is anywhere. */
	if (WIFSIGNALED(r->status) && WTERMSIG(r->status) == SIGSEGV && r->at->number == SYS_brk)
		return judge_killed(j);
	if (!WIFEXITED(r->status))
		return broken(j, "it was ended by signal %d", WTERMSIG(r->status));
	switch (WEXITSTATUS(r->status)) {
	case 0:
		if (is_merged() != j->t->goal_merged)
			return broken(j, "it says 0, but pages are not as at the goal");
		return is_as(j, &j->t->goal) ? AFTER : judge_other_way(j);
	case 2: /* a root directory that cannot be opened */
		if (!*root)
			return broken(j, "it says 2");
		return judge_before(j);
	case 1:
	case 3:
	case 4:
		return judge_before(j);
	case 6:
		return judge_stuck(j);
	default:
		return broken(j, "it says %d", WEXITSTATUS(r->status));
	}
}

static void print_point(const struct point *p)
{
	char text[32];

	printf("%u:%s:%u", p->process, call_name(p->number, text), p->nth);
}

static void tell_broken(struct judging *j)
{
	struct trial *t = j->t;
	const struct host *want = t->is_undo ? &t->goal : &t->before;

	printf("broken: %s\n# again: faults %s%s%s one \"%s\" ", j->why,
	       t->after ? "--after \"" : "", t->after ? t->after : "", t->after ? "\"" : "",
	       t->command);
	print_point(j->run->at);
	printf(" %s\n", faults[j->run->fault].name);
	if (j->now.count)
		compare(&j->now, want, print_difference, NULL);
	print_file(FIRST_FILE);
	fflush(stdout);
}

/* One fault. False: the host cannot be put back. */
static bool try(struct trial *t, const struct point *at, enum fault fault)
{
	struct run run = { .at = at, .fault = fault, .journal_len = t->journal_len };
	struct judging j = { .t = t, .run = &run };
	enum verdict verdict;
	bool good;

	if (at->phase == BEFORE_CHANGE && fault < F_KILL_ENTRY && !t->tell)
		run.same_plan = t->plan;
	traced_run(&run, t->command);
	rename(ERR_FILE, FIRST_FILE);
	if (t->tell) {
		printf("# wait status %#x\n", run.status);
		print_file(OUT_FILE);
		print_file(FIRST_FILE);
	}
	verdict = run.hit || run.hung ? judge(&j) : NOT_REACHED;
	if (verdict == BROKEN)
		tell_broken(&j);
	t->tally[fault][verdict]++;
	host_free(&j.now);
	good = reset(&t->before, t->merged);
	run_free(&run);
	return good;
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* The first line that a run without faults has added to the journal. */
static void note_plan(struct trial *t)
{
	const struct item *before = find(&t->before, JOURNAL), *after = find(&t->goal, JOURNAL);

	t->journal_len = before ? before->len : 0;
	t->plan = must(
		strdup(after && after->len > t->journal_len ? after->text + t->journal_len : ""));
	t->plan[strcspn(t->plan, "\n")] = '\0';
}

/* From the first line of the journal to the last. */
static void set_phases(struct point *points, size_t count)
{
	size_t first = count, last = 0;

	for (size_t i = 0; i < count; i++) {
		if (points[i].process != 0 || points[i].number != JOURNAL_SYNC)
			continue;
		first = first < i ? first : i;
		last = i;
	}
	for (size_t i = 0; i < count; i++)
		points[i].phase = i < first ? BEFORE_CHANGE : i <= last ? IN_CHANGE : PROOF;
}

static bool prepare(struct trial *t)
{
	struct run run = { 0 };

	if (t->after && kvmtune(t->after) != 0)
		return false;
	t->is_undo = strncmp(t->command, "undo", 4) == 0;
	t->merged = is_merged();
	if (kvmtune("status") != 0 || file_says(OUT_FILE, "did not end"))
		return false;
	look(&t->before);
	if (!*root)
		note_load(&t->before);
	traced_run(&run, t->command);
	if (run.status != 0) {
		printf("# without a fault: wait status %#x\n", run.status);
		print_file(ERR_FILE);
		return false;
	}
	look(&t->goal);
	note_plan(t);
	set_phases(run.points, run.point_count);
	t->goal_merged = is_merged();
	t->points = run.points;
	t->count = run.point_count;
	run.points = NULL;
	run_free(&run);
	if (!differences(&t->before, &t->goal)) {
		printf("# it changes nothing\n");
		return false;
	}
	return reset(&t->before, t->merged);
}

struct choice {
	unsigned part, parts;
	unsigned sample; /* 0: all */
	unsigned proof;
	bool full;
	int seconds;
};

/* One fault after the other, so that each kind has its turn. */
static unsigned nth_fault(unsigned mask, unsigned n)
{
	unsigned count = (unsigned)__builtin_popcount(mask &= ALTERS - 1);

	for (n %= count; n; n--)
		mask &= mask - 1;
	return mask & -mask;
}

/* A call that cannot fail neither waits nor looks at anything: nothing is new after it. */
static unsigned chosen_kills(const struct point *p)
{
	if (p->faults & ALTERS)
		return p->faults & KILLS;
	return p->phase == IN_CHANGE && p->faults & ~KILLS ? p->faults & 1u << F_KILL_EXIT : 0;
}

/* Without --full what is the same as another one is left out. */
static unsigned chosen(const struct choice *c, const struct point *p, size_t i)
{
	unsigned errors = p->faults & ~KILLS & (ALTERS - 1);

	if (c->full)
		return p->faults;
	if (p->phase == PROOF && !(p->faults & ALTERS))
		errors = i % c->proof || !errors ? 0 : nth_fault(errors, (unsigned)(i / c->proof));
	return errors | chosen_kills(p);
}

static unsigned sampled(const struct choice *c, const struct point *p, size_t i)
{
	unsigned errors = p->faults & ~KILLS & (ALTERS - 1);

	if (!c->sample)
		return chosen(c, p, i);
	if (p->faults & ALTERS && p->phase == IN_CHANGE)
		return errors && i % 2 ? nth_fault(errors, (unsigned)i / 2) : 1u << F_KILL_EXIT;
	return i % c->sample ? 0 : nth_fault(p->faults, (unsigned)(i / c->sample));
}

static void print_tally(const struct trial *t)
{
	const char *of = t->is_undo && t->after ? " of " : "";
	unsigned moved = 0;

	for (int f = 0; f < FAULTS; f++) {
		const unsigned *n = t->tally[f];
		unsigned tried = n[BEFORE] + n[SAME_PLAN] + n[AFTER] + n[UNDONE] + n[BROKEN];

		moved += n[NOT_REACHED];
		if (tried)
			printf("tally\t%s%s%s\t%s\t%u\t%u\t%u\t%u\t%u\t%u\n", t->command, of,
			       *of ? t->after : "", faults[f].name, tried, n[BEFORE], n[SAME_PLAN],
			       n[AFTER], n[UNDONE], n[BROKEN]);
	}
	printf("moved\t%s\t%u\n", t->command, moved);
}

/* So that what is left for want of time is not all at the end: coprime to the count. */
static size_t stride(size_t count)
{
	size_t step = 619, a, b, rest;

	for (;; step++) {
		for (a = step, b = count; b; a = b, b = rest)
			rest = a % b;
		if (a == 1)
			return step;
	}
}

static int try_all(struct trial *t, const struct choice *c)
{
	int64_t start = now_ms();
	size_t step = stride(t->count);
	unsigned turn = 0, left = 0, broken_count = 0;

	for (size_t n = 0; n < t->count; n++) {
		size_t i = n * step % t->count;
		unsigned mask = sampled(c, &t->points[i], i);

		for (int f = 0; f < FAULTS; f++) {
			if (!(mask & 1u << f) || turn++ % c->parts != c->part - 1)
				continue;
			if (c->seconds && now_ms() - start > c->seconds * 1000LL)
				left++;
			else if (!try(t, &t->points[i], (enum fault)f))
				return 99;
		}
	}
	print_tally(t);
	for (int f = 0; f < FAULTS; f++)
		broken_count += t->tally[f][BROKEN];
	printf("left\t%s\t%u\n# %zu calls, %lld s\n", t->command, left, t->count,
	       (long long)(now_ms() - start) / 1000);
	return broken_count ? 1 : 0;
}

static int list(const struct trial *t)
{
	for (size_t i = 0; i < t->count; i++) {
		print_point(&t->points[i]);
		for (int f = 0; f < FAULTS; f++)
			if (t->points[i].faults & 1u << f)
				printf(" %s", faults[f].name);
		printf("%s\n", t->points[i].faults & ALTERS ? " alters" : "");
	}
	return 0;
}

static int try_one(struct trial *t, const char *call, const char *fault)
{
	struct point at = { 0 };
	char name[32];
	int f;

	if (sscanf(call, "%u:%31[^:]:%u", &at.process, name, &at.nth) != 3)
		return 2;
	at.number = call_by_name(name);
	for (f = 0; f < FAULTS && strcmp(faults[f].name, fault) != 0; f++)
		;
	if (at.number < 0 || f == FAULTS)
		return 2;
	t->tell = true;
	if (!try(t, &at, (enum fault)f))
		return 99;
	print_tally(t);
	return t->tally[f][BROKEN] ? 1 : 0;
}

static int usage(void)
{
	fputs("usage: faults [--root DIR] [--after COMMAND] [--part K/N] [--sample N] [--seconds "
	      "N] "
	      "[--proof N] [--full] list|all COMMAND | one COMMAND CALL FAULT\n",
	      stderr);
	return 2;
}

static int options(int argc, char **argv, struct trial *t, struct choice *c)
{
	static const struct option names[] = {
		{ "after", required_argument, NULL, 'a' },
		{ "root", required_argument, NULL, 'i' },
		{ "part", required_argument, NULL, 'p' },
		{ "sample", required_argument, NULL, 's' },
		{ "seconds", required_argument, NULL, 't' },
		{ "proof", required_argument, NULL, 'r' },
		{ "full", no_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	int o;

	while ((o = getopt_long(argc, argv, "+", names, NULL)) != -1) {
		if (o == 'a')
			t->after = optarg;
		else if (o == 'p' && sscanf(optarg, "%u/%u", &c->part, &c->parts) == 2 && c->parts)
			continue;
		else if (o == 'i')
			root = optarg;
		else if (o == 's')
			c->sample = (unsigned)atoi(optarg);
		else if (o == 't')
			c->seconds = atoi(optarg);
		else if (o == 'r' && atoi(optarg) > 0)
			c->proof = (unsigned)atoi(optarg);
		else if (o == 'f')
			c->full = true;
		else
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct choice choice = { .part = 1, .parts = 1, .proof = 1 };
	struct trial trial = { 0 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGALRM, &action, NULL);
	if (options(argc, argv, &trial, &choice) < 0 || argc - optind < 2)
		return usage();
	argv += optind;
	trial.command = argv[1];
	if (!prepare(&trial)) {
		fprintf(stderr, "faults: \"%s\" cannot be tried on this host\n", trial.command);
		return 99;
	}
	if (strcmp(argv[0], "list") == 0)
		return list(&trial);
	if (strcmp(argv[0], "all") == 0)
		return try_all(&trial, &choice);
	if (strcmp(argv[0], "one") == 0 && argc - optind == 4)
		return try_one(&trial, argv[2], argv[3]);
	return usage();
}
