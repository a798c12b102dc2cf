// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/record.h>

#include <errno.h>
#include <string.h>

static struct recording *recording_of(struct ports *p)
{
	return (struct recording *)p;
}

/* Backwards: the same path is mostly asked for again at once. */
static struct recorded *find(const struct recording *rec, const char *path)
{
	for (size_t i = rec->count; i-- > 0;)
		if (strcmp(rec->entries[i].path, path) == 0)
			return &rec->entries[i];
	return NULL;
}

static struct recorded *entry_of(struct recording *rec, const char *path)
{
	struct recorded *entry = find(rec, path);

	if (entry)
		return entry;
	entry = &array_push(rec->entries, rec->count);
	entry->path = xstrdup(path);
	return entry;
}

/* What is not there is nothing to remember; what could not be read is. */
static void remember_error(struct recording *rec, const char *path, int error)
{
	if (error != -ENOENT && error != -ENOTDIR && error != -EINVAL && error != -ESRCH)
		entry_of(rec, path)->error = error;
}

static void remember_text(struct recording *rec, const char *path, const char *text, size_t len)
{
	struct recorded *entry = entry_of(rec, path);

	entry->is_file = true;
	entry->error = 0;
	if (len <= entry->text.len)
		return;
	buf_reset(&entry->text);
	buf_add(&entry->text, text, len);
}

static void remember_read(struct recording *rec, const char *path, int error, const struct buf *b,
			  size_t before)
{
	if (error < 0)
		remember_error(rec, path, error);
	else
		remember_text(rec, path, buf_text(b) + before, b->len - before);
}

static int record_read(struct ports *p, const char *path, struct buf *ret)
{
	struct recording *rec = recording_of(p);
	size_t before = ret->len;
	int r = rec->behind->file.read(rec->behind, path, ret);

	remember_read(rec, path, r, ret, before);
	return r;
}

static int record_read_head(struct ports *p, const char *path, size_t size, struct buf *ret)
{
	struct recording *rec = recording_of(p);
	size_t before = ret->len;
	int r = rec->behind->file.read_head(rec->behind, path, size, ret);

	remember_read(rec, path, r, ret, before);
	return r;
}

static void remember_dir(struct recording *rec, const char *path, int error)
{
	if (error < 0)
		remember_error(rec, path, error);
	else
		entry_of(rec, path)->is_dir = true;
}

/* That a module is in the list of holders says all; of other names those count that are read. */
static void remember_names(struct recording *rec, const char *dir, const struct strv *names,
			   size_t from)
{
	for (size_t i = from; ends_with(dir, "/holders") && i < names->n; i++) {
		autofree char *path = xasprintf("%s/%s", dir, names->v[i]);

		remember_text(rec, path, "", 0);
	}
}

static int record_list(struct ports *p, const char *path, struct strv *ret)
{
	struct recording *rec = recording_of(p);
	size_t before = ret->n;
	int r = rec->behind->file.list(rec->behind, path, ret);

	remember_dir(rec, path, r);
	remember_names(rec, path, ret, before);
	return r;
}

static int record_list_files(struct ports *p, const char *path, struct strv *ret)
{
	struct recording *rec = recording_of(p);
	int r = rec->behind->file.list_files(rec->behind, path, ret);

	remember_dir(rec, path, r);
	return r;
}

static int record_read_lines(struct ports *p, const char *dir, struct strv *names,
			     struct strv *lines)
{
	struct recording *rec = recording_of(p);
	size_t before = names->n;
	int r = rec->behind->file.read_lines(rec->behind, dir, names, lines);

	remember_dir(rec, dir, r);
	for (size_t i = before; r == 0 && i < names->n; i++) {
		autofree char *path = xasprintf("%s/%s", dir, names->v[i]);
		autofree char *line = xasprintf("%s\n", lines->v[i]);

		remember_text(rec, path, line, strlen(line));
	}
	return r;
}

static int record_stat(struct ports *p, const char *path, struct file_stat *ret)
{
	struct recording *rec = recording_of(p);
	int r = rec->behind->file.stat(rec->behind, path, ret);
	struct recorded *entry;

	if (r < 0) {
		remember_error(rec, path, r);
		return r;
	}
	entry = entry_of(rec, path);
	entry->is_there = true;
	entry->is_dir |= ret->is_dir;
	entry->st = *ret;
	return 0;
}

static int record_read_link(struct ports *p, const char *path, struct buf *ret)
{
	struct recording *rec = recording_of(p);
	size_t before = ret->len;
	int r = rec->behind->file.read_link(rec->behind, path, ret);
	struct recorded *entry;

	if (r < 0)
		return r;
	entry = entry_of(rec, path);
	free(entry->target);
	entry->target = xstrdup(buf_text(ret) + before);
	return 0;
}

static int record_writable(struct ports *p, const char *dir)
{
	struct recording *rec = recording_of(p);
	int r = rec->behind->file.writable(rec->behind, dir);

	/* A directory that can only be read is there, too. */
	if (r == 0 || r == -EROFS)
		entry_of(rec, dir)->is_dir = true;
	return r;
}

void recording_begin(struct recording *ret, struct ports *behind)
{
	*ret = (struct recording){ .ports = *behind, .behind = behind };
	ret->ports.file.read = record_read;
	ret->ports.file.read_head = record_read_head;
	ret->ports.file.list = record_list;
	ret->ports.file.list_files = record_list_files;
	ret->ports.file.read_lines = record_read_lines;
	ret->ports.file.stat = record_stat;
	ret->ports.file.read_link = record_read_link;
	ret->ports.file.writable = record_writable;
}

const struct recorded *recording_find(const struct recording *rec, const char *path)
{
	return find(rec, path);
}

void recording_free(struct recording *rec)
{
	for (size_t i = 0; i < rec->count; i++) {
		free(rec->entries[i].path);
		buf_free(&rec->entries[i].text);
		free(rec->entries[i].target);
	}
	free(rec->entries);
	*rec = (struct recording){ 0 };
}
