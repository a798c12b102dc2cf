// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The build id of ELF files, whole and broken; and of compressed ones.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <elf.h>
#include <unistd.h>

#include <kvmtune/elf_note.h>

#include "sys/unpack.h"

#define SECTIONS 4
#define ID_LEN	 20

/* As a module is laid out: header, notes, section table at the end. */
struct file {
	Elf64_Ehdr header;
	struct {
		Elf64_Nhdr note;
		char name[8];
		unsigned char text[4];
	} other;
	struct {
		Elf64_Nhdr note;
		char name[4];
		unsigned char text[ID_LEN];
	} id;
	Elf64_Shdr sections[SECTIONS];
};

static struct file make_file(void)
{
	struct file f = {
		.header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
					 ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_REL,
			    .e_shoff = offsetof(struct file, sections),
			    .e_shentsize = sizeof(Elf64_Shdr),
			    .e_shnum = SECTIONS },
		.other = { .note = { .n_namesz = 6, .n_descsz = 4, .n_type = 0x100 },
			   .name = "Linux" },
		.id = { .note = { .n_namesz = 4, .n_descsz = ID_LEN, .n_type = NT_GNU_BUILD_ID },
			.name = "GNU" },
		.sections = { { 0 },
			      { .sh_type = SHT_PROGBITS, .sh_offset = 1 << 30, .sh_size = 1 << 30 },
			      { .sh_type = SHT_NOTE,
				.sh_offset = offsetof(struct file, other),
				.sh_size = sizeof(f.other) },
			      { .sh_type = SHT_NOTE,
				.sh_offset = offsetof(struct file, id),
				.sh_size = sizeof(f.id) } },
	};

	for (unsigned char i = 0; i < ID_LEN; i++)
		f.id.text[i] = i;
	return f;
}

/* What may be read, in memory of just that size: a step too far is seen by the sanitizers. */
struct part {
	char *data;
	size_t size;
};

static int read_part(void *arg, uint64_t offset, void *to, size_t size)
{
	const struct part *p = arg;

	if (offset > p->size || size > p->size - offset)
		return -ENOEXEC;
	memcpy(to, p->data + offset, size);
	return 0;
}

static int build_id_of(const struct file *f, size_t size, struct build_id *ret)
{
	struct part p = { malloc(size + !size), size };
	int r;

	memcpy(p.data, f, size);
	r = elf_build_id(read_part, &p, ret);
	free(p.data);
	return r;
}

static int result_of(const struct file *f)
{
	struct build_id id;

	return build_id_of(f, sizeof(*f), &id);
}

static void whole(void **state)
{
	const struct file f = make_file();
	struct build_id id = { 0 }, note = { 0 };

	(void)state;
	assert_int_equal(build_id_of(&f, sizeof(f), &id), 0);
	assert_int_equal(id.len, ID_LEN);
	assert_memory_equal(id.bytes, f.id.text, ID_LEN);
	/* As sysfs has it: that note alone. */
	assert_int_equal(note_build_id(&f.id, sizeof(f.id), &note), 0);
	assert_true(build_id_same(&id, &note));
	note.bytes[ID_LEN - 1]++;
	assert_false(build_id_same(&id, &note));
	note = id;
	note.len--;
	assert_false(build_id_same(&id, &note));
}

/* Cut short anywhere, it has no build id and nothing behind its end is read. */
static void cut_short(void **state)
{
	const struct file f = make_file();
	struct build_id id;

	(void)state;
	for (size_t size = 0; size < sizeof(f); size++)
		assert_int_equal(build_id_of(&f, size, &id), -ENOEXEC);
}

static void another_kind(void **state)
{
	struct file f = make_file();

	(void)state;
	f.header.e_ident[EI_CLASS] = ELFCLASS32;
	assert_int_equal(result_of(&f), -ENOTSUP);
	f = make_file();
	f.header.e_ident[EI_DATA] = ELFDATA2MSB;
	assert_int_equal(result_of(&f), -ENOTSUP);
	f = make_file();
	f.header.e_ident[0] = 'M';
	assert_int_equal(result_of(&f), -ENOEXEC);
	f = make_file();
	f.sections[3].sh_type = SHT_PROGBITS;
	assert_int_equal(result_of(&f), -ENOENT);
	f = make_file();
	f.id.note.n_type = 1;
	assert_int_equal(result_of(&f), -ENOENT);
	f = make_file();
	memcpy(f.id.name, "GNV", 4);
	assert_int_equal(result_of(&f), -ENOENT);
}

