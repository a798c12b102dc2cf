// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base.h"

void die(const char *what)
{
	fprintf(stderr, "faults: %s: %s\n", what, strerror(errno));
	exit(99);
}

void *must(void *p)
{
	if (!p)
		die("memory");
	return p;
}

int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void nap(void)
{
	const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };

	nanosleep(&pause, NULL);
}

static const char *root_dir = "";

void set_root(const char *dir)
{
	root_dir = dir;
}

const char *root(void)
{
	return root_dir;
}

bool is_image(void)
{
	return *root_dir;
}

const char *below_root(const char *path)
{
	static char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s%s", root_dir, path);
	return text;
}

static ssize_t read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, size);

	if (fd >= 0)
		close(fd);
	return n;
}

char *read_text(const char *path, size_t *ret_len)
{
	char text[65536], *ret;
	ssize_t n = read_file(path, text, sizeof(text));
	size_t len;

	if (n < 0)
		n = readlink(path, text, sizeof(text));
	len = n > 0 ? (size_t)n : 0;
	ret = must(malloc(len + 1));
	memcpy(ret, text, len);
	ret[len] = '\0';
	if (ret_len)
		*ret_len = len;
	return ret;
}
