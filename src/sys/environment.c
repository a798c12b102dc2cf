// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * environment.c - removes all variables of the environment but a few.
 *
 * Beside kvmtune itself its libraries read some: getopt POSIXLY_CORRECT, libkmod KMOD_LOG, libsystemd
 * SYSTEMD_* and DBUS_*, json-c and libcrypto some of their own. Started by sudo, cron or a service
 * a command shall do the same: so none but these is left.
 */
#include <kvmtune/process.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const kept[] = {
	"DBUS_SYSTEM_BUS_ADDRESS", /* bus.c takes a local socket only */
	"NO_COLOR",
	"TERM",
	"COLUMNS", /* how text looks */
	"TZ",	   /* of the times that `undo --list` shows */
};

static bool is_kept(const char *variable)
{
	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (starts_with(variable, kept[i]) && variable[strlen(kept[i])] == '=')
			return true;
	return false;
}

static char **given;

/* The list is copied, the texts stay where they are. */
static void keep_given(void)
{
	size_t count = 0;

	while (environ && environ[count])
		count++;
	given = xcalloc(count + 1, sizeof(*given));
	for (size_t i = 0; i < count; i++)
		given[i] = environ[i];
}

char *const *environment_given(void)
{
	return given;
}

void environment_clean(void)
{
	char **to = environ;

	keep_given();
	for (char **from = environ; from && *from; from++)
		if (is_kept(*from))
			*to++ = *from;
	if (to)
		*to = NULL;
	/* By default it writes errors to stderr by itself while it reads modprobe.d. */
	setenv("KMOD_LOG", "0", 1);
}
