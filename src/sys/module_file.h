/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * module_file.h - the file of a module, opened and kept: what was checked is what gets inserted.
 */
#ifndef KVMTUNE_MODULE_FILE_H
#define KVMTUNE_MODULE_FILE_H

#include <kvmtune/elf_note.h>

#include "sys.h"

#include <sys/stat.h>

struct module_file {
	int fd; /* -1: none */
	struct stat st;
};

/*
 * Opens a regular file. 0, or a negative errno with e filled: each of these functions says why in
 * words that go on with "could not be loaded again: ".
 */
int module_file_open(struct ports *p, const char *path, struct module_file *ret, struct err *e);
void module_file_close(struct module_file *f);

/*
 * May its content be another than it was when f->st was taken? It gives what it is now. True, too, where
 * only a name of it has gone.
 */
bool module_file_was_touched(const struct module_file *f, struct stat *ret_now);

/* The path by which a library opens this very file, whatever is at its old path now. */
char *module_file_path(const struct module_file *f);

/*
 * Is it the file that the loaded module was made from, by its build id? 0: yes. 1: cannot be told,
 * as the kernel or the file's class shows none. Else a negative errno with e filled.
 */
int module_file_check_build(struct ports *p, const struct module_file *f, const char *module,
			    struct err *e);

#endif
