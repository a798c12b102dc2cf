// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_reload.c - the steps that remove a module and load it again, and their undo.
 */
#include "plan_common.h"
#include "plan_module.h"

#include <string.h>

static bool in_list(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

static struct step *add_step(const struct work *w)
{
	return plan_add_step(w->plan);
}

/* ---- the file ---- */

static void add_wanted(struct act *act, const char *param, enum tri value)
{
	array_push(act->wanted, act->wanted_count) =
		(struct wanted){ .param = xstrdup(param), .value = value };
}

static void add_all_wanted(const struct work *w, struct act *act)
{
	for (size_t i = 0; i < w->want_count; i++)
		add_wanted(act, w->wants[i].row->name, w->wants[i].value);
}

static void add_confirmed(const struct work *w, const struct want *x, struct act *act)
{
	struct modconf_token t;

	add_wanted(act, x->row->name, next_value(w, &w->next, x));
	/* Then libkmod must find no option at all, or one that says the same. */
	act->wanted[act->wanted_count - 1].by_default =
		!modconf_winner(&w->next, w->module->name, x->row->name, &t);
	/* An undo goes by it where the module is not reloaded now. */
	if (w->m->state == MODULE_STATE_LOADED && x->is->now != UNKNOWN)
		array_push(act->expects, act->expect_count) =
			(struct expect){ .param = xstrdup(x->row->name),
					 .before = xstrdup(x->is->now == YES ? "Y" : "N") };
}

static void add_confirm_step(const struct work *w)
{
	struct step *s = add_step(w);

	s->act = (struct act){ .kind = ACT_CONFIRM, .target = xstrdup(w->module->name) };
	for (size_t i = 0; i < w->want_count; i++)
		add_confirmed(w, &w->wants[i], &s->act);
}

void work_add_file_steps(struct work *w)
{
	if (w->file_changes)
		plan_add_file_step(w->plan, OWN_CONF_FILE, w->file_text, w->host->own_conf);
	if (w->file_changes || w->reload)
		add_confirm_step(w);
}

/* ---- what is asked of the other parameters ---- */

static struct modconf_token *find_asked(const struct work *w, const char *param)
{
	for (size_t i = 0; i < w->asked_count; i++)
		if (strcmp(w->asked[i].param, param) == 0)
			return &w->asked[i];
	return NULL;
}

static bool note_asked(const struct modconf_token *t, void *arg)
{
	struct work *w = arg;
	struct modconf_token *a;

	/* Others than the module has are not asked for again. */
	if (!module_param(w->m, t->param))
		return true;
	a = find_asked(w, t->param);
	if (!a)
		a = &array_push(w->asked, w->asked_count);
	*a = *t;
	return true;
}

static bool is_forced_off(const struct work *w, const char *param)
{
	for (size_t i = 0; i < w->want_count; i++)
		if (in_list(w->wants[i].row->forced_off, param))
			return true;
	return false;
}

static bool depends_on_setting(const struct work *w, const char *param)
{
	for (size_t i = 0; i < w->want_count; i++)
		if (in_list(w->wants[i].row->also_moves, param))
			return true;
	return is_forced_off(w, param);
}

/* Names what else the reload applies because somebody asks for it, and who. */
static void add_effect(struct work *w, const struct param *p)
{
	const struct modconf_token *a = find_asked(w, p->name);

	if (!a || work_find_want(w, p->name) || is_forced_off(w, p->name) ||
	    param_same(modconf_token_value(a), p->value))
		return;
	w->others_move = true;
	array_push(w->plan->effects, w->plan->effect_count) = (struct effect){
		.module = xstrdup(w->module->name),
		.param = xstrdup(p->name),
		.from = xstrdup(p->value),
		.to = xstrdup(modconf_token_value(a)),
		.file = xstrdup(a->at->file),
		.line = a->at->line,
	};
}

static void add_effects(struct work *w)
{
	modconf_each_option(&w->next, w->module->name, note_asked, w);
	for (size_t i = 0; i < w->m->param_count; i++)
		add_effect(w, &w->m->params[i]);
}

/* ---- what the parameters must be afterwards ---- */

/*
 * NULL: whatever the kernel makes of it. That is so for an option that is not in force now, which
 * the processor may lack (enable_shadow_vmcs); and for all parameters that nobody asks for where
 * such an option is applied: enable_shadow_vmcs, again, follows nested on some processors.
 */
static const char *expected_value(const struct work *w, const struct param *p)
{
	const struct modconf_token *a = find_asked(w, p->name);
	const struct want *x = work_find_want(w, p->name);

	if (x)
		return x->value == UNKNOWN ? NULL : x->value == YES ? "Y" : "N";
	if (depends_on_setting(w, p->name))
		return NULL;
	if (a && !param_same(modconf_token_value(a), p->value))
		return NULL;
	return a || !w->others_move ? p->value : NULL;
}

static void add_expect(const struct work *w, const struct param *p, struct act *act)
{
	const char *after = expected_value(w, p);

	array_push(act->expects, act->expect_count) = (struct expect){
		.param = xstrdup(p->name),
		.before = xstrdup(p->value),
		.after = after ? xstrdup(after) : NULL,
		.announced = depends_on_setting(w, p->name) || find_asked(w, p->name),
	};
}

/* ---- unload ---- */

/* The options that the running module was evidently loaded with: those still in force. */
struct in_force {
	const struct work *w;
	struct strv added; /* each parameter once: it has one value in force */
	struct buf text;
};

static bool add_in_force(const struct modconf_token *t, void *arg)
{
	struct in_force *f = arg;
	const char *value = modconf_token_value(t);
	const char *running = module_param(f->w->m, t->param);

	if (work_find_want(f->w, t->param) || !running || !param_same(value, running) ||
	    strv_has(&f->added, t->param))
		return true;
	strv_add(&f->added, t->param);
	buf_join(&f->text, " ", t->param);
	buf_printf(&f->text, strpbrk(value, " \t") ? "=\"%s\"" : "=%s", value);
	return true;
}

/*
 * Options for the rollback: what was configured and is in force, then our parameters as they are now.
 * Options edited since the module was loaded are left out: they were not in force, and may be the
 * very reason why the module does not load. Nothing else is read back from sysfs.
 */
static char *options_in_force(const struct work *w)
{
	struct in_force f = { .w = w };

	modconf_each_option(&w->host->conf, w->module->name, add_in_force, &f);
	for (size_t i = 0; i < w->want_count; i++) {
		if (w->wants[i].is->now == UNKNOWN)
			continue;
		buf_join(&f.text, " ", w->wants[i].row->name);
		buf_printf(&f.text, "=%d", w->wants[i].is->now);
	}
	strv_free(&f.added);
	return buf_steal(&f.text);
}

static void add_unload_step(const struct work *w)
{
	struct step *s = add_step(w);

	s->act = (struct act){ .kind = ACT_UNLOAD, .target = xstrdup(w->module->name) };
	s->back = (struct act){ .kind = ACT_RESTORE,
				.target = xstrdup(w->module->name),
				.text = options_in_force(w),
				.device = w->host->device };
	for (size_t i = 0; i < w->want_count; i++)
		if (w->wants[i].is->now != UNKNOWN)
			add_wanted(&s->back, w->wants[i].row->name, w->wants[i].is->now);
	for (size_t i = 0; i < w->m->param_count; i++)
		add_expect(w, &w->m->params[i], &s->back);
	s->note = xstrdup(module_in_use(w->m) ? "in use now" : "not in use");
}

/* ---- load and check ---- */

static void add_forced(const struct work *w, const struct want *x, struct buf *ret)
{
	for (const char *const *name = x->row->forced_off; *name; name++) {
		const char *value = module_param(w->m, *name);

		if (!value || param_bool(value) != YES)
			continue;
		buf_puts(ret, ret->len ? ", " : "also turns off: ");
		buf_puts(ret, *name);
	}
}

/* "also turns off: eptad, pml" for the reader of the plan. */
static char *forced_note(const struct work *w)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < w->want_count; i++)
		if (w->wants[i].value == NO && want_needs_reload(w, &w->wants[i]))
			add_forced(w, &w->wants[i], &b);
	return b.len ? buf_steal(&b) : NULL;
}

