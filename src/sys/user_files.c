// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * user_files.c - files of the user's, by the paths that were typed.
 */
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define USER_FILE_MAX (16 << 20)

static int read_up_to(int fd, size_t max, struct buf *ret)
{
	autobuf text = { 0 };
	char chunk[16384];
	ssize_t n;

	/* It may be a terminal or a pipe: a signal ends the waiting, unlike in sys_open()'s files. */
	while ((n = read(fd, chunk, sizeof(chunk))) > 0) {
		if (text.len + (size_t)n > max)
			return -EFBIG;
		buf_add(&text, chunk, (size_t)n);
	}
	if (n < 0)
		return -errno;
	buf_add(ret, buf_text(&text), text.len);
	return 0;
}

static int user_read(struct ports *p, const char *path, struct buf *ret)
{
	autoclose int fd = open(path, O_RDONLY | O_NOCTTY | O_CLOEXEC);

	(void)p;
	return fd < 0 ? -errno : read_up_to(fd, USER_FILE_MAX, ret);
}

/* A device may act when it is opened: look first, and open what was looked at. */
static int open_regular(const char *path)
{
	autoclose int seen = open(path, O_PATH | O_CLOEXEC);
	char link[64];
	struct stat st;
	int fd;

	if (seen < 0 || fstat(seen, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", seen);
	fd = open(link, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	/* There is no /proc here. */
	if (fd < 0 && errno == ENOENT)
		fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int user_read_own(struct ports *p, const char *path, size_t max, struct buf *ret,
			 struct err *e)
{
	bool is_stdin = strcmp(path, "-") == 0;
	const char *name = is_stdin ? "standard input" : path;
	autoclose int fd = is_stdin ? -1 : open_regular(path);
	int r;

	if (fd == -EINVAL)
		return err_set(e, fd, "%s is not a regular file", path);
	if (fd >= 0 && sys_check_trusted(p, fd, path, e) < 0)
		return e->code;
	r = is_stdin || fd >= 0 ? read_up_to(is_stdin ? STDIN_FILENO : fd, max, ret) : fd;
	if (r == -EFBIG)
		return err_set(e, r, "%s has more than %zu bytes", name, max);
	return r < 0 ? err_sys(e, r, "cannot read %s", name) : 0;
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

/* Descriptors are closed before they tell: a full disk across a network may do so only then. */
static int fill_new(int fd, const struct user_file *file)
{
	int r = sys_write_all(fd, file->text, strlen(file->text));

	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

static int make_file(int dir, const struct user_file *file)
{
	int fd =
		openat(dir, file->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	int r = fd < 0 ? -errno : fill_new(fd, file);

	if (r < 0 && fd >= 0)
		unlinkat(dir, file->name, 0);
	return r;
}

static int write_files(struct ports *p, int dir, const struct user_file *files, size_t count)
{
	int r = check_empty(dir);
	size_t made = 0;

	while (r == 0 && made < count) {
		r = p->system.interrupted(p) ? -EINTR : make_file(dir, &files[made]);
		made += r == 0;
	}
	while (r < 0 && made > 0)
		unlinkat(dir, files[--made].name, 0);
	return r;
}

static int user_write_dir(struct ports *p, const char *path, const struct user_file *files,
			  size_t count, struct err *e)
{
	autoclose int dir = -1;
	bool made;
	int error;

	/* From here on there is something to remove. */
	p->system.catch_signals(p);
	made = mkdir(path, 0755) == 0;
	error = made || errno == EEXIST ? 0 : -errno;
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

/* ---- one file ---- */

/* Closes fd. */
static int finish(int fd, const char *text)
{
	int r = sys_write_all(fd, text, strlen(text));

	if (r == 0 && fsync(fd) < 0 && errno != EINVAL && errno != EROFS)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	return r;
}

/* A file that is there keeps its mode. */
static int write_beside(const char *path, const char *text)
{
	autofree char *beside = xasprintf("%s.XXXXXX", path);
	struct stat st;
	mode_t mode = stat(path, &st) == 0 ? st.st_mode & 0777 : 0644;
	int fd = mkostemp(beside, O_CLOEXEC), r;

	if (fd < 0)
		return -errno;
	fchmod(fd, mode);
	r = finish(fd, text);
	if (r == 0 && rename(beside, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(beside);
	return r;
}

/* A pipe or a device; what has become a file meanwhile is none of ours. */
static int write_into(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || S_ISREG(st.st_mode)) {
		close(fd);
		return -ELOOP;
	}
	return finish(fd, text);
}

/* A link to a file may be another user's, in a directory that all may write: it is not followed. */
static int user_write(struct ports *p, const char *path, const char *text, struct err *e)
{
	struct stat st, link;
	int r;

	(void)p;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode))
		r = write_into(path, text);
	else if (lstat(path, &link) == 0 && S_ISLNK(link.st_mode))
		r = -ELOOP;
	else
		r = write_beside(path, text);
	if (r == -ELOOP)
		return err_set(e, r, "cannot write %s: it is a symbolic link; name the file itself",
			       path);
	return r < 0 ? err_sys(e, r, "cannot write %s", path) : 0;
}

void sys_user_files(struct ports *p)
{
	p->user.read = user_read;
	p->user.read_own = user_read_own;
	p->user.write_dir = user_write_dir;
	p->user.write = user_write;
}
