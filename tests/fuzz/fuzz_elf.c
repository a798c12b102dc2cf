// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_elf - any bytes as the file of a module, and as the notes of a loaded one.
 *
 * What must hold: nothing outside of the input is asked for, each answer is one of those that the header
 * names, and a build id has a length that fits.
 */
#include "fuzz.h"

#include <errno.h>
#include <kvmtune/elf_note.h>

static int read_part(void *arg, uint64_t offset, void *to, size_t size)
{
	const struct parts *p = arg;
	size_t all = (size_t)(p->end - p->at);

	if (offset > all || size > all - offset)
		return -ENOEXEC;
	if (size)
		memcpy(to, p->at + offset, size);
	return 0;
}

static void check(int r, const struct build_id *id)
{
	must(r == 0 || r == -ENOENT || r == -ENOEXEC || r == -ENOTSUP);
	must(r < 0 ? !id->len : id->len > 0 && id->len <= BUILD_ID_MAX);
	must(build_id_same(id, id));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parts all = parts_of(data, size);
	struct build_id id = { 0 }, notes = { 0 };

	check(elf_build_id(read_part, &all, &id), &id);
	check(note_build_id(data, size, &notes), &notes);
	return 0;
}
