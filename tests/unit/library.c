// SPDX-License-Identifier: GPL-2.0-or-later
#include "library.h"
#include "tree.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <kvmtune/base.h>

char *own_path(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	return n > 0 ? xstrndup(self, (size_t)n) : NULL;
}

static int put_library(const char *path, const char *target)
{
	autoclose int fd = -1;

	if (target)
		return symlink(target, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	return fd < 0 ? -1 : 0;
}

/* Reads all that the child writes, however it is cut. */
static void read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	text[len] = '\0';
}

static int run_in(const char *dir, char *text, size_t size)
{
	autofree char *self = own_path();
	char *argv[] = { self, WITH_LIBRARY, NULL };
	int out[2], status;
	pid_t pid;

	if (!self || pipe2(out, O_CLOEXEC) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		setenv("LD_LIBRARY_PATH", dir, 1);
		dup2(out[1], STDOUT_FILENO);
		execv(argv[0], argv);
		_exit(127);
	}
	close(out[1]);
	read_all(out[0], text, size);
	close(out[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

int run_with_library(const char *soname, const char *target, char *text, size_t size)
{
	char dir[] = "/tmp/kvmtune-library-XXXXXX";
	autofree char *path = NULL;
	int status = -1;

	if (!mkdtemp(dir))
		return -1;
	path = xasprintf("%s/%s", dir, soname);
	if (put_library(path, target) == 0)
		status = run_in(dir, text, size);
	remove_tree(dir);
	return status;
}