static void add_load_step(const struct work *w, const char *options)
{
	struct step *s = add_step(w);

	s->act = (struct act){ .kind = ACT_LOAD,
			       .target = xstrdup(w->module->name),
			       .text = options ? xstrdup(options) : NULL };
	add_all_wanted(w, &s->act);
	s->back = (struct act){ .kind = ACT_UNLOAD, .target = xstrdup(w->module->name) };
	s->note = forced_note(w);
	s->urgent = true;
}

static void add_params_check(const struct work *w)
{
	struct step *s = add_step(w);

	s->act = (struct act){ .kind = ACT_CHECK_PARAMS, .target = xstrdup(w->module->name) };
	add_all_wanted(w, &s->act);
	for (size_t i = 0; i < w->m->param_count; i++)
		add_expect(w, &w->m->params[i], &s->act);
}

void work_add_device_check(struct work *w, const struct device_facts *device)
{
	if (device->exists)
		add_step(w)->act = (struct act){ .kind = ACT_CHECK_DEVICE,
						 .target = xstrdup(KVM_DEVICE),
						 .device = *device };
}

static void add_guest_check(const struct work *w)
{
	add_step(w)->act = (struct act){ .kind = ACT_CHECK_GUEST, .target = xstrdup(KVM_DEVICE) };
}

