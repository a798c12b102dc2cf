// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_loader - any bytes as each of the boot loader's files, then every question.
 *
 * The first byte chooses which files; a NUL byte ends one and begins the next. It checks that limits
 * hold, that words are of note, and that no value is told where the entries differ.
 */
#include <kvmtune/loader.h>

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_says(const struct loader *l, const char *module, const char *param)
{
	struct loader_says s;

	loader_say(l, module, param, &s);
	must(s.any == (s.file != NULL));
	must(s.any || s.silent || !l->count);
	for (int files = UNKNOWN; files <= YES; files++) {
		enum tri value = loader_value(&s, (enum tri)files);

		must(value == UNKNOWN || (!s.unclear && s.same));
		must(value == UNKNOWN || value == files ||
		     (s.any && !s.silent && value == s.value));
	}
}

static void check_words(const struct loader *l)
{
	static const char *const modules[] = { "kvm_intel", "kvm" };
	const struct loader_part *p = loader_find_blacklist(l, modules, 2);
	autostrv words = { 0 }, places = { 0 };

	must(!p || (p->line && strstr(p->words, "blacklist=")));
	loader_words(l, 50, &words, &places);
	must(words.n == places.n && words.n <= 50);
	for (size_t i = 0; i < words.n; i++)
		must(*words.v[i] && !strpbrk(words.v[i], " \n\t") && strchr(places.v[i], ':'));
}

static void add(struct loader *l, struct grub_default *d, unsigned kind, const char *text)
{
	switch (kind & 7) {
	case 0:
		loader_add_grubenv(l, text);
		break;
	case 1:
	case 2:
		loader_add_grub_cfg(l, "/boot/grub/grub.cfg", text);
		break;
	case 3:
		loader_add_bls(l, "/boot/loader/entries/a.conf", text);
		break;
	case 4:
		loader_add_cmdline(l, "/etc/kernel/cmdline", text);
		break;
	default:
		grub_default_add(d, "/etc/default/grub", text);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct loader l = { 0 };
	struct grub_default d = { 0 };
	autofree char *text = xstrndup("", 0);
	unsigned kind = size ? data[0] : 0;

	for (size_t at = 1; at < size; kind = kind * 5 + 1) {
		size_t len = strnlen((const char *)data + at, size - at);

		free(text);
		text = xstrndup((const char *)data + at, len);
		add(&l, &d, kind, text);
		at += len + 1;
	}
	loader_add_grub_default(&l, &d);
	must(l.count <= LOADER_ENTRIES_MAX && l.var_count <= LOADER_VARS_MAX);
	must(l.expanded <= LOADER_EXPANDED_MAX);
	check_says(&l, "kvm_intel", "ept");
	check_says(&l, "kvm_amd", "nested");
	check_words(&l);
	loader_free(&l);
	return 0;
}
