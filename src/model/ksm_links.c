// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ksm_links.c - which links start one of the services of KSM, or give it another name.
 */
#include <kvmtune/ksm.h>

#include <string.h>

#define UNIT_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.@+:\\-"
#define TARGET_MAX   4095 /* PATH_MAX, without its end */

/* Behind the directory of links that a path is in; NULL: in none. */
static const char *below_link_dir(const char *path)
{
	static const char *const dirs[] = { UNIT_LINKS_DIR "/", RUNTIME_LINKS_DIR "/" };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (starts_with(path, dirs[i]))
			return path + strlen(dirs[i]);
	return NULL;
}

static bool is_service_name(const char *name)
{
	return *name != '.' && ends_with(name, ".service") && !name[strspn(name, UNIT_LETTERS)];
}

/* "multi-user.target.wants" */
static bool is_wants_dir(const char *name, size_t len)
{
	static const char *const ends[] = { ".wants", ".requires", ".upholds" };
	autofree char *dir = xstrndup(name, len);

	if (*dir == '.' || dir[strspn(dir, UNIT_LETTERS)])
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++)
		if (ends_with(dir, ends[i]))
			return true;
	return false;
}

bool ksm_is_in_unit_dir(const char *path)
{
	static const char *const dirs[] = { "/usr/lib/systemd/system/", "/lib/systemd/system/",
					    "/usr/local/lib/systemd/system/", UNIT_LINKS_DIR "/",
					    RUNTIME_LINKS_DIR "/" };
	const char *up = path;

	while (starts_with(up, "../"))
		up += strlen("../");
	/* Beside the link. */
	if (up == path && !strchr(path, '/'))
		return true;
	path = up > path ? up - 1 : path;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (starts_with(path, dirs[i]) && !strchr(path + strlen(dirs[i]), '/'))
			return true;
	return false;
}

bool ksm_is_mask(const char *path, const char *leads_to)
{
	return leads_to && strcmp(leads_to, "/dev/null") == 0 &&
	       starts_with(path, UNIT_LINKS_DIR "/") &&
	       ksm_is_driver(path + strlen(UNIT_LINKS_DIR "/"));
}

size_t ksm_link_unit(const char *path, const char *leads_to)
{
	const char *name = below_link_dir(path);
	bool by_name = name && (strchr(name, '/') || ksm_is_mask(path, leads_to));
	size_t unit = by_name ? ksm_unit_find(last_part(path)) : KSM_UNIT_COUNT;

	if (unit >= KSM_UNIT_DRIVERS)
		unit = leads_to ? ksm_unit_find(last_part(leads_to)) : KSM_UNIT_COUNT;
	return unit < KSM_UNIT_DRIVERS ? unit : KSM_UNIT_DRIVERS;
}

/*
 * systemd takes a link in X.wants/ by its name alone, which so has to be one of ours; it may lead to
 * anywhere where such a unit file may be. A link beside the unit files is a unit file of its own unless it points to one.
 */
bool ksm_is_unit_link(const char *path, const char *leads_to)
{
	const char *name = below_link_dir(path), *slash;

	if (ksm_is_mask(path, leads_to))
		return true;
	if (!name || !leads_to || strlen(leads_to) > TARGET_MAX || strchr(leads_to, '\n') ||
	    !is_service_name(last_part(leads_to)) ||
	    ksm_link_unit(path, leads_to) == KSM_UNIT_DRIVERS)
		return false;
	slash = strchr(name, '/');
	if (!slash)
		return is_service_name(name) && !ksm_is_driver(name) &&
		       ksm_is_in_unit_dir(leads_to);
	return is_wants_dir(name, (size_t)(slash - name)) && ksm_is_driver(slash + 1) &&
	       (ksm_is_in_unit_dir(leads_to) || ksm_is_driver(last_part(leads_to)));
}
