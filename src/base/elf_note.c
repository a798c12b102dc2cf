// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/elf_note.h>

#include <elf.h>
#include <errno.h>
#include <string.h>

/* A module of Linux 6.12 has 60 sections; its build id takes 36 bytes. */
#define SECTIONS_MAX 4096
#define NOTES_MAX    4096

bool build_id_same(const struct build_id *a, const struct build_id *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static size_t padded(uint32_t size)
{
	return ((size_t)size + 3) & ~(size_t)3;
}

static bool is_build_id(const Elf64_Nhdr *note, const unsigned char *name)
{
	return note->n_type == NT_GNU_BUILD_ID && note->n_namesz == sizeof(ELF_NOTE_GNU) &&
	       memcmp(name, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0;
}

int note_build_id(const void *notes, size_t size, struct build_id *ret)
{
	const unsigned char *at = notes;

	while (size >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note;
		size_t name_size, text_size;

		memcpy(&note, at, sizeof(note));
		at += sizeof(note);
		size -= sizeof(note);
		name_size = padded(note.n_namesz);
		text_size = padded(note.n_descsz);
		if (name_size > size || text_size > size - name_size)
			return -ENOEXEC;
		if (is_build_id(&note, at)) {
			if (!note.n_descsz || note.n_descsz > BUILD_ID_MAX)
				return -ENOEXEC;
			ret->len = note.n_descsz;
			memcpy(ret->bytes, at + name_size, ret->len);
			return 0;
		}
		at += name_size + text_size;
		size -= name_size + text_size;
	}
	return -ENOENT;
}

static int check_header(const Elf64_Ehdr *h)
{
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB)
		return -ENOTSUP;
	if (h->e_shentsize != sizeof(Elf64_Shdr) || !h->e_shnum || h->e_shnum > SECTIONS_MAX)
		return -ENOEXEC;
	return 0;
}

static int section_build_id(elf_read read, void *arg, const Elf64_Shdr *section,
			    struct build_id *ret)
{
	unsigned char notes[NOTES_MAX];
	int r;

	if (section->sh_size > sizeof(notes))
		return -ENOEXEC;
	r = read(arg, section->sh_offset, notes, section->sh_size);
	return r < 0 ? r : note_build_id(notes, section->sh_size, ret);
}

int elf_build_id(elf_read read, void *arg, struct build_id *ret)
{
	autofree Elf64_Shdr *sections = NULL;
	Elf64_Ehdr header;
	int r = read(arg, 0, &header, sizeof(header));

	if (r == 0)
		r = check_header(&header);
	if (r < 0)
		return r;
	sections = xcalloc(header.e_shnum, sizeof(*sections));
	r = read(arg, header.e_shoff, sections, header.e_shnum * sizeof(*sections));
	if (r < 0)
		return r;
	r = -ENOENT;
	for (size_t i = 0; r == -ENOENT && i < header.e_shnum; i++)
		if (sections[i].sh_type == SHT_NOTE)
			r = section_build_id(read, arg, &sections[i], ret);
	return r;
}
