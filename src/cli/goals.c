// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli.h"

#include <string.h>

static void known_settings(struct buf *ret)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		buf_join(ret, ", ", settings[i].name);
}

static enum exit_status parse_goal(const char *word, struct goal *ret, struct err *e)
{
	size_t len = strcspn(word, "=");
	autofree char *name = xstrndup(word, len);
	autobuf known = { 0 };

	if (!word[len])
		return usage_error(e, "\"%s\" is not of the form SETTING=VALUE", word);
	ret->setting = setting_find(name);
	if (!ret->setting) {
		known_settings(&known);
		return usage_error(e, "unknown setting \"%s\"; the settings are: %s", name,
				   known.data);
	}
	ret->value = setting_value(ret->setting, word + len + 1);
	if (ret->value)
		return STATUS_DONE;
	setting_values_text(ret->setting, &known);
	return usage_error(e, "%s takes %s, not \"%s\"", name, known.data, word + len + 1);
}

/* The setting that is the same one, or another name for it; NULL: none. */
static const struct setting *named_already(const struct goal *goals, size_t count,
					   const struct setting *s)
{
	for (size_t i = 0; i < count; i++) {
		const struct setting *other = goals[i].setting;

		if (other == s)
			return other;
		for (size_t k = 0; k < MODULE_COUNT; k++)
			if (s->params[k] && s->params[k] == other->params[k])
				return other;
	}
	return NULL;
}

enum exit_status parse_goals(const struct invocation *in, struct goal **ret, size_t *ret_count,
			     struct err *e)
{
	if (!in->arg_count)
		return usage_error(e, "%s needs at least one SETTING=VALUE", in->command);
	for (int i = 0; i < in->arg_count; i++) {
		const struct setting *other;
		struct goal goal = { 0 };
		enum exit_status status = parse_goal(in->args[i], &goal, e);

		if (status != STATUS_DONE)
			return status;
		other = named_already(*ret, *ret_count, goal.setting);
		if (other == goal.setting)
			return usage_error(e, "%s is named twice", other->name);
		if (other)
			return usage_error(e,
					   "%s and %s are the same on one kind of processor: name "
					   "one",
					   other->name, goal.setting->name);
		array_push(*ret, *ret_count) = goal;
	}
	return STATUS_DONE;
}
