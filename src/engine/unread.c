// SPDX-License-Identifier: GPL-2.0-or-later
#include "unread.h"

#include <errno.h>
#include <search.h>
#include <string.h>

#include <kvmtune/port.h>

static int compare_paths(const void *a, const void *b)
{
	return strcmp(a, b);
}

int unread_note(struct unread *u, const char *path, int r)
{
	char *copy;

	if (r >= 0 || error_is_absence(r) || tfind(path, &u->paths, compare_paths))
		return r;
	copy = xstrdup(path);
	tsearch(copy, &u->paths, compare_paths);
	array_push(u->files, u->count) = (struct unread_file){ .path = copy, .error = r };
	return r;
}

int unread_count_names(struct unread *u, const char *dir, size_t count)
{
	if (count > UNREAD_MAX_NAMES - u->names)
		return unread_note(u, dir, -EFBIG);
	u->names += count;
	return 0;
}

/* A link to /dev/null, in an image that has one. */
static bool is_device(struct ports *p, const char *path)
{
	struct file_stat st;

	return p->file.stat(p, path, &st) == 0 && st.is_char;
}

static size_t count_lines(const struct buf *text)
{
	const char *at = buf_text(text), *end = at + text->len;
	size_t lines = 1;

	for (; (at = memchr(at, '\n', (size_t)(end - at))); at++)
		lines++;
	return lines;
}

/* -EFBIG where it is too much, with what was read before. */
static int count_text(struct unread *u, const struct buf *text)
{
	size_t lines = count_lines(text);

	if (text->len > UNREAD_MAX_BYTES - u->bytes || lines > UNREAD_MAX_LINES - u->lines)
		return -EFBIG;
	u->bytes += text->len;
	u->lines += lines;
	return 0;
}

int read_noting(struct ports *p, const char *path, struct unread *u, struct buf *ret)
{
	autobuf text = { 0 };
	struct buf before;
	int r = p->file.read(p, path, &text);

	if (r == -EINVAL && is_device(p, path))
		return r;
	if (r == 0)
		r = count_text(u, &text);
	if (r < 0)
		return unread_note(u, path, r);
	before = *ret;
	*ret = text;
	text = before;
	return 0;
}

void unread_tell(const struct unread *u, const char *may, struct strv *unseen)
{
	autofree char *path = u->count ? safe_text(u->files[0].path, 200) : NULL;
	autobuf others = { 0 };

	if (!u->count)
		return;
	if (u->count > 1)
		buf_printf(&others, " and %zu other file%s", u->count - 1,
			   u->count == 2 ? "" : "s");
	strv_addf(unseen, "%s%s (%s), which may %s", path, buf_text(&others),
		  unread_reason(u->files), may);
}

int unread_fail(const struct unread *u, bool root, struct err *e)
{
	const struct unread_file *first = u->files;
	autofree char *path = u->count ? safe_text(first->path, 200) : NULL;

	if (!u->count)
		return 0;
	err_set(e, first->error, "cannot read %s: %s", path, unread_reason(first));
	if (root || (first->error != -EACCES && first->error != -EPERM))
		return err_hint(e, "Repair or remove it, then run the same command again.");
	err_hint(e, "Run it again with sudo.");
	return err_status(e, STATUS_IMPOSSIBLE, "not-root");
}
