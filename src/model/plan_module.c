// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_module.c - plans for settings that are bool parameters of a kvm vendor module.
 *
 * Such a parameter can only be changed by a line in modprobe.d and a reload of the module. The
 * order of the checks is the order of what helps the user most: first what this host can never
 * do, then what is already so, then who may do it, then what is unsafe just now.
 */
#include <kvmtune/plan.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* All that the functions of this file need to know; made once for each goal. */
struct work {
	const struct host *host;
	const struct setting *setting;
	const struct module_setting *ms;
	const struct module_facts *m;
	struct plan *plan;
	enum tri want;
	bool reload;	     /* the module is to be removed and inserted */
	struct modconf next; /* modprobe.d as it will be */
	bool file_changes;   /* own file differs from now: file_text, NULL: to be removed */
	char *file_text;
};

/* ---- refusals ---- */

static bool refuse(struct plan *plan, enum exit_status status, const char *id, const char *text,
		   const char *hint)
{
	err_set(&plan->refusal, -EPERM, "%s", text);
	err_status(&plan->refusal, status, id);
	err_hint(&plan->refusal, "%s", hint);
	return true;
}

static bool refuse_no_virt(struct work *w)
{
	autofree char *text =
		xasprintf("this processor has no %s (%s)", w->ms->virt,
			  w->host->cpu.vendor[0] ? w->host->cpu.vendor : "unknown vendor");

	return refuse(w->plan, STATUS_IMPOSSIBLE, "no-virt", text,
		      w->ms->hint_other ? w->ms->hint_other
		      : w->host->cpu.hypervisor == YES
			      ? "This host is itself a guest: its own host decides whether "
				"guests inside it are possible."
			      : "");
}

static bool refuse_disabled(struct work *w)
{
	autofree char *text =
		xasprintf("%s is there but switched off by the firmware", w->ms->virt);

	return refuse(w->plan, STATUS_IMPOSSIBLE, "virt-disabled", text,
		      "Turn virtualization on in the firmware setup (BIOS, UEFI) and boot again.");
}

static bool refuse_no_paging(struct work *w)
{
	autofree char *text =
		xasprintf("this processor has no %s that KVM could use", w->ms->paging);

	return refuse(w->plan, STATUS_IMPOSSIBLE, "no-paging", text, "");
}

static bool refuse_builtin(struct work *w)
{
	autofree char *text =
		xasprintf("%s is built into this kernel: it cannot be reloaded", w->ms->module);
	autofree char *hint = xasprintf("Add %s.%s=%d to the kernel command line and boot again.",
					w->ms->module, w->ms->param, w->want);

	return refuse(w->plan, STATUS_IMPOSSIBLE, "built-in", text, hint);
}

static bool refuse_absent(struct work *w)
{
	autofree char *text = xasprintf("there is no module %s for the running kernel %s",
					w->ms->module, w->host->id.kernel);

	return refuse(w->plan, STATUS_IMPOSSIBLE, "no-module", text,
		      "If the kernel package was just updated, boot into the new kernel; else "
		      "install the kernel's modules.");
}

/* What this host can never do. */
static bool refuse_impossible(struct work *w)
{
	if (w->m->virt.value == NO)
		return refuse_no_virt(w);
	if (w->m->enabled.value == NO)
		return refuse_disabled(w);
	if (w->want == YES && (w->m->paging.value == NO || w->m->usable.value == NO))
		return refuse_no_paging(w);
	if (w->m->state == MODULE_STATE_ABSENT)
		return refuse_absent(w);
	return false;
}

