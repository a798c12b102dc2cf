// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * module_file.c - the file of a module, see module_file.h.
 */
#include "module_file.h"
#include "unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define NOTE_FILE "/sys/module/%s/notes/.note.gnu.build-id"

int module_file_open(struct ports *p, const char *path, struct module_file *ret, struct err *e)
{
	/* Without O_NONBLOCK a FIFO in its place would hold us for ever. */
	struct module_file f = { .fd = sys_open(p, path, O_RDONLY | O_NONBLOCK | O_NOCTTY) };

	if (f.fd < 0)
		err_sys(e, f.fd, "%s cannot be opened", path);
	else if (fstat(f.fd, &f.st) < 0)
		err_sys(e, -errno, "%s cannot be checked", path);
	else if (!S_ISREG(f.st.st_mode))
		err_set(e, -EINVAL, "%s is not a regular file", path);
	else
		*ret = f;
	if (e->code)
		closep(&f.fd);
	return e->code;
}

void module_file_close(struct module_file *f)
{
	closep(&f->fd);
	f->fd = -1;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool module_file_was_touched(const struct module_file *f, struct stat *ret_now)
{
	*ret_now = f->st;
	if (fstat(f->fd, ret_now) < 0)
		return true;
	return f->st.st_size != ret_now->st_size || !same_time(&f->st.st_mtim, &ret_now->st_mtim) ||
	       !same_time(&f->st.st_ctim, &ret_now->st_ctim);
}

char *module_file_path(const struct module_file *f)
{
	return xasprintf("/proc/self/fd/%d", f->fd);
}

/* ---- the build id ---- */

static int read_fd(void *arg, uint64_t offset, void *to, size_t size)
{
	const int *fd = arg;
	size_t done = 0;

	if (offset > INT64_MAX - size)
		return -ENOEXEC;
	while (done < size) {
		ssize_t n = pread(*fd, (char *)to + done, size - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -ENOEXEC;
		done += (size_t)n;
	}
	return 0;
}

static int read_buf(void *arg, uint64_t offset, void *to, size_t size)
{
	const struct buf *b = arg;

	if (offset > b->len || size > b->len - offset)
		return -ENOEXEC;
	if (size)
		memcpy(to, b->data + offset, size);
	return 0;
}

static int file_build_id(int fd, struct build_id *ret, struct err *e)
{
	autobuf unpacked = { 0 };
	int r = unpack_file(fd, &unpacked, e);

	if (r < 0)
		return r;
	return r ? elf_build_id(read_fd, &fd, ret) : elf_build_id(read_buf, &unpacked, ret);
}

static int loaded_build_id(struct ports *p, const char *module, struct build_id *ret)
{
	autofree char *path = xasprintf(NOTE_FILE, module);
	autobuf notes = { 0 };
	int r = p->file.read_head(p, path, 4096, &notes);

	return r < 0 ? r : note_build_id(buf_text(&notes), notes.len, ret);
}

int module_file_check_build(struct ports *p, const struct module_file *f, const char *module,
			    struct err *e)
{
	struct build_id loaded, file;
	int r;

	if (loaded_build_id(p, module, &loaded) < 0)
		return 1;
	r = file_build_id(f->fd, &file, e);
	if (r == 0 && build_id_same(&loaded, &file))
		return 0;
	if (r == -ENOTSUP)
		return 1;
	if (e->code)
		return err_wrap(e, "its file");
	if (r < 0 && r != -ENOENT)
		return err_set(e, r, "its file is damaged, or not a module: %s", strerror(-r));
	err_set(e, -ESTALE, "its file was replaced after it was loaded: the build ids differ");
	return err_hint(e, "Boot the kernel that is installed now.");
}
