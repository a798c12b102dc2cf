// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * files.c - files below the root, read. Nothing here changes anything; write.c does.
 */
#include "sys.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FILE_MAX_BYTES	(16 << 20)
#define LIST_MAX_NAMES	(1 << 20)
#define FILE_HEAD_BYTES 16384 /* what read_head() gives at most */

static const char *below_root(const char *path)
{
	while (*path == '/')
		path++;
	return *path ? path : ".";
}

int sys_open(struct ports *p, const char *path, int flags)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
				.resolve = RESOLVE_IN_ROOT };
	long fd = syscall(SYS_openat2, sys_of(p)->root_fd, below_root(path), &how, sizeof(how));

	/* -EAGAIN: a ".." on the way, while anything was renamed or mounted (namei.c:handle_dots). */
	if (fd >= 0 || (errno != ENOSYS && errno != EPERM && errno != EAGAIN))
		return fd < 0 ? -errno : (int)fd;
	/* Before Linux 5.6, or under an old container's filter. From "/" no path leads outside. */
	if (p->image)
		return sys_walk(sys_of(p)->root_fd, path, flags);
	fd = openat(sys_of(p)->root_fd, below_root(path), flags | O_CLOEXEC);
	return fd < 0 ? -errno : (int)fd;
}

int sys_read_all(int fd, struct buf *ret)
{
	char chunk[16384];
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		total += (size_t)n;
		if (total > FILE_MAX_BYTES)
			return -EFBIG;
		buf_add(ret, chunk, (size_t)n);
	}
	return 0;
}

/*
 * To be read. In an image made by others there may be devices that do something when they are
 * opened: there it is looked at first, and what was looked at is opened.
 */
static int open_to_read(struct ports *p, const char *path)
{
	/* Without O_NONBLOCK a FIFO in /etc/modprobe.d would hold us for ever. */
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY;
	autoclose int fd = -1;
	autofree char *link = NULL;
	struct stat st;
	int opened;

	if (!p->image)
		return sys_open(p, path, flags);
	fd = sys_open(p, path, O_PATH);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	link = xasprintf("/proc/self/fd/%d", fd);
	opened = open(link, flags | O_CLOEXEC);
	if (opened < 0 && errno == ENOENT)
		return sys_open(p, path, flags); /* no /proc here */
	return opened < 0 ? -errno : opened;
}

/* To us it looks empty; whoever opens it without O_NONBLOCK, as libkmod does, waits for ever. */
static bool is_fifo(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

static int file_read(struct ports *p, const char *path, struct buf *ret)
{
	autobuf text = { 0 };
	autoclose int fd = open_to_read(p, path);
	int r;

	if (fd < 0)
		return fd;
	r = sys_read_all(fd, &text);
	if (r == 0 && !text.len && is_fifo(fd))
		r = -EINVAL;
	if (r < 0)
		return r;
	buf_add(ret, buf_text(&text), text.len);
	return 0;
}

static int file_read_head(struct ports *p, const char *path, size_t size, struct buf *ret)
{
	autoclose int fd = open_to_read(p, path);
	char text[FILE_HEAD_BYTES];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, size < sizeof(text) ? size : sizeof(text));
	if (n < 0)
		return -errno;
	buf_add(ret, text, (size_t)n);
	return 0;
}

static void close_dir(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}
#define autoclosedir __attribute__((cleanup(close_dir)))

static int open_list(struct ports *p, const char *path, DIR **ret)
{
	int fd = sys_open(p, path, O_RDONLY | O_DIRECTORY);

	if (fd < 0)
		return fd;
	*ret = fdopendir(fd);
	if (*ret)
		return 0;
	close(fd);
	return -ENOMEM;
}

/* The next entry but for "." and "..", or NULL: *r is 0 at the end, or why there are no more. */
static const struct dirent *next_entry(DIR *dir, int *r)
{
	const struct dirent *entry;

	do {
		errno = 0;
		entry = readdir(dir);
	} while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
	if (!entry)
		*r = -errno;
	return entry;
}

/* r, and of a list that could not be read to its end nothing. */
static int whole_list(struct strv *list, size_t before, int r)
{
	while (r < 0 && list->n > before)
		free(list->v[--list->n]);
	return r;
}

static int add_name(struct strv *list, size_t before, const char *name)
{
	if (list->n - before == LIST_MAX_NAMES)
		return -EFBIG;
	strv_add(list, name);
	return 0;
}

