/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz.h - what the fuzz targets share: a check that ends the run, an input of several files.
 */
#ifndef KVMTUNE_FUZZ_H
#define KVMTUNE_FUZZ_H

#include <kvmtune/base.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold for every input. */
static inline void must(bool holds)
{
	if (!holds)
		abort();
}

/* An input of several texts has this line between them. */
#define PART_END "\n===\n"

struct parts {
	const char *at, *end;
};

static inline struct parts parts_of(const uint8_t *data, size_t size)
{
	return (struct parts){ (const char *)data, (const char *)data + size };
}

/* The next of them, appended; nothing when all are taken. */
static inline void take_part(struct parts *p, struct buf *ret)
{
	size_t left = (size_t)(p->end - p->at);
	const char *end = left ? memmem(p->at, left, PART_END, strlen(PART_END)) : NULL;

	buf_add(ret, p->at, end ? (size_t)(end - p->at) : left);
	p->at = end ? end + strlen(PART_END) : p->end;
}

/* Likewise as a C string of its own, so that a read behind its end is seen. */
static inline char *take_text(struct parts *p)
{
	autobuf part = { 0 };

	take_part(p, &part);
	return xstrdup(buf_text(&part));
}

/* Nothing that a terminal would take for more than a letter. */
static inline bool is_plain(const char *text)
{
	for (; *text; text++)
		if (*text < 0x20 || *text > 0x7e)
			return false;
	return true;
}

#endif
