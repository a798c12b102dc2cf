/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * programs.h - kvmtune and other programs, run to their end, and what they have said
 *
 *	kvmtune(COMMAND)	"ept off"; of an image, if there is one
 *	run_program(WORDS)	any other
 *	file_says(OUT_FILE, ..)	what the last one has said, traced or not
 *
 * kvmtune_words() and redirect_all() are for who starts kvmtune in another way: see trace.c.
 */
#ifndef FAULTS_PROGRAMS_H
#define FAULTS_PROGRAMS_H

#include <stdbool.h>

/* Nothing of the host that is judged: the same with and without a root. */
#define OUT_FILE   "/tmp/faults.out"
#define ERR_FILE   "/tmp/faults.err"
#define FIRST_FILE "/tmp/faults.first" /* what the faulty one had said, before status and undo */

#define MAX_WORDS 16

/* Both return the status as wait() has it. */
int kvmtune(const char *command);
int run_program(char **words);

/* The words point into text, and end with NULL. */
void kvmtune_words(char *text, char *words[MAX_WORDS]);
/* Of this process: from nowhere, to OUT_FILE and ERR_FILE. */
void redirect_all(void);

bool file_says(const char *path, const char *words);
void print_file(const char *path);

#endif
