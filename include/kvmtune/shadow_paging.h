/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shadow_paging.h - what is known to be wrong with KVM's shadow page tables.
 *
 * Guests run on them where EPT or NPT is off; where `nested` is on, a guest can reach them, too.
 */
#ifndef KVMTUNE_SHADOW_PAGING_H
#define KVMTUNE_SHADOW_PAGING_H

#include <kvmtune/facts.h>

/* Appends a sentence that names the holes, and those that this kernel's version has no fix for. */
void shadow_paging_text(const struct host_id *host, struct buf *ret);

#endif
