// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * races - many kvmtune at once, while guests start and stop
 *
 *	races SETTING MODULE PROCESSES SECONDS SEED
 *
 * PROCESSES run kvmtune one after the other, each at random: SETTING on and off, with and without
 * --wait, dry runs, audits, status. GUESTS others start a guest and end it after a while, and one
 * more opens /dev/kvm each millisecond and notes for how long it could not.
 *
 * A table on stdout has each command's exit statuses. Exit status 1: one ended as it must not (by
 * a signal, or with a status that its command does not give, or does not give with that text), or
 * a guest was harmed. The longest wait of a starter stands beside the longest absence that kvmtune
 * told of; both are times, and nothing rests on them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define GUESTS	      3
#define MAX_PROCESSES 200
#define STATUSES      8
#define HANG_SECONDS  60
#define STARTER_NS    1000000
#define TEXT	      4000

struct command {
	const char *words[3]; /* SETTING stands for its name */
	int weight;
	const char *allowed; /* exit statuses */
};

static const struct command commands[] = {
	{ { "SETTING", "off" }, 4, "03" },
	{ { "SETTING", "on" }, 4, "03" },
	{ { "SETTING", "off", "--wait=5s" }, 3, "03" },
	{ { "SETTING", "on", "--wait=5s" }, 3, "03" },
	{ { "SETTING", "off", "--dry-run" }, 1, "03" },
	{ { "SETTING", "on", "--dry-run" }, 1, "03" },
	/* 5: another's change has saved it, not yet loaded */
	{ { "audit", "SETTING=off" }, 1, "0357" },
	{ { "status" }, 2, "0" },
};
#define COMMANDS (sizeof(commands) / sizeof(*commands))

/* Shared by all processes; each counts in its own part, so that nothing needs a lock. */
struct tally {
	unsigned ended[COMMANDS][STATUSES];
	unsigned wrong;
	char first_wrong[TEXT + 200];
	unsigned changes; /* those that reloaded the module */
	double away_ms;	  /* the longest that kvmtune named */
	unsigned guests, starts;
	unsigned refused; /* of them */
	double waited_ms; /* the longest until one was not */
};

static const char *setting, *module;
static double end;
static struct tally *mine;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void pause_ns(long ns)
{
	const struct timespec t = { .tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000 };

	nanosleep(&t, NULL);
}

static void die(const char *what)
{
	fprintf(stderr, "races: %s: %s\n", what, strerror(errno));
	exit(2);
}

static void note_wrong(const char *what, const char *text)
{
	if (!mine->wrong++)
		snprintf(mine->first_wrong, sizeof(mine->first_wrong), "%.9f s: %s: %s", now(),
			 what, text);
}

/* ---- kvmtune ---- */

static const struct command *any_command(void)
{
	int total = 0, n;

	for (size_t i = 0; i < COMMANDS; i++)
		total += commands[i].weight;
	n = (int)(random() % total);
	for (const struct command *c = commands;; c++) {
		n -= c->weight;
		if (n < 0)
			return c;
	}
}

static void fill_in(const char *word, char *ret, size_t size)
{
	if (strncmp(word, "SETTING", 7) == 0)
		snprintf(ret, size, "%s%s", setting, word + 7);
	else
		snprintf(ret, size, "%s", word);
}

