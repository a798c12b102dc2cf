// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * user_files.c - files of the user's, by the paths that were typed.
 */
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER_FILE_MAX (16 << 20)

static int user_read(struct ports *p, const char *path, struct buf *ret)
{
	autoclose int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	autobuf text = { 0 };
	char chunk[16384];
	ssize_t n;

	(void)p;
	if (fd < 0)
		return -errno;
	/* It may be a terminal or a pipe: a signal ends the waiting, unlike in sys_open()'s files. */
	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		if (text.len + (size_t)n > USER_FILE_MAX)
			return -EFBIG;
		buf_add(&text, chunk, (size_t)n);
	}
	if (n < 0)
		return -errno;
	buf_add(ret, buf_text(&text), text.len);
	return 0;
}

/* 0, or -ENOTEMPTY. */
static int check_empty(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	int found = 0;

	if (!dir) {
		closep(&copy);
		return -errno;
	}
	while ((entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			found++;
	closedir(dir);
	return found ? -ENOTEMPTY : 0;
}

/* What was made below the user's directory, in this order: after a failure it goes again. */
struct writing {
	int dir;
	struct strv made;
};

/*
 * The directory in which a name is, made where it is missing: part by part, and never through a link
 * that somebody may have put there meanwhile. A descriptor or -errno.
 */
static int open_parent(struct writing *w, const char *name, const char **ret_last)
{
	int fd = fcntl(w->dir, F_DUPFD_CLOEXEC, 0);
	const char *part = name;

	for (const char *slash; fd >= 0 && (slash = strchr(part, '/')); part = slash + 1) {
		autofree char *path = xstrndup(name, (size_t)(slash - name));
		autoclose int above = fd;

		if (mkdirat(above, last_part(path), 0755) == 0)
			strv_add(&w->made, path);
		else if (errno != EEXIST)
			return -errno;
		fd = openat(above, last_part(path),
			    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	*ret_last = part;
	return fd < 0 ? -errno : fd;
}

/* Descriptors are closed before they tell: a full disk across a network may do so only then. */
static int fill_new(int fd, const struct user_file *file)
{
	int r = sys_write_all(fd, file->text, file->len ? file->len : strlen(file->text));

	if (r == 0 && file->mode && fchmod(fd, file->mode) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int make_file(int dir, const char *name, const struct user_file *file)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fill_new(fd, file);

	if (r < 0 && fd >= 0)
		unlinkat(dir, name, 0);
	return r;
}

static int write_new(struct writing *w, const struct user_file *file)
{
	const char *name;
	autoclose int dir = open_parent(w, file->name, &name);
	int r;

	if (dir < 0)
		return dir;
	if (file->target)
		r = symlinkat(file->target, dir, name) < 0 ? -errno : 0;
	else if (file->text)
		r = make_file(dir, name, file);
	else
		r = mkdirat(dir, name, 0755) < 0 ? -errno : 0;
	if (r == 0)
		strv_add(&w->made, file->name);
	return r;
}

static void remove_made(struct writing *w)
{
	for (size_t i = w->made.n; i-- > 0;) {
		const char *name;
		autoclose int dir = open_parent(w, w->made.v[i], &name);

		if (dir >= 0 && unlinkat(dir, name, 0) < 0)
			unlinkat(dir, name, AT_REMOVEDIR);
	}
}

static int write_files(struct ports *p, int dir, const struct user_file *files, size_t count)
{
	struct writing w = { .dir = dir };
	int r = check_empty(dir);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = p->system.interrupted(p) ? -EINTR : write_new(&w, &files[i]);
	if (r < 0)
		remove_made(&w);
	strv_free(&w.made);
	return r;
}

static int user_write_dir(struct ports *p, const char *path, const struct user_file *files,
			  size_t count, struct err *e)
{
	bool made = mkdir(path, 0755) == 0;
	int error = made || errno == EEXIST ? 0 : -errno;
	autoclose int dir = -1;

	if (error < 0)
		return err_sys(e, error, "cannot make the directory %s", path);
	dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	error = dir < 0 ? -errno : write_files(p, dir, files, count);
	if (error == 0)
		return 0;
	if (made)
		rmdir(path);
	return err_sys(e, error, "cannot write into %s", path);
}

void sys_user_files(struct ports *p)
{
	p->user.read = user_read;
	p->user.write_dir = user_write_dir;
}
