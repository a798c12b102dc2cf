// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * processes.c - the files of other people's processes, through the reader.
 */
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#define CMDLINE_MAX_BYTES (64 << 10)
#define TEXT_MAX_BYTES	  (16 << 10)

struct request {
	int proc_fd;
	unsigned files;
	process_sink sink;
	void *arg;
};

static void tell_file(struct look *l, int dir, enum proc_file file)
{
	size_t max = file == PROC_CMDLINE ? CMDLINE_MAX_BYTES : TEXT_MAX_BYTES;
	autobuf text = { 0 };
	int r = -ETIMEDOUT;

	if (!proc_can_be_held_up(file) || look_may_ask(l))
		r = look_read(l, dir, proc_file_names[file], max, &text);
	look_tell(l, file, r, buf_text(&text), text.len);
}

/* In a child of the reader. */
static void look_at_files(struct look *l, int pid, void *arg)
{
	const struct request *request = arg;
	autofree char *name = xasprintf("%d", pid);
	autoclose int dir = openat(request->proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return;
	look_in(l, dir);
	for (int file = 0; file < PROC_FILE_COUNT; file++)
		if (request->files & 1U << file)
			tell_file(l, dir, (enum proc_file)file);
}

static bool told(void *arg, int pid, enum answer answer, const struct record *records, size_t count)
{
	const struct request *request = arg;
	struct process_view view = { .pid = pid, .answer = answer };

	/* What nothing is told of was not read. */
	for (int file = 0; file < PROC_FILE_COUNT; file++) {
		view.files[file].error = -ETIMEDOUT;
		view.files[file].text = "";
	}
	for (size_t i = 0; i < count; i++) {
		const struct record *record = &records[i];

		if (record->what >= PROC_FILE_COUNT || record->number > 0)
			continue;
		view.files[record->what].error = record->number;
		view.files[record->what].text = record->text;
		view.files[record->what].len = record->len;
	}
	return request->sink(request->arg, &view);
}

static int process_read(struct ports *p, const int *pids, size_t count, unsigned files,
			process_sink sink, void *arg, struct err *e)
{
	autoclose int proc = sys_open(p, "/proc", O_RDONLY | O_DIRECTORY);
	struct request request = { .proc_fd = proc, .files = files, .sink = sink, .arg = arg };
	struct reader_job job = { .proc_fd = proc,
				  .pids = pids,
				  .count = count,
				  .look = look_at_files,
				  .told = told,
				  .arg = &request };
	autofree int *all = NULL;
	size_t left = 0;

	if (proc < 0)
		return err_sys(e, proc, "cannot open /proc");
	if (!pids && reader_list(proc, &all, &job.count, e) < 0)
		return e->code;
	if (!pids)
		job.pids = all;
	if (reader_run(&sys_of(p)->reader, &job, &left, e) < 0)
		return e->code;
	return left ? err_set(e, -ETIMEDOUT, "%zu processes were not read: others did not answer",
			      left)
		    : 0;
}

void sys_processes(struct ports *p)
{
	p->process.read = process_read;
}