static bool refuse_other_option(struct work *w, const struct modconf_token *winner)
{
	autobuf text = { 0 }, hint = { 0 };

	if (winner->at->line == 0) {
		buf_printf(&text, "the kernel command line says %s.%s=%s, which beats every file",
			   w->ms->module, w->ms->param, winner->has_value ? winner->value : "1");
		buf_puts(&hint, "Take it off the kernel command line and boot again.");
		return refuse(w->plan, STATUS_REFUSED, "cmdline-wins", text.data, hint.data);
	}
	buf_puts(&text, "another file wins: ");
	buf_add_safe(&text, winner->at->file, 200);
	buf_printf(&text, ":%u says %s=", winner->at->line, w->ms->param);
	buf_add_safe(&text, winner->has_value ? winner->value : "1", 40);
	buf_puts(&text, " and is read after " OWN_CONF_FILE);
	buf_puts(&hint, "Remove that option there, then run the same command again.");
	return refuse(w->plan, STATUS_REFUSED, "file-wins", text.data, hint.data);
}

/* modprobe.d answers the load with a command: what that does with our option nobody knows. */
static bool refuse_install_line(struct work *w)
{
	const struct modconf_line *l = modconf_find(&w->next, MODCONF_INSTALL, w->ms->module);
	autobuf text = { 0 };

	if (!l)
		return false;
	buf_add_safe(&text, l->file, 200);
	buf_printf(&text, ":%u replaces the loading of %s by a command: ", l->line, w->ms->module);
	buf_add_safe(&text, l->value, 120);
	return refuse(w->plan, STATUS_REFUSED, "install-line", text.data,
		      "Remove that install line, then run the same command again.");
}

static bool refuse_unwritable(struct work *w)
{
	autobuf text = { 0 };

	if (!w->file_changes)
		return false;
	if (w->host->nixos)
		return refuse(w->plan, STATUS_IMPOSSIBLE, "generated-config",
			      "this is NixOS: " OWN_CONF_DIR " is generated",
			      "Set boot.extraModprobeConfig in the system's configuration and "
			      "rebuild.");
	if (!w->host->conf_writable || w->host->conf_writable == -ENOENT)
		return false;
	buf_printf(&text, OWN_CONF_DIR " cannot be written: %s", strerror(-w->host->conf_writable));
	return refuse(w->plan, STATUS_IMPOSSIBLE, "read-only-config", text.data,
		      "On an immutable system set the option where its image is made.");
}

static bool refuse_not_root(struct work *w)
{
	if (w->host->root || w->host->image)
		return false;
	return refuse(w->plan, STATUS_IMPOSSIBLE, "not-root", "this needs root",
		      "Run it again with sudo.");
}

static bool refuse_in_use(struct work *w)
{
	autobuf text = { 0 }, hint = { 0 };
	size_t n = w->host->users.count;

	if (!module_in_use(w->m))
		return false;
	if (n)
		buf_printf(&text, "KVM is in use by %zu process%s", n, n == 1 ? "" : "es");
	else if (w->m->holders.n)
		buf_printf(&text, "the module %s uses %s", w->m->holders.v[0], w->ms->module);
	else
		buf_puts(&text, "KVM is in use, but by nobody who can be seen from here (a process "
				"of another PID namespace, or the kernel itself)");
	buf_printf(
		&hint,
		"Wait for them:  kvmtune %s %s --wait        Save for the next load:  kvmtune %s "
		"%s --defer",
		w->setting->name, on_off(w->want), w->setting->name, on_off(w->want));
	w->plan->refused_for_users = true;
	return refuse(w->plan, STATUS_REFUSED, "in-use", text.data, hint.data);
}

static bool refuse_other_hypervisor(struct work *w)
{
	autobuf text = { 0 };

	if (!w->host->hypervisors.n)
		return false;
	buf_printf(&text, "another hypervisor is at work: %s is in use", w->host->hypervisors.v[0]);
	return refuse(w->plan, STATUS_REFUSED, "other-hypervisor", text.data,
		      "Stop its virtual machines first: KVM might not load again while they run.");
}

static bool refuse_modules_disabled(struct work *w)
{
	if (w->host->modules_disabled != YES)
		return false;
	return refuse(w->plan, STATUS_IMPOSSIBLE, "modules-disabled",
		      "loading modules is switched off until the next boot "
		      "(kernel.modules_disabled=1)",
		      "Save it for the next boot with --defer.");
}

