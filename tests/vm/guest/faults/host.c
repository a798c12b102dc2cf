// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"
#include "host.h"

#define OWN	"/var/lib/kvmtune"
#define LOCK	OWN "/lock"
#define UDEV_MS 5000 /* it sets owner and mode of /dev/kvm some time after the load */

/* What is compared and can be put back file by file; kvmtune's own journal is only put back. */
static const char *const trees[] = {
	"/etc/modprobe.d",     "/run/modprobe.d", "/etc/systemd/system",
	"/run/systemd/system", "/etc/tmpfiles.d", OWN,
};

/* What others say; it is put back by what has set it. */
static const char *const values[] = {
	"/sys/module/kvm/parameters",
	"/sys/module/kvm_intel",
	"/sys/module/kvm_amd",
	"/dev/kvm",
	KSM "run",
	"/run/systemd/units",
};

bool is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == '/' || !path[len]);
}

/* Of a module its parameters and that it is there; of units that they are active. */
static bool is_of_interest(const char *path)
{
	if (is_below(path, "/run/systemd/units"))
		return strstr(path, "invocation:ksm");
	if (is_below(path, "/sys/module"))
		return strstr(path, "/parameters/") || strstr(path, "/initstate");
	return true;
}

static void add_text(struct item *item, const char *path)
{
	if (is_below(item->path, "/run/systemd/units"))
		item->text = must(strdup("active"));
	else if (S_ISREG(item->mode) || S_ISLNK(item->mode))
		item->text = read_text(path, &item->len);
}

static struct host *walking;

/* Of nftw(), which hands on nothing of ours: hence `walking`. */
static int add_item(const char *full_path, const struct stat *st, int kind, struct FTW *ftw)
{
	const char *path = full_path + strlen(root());
	struct item *item;

	(void)ftw;
	if (kind == FTW_NS || !is_of_interest(path))
		return 0;
	if (walking->count % 64 == 0)
		walking->items = must(
			realloc(walking->items, (walking->count + 64) * sizeof(*walking->items)));
	item = &walking->items[walking->count++];
	*item = (struct item){ must(strdup(path)), st->st_mode, st->st_uid, st->st_gid, NULL, 0 };
	add_text(item, full_path);
	return 0;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct item *)a)->path, ((const struct item *)b)->path);
}

void host_look(struct host *ret)
{
	*ret = (struct host){ 0 };
	walking = ret;
	for (size_t i = 0; i < COUNT(trees); i++)
		nftw(below_root(trees[i]), add_item, 16, FTW_PHYS);
	for (size_t i = 0; !is_image() && i < COUNT(values); i++)
		nftw(values[i], add_item, 16, FTW_PHYS);
	qsort(ret->items, ret->count, sizeof(*ret->items), by_path);
}

void host_free(struct host *h)
{
	for (size_t i = 0; i < h->count; i++) {
		free(h->items[i].path);
		free(h->items[i].text);
	}
	free(h->items);
	*h = (struct host){ 0 };
}

static bool same_item(const struct item *a, const struct item *b)
{
	return a->mode == b->mode && a->uid == b->uid && a->gid == b->gid && a->len == b->len &&
	       (!a->len || memcmp(a->text, b->text, a->len) == 0);
}

void host_compare(const struct host *have, const struct host *want, difference_fn *each, void *arg)
{
	size_t i = 0, j = 0;

	while (i < have->count || j < want->count) {
		const struct item *a = i < have->count ? &have->items[i] : NULL;
		const struct item *b = j < want->count ? &want->items[j] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->path, b->path);

		if (order != 0 || !same_item(a, b))
			each(order <= 0 ? a : NULL, order >= 0 ? b : NULL, arg);
		i += order <= 0;
		j += order >= 0;
	}
}

static bool matters(const struct item *item)
{
	return !is_below(item->path, OWN) || strstr(item->path, "kvmtune-new");
}

static void count_difference(const struct item *have, const struct item *want, void *arg)
{
	*(unsigned *)arg += matters(have ? have : want);
}

unsigned host_differences(const struct host *have, const struct host *want)
{
	unsigned n = 0;

	host_compare(have, want, count_difference, &n);
	return n;
}

static void count_any(const struct item *have, const struct item *want, void *arg)
{
	(void)have, (void)want;
	(*(unsigned *)arg)++;
}

bool host_is_identical(const struct host *a, const struct host *b)
{
	unsigned n = 0;

	host_compare(a, b, count_any, &n);
	return n == 0;
}

static void print_item(char sign, const struct item *item)
{
	if (!item)
		return;
	printf("#   %c %s %o %u:%u ", sign, item->path, item->mode, item->uid, item->gid);
	for (size_t i = 0; i < item->len; i++)
		putchar(item->text[i] >= ' ' ? item->text[i] : '|');
	putchar('\n');
}

static void print_difference(const struct item *have, const struct item *want, void *arg)
{
	(void)arg;
	if (!matters(have ? have : want))
		return;
	print_item('-', want);
	print_item('+', have);
}

void host_print_differences(const struct host *have, const struct host *want)
{
	host_compare(have, want, print_difference, NULL);
}

bool is_merged(void)
{
	char *sharing;
	bool merged;

	if (is_image())
		return false;
	sharing = read_text(KSM "pages_sharing", NULL);
	merged = atol(sharing) > 0;
	free(sharing);
	return merged;
}

bool is_locked(void)
{
	int fd = open(below_root(LOCK), O_RDWR | O_CLOEXEC);
	bool locked = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0;

	if (fd >= 0)
		close(fd);
	return locked;
}

bool is_in_trees(const char *path)
{
	for (size_t i = 0; i < COUNT(trees); i++)
		if (is_below(path, trees[i]))
			return true;
	return false;
}

const struct item *host_find(const struct host *h, const char *path)
{
	struct item key = { .path = (char *)path };

	return bsearch(&key, h->items, h->count, sizeof(key), by_path);
}

/* udev sets owner and mode of the device. */
bool host_settled(const struct host *want, struct host *ret)
{
	int64_t end = now_ms() + UDEV_MS;

	for (host_look(ret); host_differences(ret, want); host_look(ret)) {
		const struct item *a = host_find(ret, "/dev/kvm"), *b = host_find(want, "/dev/kvm");
		bool device = a && b && !same_item(a, b);

		if (!device || now_ms() > end)
			return false;
		host_free(ret);
		nap();
	}
	return true;
}
