// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "programs.h"
#include "trace.h"

#define MAX_PROCESS  32
#define HANG_SECONDS 60
/* The first of these has the plan on disk: nothing is done yet. */
#define JOURNAL_SYNC SYS_fdatasync

struct process {
	pid_t pid;    /* -1: it has ended */
	bool to_exit; /* runs to the end of the call */
	struct point *seen;
	size_t seen_count;
};

struct tracer {
	struct run *run;
	struct process processes[MAX_PROCESS];
	unsigned process_count;
	unsigned alive;
	bool began; /* at the program's own first instruction */
	unsigned long entry;
	long entry_code;
};

/* ---- its start ---- */

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

static _Noreturn void begin_child(char *text, long number)
{
	char *words[MAX_WORDS];

	kvmtune_words(text, words);
	redirect_all();
	if (ptrace(PTRACE_TRACEME, 0, 0, 0) < 0)
		die("ptrace");
	raise(SIGSTOP); /* until the options are set */
	install_filter(number);
	execvp(words[0], words);
	die("kvmtune");
}

static pid_t begin_traced(const char *command, long number)
{
	char *text = must(strdup(command));
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0)
		begin_child(text, number);
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
static void set_breakpoint(struct tracer *t, pid_t pid)
{
	if (t->began) /* a child executes another program */
		return;
	t->entry = entry_of(pid);
	t->entry_code = ptrace(PTRACE_PEEKTEXT, pid, t->entry, 0);
	if (ptrace(PTRACE_POKETEXT, pid, t->entry, (t->entry_code & ~0xffL) | 0xcc) < 0)
		die("breakpoint");
}

static bool at_breakpoint(struct tracer *t, pid_t pid)
{
	struct user_regs_struct regs;

	if (t->began || ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0 || regs.rip != t->entry + 1)
		return false;
	regs.rip = t->entry;
	ptrace(PTRACE_POKETEXT, pid, t->entry, t->entry_code);
	ptrace(PTRACE_SETREGS, pid, 0, &regs);
	t->began = true;
	return true;
}

/* ---- its processes ---- */

static unsigned process_index(struct tracer *t, pid_t pid)
{
	for (unsigned i = 0; i < t->process_count; i++)
		if (t->processes[i].pid == pid)
			return i;
	if (t->process_count == MAX_PROCESS)
		die("too many processes");
	t->processes[t->process_count] = (struct process){ .pid = pid };
	t->alive++;
	return t->process_count++;
}

static void kill_all(struct tracer *t)
{
	for (unsigned i = 0; i < t->process_count; i++)
		if (t->processes[i].pid > 0)
			kill(t->processes[i].pid, SIGKILL);
}

/* ---- its calls ---- */

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

static bool is_same_point(const struct point *a, const struct point *b)
{
	return a->process == b->process && a->number == b->number && a->nth == b->nth;
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

static bool wrote_same_plan(const struct run *r)
{
	size_t len = strlen(r->same_plan), journal_len;
	char *journal = read_text(below_root(JOURNAL), &journal_len);
	bool same = len && journal_len > r->journal_len &&
		    strncmp(journal + r->journal_len, r->same_plan, len) == 0;

	free(journal);
	return same;
}

static void at_call(struct tracer *t, unsigned index)
{
	struct run *r = t->run;
	struct process *p = &t->processes[index];
	struct user_regs_struct regs;
	struct point here = { .process = index };

	if (!t->began || ptrace(PTRACE_GETREGS, p->pid, 0, &regs) < 0)
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
			kill_all(t);
	}
}

static void at_exit_of_call(const struct run *r, struct process *p)
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

/* ---- all of it ---- */

static void at_stop(struct tracer *t, unsigned index, int status)
{
	struct process *p = &t->processes[index];
	int number = WSTOPSIG(status), event = status >> 16, pass = 0;
	unsigned long child;

	if (event == PTRACE_EVENT_SECCOMP)
		at_call(t, index);
	else if (event == PTRACE_EVENT_EXEC)
		set_breakpoint(t, p->pid);
	else if (event && ptrace(PTRACE_GETEVENTMSG, p->pid, 0, &child) == 0)
		process_index(t, (pid_t)child); /* is waited for, even if its parent ends at once */
	else if (number == (SIGTRAP | 0x80))
		at_exit_of_call(t->run, p);
	else if (event == 0 && !(number == SIGTRAP && at_breakpoint(t, p->pid)) &&
		 number != SIGSTOP)
		pass = number;
	ptrace(p->to_exit ? PTRACE_SYSCALL : PTRACE_CONT, p->pid, 0, pass);
}

static void at_end(struct tracer *t, unsigned index, int status)
{
	t->processes[index].pid = -1;
	t->alive--;
	if (index == 0)
		t->run->status = status;
}

static volatile sig_atomic_t time_is_over;

static void on_alarm(int number)
{
	(void)number;
	time_is_over = 1;
}

/* No SA_RESTART: it is to interrupt waitpid(). */
static void begin_time(void)
{
	struct sigaction action = { .sa_handler = on_alarm };

	sigaction(SIGALRM, &action, NULL);
	time_is_over = 0;
	alarm(HANG_SECONDS);
}

static void until_all_have_ended(struct tracer *t)
{
	pid_t pid;
	unsigned index;
	int status;

	while (t->alive) {
		pid = waitpid(-1, &status, __WALL);
		if (pid < 0 && errno != EINTR)
			die("waitpid");
		if (time_is_over && !t->run->hung) {
			t->run->hung = true;
			kill_all(t);
		}
		if (pid < 0)
			continue;
		index = process_index(t, pid);
		if (WIFSTOPPED(status))
			at_stop(t, index, status);
		else
			at_end(t, index, status);
	}
}

/* The change goes from the first line of the journal to the last. */
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

void traced_run(struct run *run, const char *command)
{
	struct tracer t = { .run = run };
	pid_t pid = begin_traced(command, run->at ? run->at->number : -1);

	process_index(&t, pid);
	begin_time();
	ptrace(PTRACE_CONT, pid, 0, 0);
	until_all_have_ended(&t);
	alarm(0);
	set_phases(run->points, run->point_count);
	for (unsigned i = 0; i < t.process_count; i++)
		free(t.processes[i].seen);
}

void run_free(struct run *run)
{
	free(run->points);
}

void print_point(const struct point *point)
{
	char text[32];

	printf("%u:%s:%u", point->process, call_name(point->number, text), point->nth);
}