static int file_list(struct ports *p, const char *path, struct strv *ret)
{
	autoclosedir DIR *dir = NULL;
	const struct dirent *entry;
	size_t before = ret->n;
	int r = open_list(p, path, &dir);

	if (r < 0)
		return r;
	while (r == 0 && (entry = next_entry(dir, &r)))
		r = add_name(ret, before, entry->d_name);
	return whole_list(ret, before, r);
}

/* By its type where the directory tells it, else by what it leads to. */
static bool is_file(struct ports *p, const char *dir, const struct dirent *entry)
{
	autofree char *path = NULL;
	struct file_stat st;
	int r;

	if (entry->d_type == DT_REG || entry->d_type == DT_DIR)
		return entry->d_type == DT_REG;
	path = xasprintf("%s/%s", dir, entry->d_name);
	r = p->file.stat(p, path, &st);
	/* What cannot be told will show when it is read. */
	return r == 0 ? !st.is_dir : !error_is_absence(r);
}

static int file_list_files(struct ports *p, const char *path, struct strv *ret)
{
	autoclosedir DIR *dir = NULL;
	const struct dirent *entry;
	size_t before = ret->n;
	int r = open_list(p, path, &dir);

	if (r < 0)
		return r;
	while (r == 0 && (entry = next_entry(dir, &r)))
		if (is_file(p, path, entry))
			r = add_name(ret, before, entry->d_name);
	return whole_list(ret, before, r);
}

/* Relative to its open directory: there may be dozens, and each path would be walked anew. */
static void add_line(int dir, const char *name, struct strv *names, struct strv *lines)
{
	autoclose int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	char text[4097];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (n < 0)
		return;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	strv_add(names, name);
	strv_add(lines, text);
}

static int file_read_lines(struct ports *p, const char *path, struct strv *names,
			   struct strv *lines)
{
	autoclosedir DIR *dir = NULL;
	const struct dirent *entry;
	autostrv all = { 0 };
	const char *name;
	int r = open_list(p, path, &dir);

	if (r < 0)
		return r;
	while ((entry = next_entry(dir, &r)))
		if (entry->d_type == DT_REG)
			strv_add(&all, entry->d_name);
	if (r < 0)
		return r;
	strv_sort(&all);
	strv_foreach (name, &all)
		add_line(dirfd(dir), name, names, lines);
	return 0;
}

static int file_stat(struct ports *p, const char *path, struct file_stat *ret)
{
	autoclose int fd = sys_open(p, path, O_PATH);
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return -errno;
	*ret = (struct file_stat){
		.is_dir = S_ISDIR(st.st_mode),
		.is_regular = S_ISREG(st.st_mode),
		.is_char = S_ISCHR(st.st_mode),
		.mode = st.st_mode & 07777,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.links = (unsigned)st.st_nlink,
		.size = (uint64_t)st.st_size,
	};
	return 0;
}

/* A link that was opened is read as the link "" beside it; where it is none, that is ENOENT. */
static int file_read_link(struct ports *p, const char *path, struct buf *ret)
{
	autoclose int fd = sys_open(p, path, O_PATH | O_NOFOLLOW);
	char target[PATH_MAX];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = readlinkat(fd, "", target, sizeof(target));
	if (n < 0)
		return errno == ENOENT ? -EINVAL : -errno;
	if ((size_t)n == sizeof(target))
		return -ENAMETOOLONG;
	buf_add(ret, target, (size_t)n);
	return 0;
}

/* Asks the file system and the inode, not faccessat(): root passes that one anyway. */
static int file_writable(struct ports *p, const char *path)
{
	autoclose int fd = sys_open(p, path, O_PATH | O_NOFOLLOW);
	struct statvfs fs;
	struct statx st;

	if (fd < 0)
		return fd;
	if (fstatvfs(fd, &fs) < 0 || statx(fd, "", AT_EMPTY_PATH, 0, &st) < 0)
		return -errno;
	if (fs.f_flag & ST_RDONLY)
		return -EROFS;
	return st.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND) ? -EPERM : 0;
}

void sys_files(struct ports *p)
{
	p->file.read = file_read;
	p->file.read_head = file_read_head;
	p->file.list = file_list;
	p->file.list_files = file_list_files;
	p->file.read_lines = file_read_lines;
	p->file.stat = file_stat;
	p->file.read_link = file_read_link;
	p->file.writable = file_writable;
}