static bool refuse_busy_module(struct work *w)
{
	autofree char *text = NULL;

	if (w->m->state != MODULE_STATE_BUSY)
		return false;
	text = xasprintf("%s is being loaded or removed by somebody else right now", w->ms->module);
	return refuse(w->plan, STATUS_REFUSED, "module-busy", text, "Try again in a moment.");
}

/* A loaded module whose parameter cannot be read: to reload it on a guess could hurt. */
static bool refuse_unknown(struct work *w)
{
	autofree char *text = NULL;

	if (w->m->state != MODULE_STATE_LOADED || w->m->now != UNKNOWN)
		return false;
	text = xasprintf("%s is loaded, but its parameter %s cannot be read", w->ms->module,
			 w->ms->param);
	return refuse(w->plan, STATUS_IMPOSSIBLE, "unknown-state", text, "");
}

/* What stands in the way of a reload just now. */
static bool refuse_reload(struct work *w)
{
	return refuse_busy_module(w) || refuse_modules_disabled(w) || refuse_other_hypervisor(w) ||
	       refuse_in_use(w);
}

/* ---- the file ---- */

/* Does a line of our own file set this parameter? */
static bool sets_param(const char *line, const struct module_setting *ms)
{
	struct modconf c = { 0 };
	struct modconf_token t;
	bool found;

	modconf_add_file(&c, OWN_CONF_FILE, line, strlen(line));
	found = modconf_winner(&c, ms->module, ms->param, &t);
	modconf_free(&c);
	return found;
}

#define OWN_CONF_HEAD "# Made by kvmtune, see kvmtune(8); `kvmtune undo` takes it back.\n"

/*
 * The text of our file with our line set to this value, or without it (UNKNOWN). Lines that
 * somebody else put there stay. NULL: nothing is left to say.
 */
static char *own_conf_text(const char *old, const struct module_setting *ms, enum tri value)
{
	struct buf b = { 0 };
	bool says_something = value != UNKNOWN;

	buf_puts(&b, OWN_CONF_HEAD);
	while (old && *old) {
		size_t len = strcspn(old, "\n");
		autofree char *line = xstrndup(old, len);

		old += len + (old[len] == '\n');
		if (starts_with(line, "# Made by kvmtune") || sets_param(line, ms))
			continue;
		buf_printf(&b, "%s\n", line);
		says_something |= line[0] && line[0] != '#';
	}
	if (value != UNKNOWN)
		buf_printf(&b, "options %s %s=%d\n", ms->module, ms->param, value);
	if (says_something)
		return buf_steal(&b);
	buf_free(&b);
	return NULL;
}

/* What the next load gives by these options; without a word from anybody the default is on. */
static enum tri value_of(const struct work *w, const struct modconf *c)
{
	struct modconf_token t;

	if (w->m->paging.value == NO)
		return NO;
	if (!modconf_winner(c, w->ms->module, w->ms->param, &t))
		return YES;
	return param_bool(t.has_value ? t.value : NULL);
}

/* Tries our file with this text; keeps it in w when the next load then gives what is wanted. */
static bool try_file(struct work *w, char *text)
{
	struct modconf c;
	bool wins;

	modconf_with_file(&w->host->conf, OWN_CONF_FILE, text, &c);
	wins = value_of(w, &c) == w->want;
	modconf_free(&w->next);
	w->next = c;
	free(w->file_text);
	w->file_text = text;
	w->file_changes = true;
	return wins;
}

/* Finds the text of our file with which the next load gives what is wanted, if there is one. */
static bool find_file(struct work *w)
{
	const char *old = w->host->own_conf;

	modconf_with_file(&w->host->conf, OWN_CONF_FILE, old, &w->next);
	if (value_of(w, &w->next) == w->want)
		return true;
	if (old && try_file(w, own_conf_text(old, w->ms, UNKNOWN)))
		return true;
	return try_file(w, own_conf_text(old, w->ms, w->want));
}

