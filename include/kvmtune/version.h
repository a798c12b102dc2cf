/* SPDX-License-Identifier: GPL-2.0-or-later */
/* version.h - the version, in one place; the Makefile reads it from here. "~dev": before that release. */
#ifndef KVMTUNE_VERSION_H
#define KVMTUNE_VERSION_H

#define KVMTUNE_VERSION "0.2.0~dev"

#endif
