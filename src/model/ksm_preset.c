// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ksm_preset.c - the text of our preset file: which of the services the first boot does not enable.
 */
#include "own_file.h"

#include <string.h>

#define VERB "disable "

/* The unit that our line is about; KSM_UNIT_DRIVERS: it is somebody else's line. */
static size_t own_unit(const char *line)
{
	autofree char *name = NULL;
	size_t unit;

	if (!starts_with(line, VERB))
		return KSM_UNIT_DRIVERS;
	line += strlen(VERB);
	name = xstrndup(line, strcspn(line, "\n"));
	unit = ksm_unit_find(name);
	return unit < KSM_UNIT_DRIVERS ? unit : KSM_UNIT_DRIVERS;
}

unsigned ksm_preset_units(const char *text)
{
	unsigned units = 0;

	for (; text && *text; text += own_file_line_length(text))
		units |= 1u << own_unit(text);
	return units & ((1u << KSM_UNIT_DRIVERS) - 1);
}

static bool is_ours(const char *line)
{
	return own_unit(line) < KSM_UNIT_DRIVERS;
}

/* Of all rules for a unit only the first one counts. */
char *ksm_preset_edit(const char *old, unsigned units)
{
	autobuf ours = { 0 };

	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		if (units & 1u << i)
			buf_printf(&ours, VERB "%s\n", ksm_unit_names[i]);
	return own_file_edit(old, buf_text(&ours), is_ours);
}
