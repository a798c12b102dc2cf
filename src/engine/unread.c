// SPDX-License-Identifier: GPL-2.0-or-later
#include "unread.h"

#include <errno.h>
#include <string.h>

#include <kvmtune/port.h>

int unread_note(struct unread *u, const char *path, int r)
{
	if (r >= 0 || error_is_absence(r))
		return r;
	for (size_t i = 0; i < u->count; i++)
		if (strcmp(u->files[i].path, path) == 0)
			return r;
	array_push(u->files, u->count) = (struct unread_file){ .path = xstrdup(path), .error = r };
	return r;
}

/* A link to /dev/null, in an image that has one. */
static bool is_device(struct ports *p, const char *path)
{
	struct file_stat st;

	return p->file.stat(p, path, &st) == 0 && st.is_char;
}

int read_noting(struct ports *p, const char *path, struct unread *u, struct buf *ret)
{
	int r = p->file.read(p, path, ret);

	return r == -EINVAL && is_device(p, path) ? r : unread_note(u, path, r);
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
	err_set(e, first->error, "cannot look at %s: %s", path, unread_reason(first));
	if (root || (first->error != -EACCES && first->error != -EPERM))
		return err_hint(e, "Mend or remove it, then run the same command again.");
	err_hint(e, "Run it again with sudo.");
	return err_status(e, STATUS_IMPOSSIBLE, "not-root");
}