void work_add_reload_steps(struct work *w, const char *options)
{
	add_effects(w);
	add_unload_step(w);
	add_load_step(w, options);
	add_params_check(w);
	work_add_device_check(w, &w->host->device);
	add_guest_check(w);
}

void work_add_load_steps(struct work *w, const char *options, const struct device_facts *device)
{
	struct step *load, *check;

	add_load_step(w, options);
	/* If KVM is not loaded, loading it is never rolled back. */
	load = &w->plan->steps[w->plan->step_count - 1];
	load->back.kind = ACT_NONE;
	load->urgent = false;
	add_params_check(w);
	check = &w->plan->steps[w->plan->step_count - 1];
	for (size_t i = 0; i < w->want_count; i++) {
		const char *value = w->wants[i].value == YES ? "Y" : "N";

		if (w->wants[i].value != UNKNOWN)
			array_push(check->act.expects, check->act.expect_count) =
				(struct expect){ .param = xstrdup(w->wants[i].row->name),
						 .before = xstrdup(value),
						 .after = xstrdup(value) };
	}
	work_add_device_check(w, device);
	add_guest_check(w);
}

/* ---- the module as it was before an interrupted change ---- */

static struct act copy_of_restore(const struct act *from)
{
	struct act act = { .kind = ACT_RESTORE,
			   .target = xstrdup(from->target),
			   .text = from->text ? xstrdup(from->text) : NULL,
			   .device = from->device };

	for (size_t i = 0; i < from->wanted_count; i++)
		add_wanted(&act, from->wanted[i].param, from->wanted[i].value);
	for (size_t i = 0; i < from->expect_count; i++)
		array_push(act.expects, act.expect_count) = (struct expect){
			.param = xstrdup(from->expects[i].param),
			.before = xstrdup(from->expects[i].before),
		};
	return act;
}

void work_add_restore_steps(struct work *w, const struct act *restore)
{
	bool loaded = w->m->state == MODULE_STATE_LOADED;
	struct step *s;

	if (loaded)
		add_unload_step(w);
	s = add_step(w);
	s->act = copy_of_restore(restore);
	s->urgent = loaded;
	/* If KVM is not loaded, loading it is never rolled back. */
	if (loaded)
		s->back = (struct act){ .kind = ACT_UNLOAD, .target = xstrdup(w->module->name) };
	add_guest_check(w);
}