/* Each of these says -ENOEXEC, and the sanitizers nothing. */
static void hostile(void **state)
{
	static const uint64_t large[] = { 0x7fffffffffffffff, 0xffffffffffffffff, 1 << 20 };
	struct file f;

	(void)state;
	for (size_t i = 0; i < sizeof(large) / sizeof(*large); i++) {
		f = make_file();
		f.header.e_shoff = large[i];
		assert_int_equal(result_of(&f), -ENOEXEC);
		f = make_file();
		f.sections[3].sh_offset = large[i];
		assert_int_equal(result_of(&f), -ENOEXEC);
		f = make_file();
		f.sections[3].sh_size = large[i];
		assert_int_equal(result_of(&f), -ENOEXEC);
		f = make_file();
		f.id.note.n_namesz = (uint32_t)large[i];
		assert_int_equal(result_of(&f), -ENOEXEC);
		f = make_file();
		f.id.note.n_descsz = (uint32_t)large[i];
		assert_int_equal(result_of(&f), -ENOEXEC);
	}
	f = make_file();
	f.header.e_shnum = 0;
	assert_int_equal(result_of(&f), -ENOEXEC);
	f.header.e_shnum = 0xffff;
	assert_int_equal(result_of(&f), -ENOEXEC);
	f = make_file();
	f.header.e_shentsize = 8;
	assert_int_equal(result_of(&f), -ENOEXEC);
	f = make_file();
	f.id.note.n_descsz = 0;
	assert_int_equal(result_of(&f), -ENOEXEC);
}

/* ---- compressed ---- */

static int unpack(const unsigned char *data, size_t size, struct buf *ret, struct err *e)
{
	FILE *file = tmpfile();
	int r;

	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fflush(file), 0);
	r = unpack_file(fileno(file), ret, e);
	fclose(file);
	return r;
}

/* "kvmtune\n" a thousand times, by xz --check=crc32, zstd -19, gzip -n9. */
#include "packed.inc"

static const struct {
	const unsigned char *data;
	size_t size;
} packed[] = {
	{ packed_xz, sizeof(packed_xz) },
	{ packed_zst, sizeof(packed_zst) },
	{ packed_gz, sizeof(packed_gz) },
};

static void unpacks(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++) {
		autobuf text = { 0 };
		struct err e = { 0 };

		if (unpack(packed[i].data, packed[i].size, &text, &e) != 0)
			fail_msg("%zu: %s", i, e.text);
		assert_int_equal(text.len, 8000);
		assert_memory_equal(text.data + 7992, "kvmtune\n", 8);
	}
}

static void not_packed(void **state)
{
	autobuf text = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(unpack((const unsigned char *)"\177ELF...", 8, &text, &e), 1);
	assert_int_equal(unpack((const unsigned char *)"", 0, &text, &e), 1);
	assert_int_equal(text.len, 0);
	assert_int_equal(e.code, 0);
}

static void packed_and_cut_short(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(packed) / sizeof(*packed); i++) {
		for (size_t size = 6; size < packed[i].size; size++) {
			autobuf text = { 0 };
			struct err e = { 0 };

			assert_true(unpack(packed[i].data, size, &text, &e) < 0);
			assert_int_not_equal(e.code, 0);
		}
	}
}

/* A few KiB that would become more than 64 MiB. */
static void packed_too_much(void **state)
{
	autobuf text = { 0 };
	struct err e = { 0 };

	(void)state;
	assert_int_equal(unpack(packed_bomb, sizeof(packed_bomb), &text, &e), -EFBIG);
	assert_true(text.len <= (size_t)64 << 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole),
		cmocka_unit_test(cut_short),
		cmocka_unit_test(another_kind),
		cmocka_unit_test(hostile),
		cmocka_unit_test(unpacks),
		cmocka_unit_test(not_packed),
		cmocka_unit_test(packed_and_cut_short),
		cmocka_unit_test(packed_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
