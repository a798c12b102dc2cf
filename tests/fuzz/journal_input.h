/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal_input.h - what the targets that read a journal share: its text, and what must hold for every
 * plan that is made of it.
 */
#ifndef KVMTUNE_JOURNAL_INPUT_H
#define KVMTUNE_JOURNAL_INPUT_H

#include <kvmtune/plan.h>

/*
 * The journal of an input: a line becomes a record with a right checksum; behind a "#" it stays as it
 * is. It is what stands behind the first byte, which is returned: each target chooses by it.
 */
unsigned journal_input(const uint8_t *data, size_t size, struct buf *ret);

bool is_own_file(const char *path);
/* "/etc/systemd/system/NAME" or "/etc/systemd/system/NAME.wants/SERVICE". */
bool is_unit_link(const char *path);

/*
 * Nothing is touched but what is kvmtune's to touch, whoever wrote the journal; each step that alters
 * something has its undo; what is shown of a step is plain text; a refusal has a sentence.
 */
void check_plan(const struct host *h, const struct plan *plan);

#endif
