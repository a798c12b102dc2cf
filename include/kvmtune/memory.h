/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory.h - what /proc says of memory: how much is there, and is it short.
 *
 * Pure: the text of a file in, facts out. Each function fills its part of the struct and sets the
 * flag of that part only where everything it needs was there and made sense; it never fails. The
 * text is untrusted: odd, cut or huge numbers give an unset flag.
 * Sources: proc(5) for meminfo and vmstat, Documentation/accounting/psi.rst for pressure.
 */
#ifndef KVMTUNE_MEMORY_H
#define KVMTUNE_MEMORY_H

#include <kvmtune/base.h>

struct memory_facts {
	bool known; /* total and available */
	uint64_t total_bytes, available_bytes;
	bool swap_known;
	uint64_t swap_total_bytes, swap_free_bytes;
	bool swapped_known; /* pages since boot: pswpin, pswpout */
	uint64_t swapped_in, swapped_out;
	bool unmerged_known; /* pages unmerged since boot: cow_ksm (Linux 6.1) */
	uint64_t unmerged;
	bool pressure_known; /* PSI: time that some or all tasks waited for memory, since boot */
	uint64_t some_us, full_us;
};

void memory_read_meminfo(const char *text, struct memory_facts *ret);
void memory_read_vmstat(const char *text, struct memory_facts *ret);
void memory_read_pressure(const char *text, struct memory_facts *ret);

/* The default reserve: the larger of 5 % of all and 1 GiB. */
uint64_t memory_default_reserve(const struct memory_facts *m);
/*
 * The minimum of the reserve: 2 %. The kernel must not come to the point where it kills: its
 * first victim is the child that unmerges, but the next one could be a guest.
 */
uint64_t memory_least_reserve(const struct memory_facts *m);

/*
 * Is so much available, with the reserve left free? To need nothing is always all right; else
 * unknown memory does not suffice. And in words, behind "... may need ": what is needed, available,
 * and to stay free. Only where m->known.
 */
#define MEMORY_UNKNOWN_TEXT "how much memory is available cannot be told (/proc/meminfo)"
bool memory_suffices(const struct memory_facts *m, uint64_t need, uint64_t reserve);
void memory_shortage_text(const struct memory_facts *m, uint64_t need, uint64_t reserve,
			  struct buf *ret);

/*
 * Does a host swap, or wait for memory, by these two looks at it, so long apart? More than
 * 256 pages a second in and out together, or all tasks stalled for more than a tenth of the time;
 * and more than twice of what `usual`, a second before the change, had (two looks again, or NULL).
 * Says so in a sentence, appended to ret, and returns true.
 */
bool memory_is_short(const struct memory_facts *from, const struct memory_facts *to, int64_t ms,
		     const struct memory_facts *usual_from, const struct memory_facts *usual_to,
		     int64_t usual_ms, struct buf *ret);

/* "3.1 GiB", "512 KiB", "0": IEC units, one digit behind the point below 100. */
void size_text(uint64_t bytes, struct buf *ret);

#endif
