/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unpack.h - files that are compressed with xz, zstd or gzip, as kernel modules may be. The library
 * for each is loaded when it is first needed.
 */
#ifndef KVMTUNE_UNPACK_H
#define KVMTUNE_UNPACK_H

#include <kvmtune/base.h>
#include <kvmtune/err.h>

/*
 * Appends what the file holds to ret. 1: it is not compressed, nothing was appended. -EFBIG: it holds
 * more than 64 MiB; -ENOEXEC: it is damaged; -ELIBACC, -ELIBBAD: its library is missing. The file's
 * offset stays where it was.
 */
int unpack_file(int fd, struct buf *ret, struct err *e);

#endif