static bool refuse_lost_file(struct work *w)
{
	struct modconf_token winner = { 0 };

	if (find_file(w))
		return false;
	if (modconf_winner(&w->next, w->ms->module, w->ms->param, &winner))
		return refuse_other_option(w, &winner);
	return refuse(w->plan, STATUS_REFUSED, "file-wins",
		      "the option would not take effect, for a reason unknown", "");
}

static struct act file_act(const char *path, const char *text)
{
	if (!text)
		return (struct act){ .kind = ACT_REMOVE_FILE, .target = xstrdup(path) };
	return (struct act){
		.kind = ACT_WRITE_FILE, .target = xstrdup(path), .text = xstrdup(text), .mode = 0644
	};
}

static struct step *add_step(struct plan *plan)
{
	return &array_push(plan->steps, plan->step_count);
}

static void add_file_step(struct plan *plan, const char *text, const char *old)
{
	struct step *s = add_step(plan);

	s->act = file_act(OWN_CONF_FILE, text);
	s->back = file_act(OWN_CONF_FILE, old);
}

static void add_confirm_step(struct work *w, enum tri value)
{
	struct step *s = add_step(w->plan);

	s->act = (struct act){ .kind = ACT_CONFIRM,
			       .target = xstrdup(w->ms->module),
			       .param = xstrdup(w->ms->param),
			       .value = value };
}

/* ---- the reload ---- */

