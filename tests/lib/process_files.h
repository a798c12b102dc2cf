/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process_files.h - process_port.read of a test double: by its file_port.
 *
 * A file whose reading gives -ETIMEDOUT is one of a process that does not answer. The files behind it
 * that could be held up, too, are left out then, as the reader does it.
 */
#ifndef KVMTUNE_TEST_PROCESS_FILES_H
#define KVMTUNE_TEST_PROCESS_FILES_H

#include <errno.h>

#include <kvmtune/port.h>

static inline bool process_files_of(struct ports *p, int pid, unsigned files, process_sink sink,
				    void *arg)
{
	struct buf texts[PROC_FILE_COUNT] = { 0 };
	struct process_view view = { .pid = pid };
	bool more;

	for (int file = 0; file < PROC_FILE_COUNT; file++) {
		autofree char *path = xasprintf("/proc/%d/%s", pid, proc_file_names[file]);
		bool asked = files & 1U << file;
		int r = -ETIMEDOUT;

		if (asked && (view.answer == ANSWERS || !proc_can_be_held_up((enum proc_file)file)))
			r = p->file.read_head(p, path, 16384, &texts[file]);
		if (asked && r == -ETIMEDOUT)
			view.answer = ANSWERS_NOT;
		view.files[file].error = r;
		view.files[file].text = buf_text(&texts[file]);
		view.files[file].len = texts[file].len;
	}
	more = sink(arg, &view);
	for (int file = 0; file < PROC_FILE_COUNT; file++)
		buf_free(&texts[file]);
	return more;
}

static inline int process_files_read(struct ports *p, const int *pids, size_t count, unsigned files,
				     process_sink sink, void *arg, struct err *e)
{
	autostrv names = { 0 };
	bool more = true;
	int pid;

	(void)e;
	for (size_t i = 0; pids && more && i < count; i++)
		more = process_files_of(p, pids[i], files, sink, arg);
	if (!pids)
		p->file.list(p, "/proc", &names);
	for (size_t i = 0; more && i < names.n; i++)
		if (parse_int(names.v[i], &pid) == 0 && pid > 0)
			more = process_files_of(p, pid, files, sink, arg);
	return 0;
}

#endif
