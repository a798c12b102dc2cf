/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal_internal.h - what the reader and the writer of the journal share; nobody else in src
 * includes this.
 */
#ifndef KVMTUNE_JOURNAL_INTERNAL_H
#define KVMTUNE_JOURNAL_INTERNAL_H

#include <kvmtune/journal.h>

/* CRC-32 (IEEE 802.3) of a record: a line is this in 8 hex digits, a space, the record. */
uint32_t journal_checksum(const char *text, size_t len);

/* The entry with this number, or NULL. */
struct journal_entry *journal_find(const struct journal *j, int id);

/* The kernel's name of this boot; to be freed. NULL: not to be known, as of an image. */
char *journal_boot_id(struct ports *p);
/* The processor, "GenuineIntel 6-79-1 Intel(R) Xeon(R)..."; NULL: not known, or a virtual one. */
char *journal_cpu(struct ports *p);

/* A longer journal is not read. Ours are shortened long before. */
#define JOURNAL_READ_BYTES (1 << 20)

#endif
