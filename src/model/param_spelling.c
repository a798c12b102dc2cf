// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * param_spelling.c - spellings of a bool that this kernel refuses: it does not load the module then.
 *
 * lib/string.c:strtobool (to 4.5), lib/kstrtox.c:kstrtobool: read in 3.10 (EL7), 4.18 (EL8), 6.1, 6.12,
 * 6.16 and 6.18. What was learnt between two of these is not said of the versions in between.
 */
#include <kvmtune/setting.h>

#include <stdio.h>
#include <string.h>

#define VERSION(major, minor) ((major)*1000 + (minor))

static int version_of(const char *kernel)
{
	int major, minor;

	return sscanf(kernel, "%d.%d", &major, &minor) == 2 ? VERSION(major, minor) : 0;
}

static bool is_number(const char *value)
{
	char *end;

	strtol(value, &end, 0);
	return *value && end != value && !*end;
}

/* RHEL's 3.10 has "on" and "off" of later kernels. */
static bool knows_on_off(const char *kernel, int version)
{
	return version >= VERSION(4, 6) || strstr(kernel, ".el7");
}

bool param_is_refused(const char *value, bool number, const char *kernel)
{
	int version = version_of(kernel);

	if (!version)
		return false;
	if (number)
		return !value || !is_number(value);
	if (!value)
		return false;
	if (*value && strchr("yY1nN0", *value))
		return false;
	if (*value && strchr("oO", *value))
		return !value[1] || !strchr("nNfF", value[1]) || !knows_on_off(kernel, version);
	if (*value && strchr("tTfF", *value))
		return version <= VERSION(4, 18);
	if (*value && strchr("eEdD", *value))
		return version <= VERSION(6, 12);
	return true;
}
