// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_tuned.c - the profiles of tuned that apply, with those that they include.
 */
#include "observe_writers.h"

#include <errno.h>

#include <kvmtune/ksm.h>

#include "unread.h"

/* Profiles that include each other: so many are followed. */
#define PROFILES_MAX   64
#define PROFILE_DEPTH  10
#define ACTIVE_PROFILE "/etc/tuned/active_profile"

struct profiles {
	struct strv seen; /* each is read once */
	struct tuned merged;
};

static bool read_profile(struct writers *w, const char *name, char **ret_path, struct buf *ret)
{
	static const char *const dirs[] = { "/etc/tuned/profiles", "/etc/tuned",
					    "/usr/lib/tuned/profiles", "/usr/lib/tuned" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		autofree char *path = xasprintf("%s/%s/tuned.conf", dirs[i], name);

		if (read_noting(w->p, path, w->unread, ret) < 0)
			continue;
		*ret_path = xstrdup(path);
		return true;
	}
	return false;
}

/* Included profiles come first, so that the including one takes precedence. */
static void follow_profile(struct writers *w, const char *name, int depth, struct profiles *ps)
{
	autofree char *path = NULL;
	autobuf text = { 0 };
	autostrv includes = { 0 };
	const char *include;

	if (strv_has(&ps->seen, name))
		return;
	if (depth > PROFILE_DEPTH || ps->seen.n >= PROFILES_MAX) {
		unread_note(w->unread, ACTIVE_PROFILE, -EFBIG);
		return;
	}
	strv_add(&ps->seen, name);
	if (!read_profile(w, name, &path, &text))
		return;
	tuned_read_includes(buf_text(&text), &includes);
	strv_foreach (include, &includes)
		follow_profile(w, include, depth + 1, ps);
	tuned_add(&ps->merged, path, buf_text(&text));
}

/* Names of profiles in a file of tuned, followed. Returns the last of them; NULL: none. */
static char *follow_profiles(struct writers *w, const char *file, struct profiles *ps)
{
	autobuf text = { 0 };
	autostrv names = { 0 };
	const char *name;

	if (read_noting(w->p, file, w->unread, &text) < 0 || !text.len)
		return NULL;
	ksm_tuned_names(text.data, &names);
	strv_foreach (name, &names)
		follow_profile(w, name, 0, ps);
	return names.n ? xstrdup(names.v[names.n - 1]) : NULL;
}

char *observe_tuned(struct writers *w, struct tuned *ret)
{
	struct profiles ps = { 0 };
	char *profile = follow_profiles(w, ACTIVE_PROFILE, &ps);
	char *behind = follow_profiles(w, "/etc/tuned/post_loaded_profile", &ps);

	strv_free(&ps.seen);
	*ret = ps.merged;
	if (!behind)
		return profile;
	free(profile);
	return behind;
}
