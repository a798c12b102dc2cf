/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe_boot_generated.h - what boots make units of, where no boot has done so yet: in an image, and
 * where init scripts are started without systemd.
 */
#ifndef KVMTUNE_OBSERVE_BOOT_GENERATED_H
#define KVMTUNE_OBSERVE_BOOT_GENERATED_H

struct ports;
struct unread;

/* The link in /etc/rc?.d that starts the init script of a service; NULL: none. The caller frees it. */
char *observe_sysv_start(struct ports *p, const char *unit, struct unread *unread);
/* A generator that is a script and has this word in it; NULL: none. The caller frees it. */
char *observe_generator(struct ports *p, const char *word, struct unread *unread);

#endif
