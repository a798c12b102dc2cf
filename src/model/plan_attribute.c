// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_attribute.c - plans for settings that are a word in sysfs: written now, and at each boot by
 * our file in tmpfiles.d.
 */
#include "plan_attribute.h"

#include <string.h>

#include <kvmtune/own_file.h>

#include "plan_common.h"

#define NOT_SAVED "now only: without systemd nothing is saved for the next boot"

/* One setting, and what is wanted of it. */
struct work {
	const struct host *host;
	const struct plan_options *options;
	struct plan *plan;
	const struct setting *setting;
	const struct attribute_facts *f;
	const char *now_want;  /* NULL: as it is */
	bool file_known;       /* file_want is what our file shall say; else as it is */
	const char *file_want; /* NULL: nothing */
	bool live;	       /* sysfs is written, too */
	bool has_steps;
};

static struct work work_begin(const struct host *host, const struct plan_options *options,
			      struct plan *plan, const struct setting *s)
{
	return (struct work){ .host = host,
			      .options = options,
			      .plan = plan,
			      .setting = s,
			      .f = &host->attributes[s->id],
			      .live = !host->image && options->defer != DEFER_ALL &&
				      (host->ksm.manager != MANAGER_NONE || host->ksm.other_init) };
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* ---- steps ---- */

static struct act set_act(const struct work *w, const char *text)
{
	return (struct act){ .kind = ACT_SET_ATTRIBUTE,
			     .target = xstrdup(w->setting->attribute->path),
			     .text = xstrdup(text) };
}

static void add_file_step(struct work *w)
{
	const struct attribute *a = w->setting->attribute;
	const char *now = plan_file_text(w->plan, OWN_TMPFILES, w->host->own_tmpfiles);

	if (!w->file_known || same(own_tmpfiles_text(now, a), w->file_want))
		return;
	plan_keep_attribute(w->plan, w->host, a, w->file_want);
	w->has_steps = true;
}

static bool differs_now(const struct work *w)
{
	return !w->host->image && w->now_want && !same(w->f->now, w->now_want);
}

static void add_set_step(struct work *w)
{
	struct step *s;

	if (!differs_now(w) || !w->f->now)
		return;
	if (!w->live) {
		/* After a boot an undo has to know what it was. */
		s = &array_push(w->plan->kept, w->plan->kept_count);
		s->back = set_act(w, w->f->now);
		return;
	}
	s = plan_add_step(w->plan);
	s->act = set_act(w, w->now_want);
	s->back = set_act(w, w->f->now);
	if (w->host->ksm.other_init)
		s->note = xstrdup(NOT_SAVED);
	w->has_steps = true;
}

/* ---- refusals ---- */

/* Without it the kernel does as if this were chosen, whatever is wanted. */
static bool refuse_absent(struct work *w, struct change *c)
{
	const char *absent = w->setting->attribute->absent;
	autofree char *text = NULL;

	if (w->host->image || w->f->present)
		return false;
	if (same(c->value, absent)) {
		c->already = true;
		return true;
	}
	text = xasprintf("this kernel has no %s (%s is absent)", w->setting->title,
			 w->setting->attribute->path);
	plan_refuse(w->plan, STATUS_IMPOSSIBLE, "no-attribute", text, "Boot a kernel that has it.");
	c->impossible = w->plan->refusal;
	return true;
}

static bool refuse_word(struct work *w, struct change *c)
{
	autobuf text = { 0 };

	if (w->host->image || !w->f->words.n || strv_has(&w->f->words, c->value))
		return false;
	buf_printf(&text, "this kernel does not take %s for %s, but only", c->value,
		   c->setting->name);
	for (size_t i = 0; i < w->f->words.n; i++) {
		buf_puts(&text, i ? ", " : " ");
		buf_add_safe(&text, w->f->words.v[i], 20);
	}
	plan_refuse(w->plan, STATUS_IMPOSSIBLE, "no-such-value", text.data, "Choose one of these.");
	c->impossible = w->plan->refusal;
	return true;
}

static bool refuse_unknown(struct work *w)
{
	autofree char *text = NULL;

	if (w->host->image || w->f->now)
		return false;
	text = xasprintf("the state of %s is unknown: %s cannot be read", w->setting->name,
			 w->setting->attribute->path);
	return plan_refuse(w->plan, STATUS_FAILED, "unknown-state", text,
			   "In a container, run kvmtune on the host itself.");
}

/* Does somebody write another word behind our line? */
static bool refuse_written(struct work *w, const struct change *c)
{
	const struct attribute_writer *last = NULL;
	autobuf text = { 0 };

	for (size_t i = 0; i < w->f->writers.n; i++) {
		const struct attribute_writer *writer = &w->f->writers.v[i];

		if (!writer->ours && !writer->tmpfiles && !writer->may)
			last = writer;
	}
	if (!last || same(last->value, c->value))
		return false;
	buf_add_safe(&text, last->who, 80);
	buf_printf(&text, " sets %s to %s at boot (", c->setting->name,
		   last->value ?: "another value");
	buf_add_safe(&text, last->where, 200);
	buf_puts(&text, "): this change would not last");
	return plan_refuse(w->plan, STATUS_REFUSED, "attribute-driven", text.data,
			   "Change it there first, then run the same command again.");
}

static bool refuse_rights(struct work *w)
{
	if (!w->has_steps)
		return false;
	return plan_refuse_not_root(w->host, w->plan) ||
	       (w->live && differs_now(w) &&
		plan_refuse_sysfs(w->plan, w->setting->attribute->path, w->f->writable)) ||
	       (w->file_known && plan_refuse_tmpfiles(w->host, w->plan));
}

/* ---- a goal ---- */

/* What the next boot gives once our file has what it shall say. */
static const char *brings_next(const struct work *w)
{
	const struct attribute_writer *last = NULL;

	if (!w->file_known)
		return attribute_next(w->f, NULL);
	for (size_t i = 0; i < w->f->writers.n; i++) {
		const struct attribute_writer *writer = &w->f->writers.v[i];

		if (writer->may)
			return NULL;
		if (!writer->ours && !writer->tmpfiles)
			last = writer;
	}
	if (last)
		return last->value;
	return w->file_want ?: w->f->writers.tmpfiles_others ?: w->f->boot;
}

static void plan_goal(struct work *w, struct change *c)
{
	if (refuse_absent(w, c) || refuse_word(w, c) || refuse_unknown(w) || refuse_written(w, c))
		return;
	w->now_want = c->value;
	/* Another writer may write it anyway; the kernel's default is unknown. */
	w->file_known = !w->host->ksm.other_init && !same(c->next, c->value);
	w->file_want = c->value;
	c->brings_next = w->host->ksm.other_init ? c->next : brings_next(w);
	add_file_step(w);
	add_set_step(w);
	c->waits = !w->live && differs_now(w);
	c->already = !w->has_steps && !c->waits;
	refuse_rights(w);
}

void plan_attributes(const struct host *host, const struct plan_options *options, struct plan *plan)
{
	for (size_t i = 0; i < plan->change_count; i++) {
		struct change *c = &plan->changes[i];
		struct work w;

		if (c->setting->kind != KIND_ATTRIBUTE)
			continue;
		w = work_begin(host, options, plan, c->setting);
		plan_goal(&w, c);
	}
}

unsigned attribute_goal_parts(const struct goal *goal)
{
	(void)goal;
	return HOST_ATTRIBUTES;
}

/* ---- undo ---- */

static bool sets(const struct act *act, const struct attribute *a)
{
	return act->kind == ACT_SET_ATTRIBUTE && strcmp(act->target, a->path) == 0;
}

/* What the steps of the past found; the oldest counts. */
static void want_what_was(struct work *w, const struct step *steps, size_t count)
{
	const struct attribute *a = w->setting->attribute;

	for (size_t i = 0; i < count; i++) {
		const struct act *back = &steps[i].back;

		if (sets(back, a) && !w->now_want)
			w->now_want = attribute_text(a, back->text);
		if (!w->file_known && plan_changes_attribute_line(&steps[i], a)) {
			w->file_known = true;
			w->file_want = back->kind == ACT_WRITE_FILE
					       ? own_tmpfiles_text(back->text, a)
					       : NULL;
		}
	}
}

static void plan_back_one(struct work *w)
{
	struct change *c =
		plan_add_change(w->plan, w->host, w->setting, w->now_want ?: w->file_want);

	if (!w->host->image && w->now_want && !w->f->present) {
		strv_addf(&w->plan->lost,
			  "this kernel has no %s any more: %s is not set back to %s",
			  w->setting->title, w->setting->name, w->now_want);
		w->now_want = NULL;
	}
	if (!c->value)
		c->value = c->now ?: w->setting->attribute->absent;
	c->brings_now = w->now_want ?: c->now;
	c->brings_next = brings_next(w);
	add_file_step(w);
	add_set_step(w);
	c->waits = !w->live && differs_now(w);
	c->already = !w->has_steps && !c->waits;
	refuse_rights(w);
}

void plan_attributes_back(const struct host *host, const struct step *steps, size_t count,
			  const struct plan_options *options, struct plan *plan)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		struct work w = work_begin(host, options, plan, &settings[i]);

		if (settings[i].kind != KIND_ATTRIBUTE)
			continue;
		want_what_was(&w, steps, count);
		if (w.now_want || w.file_known)
			plan_back_one(&w);
	}
}

unsigned attribute_past_parts(const struct step *steps, size_t count)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		struct work w = { .setting = &settings[i] };

		if (settings[i].kind != KIND_ATTRIBUTE)
			continue;
		want_what_was(&w, steps, count);
		if (w.now_want || w.file_known)
			return HOST_ATTRIBUTES;
	}
	return 0;
}
