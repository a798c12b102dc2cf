// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/host_file_read.h>

#include <errno.h>
#include <string.h>

#include <kvmtune/port.h>

/* The reason is in e, with a hint where there is one. */
static void refuse_file(struct host_file *f, struct err *e)
{
	if (strcmp(e->id, "not-trusted") == 0) {
		err_status(e, STATUS_USAGE, "host-file-not-trusted");
	} else {
		err_status(e, STATUS_USAGE, "host-file-unreadable");
		err_hint(e, "%s",
			 e->code == -EACCES ? "Run it again with sudo."
					    : "Repair or remove it, then run the same command "
					      "again.");
	}
	host_file_add_error(f, e);
}

/* A file that is missing is none. */
static int read_own(struct ports *p, const char *path, struct buf *ret, struct err *e)
{
	struct file_stat st = { 0 };
	int r = p->file.check_own(p, path, e);

	if (r < 0)
		return r;
	r = p->file.stat(p, path, &st);
	if (r == 0)
		r = st.size > HOST_FILE_BYTES ? -EFBIG : p->file.read(p, path, ret);
	if (r == -EFBIG || ret->len > HOST_FILE_BYTES)
		return err_set(e, -EFBIG, "%s has more than %d bytes", path, HOST_FILE_BYTES);
	return r < 0 && r != -ENOENT ? err_sys(e, r, "cannot read %s", path) : r;
}

static void add_file(struct ports *p, const char *path, struct host_file *f)
{
	autobuf text = { 0 };
	struct err e = { 0 };
	int r = read_own(p, path, &text, &e);

	if (e.code)
		refuse_file(f, &e);
	else if (r == 0)
		host_file_add(f, path, buf_text(&text), text.len);
}

/* As in other directories of drop-ins, a name that begins with a dot is hidden. */
static bool is_drop_in(const char *name)
{
	return name[0] != '.' && ends_with(name, ".conf");
}

static void read_drop_ins(struct ports *p, struct host_file *f)
{
	autostrv names = { 0 };
	struct err e = { 0 };
	const char *name;
	size_t count = 0;
	int r = p->file.list(p, HOST_FILE_DIR, &names);

	if (r == -ENOENT)
		return;
	if (r < 0) {
		err_sys(&e, r, "cannot read the directory " HOST_FILE_DIR);
		refuse_file(f, &e);
		return;
	}
	strv_sort(&names);
	strv_foreach (name, &names) {
		autofree char *path = xasprintf(HOST_FILE_DIR "/%s", name);

		if (!is_drop_in(name))
			continue;
		if (count++ == HOST_FILES_MAX) {
			err_set(&e, -EFBIG, HOST_FILE_DIR " has more than %d files",
				HOST_FILES_MAX);
			refuse_file(f, &e);
			return;
		}
		add_file(p, path, f);
	}
}

void host_file_read(struct ports *p, struct host_file *f)
{
	add_file(p, HOST_FILE, f);
	read_drop_ins(p, f);
	host_file_end(f);
}

void host_file_read_one(struct ports *p, const char *path, struct host_file *f)
{
	const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
	autobuf text = { 0 };
	struct err e = { 0 };

	if (p->user.read_own(p, path, HOST_FILE_BYTES, &text, &e) < 0) {
		refuse_file(f, &e);
		return;
	}
	host_file_add(f, name, buf_text(&text), text.len);
	host_file_end(f);
}
