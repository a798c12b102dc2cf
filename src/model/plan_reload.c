// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_reload.c - the steps that take a module out and put it in again, and their way back.
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

static void add_confirm_step(const struct work *w)
{
	struct modconf_token t;
	struct step *s = add_step(w);

	s->act = (struct act){ .kind = ACT_CONFIRM,
			       .target = xstrdup(w->ms->module),
			       .param = xstrdup(w->ms->param),
			       .value = next_value(w, &w->next) };
	/* An undo goes by it where the module is not reloaded now. */
	if (w->m->state == MODULE_STATE_LOADED && w->m->now != UNKNOWN)
		array_push(s->act.expects, s->act.expect_count) =
			(struct expect){ .param = xstrdup(w->ms->param),
					 .before = xstrdup(w->m->now == YES ? "Y" : "N") };
	/* Then libkmod must find no option at all, or one that says the same. */
	if (!modconf_winner(&w->next, w->ms->module, w->ms->param, &t))
		s->act.text = xstrdup("by default");
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

static bool depends_on_setting(const struct work *w, const char *param)
{
	return in_list(w->ms->forced_off, param) || in_list(w->ms->also_moves, param);
}

/* Names what else the reload applies because somebody asks for it, and who. */
static void add_effect(struct work *w, const struct param *p)
{
	const struct modconf_token *a = find_asked(w, p->name);

	if (!a || strcmp(p->name, w->ms->param) == 0 || in_list(w->ms->forced_off, p->name) ||
	    param_same(modconf_token_value(a), p->value))
		return;
	w->others_move = true;
	array_push(w->plan->effects, w->plan->effect_count) = (struct effect){
		.module = xstrdup(w->ms->module),
		.param = xstrdup(p->name),
		.from = xstrdup(p->value),
		.to = xstrdup(modconf_token_value(a)),
		.file = xstrdup(a->at->file),
		.line = a->at->line,
	};
}

static void add_effects(struct work *w)
{
	modconf_each_option(&w->next, w->ms->module, note_asked, w);
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

	if (strcmp(p->name, w->ms->param) == 0)
		return w->want == YES ? "Y" : "N";
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

	if (strcmp(t->param, f->w->ms->param) == 0 || !running || !param_same(value, running) ||
	    strv_has(&f->added, t->param))
		return true;
	strv_add(&f->added, t->param);
	buf_join(&f->text, " ", t->param);
	buf_printf(&f->text, strpbrk(value, " \t") ? "=\"%s\"" : "=%s", value);
	return true;
}

/*
 * Options for the way back: what was configured and is in force, then the parameter as it is now.
 * Options edited since the module was loaded are left out: they were not in force, and may be the
 * very reason why the module does not load. Nothing is read back from sysfs but the one parameter.
 */
static char *options_in_force(const struct work *w)
{
	struct in_force f = { .w = w };

	modconf_each_option(&w->host->conf, w->ms->module, add_in_force, &f);
	buf_join(&f.text, " ", w->ms->param);
	buf_printf(&f.text, "=%d", w->m->now);
	strv_free(&f.added);
	return buf_steal(&f.text);
}

static void add_unload_step(const struct work *w)
{
	struct step *s = add_step(w);

	s->act = (struct act){ .kind = ACT_UNLOAD, .target = xstrdup(w->ms->module) };
	s->back = (struct act){ .kind = ACT_RESTORE,
				.target = xstrdup(w->ms->module),
				.text = options_in_force(w),
				.param = xstrdup(w->ms->param),
				.value = w->m->now,
				.device = w->host->device };
	for (size_t i = 0; i < w->m->param_count; i++)
		add_expect(w, &w->m->params[i], &s->back);
	s->note = xstrdup(module_in_use(w->m) ? "in use now" : "nobody uses it");
}

/* ---- load and check ---- */

/* "turns off too: eptad, pml" for the reader of the plan. */
static char *forced_note(const struct work *w)
{
	struct buf b = { 0 };

	if (w->want == YES)
		return NULL;
	for (const char *const *name = w->ms->forced_off; *name; name++) {
		const char *value = module_param(w->m, *name);

		if (!value || param_bool(value) != YES)
			continue;
		buf_puts(&b, b.len ? ", " : "turns off too: ");
		buf_puts(&b, *name);
	}
	return b.len ? buf_steal(&b) : NULL;
}

static void add_load_step(const struct work *w, const char *options)
{
	struct step *s = add_step(w);

	s->act = (struct act){ .kind = ACT_LOAD,
			       .target = xstrdup(w->ms->module),
			       .text = options ? xstrdup(options) : NULL,
			       .param = xstrdup(w->ms->param),
			       .value = w->want };
	s->back = (struct act){ .kind = ACT_UNLOAD, .target = xstrdup(w->ms->module) };
	s->note = forced_note(w);
	s->urgent = true;
}

static void add_params_check(const struct work *w)
{
	struct step *s = add_step(w);

	s->act = (struct act){ .kind = ACT_CHECK_PARAMS,
			       .target = xstrdup(w->ms->module),
			       .param = xstrdup(w->ms->param),
			       .value = w->want };
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
	/* Where KVM is away, its return is never taken back. */
	load = &w->plan->steps[w->plan->step_count - 1];
	load->back.kind = ACT_NONE;
	load->urgent = false;
	add_params_check(w);
	check = &w->plan->steps[w->plan->step_count - 1];
	array_push(check->act.expects, check->act.expect_count) =
		(struct expect){ .param = xstrdup(w->ms->param),
				 .before = xstrdup(w->want == YES ? "Y" : "N"),
				 .after = xstrdup(w->want == YES ? "Y" : "N") };
	work_add_device_check(w, device);
	add_guest_check(w);
}

/* ---- the module as it was before an interrupted change ---- */

static struct act copy_of_restore(const struct act *from)
{
	struct act act = { .kind = ACT_RESTORE,
			   .target = xstrdup(from->target),
			   .text = from->text ? xstrdup(from->text) : NULL,
			   .param = from->param ? xstrdup(from->param) : NULL,
			   .value = from->value,
			   .device = from->device };

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
	/* Where KVM is away, its return is never taken back. */
	if (loaded)
		s->back = (struct act){ .kind = ACT_UNLOAD, .target = xstrdup(w->ms->module) };
	add_guest_check(w);
}