/* Its status as wait() has it; what it said, on both, in text. */
static int run_kvmtune(const struct command *c, char text[TEXT])
{
	int said = memfd_create("said", 0);
	char words[3][40] = { "" };
	pid_t pid;
	ssize_t n;
	int status;

	for (int i = 0; i < 3 && c->words[i]; i++)
		fill_in(c->words[i], words[i], sizeof(words[i]));
	pid = fork();
	if (said < 0 || pid < 0)
		die("fork");
	if (pid == 0) {
		dup2(said, 1);
		dup2(said, 2);
		alarm(HANG_SECONDS);
		execlp("kvmtune", "kvmtune", words[0], *words[1] ? words[1] : NULL,
		       *words[2] ? words[2] : NULL, NULL);
		die("kvmtune");
	}
	waitpid(pid, &status, 0);
	n = pread(said, text, TEXT - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	close(said);
	return status;
}

/* Does it take the lock, and find the module at rest? The others may look while it is being loaded. */
static bool takes_lock(const struct command *c)
{
	return strcmp(c->words[0], "SETTING") == 0 &&
	       !(c->words[2] && strcmp(c->words[2], "--dry-run") == 0);
}

/* Is that refused for the reasons that there are here? */
static bool is_true(const struct command *c, int status, const char *text)
{
	if (!strchr(c->allowed, '0' + status))
		return false;
	/* Nobody is killed here: nothing is ever interrupted. */
	if (strstr(text, "did not end"))
		return false;
	if (status != 3 || strstr(text, "another kvmtune is running") || strstr(text, " use"))
		return true;
	return !takes_lock(c) && strstr(text, "another program is loading or removing ");
}

static void note_away(const char *text)
{
	const char *at = strstr(text, "KVM was away for ");
	char unit[8];
	double n;

	if (!at || sscanf(at, "KVM was away for %lf %7[a-z]", &n, unit) != 2)
		return;
	n *= strcmp(unit, "s") == 0 ? 1000 : 1;
	mine->changes++;
	if (n > mine->away_ms)
		mine->away_ms = n;
}

static void race_once(void)
{
	const struct command *c = any_command();
	char text[TEXT], what[100];
	int status = run_kvmtune(c, text), code = WEXITSTATUS(status);

	note_away(text);
	if (WIFEXITED(status) && code < STATUSES && is_true(c, code, text)) {
		mine->ended[c - commands][code]++;
		return;
	}
	snprintf(what, sizeof(what), "%s %s %s: %s %d", c->words[0], c->words[1] ? c->words[1] : "",
		 c->words[2] ? c->words[2] : "", WIFEXITED(status) ? "status" : "signal",
		 WIFEXITED(status) ? code : WTERMSIG(status));
	note_wrong(what, text);
}

static void race(void)
{
	while (now() < end)
		race_once();
}

/* ---- guests ---- */

static unsigned long module_identity(void)
{
	char path[100];
	struct stat st;

	snprintf(path, sizeof(path), "/sys/module/%s", module);
	return stat(path, &st) < 0 ? 0 : st.st_ino;
}

static pid_t start_guest(int *ret_said)
{
	int ends[2];
	pid_t pid;

	if (pipe(ends) < 0)
		die("pipe");
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], 1);
		dup2(ends[1], 2);
		close(ends[0]);
		execlp("kvmhold", "kvmhold", "guest", NULL);
		die("kvmhold");
	}
	close(ends[1]);
	*ret_said = ends[0];
	return pid;
}

static bool no_kvm(const char *said)
{
	return strstr(said, "/dev/kvm: No such") != NULL;
}

/* It runs until it is told to end, on the module that it began with. */
static void guest_once(void)
{
	char text[200] = "";
	int said, status;
	pid_t pid = start_guest(&said);
	ssize_t n = read(said, text, sizeof(text) - 1);
	bool runs = n > 0 && strncmp(text, "ready", 5) == 0;
	unsigned long before = module_identity();

	if (runs) {
		pause_ns(20000000 + random() % 300000000);
		if (waitpid(pid, &status, WNOHANG) != 0)
			note_wrong("a guest", "ended before its time");
		if (module_identity() != before)
			note_wrong("a guest", "the module was loaded anew under it");
		kill(pid, SIGTERM);
		mine->guests++;
	}
	waitpid(pid, &status, 0);
	close(said);
	mine->refused += !runs && no_kvm(text);
	if (runs ? status != 0 : !no_kvm(text))
		note_wrong("a guest", text);
}

