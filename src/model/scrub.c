// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * scrub.c - names into numbered words, and identifiers out of any text.
 */
#include <kvmtune/scrub.h>

#include <ctype.h>
#include <string.h>

/* A host's name that is shorter is part of too many other words. */
#define HOST_NAME_MIN 3

void scrub_free(struct scrub *s)
{
	for (size_t i = 0; i < SCRUB_KINDS; i++)
		strv_free(&s->names[i]);
}

/* ---- names ---- */

/* Those that come with a distribution tell nothing of whose host it is. */
static const char *const known_programs[] = {
	"qemu-kvm",	    "qemu-system-x86_64",
	"qemu-system-x86",  "kvm",
	"crosvm",	    "lkvm",
	"kvmtool",	    "firecracker",
	"cloud-hypervisor", "libvirtd",
	"virtqemud",	    "pmdakvm",
	"ksmtuned",	    "ksmd",
	"kvmtune",	    "VBoxHeadless",
};
static const char *const known_users[] = { "root", "qemu", "libvirt-qemu", "nobody", "kvm" };
static const char *const known_groups[] = {
	"",
	".",
	"machine",
	"system",
	"user",
	"init.scope",
	"machine.slice",
	"system.slice",
	"user.slice",
	"libvirt",
	"emulator",
	"libvirtd.service",
	"virtqemud.service",
	"pmcd.service",
	"qemu.slice",
	"ksmtuned.service",
	"ksm.service",
};

static const struct {
	const char *word;
	const char *const *known;
	size_t count;
} kinds[SCRUB_KINDS] = {
	[SCRUB_GUEST] = { "guest", NULL, 0 },
	[SCRUB_USER] = { "user", known_users, ARRAY_SIZE(known_users) },
	[SCRUB_PROGRAM] = { "program", known_programs, ARRAY_SIZE(known_programs) },
	[SCRUB_GROUP] = { "group", known_groups, ARRAY_SIZE(known_groups) },
};

static size_t number_of(struct strv *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->v[i], name) == 0)
			return i + 1;
	strv_add(names, name);
	return names->n;
}

/* A user without a name is shown by the number. */
static bool is_number(const char *name)
{
	return *name && !name[strspn(name, "0123456789")];
}

char *scrub_name(struct scrub *s, enum scrub_kind kind, const char *name)
{
	if (kind == SCRUB_USER && is_number(name))
		return xstrdup(name);
	for (size_t i = 0; i < kinds[kind].count; i++)
		if (strcmp(kinds[kind].known[i], name) == 0)
			return xstrdup(name);
	return xasprintf("%s-%zu", kinds[kind].word, number_of(&s->names[kind], name));
}

/* ---- cgroups ---- */

static const char *unit_suffix(const char *name)
{
	static const char *const suffixes[] = { ".scope", ".service", ".slice" };

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (ends_with(name, suffixes[i]))
			return suffixes[i];
	return "";
}

static void add_group(struct scrub *s, const char *part, struct buf *ret)
{
	autofree char *word = scrub_name(s, SCRUB_GROUP, part);

	buf_puts(ret, word);
	if (strcmp(word, part) != 0)
		buf_puts(ret, unit_suffix(part));
}

char *scrub_cgroup(struct scrub *s, const char *path)
{
	struct buf ret = { 0 };

	while (*path) {
		size_t len = strcspn(path, "/");
		autofree char *part = xstrndup(path, len);

		add_group(s, part, &ret);
		path += len;
		if (*path)
			buf_add(&ret, path++, 1);
	}
	return ret.len ? buf_steal(&ret) : xstrdup("");
}

void scrub_cgroups(struct scrub *s, const char *text, struct buf *ret)
{
	const char *end;

	for (const char *line = text; *line; line = end + (*end == '\n')) {
		autofree char *copy = NULL, *group = NULL;
		char *path;

		end = line + strcspn(line, "\n");
		copy = xstrndup(line, (size_t)(end - line));
		path = strchr(copy, ':');
		path = path ? strchr(path + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		group = scrub_cgroup(s, path);
		buf_printf(ret, "%s:%s\n", copy, group);
	}
}

/* ---- command lines ---- */

/* As few options as all programs take in the same way: see user.c. */
void scrub_args(struct scrub *s, const struct kvm_user *u, struct strv *ret)
{
	autofree char *program = scrub_name(s, SCRUB_PROGRAM, u->program);

	strv_add(ret, program);
	if (u->guest) {
		autofree char *guest = scrub_name(s, SCRUB_GUEST, u->guest);

		strv_add(ret, "--name");
		strv_add(ret, guest);
	}
	if (u->vcpus) {
		strv_addf(ret, "--smp=%d", u->vcpus);
		strv_addf(ret, "--cpus=%d", u->vcpus);
	}
}

/* ---- identifiers ---- */

#define HEX "0123456789abcdefABCDEF"

static bool is_word_letter(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* A UUID, or one without dashes as in /etc/machine-id. */
static bool is_uuid(const char *word, size_t len)
{
	static const size_t dashes[] = { 8, 13, 18, 23 };

	if (len == 32)
		return strspn(word, HEX) >= len;
	if (len != 36)
		return false;
	for (size_t i = 0, dash = 0; i < len; i++) {
		bool expected = dash < ARRAY_SIZE(dashes) && i == dashes[dash];

		if (expected ? word[i] != '-' : !strchr(HEX, word[i]))
			return false;
		dash += expected;
	}
	return true;
}

static size_t count_of(const char *word, size_t len, char c)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += word[i] == c;
	return n;
}

/* IPv4, IPv6, MAC: what looks like one. */
static bool is_address(const char *word, size_t len)
{
	return strspn(word, HEX ".:") >= len &&
	       (count_of(word, len, '.') >= 3 || count_of(word, len, ':') >= 2);
}

/* Its length, with its domain or without; 0: it does not stand here. */
static size_t host_name_at(const struct scrub *s, const char *at)
{
	size_t whole = strlen(s->host_name), lengths[] = { whole, strcspn(s->host_name, ".") };

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		if (lengths[i] >= HOST_NAME_MIN && strncasecmp(at, s->host_name, lengths[i]) == 0 &&
		    !is_word_letter(at[lengths[i]]))
			return lengths[i];
	return 0;
}

/* How long the identifier at `at` is, 0: there is none; what stands for it in *ret_word. */
static size_t identifier_at(const struct scrub *s, const char *at, const char **ret_word)
{
	size_t len = strspn(at, HEX ".:-");

	while (len && strchr(".:-", at[len - 1]))
		len--;
	if (len && !is_word_letter(at[len]) && is_uuid(at, len)) {
		*ret_word = "00000000-0000-0000-0000-000000000000";
		return len;
	}
	if (len && !is_word_letter(at[len]) && is_address(at, len)) {
		*ret_word = "0.0.0.0";
		return len;
	}
	*ret_word = SCRUB_HOST_NAME;
	return host_name_at(s, at);
}

void scrub_identifiers(const struct scrub *s, const char *text, size_t len, struct buf *ret)
{
	size_t found;

	for (size_t i = 0; i < len; i += found ? found : 1) {
		bool begins = !i || !is_word_letter(text[i - 1]) || !is_word_letter(text[i]);
		const char *word;

		found = begins ? identifier_at(s, text + i, &word) : 0;
		if (found)
			buf_puts(ret, word);
		else
			buf_add(ret, text + i, 1);
	}
}
