// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_loader.c - reads the kernel command lines that the next boot may have.
 *
 * Files of GRUB, entries of the Boot Loader Specification, and the templates from which such are made.
 * Other boot loaders and command lines inside of EFI images are not read.
 */
#include "observe_loader.h"

#include <errno.h>

#include <kvmtune/port.h>

#include "unread.h"

#define GRUB_DEFAULT   "/etc/default/grub"
#define GRUB_DEFAULT_D "/etc/default/grub.d"
#define EFI_DIR	       "/boot/efi/EFI"

/* NULL: it is absent, or noted. To be freed. */
static char *read_boot_file(struct ports *p, struct host *h, const char *path)
{
	struct buf text = { 0 };

	if (read_noting(p, path, &h->loader_unread, &text) == 0)
		return text.len ? buf_steal(&text) : NULL;
	buf_free(&text);
	return NULL;
}

/* Files of a directory whose names end so, sorted. */
static void list_boot_files(struct ports *p, struct host *h, const char *dir, const char *end,
			    struct strv *ret)
{
	autostrv names = { 0 };
	const char *name;

	if (unread_note(&h->loader_unread, dir, p->file.list_files(p, dir, &names)) < 0 ||
	    unread_count_names(&h->loader_unread, dir, names.n) < 0)
		return;
	strv_sort(&names);
	strv_foreach (name, &names)
		if (ends_with(name, end) && name[0] != '.')
			strv_addf(ret, "%s/%s", dir, name);
}

static void read_each(struct ports *p, struct host *h, const struct strv *paths,
		      void (*add)(struct loader *b, const char *file, const char *text))
{
	const char *path;

	strv_foreach (path, paths) {
		autofree char *text = read_boot_file(p, h, path);

		if (text)
			add(&h->loader, path, text);
	}
}

static void read_grubenv(struct ports *p, struct host *h)
{
	static const char *const paths[] = { "/boot/grub/grubenv", "/boot/grub2/grubenv" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		autofree char *text = read_boot_file(p, h, paths[i]);

		if (text)
			loader_add_grubenv(&h->loader, text);
	}
}

/* Distributions have one in the EFI system partition, or only a file that leads to /boot. */
static void read_grub_cfg(struct ports *p, struct host *h)
{
	autostrv paths = { 0 }, vendors = { 0 };
	const char *vendor;

	strv_add(&paths, "/boot/grub/grub.cfg");
	strv_add(&paths, "/boot/grub2/grub.cfg");
	if (unread_note(&h->loader_unread, EFI_DIR, p->file.list(p, EFI_DIR, &vendors)) == 0 &&
	    unread_count_names(&h->loader_unread, EFI_DIR, vendors.n) == 0) {
		strv_sort(&vendors);
		strv_foreach (vendor, &vendors)
			strv_addf(&paths, EFI_DIR "/%s/grub.cfg", vendor);
	}
	read_each(p, h, &paths, loader_add_grub_cfg);
}

static void read_bls(struct ports *p, struct host *h)
{
	static const char *const dirs[] = { "/boot/loader/entries", "/efi/loader/entries",
					    "/boot/efi/loader/entries" };
	autostrv paths = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		list_boot_files(p, h, dirs[i], ".conf", &paths);
	read_each(p, h, &paths, loader_add_bls);
}

static void read_grub_default(struct ports *p, struct host *h)
{
	struct grub_default d = { 0 };
	autostrv paths = { 0 };
	const char *path;

	strv_add(&paths, GRUB_DEFAULT);
	list_boot_files(p, h, GRUB_DEFAULT_D, ".cfg", &paths);
	strv_foreach (path, &paths) {
		autofree char *text = read_boot_file(p, h, path);

		if (text)
			grub_default_add(&d, path, text);
	}
	loader_add_grub_default(&h->loader, &d);
}

static void read_kernel_cmdline(struct ports *p, struct host *h)
{
	autofree char *text = read_boot_file(p, h, "/etc/kernel/cmdline");

	if (text)
		loader_add_cmdline(&h->loader, "/etc/kernel/cmdline", text);
}

void observe_loader(struct ports *p, struct host *h)
{
	read_grubenv(p, h);
	read_grub_cfg(p, h);
	read_bls(p, h);
	read_grub_default(p, h);
	read_kernel_cmdline(p, h);
	if (h->loader.too_many)
		unread_note(&h->loader_unread, "/boot", -EFBIG);
}

/* What modprobe.d alone gives: the command line of the running kernel is behind all files. */
static enum tri files_give(const struct host *h, enum module_id id, const struct module_param *row)
{
	const struct module_facts *m = &h->modules[id];
	struct modconf files = h->conf;
	struct modconf_token winner;
	bool found, sure;

	while (files.count && !files.lines[files.count - 1].line)
		files.count--;
	if (m->state == MODULE_STATE_BUILTIN)
		files.count = 0;
	found = modconf_winner(&files, kvm_modules[id].name, row->name, &winner);
	sure = m->state == MODULE_STATE_BUILTIN ||
	       conf_is_last_word(&h->conf_unread, found ? &winner : NULL);
	return param_next(m, row, found ? &winner : NULL, sure);
}

/* A built-in module that nobody tells anything stays as it is. */
static bool stays_by_default(const struct module_facts *m, const struct param_facts *of)
{
	return m->state == MODULE_STATE_BUILTIN && !of->boot.any && !of->next_decided;
}

void observe_next_boot(struct host *h, enum module_id id, const struct module_param *row,
		       struct param_facts *of)
{
	const struct module_facts *m = &h->modules[id];
	enum tri files;

	of->next_boot = UNKNOWN;
	loader_say(&h->loader, kvm_modules[id].name, row->name, &of->boot);
	if (h->loader_unread.count)
		of->boot.unclear = true;
	files = files_give(h, id, row);
	of->next_boot = stays_by_default(m, of)			  ? of->next
			: row->is_paging && m->paging.value == NO ? NO
								  : loader_value(&of->boot, files);
	if (h->image)
		of->next = of->next_boot;
}
