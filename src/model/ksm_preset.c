// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ksm_preset.c - the text of our preset file: which of the services the first boot does not enable.
 */
#include <kvmtune/ksm.h>

#include <string.h>

#define MARK "# Made by kvmtune"
#define HEAD MARK ", see kvmtune(8); `kvmtune undo` takes it back.\n"
#define VERB "disable "

static size_t line_length(const char *text)
{
	size_t len = strcspn(text, "\n");

	return len + (text[len] == '\n');
}

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

	for (; text && *text; text += line_length(text))
		units |= 1u << own_unit(text);
	return units & ((1u << KSM_UNIT_DRIVERS) - 1);
}

/* Ours come first: of all rules for a unit only the first one counts. */
char *ksm_preset_edit(const char *old, unsigned units)
{
	struct buf b = { 0 };
	bool says_something = units != 0;

	if (units)
		buf_puts(&b, HEAD);
	for (size_t i = 0; i < KSM_UNIT_DRIVERS; i++)
		if (units & 1u << i)
			buf_printf(&b, VERB "%s\n", ksm_unit_names[i]);
	for (size_t len; old && *old; old += len) {
		len = line_length(old);
		if (starts_with(old, MARK) || own_unit(old) < KSM_UNIT_DRIVERS)
			continue;
		buf_add(&b, old, len);
		says_something = true;
	}
	if (says_something)
		return buf_steal(&b);
	buf_free(&b);
	return NULL;
}
