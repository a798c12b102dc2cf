// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * shadow_paging.c - the holes of KVM's shadow MMU that were published in 2026, as of August 2026.
 *
 * Source: the CVE records (cvelistV5). Distributions backport fixes: a version proves neither that a
 * kernel has a hole nor that it has not.
 */
#include <kvmtune/shadow_paging.h>

#include <stdio.h>
#include <string.h>

struct version {
	unsigned major, minor, patch;
};

struct hole {
	const char *cve;
	struct version since;
	struct version fixed[8]; /* one for each stable branch, oldest first; newer ones have it */
};

static const struct hole holes[] = {
	{ "CVE-2026-46113",
	  { 2, 6, 20 },
	  { { 6, 6, 140 }, { 6, 12, 88 }, { 6, 18, 30 }, { 7, 0, 7 } } },
	{ "CVE-2026-53359",
	  { 2, 6, 36 },
	  { { 5, 15, 222 },
	    { 6, 1, 177 },
	    { 6, 6, 144 },
	    { 6, 12, 95 },
	    { 6, 18, 38 },
	    { 7, 1, 3 } } },
	{ "CVE-2026-64561",
	  { 5, 9, 0 },
	  { { 6, 6, 148 }, { 6, 12, 101 }, { 6, 18, 42 }, { 7, 1, 6 } } },
};

static int compare(const struct version *a, const struct version *b)
{
	if (a->major != b->major)
		return a->major < b->major ? -1 : 1;
	if (a->minor != b->minor)
		return a->minor < b->minor ? -1 : 1;
	return a->patch < b->patch ? -1 : a->patch > b->patch;
}

static bool parse(const char *text, struct version *ret)
{
	*ret = (struct version){ 0 };
	return sscanf(text, "%4u.%4u.%4u", &ret->major, &ret->minor, &ret->patch) >= 2;
}

/*
 * A release as 6.1.0-50-amd64 or 5.14.0-427.el9 names a distribution's own series. Debian's version
 * stands in `uname -v`; that of others is not known.
 */
static bool version_of(const struct host_id *host, struct version *ret)
{
	const char *debian = strstr(host->version, "Debian ");

	if (debian && parse(debian + strlen("Debian "), ret))
		return true;
	return parse(host->kernel, ret) && (ret->patch || !strchr(host->kernel, '-'));
}

static bool is_fixed(const struct hole *h, const struct version *v)
{
	const struct version *last = h->fixed;

	if (compare(v, &h->since) < 0)
		return true;
	for (const struct version *f = h->fixed; f->major; f++) {
		last = f;
		if (f->major == v->major && f->minor == v->minor)
			return v->patch >= f->patch;
	}
	return compare(v, last) > 0;
}

void shadow_paging_text(const struct host_id *host, struct buf *ret)
{
	struct version v;
	bool known = version_of(host, &v);
	size_t open = 0;

	buf_puts(ret, "guests then run on KVM's shadow page tables, where vulnerabilities were "
		      "published in 2026: ");
	for (size_t i = 0; i < ARRAY_SIZE(holes); i++)
		buf_printf(ret, "%s%s", i ? ", " : "", holes[i].cve);
	if (!known) {
		buf_puts(ret, "; ask your distribution whether its kernel has the fixes");
		return;
	}
	buf_printf(ret, "; Linux %u.%u.%u ", v.major, v.minor, v.patch);
	for (size_t i = 0; i < ARRAY_SIZE(holes); i++)
		if (!is_fixed(&holes[i], &v))
			buf_printf(ret, "%s%s", open++ ? ", " : "lacks the fix for ", holes[i].cve);
	buf_puts(ret, open ? ", unless your distribution has backported it" : "has all fixes");
}
