// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * terminal.c - colours and line width of stdout and stderr.
 */
#include "cli.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* A larger number is a mistake. */
#define WIDTH_MOST 10000

/* Colour only for a terminal that wants it (https://no-color.org). */
static bool wants_color(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no_color && *no_color) && term && strcmp(term, "dumb") != 0 && isatty(fd);
}

/*
 * The terminal takes precedence over COLUMNS, which may come from another one. In a file, a log or a pipe
 * each row and each sentence is one line, so that grep finds the whole of it.
 */
static size_t width_of(int fd)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	uint64_t width = 0;

	if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col)
		width = size.ws_col;
	else if (!columns || parse_u64(columns, &width) < 0 || !width || width > WIDTH_MOST)
		return isatty(fd) ? WIDTH_DEFAULT : WIDTH_ANY;
	return width < WIDTH_LEAST ? WIDTH_LEAST : width;
}

static struct style style_for(int fd)
{
	return (struct style){ .color = wants_color(fd), .width = width_of(fd) };
}

void terminal_styles(struct style *out, struct style *err)
{
	*out = style_for(STDOUT_FILENO);
	*err = style_for(STDERR_FILENO);
}