static void run_guests(void)
{
	while (now() < end) {
		guest_once();
		pause_ns(2 * (random() % 2000000000));
	}
}

/* To an open /dev/kvm, however often it is not there, or the kernel keeps it waiting. */
static void start_once(void)
{
	double since = now(), waited_ms;
	bool refused = false;
	int fd;

	while ((fd = open("/dev/kvm", O_RDWR | O_CLOEXEC)) < 0) {
		refused = true;
		pause_ns(STARTER_NS);
	}
	close(fd);
	waited_ms = (now() - since) * 1000;
	mine->starts++;
	mine->refused += refused;
	if (waited_ms > mine->waited_ms)
		mine->waited_ms = waited_ms;
}

/* Looks all the time, before all others, for how long nobody can start a guest. */
static void starter(void)
{
	const struct sched_param first = { .sched_priority = 1 };

	sched_setscheduler(0, SCHED_FIFO, &first);
	while (now() < end) {
		start_once();
		pause_ns(STARTER_NS);
	}
}

/* ---- all together ---- */

static void begin(struct tally *tally, unsigned seed, void (*play)(void))
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	mine = tally;
	srandom(seed);
	play();
	_exit(0);
}

static void add(struct tally *sum, const struct tally *t)
{
	for (size_t i = 0; i < COMMANDS; i++)
		for (int k = 0; k < STATUSES; k++)
			sum->ended[i][k] += t->ended[i][k];
	if (t->wrong)
		printf("wrong %u times, first at %s\n", t->wrong, t->first_wrong);
	sum->wrong += t->wrong;
	sum->changes += t->changes;
	sum->guests += t->guests;
	sum->starts += t->starts;
	sum->refused += t->refused;
	if (t->away_ms > sum->away_ms)
		sum->away_ms = t->away_ms;
	if (t->waited_ms > sum->waited_ms)
		sum->waited_ms = t->waited_ms;
}

static void print_table(const struct tally *sum)
{
	puts("| command | runs | 0 | 3 | 7 |\n|---|---|---|---|---|");
	for (size_t i = 0; i < COMMANDS; i++) {
		const unsigned *n = sum->ended[i];
		char words[3][40] = { "" };

		for (int k = 0; k < 3 && commands[i].words[k]; k++)
			fill_in(commands[i].words[k], words[k], sizeof(words[k]));
		printf("| %s %s %s | %u | %u | %u | %u |\n", words[0], words[1], words[2],
		       n[0] + n[3] + n[7], n[0], n[3], n[7]);
	}
}

int main(int argc, char **argv)
{
	struct tally *tallies, sum = { 0 };
	int processes, n = 0;
	unsigned seed;

	if (argc != 6 || atoi(argv[3]) > MAX_PROCESSES) {
		fputs("usage: races SETTING MODULE PROCESSES SECONDS SEED\n", stderr);
		return 2;
	}
	setting = argv[1];
	module = argv[2];
	processes = atoi(argv[3]);
	end = now() + atoi(argv[4]);
	seed = (unsigned)atoi(argv[5]) * 1000;
	tallies = mmap(NULL, sizeof(*tallies) * (MAX_PROCESSES + GUESTS + 1),
		       PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (tallies == MAP_FAILED)
		die("mmap");
	begin(&tallies[n++], 0, starter);
	for (int i = 0; i < GUESTS; i++, n++)
		begin(&tallies[n], seed + (unsigned)n, run_guests);
	for (int i = 0; i < processes; i++, n++)
		begin(&tallies[n], seed + (unsigned)n, race);
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < n; i++)
		add(&sum, &tallies[i]);
	print_table(&sum);
	printf("changes %u, guests %u, starts %u, refused %u; longest wait %.1f ms, "
	       "longest absence "
	       "that was reported %.0f ms; wrong %u\n",
	       sum.changes, sum.guests, sum.starts, sum.refused, sum.waited_ms, sum.away_ms,
	       sum.wrong);
	return sum.wrong != 0;
}
