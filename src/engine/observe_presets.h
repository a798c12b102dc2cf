/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe_presets.h - the links that the presets make at the first boot of an image (systemd.preset(5)).
 */
#ifndef KVMTUNE_OBSERVE_PRESETS_H
#define KVMTUNE_OBSERVE_PRESETS_H

#include "observe_units.h"

/* A preset will make a link: `by` starts `name`. */
struct preset_link {
	char *by, *name;
	char *where; /* the rule, as FILE:LINE */
	bool early;  /* its file is read before OWN_PRESET */
};

struct preset_links {
	struct preset_link *v;
	size_t n;
};
void preset_links_free(struct preset_links *l);

/* An image without a machine id: systemd takes its next boot for its first. */
bool observe_first_boot(struct ports *p);
/* Adds the links that such a boot will make. */
void observe_presets(struct unit_files *u, struct preset_links *ret);

#endif
