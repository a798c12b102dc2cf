/* SPDX-License-Identifier: GPL-2.0-or-later */
/* capture.h - what the files of a capture share. */
#ifndef KVMTUNE_ENGINE_CAPTURE_H
#define KVMTUNE_ENGINE_CAPTURE_H

#include <kvmtune/capture.h>
#include <kvmtune/host.h>
#include <kvmtune/record.h>
#include <kvmtune/scrub.h>

struct capturing {
	struct capture *to;
	const struct cpu_evidence *evidence;
	struct recording recording;
	struct host host;
	struct scrub scrub;
	size_t hidden; /* processes that did not let us look */
};

/* Takes over the name, and the text out of the buffer. What it returns holds until the next one. */
struct user_file *capture_add(struct capture *c, char *name, struct buf *text);

/* What is no file: fake/host, fake/users, fake/units, fake/cpuid. */
void capture_add_fake(struct capturing *w);

#endif
