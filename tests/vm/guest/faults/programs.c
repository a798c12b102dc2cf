// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base.h"
#include "programs.h"

void kvmtune_words(char *text, char *words[MAX_WORDS])
{
	char *rest = text, *word;
	int n = 0;

	words[n++] = "kvmtune";
	if (is_image()) {
		words[n++] = "--root";
		words[n++] = (char *)root();
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

void redirect_all(void)
{
	redirect(0, "/dev/null", O_RDONLY);
	redirect(1, OUT_FILE, O_WRONLY | O_CREAT | O_TRUNC);
	redirect(2, ERR_FILE, O_WRONLY | O_CREAT | O_TRUNC);
}

int run_program(char **words)
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

int kvmtune(const char *command)
{
	char *words[MAX_WORDS], *text = must(strdup(command));
	int status;

	kvmtune_words(text, words);
	status = run_program(words);
	free(text);
	return status;
}

bool file_says(const char *path, const char *words)
{
	char *text = read_text(path, NULL);
	bool says = strstr(text, words);

	free(text);
	return says;
}

void print_file(const char *path)
{
	char *text = read_text(path, NULL), *rest = text, *line;

	while ((line = strsep(&rest, "\n")) && (*line || rest))
		printf("#   %s\n", line);
	free(text);
}
