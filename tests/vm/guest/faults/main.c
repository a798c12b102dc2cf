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
 * calls, those of the loader among them. Here a seccomp filter stops only those of the one name,
 * the host is read without starting programs, and put back only where it differs.
 *
 * What is left out without --full is the same as something that is done. A kill when a call returns
 * is one before the next begins: both are tried only where a call alters something; none where it
 * neither alters, waits nor looks at anything outside; and before and after the change, where
 * nothing goes on, none but those that alter. Where the plan that goes to the journal is, byte for
 * byte, that of a run without faults, what follows is that run ("same plan": it ends there). After
 * the change each call that only reads has one of its errors, in turn. Where the host is, byte for
 * byte and with its journal, as before, `status` is not asked again.
 *
 * It begins with the first instruction of the program's own file. What is before is the dynamic
 * loader's: a fault there ends any program with 127 before a line of it is run.
 *
 * The host has to be as `before` when the command says 1, 3 or 4, as the `goal` (what a run without
 * faults makes) when it says 0, and led back by `undo` when it says 6. A command that was killed
 * leaves either, or something in between that `status` tells of and one `undo` leads back. For the
 * command "undo" back is where it was going.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base.h"
#include "calls.h"
#include "judge.h"
#include "trace.h"

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
	unsigned count = (unsigned)__builtin_popcount(mask &= ERRORS | KILLS);

	for (n %= count; n; n--)
		mask &= mask - 1;
	return mask & -mask;
}

/* A call that cannot fail neither waits nor looks at anything: nothing is new after it. */
static unsigned chosen_kills(const struct point *p)
{
	if (p->faults & ALTERS)
		return p->faults & KILLS;
	return p->phase == IN_CHANGE && p->faults & ERRORS ? p->faults & 1u << F_KILL_EXIT : 0;
}

/* Without --full what is the same as another one is left out. */
static unsigned chosen(const struct choice *c, const struct point *p, size_t i)
{
	unsigned errors = p->faults & ERRORS;

	if (c->full)
		return p->faults;
	if (p->phase == PROOF && !(p->faults & ALTERS))
		errors = i % c->proof || !errors ? 0 : nth_fault(errors, (unsigned)(i / c->proof));
	return errors | chosen_kills(p);
}

static unsigned sampled(const struct choice *c, const struct point *p, size_t i)
{
	unsigned errors = p->faults & ERRORS;

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
			else if (!trial_try(t, &t->points[i], (enum fault)f))
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
	if (!trial_try(t, &at, (enum fault)f))
		return 99;
	print_tally(t);
	return t->tally[f][BROKEN] ? 1 : 0;
}

static int usage(void)
{
	fputs("usage: faults [--root DIR] [--after COMMAND] [--part K/N] [--sample N] "
	      "[--seconds N] [--proof N] [--full] list|all COMMAND | one COMMAND CALL FAULT\n",
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
			set_root(optarg);
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
	struct choice choice = { .part = 1, .parts = 1, .proof = 1 };
	struct trial trial = { 0 };

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (options(argc, argv, &trial, &choice) < 0 || argc - optind < 2)
		return usage();
	argv += optind;
	trial.command = argv[1];
	if (!trial_prepare(&trial)) {
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