static bool in_list(const char *const *list, const char *word)
{
	for (; *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

/* The options that the running module was evidently loaded with: those still in force. */
struct in_force {
	const struct work *w;
	struct buf text;
};

static bool add_in_force(const struct modconf_token *t, void *arg)
{
	struct in_force *f = arg;
	const char *value = t->has_value ? t->value : "1";
	const char *running = module_param(f->w->m, t->param);

	if (strcmp(t->param, f->w->ms->param) == 0 || !running || !param_same(value, running))
		return true;
	buf_join(&f->text, " ", t->param);
	buf_printf(&f->text, strpbrk(value, " \t") ? "=\"%s\"" : "=%s", value);
	return true;
}

/*
 * Options for the way back: what was configured and is in force, then the parameter as it is now.
 * Options edited since the module was loaded are left out: they were not in force, and may be the
 * very reason why the module does not load. Nothing is read back from sysfs but the one parameter.
 */
static char *options_in_force(const struct work *w, enum tri value)
{
	struct in_force f = { .w = w };

	modconf_each_option(&w->host->conf, w->ms->module, add_in_force, &f);
	buf_join(&f.text, " ", w->ms->param);
	buf_printf(&f.text, "=%d", value);
	return buf_steal(&f.text);
}

static bool depends_on_setting(const struct work *w, const char *param)
{
	return in_list(w->ms->forced_off, param) || in_list(w->ms->also_moves, param);
}

/*
 * What a parameter must be after the reload; NULL: whatever the kernel makes of it. That goes for
 * all that nobody asks for where another option changes too: enable_shadow_vmcs, for example,
 * follows nested on some processors.
 */
static char *expected_value(const struct work *w, const struct param *p)
{
	struct modconf_token t;

	if (strcmp(p->name, w->ms->param) == 0)
		return xstrdup(w->want == YES ? "Y" : "N");
	if (depends_on_setting(w, p->name))
		return NULL;
	if (modconf_winner(&w->next, w->ms->module, p->name, &t))
		return xstrdup(!t.has_value ? "Y" : t.value);
	return w->plan->effect_count ? NULL : xstrdup(p->value);
}

static void add_expects(const struct work *w, struct act *act)
{
	for (size_t i = 0; i < w->m->param_count; i++) {
		const struct param *p = &w->m->params[i];

		array_push(act->expects, act->expect_count) = (struct expect){
			.param = xstrdup(p->name),
			.before = xstrdup(p->value),
			.after = expected_value(w, p),
			.announced = depends_on_setting(w, p->name),
		};
	}
}

/* Names what else the reload changes, and who asks for it. */
static void add_effects(const struct work *w)
{
	for (size_t i = 0; i < w->m->param_count; i++) {
		const struct param *p = &w->m->params[i];
		struct modconf_token t;

		if (strcmp(p->name, w->ms->param) == 0 || in_list(w->ms->forced_off, p->name) ||
		    !modconf_winner(&w->next, w->ms->module, p->name, &t) ||
		    param_same(t.has_value ? t.value : "1", p->value))
			continue;
		array_push(w->plan->effects, w->plan->effect_count) = (struct effect){
			.module = xstrdup(w->ms->module),
			.param = xstrdup(p->name),
			.from = xstrdup(p->value),
			.to = xstrdup(t.has_value ? t.value : "1"),
			.file = xstrdup(t.at->file),
			.line = t.at->line,
		};
	}
}

static void add_unload_step(const struct work *w)
{
	struct step *s = add_step(w->plan);

	s->act = (struct act){ .kind = ACT_UNLOAD, .target = xstrdup(w->ms->module) };
	s->back = (struct act){ .kind = ACT_LOAD,
				.target = xstrdup(w->ms->module),
				.text = options_in_force(w, w->m->now),
				.param = xstrdup(w->ms->param),
				.value = w->m->now,
				.device = w->host->device };
	add_expects(w, &s->back);
	s->note = xstrdup("nobody uses it");
}

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
	struct step *s = add_step(w->plan);

	s->act = (struct act){ .kind = ACT_LOAD,
			       .target = xstrdup(w->ms->module),
			       .text = options ? xstrdup(options) : NULL,
			       .param = xstrdup(w->ms->param),
			       .value = w->want };
	s->back = (struct act){ .kind = ACT_UNLOAD, .target = xstrdup(w->ms->module) };
	s->note = forced_note(w);
	s->urgent = true;
}

static struct act *add_params_check(const struct work *w)
{
	struct step *s = add_step(w->plan);

	s->act = (struct act){ .kind = ACT_CHECK_PARAMS,
			       .target = xstrdup(w->ms->module),
			       .param = xstrdup(w->ms->param),
			       .value = w->want };
	return &s->act;
}

static void add_kvm_checks(const struct work *w, const struct device_facts *device)
{
	if (device->exists)
		add_step(w->plan)->act = (struct act){ .kind = ACT_CHECK_DEVICE,
						       .target = xstrdup(KVM_DEVICE),
						       .device = *device };
	add_step(w->plan)->act =
		(struct act){ .kind = ACT_CHECK_GUEST, .target = xstrdup(KVM_DEVICE) };
}

/* ---- the whole ---- */

static struct change *add_change(struct work *w, const char *value)
{
	struct change *c = &array_push(w->plan->changes, w->plan->change_count);

	*c = (struct change){
		.setting = w->setting, .value = value, .now = w->m->now, .next = w->m->next
	};
	return c;
}

static bool reload_needed(const struct work *w)
{
	return w->m->state == MODULE_STATE_LOADED && w->m->now != w->want;
}

static bool already_so(const struct work *w)
{
	return w->m->next == w->want && !reload_needed(w) && w->m->state != MODULE_STATE_BUSY;
}

static void add_file_steps(struct work *w)
{
	if (w->file_changes)
		add_file_step(w->plan, w->file_text, w->host->own_conf);
	if (w->file_changes || w->reload)
		add_confirm_step(w, value_of(w, &w->next));
}

static void add_reload_steps(struct work *w, const char *options)
{
	add_effects(w);
	add_unload_step(w);
	add_load_step(w, options);
	add_expects(w, add_params_check(w));
	add_kvm_checks(w, &w->host->device);
}

static void plan_goal(struct work *w, const struct goal *goal, bool defer)
{
	struct change *c;

	if (refuse_impossible(w) || refuse_unknown(w))
		return;
	if (w->m->state == MODULE_STATE_BUILTIN && w->m->now != w->want) {
		refuse_builtin(w);
		return;
	}
	c = add_change(w, goal->value);
	c->already = already_so(w) || w->m->state == MODULE_STATE_BUILTIN;
	if (c->already)
		return;
	w->reload = reload_needed(w) && !defer && !w->host->image;
	c->waits = !w->host->image &&
		   (w->m->state != MODULE_STATE_LOADED || (reload_needed(w) && defer));
	/* First what would keep the change from taking effect, then who may do it, then when. */
	if (refuse_lost_file(w) || refuse_install_line(w) || refuse_unwritable(w))
		return;
	add_file_steps(w);
	if (w->reload)
		add_reload_steps(w, NULL);
	if (!refuse_not_root(w) && w->reload)
		refuse_reload(w);
}

static struct work work_begin(const struct host *host, const struct setting *setting,
			      struct plan *plan)
{
	return (struct work){ .host = host,
			      .setting = setting,
			      .ms = setting->module,
			      .m = &host->modules[setting->id],
			      .plan = plan };
}

static void work_end(struct work *w)
{
	modconf_free(&w->next);
	free(w->file_text);
}

void plan_module_setting(const struct host *host, const struct goal *goal,
			 const struct plan_options *options, struct plan *plan)
{
	struct work w = work_begin(host, goal->setting, plan);

	w.want = param_bool(goal->value);
	plan_goal(&w, goal, options->defer);
	work_end(&w);
}

/* ---- the way back from a change of the past ---- */

/* The file as it was before; false where it is so already. */
static bool restore_file(struct work *w, const struct act *file)
{
	const char *now = w->host->own_conf;
	const char *old = file ? file->text : now;

	modconf_with_file(&w->host->conf, OWN_CONF_FILE, old, &w->next);
	if ((!now && !old) || (now && old && strcmp(now, old) == 0))
		return false;
	w->file_text = old ? xstrdup(old) : NULL;
	w->file_changes = true;
	return true;
}

/* Options with which the module gets the old value, or NULL where the configuration says so. */
static char *options_back(const struct work *w)
{
	struct buf b = { 0 };
	autofree char *configured = NULL;

	if (value_of(w, &w->next) == w->want)
		return NULL;
	configured = modconf_options(&w->next, w->ms->module);
	if (configured)
		buf_puts(&b, configured);
	buf_join(&b, " ", w->ms->param);
	buf_printf(&b, "=%d", w->want);
	return buf_steal(&b);
}

/* An interrupted change left the host without the module: bring it back, never take it away. */
static void add_lost_module_steps(struct work *w, const struct act *load)
{
	struct act *check;

	add_load_step(w, load->text);
	w->plan->steps[w->plan->step_count - 1].back.kind = ACT_NONE;
	check = add_params_check(w);
	for (size_t i = 0; i < load->expect_count; i++)
		array_push(check->expects, check->expect_count) = (struct expect){
			.param = xstrdup(load->expects[i].param),
			.before = xstrdup(load->expects[i].before),
			.after = xstrdup(load->expects[i].before),
		};
	add_kvm_checks(w, &load->device);
}

static void restore_module(struct work *w, const struct act *load, bool defer)
{
	autofree char *options = options_back(w);
	struct change *c = add_change(w, on_off(w->want));
	bool lost = w->m->state == MODULE_STATE_LOADABLE;

	w->reload = (lost || reload_needed(w)) && !defer;
	c->already = !w->file_changes && !lost && !reload_needed(w);
	c->waits = defer && (lost || reload_needed(w));
	add_file_steps(w);
	if (w->reload && lost)
		add_lost_module_steps(w, load);
	else if (w->reload)
		add_reload_steps(w, options);
}

void plan_module_back(const struct host *host, const struct setting *setting,
		      const struct act *file, const struct act *load,
		      const struct plan_options *options, struct plan *plan)
{
	struct work w = work_begin(host, setting, plan);

	w.want = load ? load->value : host->modules[setting->id].now;
	restore_file(&w, file);
	if (load && !host->image) {
		restore_module(&w, load, options->defer);
	} else {
		add_change(&w, on_off(value_of(&w, &w.next)))->already = !w.file_changes;
		add_file_steps(&w);
	}
	if (plan->step_count && !refuse_unwritable(&w) && !refuse_not_root(&w) && w.reload)
		refuse_reload(&w);
	work_end(&w);
}
