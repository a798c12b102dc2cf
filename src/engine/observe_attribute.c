// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_attribute.c - settings that are a word in sysfs: what the kernel says of them.
 */
#include "observe_attribute.h"

#include <kvmtune/port.h>

/* Longer than any list of words. */
#define SHOWN_MAX 4096

const char *observe_attribute(struct ports *p, const struct attribute *a, struct strv *ret_words)
{
	autobuf shown = { 0 };
	autostrv words = { 0 };

	if (p->file.read_head(p, a->path, SHOWN_MAX, &shown) < 0)
		return NULL;
	return attribute_chosen(a, buf_text(&shown), ret_words ?: &words);
}

/* Where sysfs is not mounted nobody knows. */
static bool is_present(struct ports *p, const char *path)
{
	struct file_stat st;

	return !error_is_absence(p->file.stat(p, path, &st)) ||
	       error_is_absence(p->file.stat(p, "/sys/module", &st));
}

static void observe_one(struct ports *p, const struct attribute *a, const char *kernel_words,
			struct attribute_facts *ret)
{
	ret->present = is_present(p, a->path);
	if (!ret->present)
		return;
	ret->writable = p->file.writable(p, a->path);
	ret->now = observe_attribute(p, a, &ret->words);
	if (kernel_words)
		ret->boot = attribute_boot_text(a, kernel_words);
}

void observe_attributes(struct ports *p, struct host *h)
{
	autofree char *words = NULL;
	autobuf cmdline = { 0 };

	if (h->image)
		return;
	if (p->file.read(p, MODCONF_CMDLINE, &cmdline) == 0)
		words = modconf_kernel_words(buf_text(&cmdline));
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (settings[i].kind == KIND_ATTRIBUTE)
			observe_one(p, settings[i].attribute, words, &h->attributes[i]);
}
