// SPDX-License-Identifier: GPL-2.0-or-later
#include "cli.h"

#include <errno.h>
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
	for (size_t i = 0; i < count; i++)
		if (settings_overlap(goals[i].setting, s))
			return goals[i].setting;
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

/* ---- the host file ---- */

static enum exit_status report_errors(const struct invocation *in, const struct host_file *f,
				      struct err *e)
{
	autobuf also = { 0 };

	*e = f->errors[0];
	also_lines(&in->message_style, f->errors + 1, f->error_count - 1, &also);
	if (f->more_errors)
		buf_printf(&also, "  and %zu more errors\n", f->more_errors);
	if (also.len && !(in->given & OPT_JSON))
		e->detail = buf_steal(&also);
	return e->status;
}

/* Options on the command line win. --wait and --defer are two ways to deal with a host in use. */
static void take_options(struct invocation *in, const struct host_file *f)
{
	if (f->reserve_at.file && !(in->given & OPT_RESERVE))
		in->reserve_bytes = f->reserve_bytes;
	if (in->given & (OPT_WAIT | OPT_DEFER))
		return;
	if (f->wait_at.file)
		in->wait_ms = f->wait_ms;
	if (f->defer_at.file)
		in->defer = f->defer;
}

/* An empty file is a mistake: of a template, a copy, a full disk. */
static enum exit_status refuse_nothing(const struct invocation *in, const struct host_file *f,
				       struct err *e)
{
	if (f->files.n) {
		err_set(e, -EINVAL, "no setting is wanted: %s%s sets none", f->files.v[0],
			f->files.n > 1 ? ", with its drop-ins," : "");
		err_status(e, STATUS_USAGE, "host-file-empty");
	} else {
		err_set(e, -ENOENT,
			"no setting is wanted: no SETTING=VALUE is given, and there is neither "
			"a file " HOST_FILE " nor one in " HOST_FILE_DIR " (*.conf)");
		err_status(e, STATUS_USAGE, "no-host-file");
	}
	err_hint(e, "Name a setting, as in:  kvmtune %s nested=off        Help:  kvmtune --help",
		 in->command);
	return STATUS_USAGE;
}

static enum exit_status add_host_file(struct invocation *in, struct goal_list *ret, struct err *e)
{
	struct host_file *f = &ret->file;
	size_t typed = ret->count;

	if (in->given & OPT_FILE)
		host_file_read_one(in->ports, in->file, f);
	else
		host_file_read(in->ports, f);
	if (f->error_count)
		return report_errors(in, f, e);
	for (size_t i = 0; i < f->goal_count; i++)
		if (!named_already(ret->goals, typed, f->goals[i].setting))
			array_push(ret->goals, ret->count) = f->goals[i];
	if (!ret->count)
		return refuse_nothing(in, f, e);
	take_options(in, f);
	return STATUS_DONE;
}

enum exit_status find_goals(struct invocation *in, struct goal_list *ret, struct err *e)
{
	enum exit_status status = STATUS_DONE;

	if (in->arg_count)
		status = parse_goals(in, &ret->goals, &ret->count, e);
	if (status == STATUS_DONE && (!in->arg_count || in->given & OPT_FILE))
		status = add_host_file(in, ret, e);
	return status;
}

void goal_list_free(struct goal_list *l)
{
	free(l->goals);
	host_file_free(&l->file);
}
