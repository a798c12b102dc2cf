/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elf_note.h - the build id of an ELF file. The file may be cut short, damaged or hostile.
 */
#ifndef KVMTUNE_ELF_NOTE_H
#define KVMTUNE_ELF_NOTE_H

#include <kvmtune/base.h>

#define BUILD_ID_MAX 64

struct build_id {
	unsigned char bytes[BUILD_ID_MAX];
	size_t len;
};

bool build_id_same(const struct build_id *a, const struct build_id *b);

/*
 * The build id among the notes of one section, as sysfs shows that of a loaded module too. 0;
 * -ENOENT: no build id in there; -ENOEXEC: damaged.
 */
int note_build_id(const void *notes, size_t size, struct build_id *ret);

/* Reads exactly `size` bytes that begin at `offset`: 0 or a negative errno. */
typedef int (*elf_read)(void *arg, uint64_t offset, void *to, size_t size);

/*
 * The build id in the note sections of a 64-bit little-endian ELF file. 0; -ENOENT: it has none;
 * -ENOTSUP: an ELF file of another class; -ENOEXEC: damaged, or no ELF file; else what `read` gave.
 */
int elf_build_id(elf_read read, void *arg, struct build_id *ret);

#endif
