// SPDX-License-Identifier: GPL-2.0-or-later
#include "act.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <kvmtune/observe.h>
#include <kvmtune/own_file.h>
#include <kvmtune/port.h>

/* A probe of libvirt or a monitoring agent may hold /dev/kvm for some milliseconds. */
static const unsigned unload_pauses_ms[] = { 5, 20, 50, 100, 200 };

/* udev sets owner and mode of /dev/kvm some time after the kernel made it, then the ACL of who is logged in. */
#define DEVICE_WAIT_MS	5000
#define ACL_WAIT_MS	500
#define DEVICE_PAUSE_MS 10

/* The guest needs milliseconds; an emulated or loaded host gets plenty more. */
#define GUEST_TIMEOUT_MS 10000

/* ---- the option that wins ---- */

/* The last value of a parameter in a string of options. UNKNOWN: not in there. */
static enum tri value_in_options(const char *module, const char *options, const char *param)
{
	autofree char *line = xasprintf("options %s %s\n", module, options);
	struct modconf c = { 0 };
	struct modconf_token t;
	enum tri value = UNKNOWN;

	modconf_add_file(&c, "libkmod", line, strlen(line));
	if (modconf_winner(&c, module, param, &t))
		value = param_bool(modconf_token_value(&t));
	modconf_free(&c);
	return value;
}

static void configured_in_image(struct ports *p, const char *module, struct buf *ret)
{
	struct modconf conf = { 0 };
	struct unread unread = { 0 };
	autofree char *options = NULL;

	observe_conf(p, &conf, &unread);
	options = modconf_options(&conf, module);
	modconf_free(&conf);
	buf_puts(ret, options ?: "");
	unread_free(&unread);
}

static int configured_options(struct ports *p, const char *module, struct buf *ret, struct err *e)
{
	if (!p->image)
		return p->module.prepare(p, module, NULL, ret, e);
	configured_in_image(p, module, ret);
	return 0;
}

static int do_confirm(struct act_context *c, const struct act *act, struct err *e)
{
	autobuf options = { 0 };

	if (configured_options(c->ports, act->target, &options, e) < 0)
		return e->code;
	for (size_t i = 0; i < act->wanted_count; i++) {
		const struct wanted *w = &act->wanted[i];
		enum tri value = value_in_options(act->target, buf_text(&options), w->param);

		if (value == w->value || (value == UNKNOWN && w->by_default))
			continue;
		err_set(e, -ESTALE,
			"the option did not take effect: at its next load %s would get %s %s, not "
			"%s",
			act->target, w->param, value == UNKNOWN ? "by default" : on_off(value),
			on_off(w->value));
		return err_hint(e, "Another program changed modprobe.d meanwhile. Check `kvmtune "
				   "status`, then run the command again.");
	}
	return 0;
}

/* ---- the module ---- */

static int unload_patiently(struct act_context *c, const char *module, struct err *e)
{
	struct ports *p = c->ports;

	for (size_t attempt = 0;; attempt++) {
		int64_t start = p->system.monotonic_ms(p);
		int r;

		err_clear(e);
		r = p->module.unload(p, module, e);
		if (r >= 0 && c->unloaded_at < 0)
			c->unloaded_at = start;
		if (r != -EAGAIN || attempt == ARRAY_SIZE(unload_pauses_ms))
			return r;
		p->system.sleep_ms(p, unload_pauses_ms[attempt]);
	}
}

static int do_unload(struct act_context *c, const struct act *act, struct err *e)
{
	int r = unload_patiently(c, act->target, e);

	if (r == -ENOENT) {
		err_clear(e);
		return 0;
	}
	if (r == -EAGAIN) {
		err_set(e, r, "KVM came into use during the change");
		err_status(e, STATUS_REFUSED, "in-use");
		err_hint(e, "Run the same command with --wait.");
	} else if (r == -ENOSYS) {
		err_set(e, r, "this kernel cannot remove modules");
		err_status(e, STATUS_IMPOSSIBLE, "no-unload");
	}
	return r < 0 ? r : 0;
}

static void note_module_back(struct act_context *c)
{
	if (c->unloaded_at < 0)
		return;
	c->report->away_ms = c->ports->system.monotonic_ms(c->ports) - c->unloaded_at;
	c->unloaded_at = -1;
}

/* options NULL: as configured. */
static int load_module(struct act_context *c, const char *module, const char *options,
		       struct err *e)
{
	int r;

	err_clear(e);
	r = c->ports->module.load(c->ports, module, options, e);
	if (r < 0 && r != -EEXIST)
		return r;
	/* EEXIST: somebody was faster (udev, another modprobe). The check that follows will judge it. */
	err_clear(e);
	note_module_back(c);
	return 0;
}

/* ---- checks ---- */

static void note_difference(const struct expect *x, const char *want, const char *is,
			    struct buf *ret)
{
	buf_join(ret, ", ", x->param);
	buf_puts(ret, " is ");
	buf_add_safe(ret, is ? is : "gone", 40);
	buf_puts(ret, ", not ");
	buf_add_safe(ret, want, 40);
}

/* A parameter that nobody had asked for moved with another: worth a word, no failure. */
static void remark_moved(struct act_context *c, const struct act *act, const struct expect *x,
			 const char *is)
{
	autobuf b = { 0 };

	buf_printf(&b, "%s %s changed with it, from ", act->target, x->param);
	buf_add_safe(&b, x->before, 40);
	buf_puts(&b, " to ");
	buf_add_safe(&b, is, 40);
	strv_add(&c->report->remarks, b.data);
}

/*
 * Compares the running module with what was expected (or with what was before). Adds
 * "name=old-value" to ret_options for each that differs, and a sentence to ret_text.
 */
static int compare_params(struct act_context *c, const struct act *act, bool before,
			  struct buf *ret_options, struct buf *ret_text)
{
	struct param *params = NULL;
	size_t n = 0;
	int r = observe_params(c->ports, act->target, &params, &n);

	for (size_t i = 0; r == 0 && i < act->expect_count; i++) {
		const struct expect *x = &act->expects[i];
		const char *want = before ? x->before : x->after;
		const char *is = param_value(params, n, x->param);

		if (!want && is && !x->announced && !param_same(x->before, is))
			remark_moved(c, act, x, is);
		if (!want || (is && param_same(want, is)))
			continue;
		note_difference(x, want, is, ret_text);
		/* "EPT disabled" is what vmentry_l1d_flush shows, not what it takes. */
		if (!strchr(x->before, ' '))
			buf_printf(ret_options, " %s=%s", x->param, x->before);
	}
	params_free(params, n);
	return r;
}

static int do_check_params(struct act_context *c, const struct act *act, struct err *e)
{
	autobuf options = { 0 }, text = { 0 };
	int r = compare_params(c, act, false, &options, &text);

	if (r < 0)
		return err_sys(e, r, "the parameters of %s cannot be read", act->target);
	if (!text.len)
		return 0;
	err_set(e, -ESTALE, "after the reload %s is not as planned: %s", act->target, text.data);
	return err_hint(e, "A value was set manually when the module was loaded. Put it into a "
			   "file of modprobe.d first.");
}

typedef bool (*device_test)(const struct device_facts *a, const struct device_facts *b);

static bool device_is(struct ports *p, const struct device_facts *want, device_test same)
{
	struct device_facts now;

	observe_device(p, &now);
	return now.exists && same(&now, want);
}

/* Without udev nobody but us sets it: do not wait. */
static bool device_comes(struct act_context *c, const struct device_facts *want, device_test same,
			 unsigned wait_ms)
{
	struct ports *p = c->ports;
	int64_t end = p->system.monotonic_ms(p) + (c->before->udev ? wait_ms : 0);

	while (!device_is(p, want, same) && p->system.monotonic_ms(p) < end)
		p->system.sleep_ms(p, DEVICE_PAUSE_MS);
	return device_is(p, want, same);
}

/* The order matters: with an ACL, the mode's bits of the group are its mask. */
static int restore_device(struct act_context *c, const struct device_facts *want, struct err *e)
{
	struct ports *p = c->ports;

	if (!device_comes(c, want, device_same_owner, DEVICE_WAIT_MS)) {
		if (p->file.set_owner(p, KVM_DEVICE, want->uid, want->gid, want->mode, e) < 0)
			return e->code;
		strv_add(&c->report->remarks, "udev did not set owner and mode of " KVM_DEVICE
					      ": kvmtune restored them");
	}
	if (!device_comes(c, want, device_same_acl, ACL_WAIT_MS)) {
		if (p->file.set_acl(p, KVM_DEVICE, want->acl, want->acl_size, e) < 0)
			return e->code;
		strv_add(&c->report->remarks,
			 "udev did not set the access list (ACL) of " KVM_DEVICE
			 ": kvmtune restored it");
	}
	return 0;
}

static int do_check_device(struct act_context *c, const struct act *act, struct err *e)
{
	const struct device_facts *want = &act->device;

	if (!want->exists || device_is(c->ports, want, device_same))
		return 0;
	if (restore_device(c, want, e) < 0)
		return e->code;
	if (device_is(c->ports, want, device_same))
		return 0;
	return err_set(e, -ESTALE,
		       "owner, mode or access list (ACL) of " KVM_DEVICE " could not be restored");
}

/* ---- rollback ---- */

/* The module with our parameters alone: better than no KVM at all. */
static int load_with_ours_alone(struct act_context *c, const struct act *act, struct err *e)
{
	autobuf b = { 0 };
	const char *options;
	int r;

	for (size_t i = 0; i < act->wanted_count; i++) {
		buf_join(&b, " ", act->wanted[i].param);
		buf_printf(&b, "=%d", act->wanted[i].value);
	}
	options = buf_text(&b);
	r = load_module(c, act->target, options, e);

	if (r == 0)
		strv_addf(&c->report->remarks,
			  "the kernel refused the old options \"%s\": %s was loaded with %s alone",
			  act->text, act->target, options);
	return r;
}

static int load_by_all_means(struct act_context *c, const struct act *act, struct err *e)
{
	int r = load_module(c, act->target, act->text, e);

	if (r < 0)
		r = load_with_ours_alone(c, act, e);
	if (r < 0)
		return err_hint(e, "KVM is not loaded. Check the kernel log (dmesg) for the "
				   "reason. Then:  kvmtune undo");
	return 0;
}

/* What differs from before, as options in ret_options and as a sentence in ret_text. */
static int compare_with_before(struct act_context *c, const struct act *act,
			       struct buf *ret_options, struct buf *ret_text)
{
	buf_reset(ret_options);
	buf_reset(ret_text);
	return compare_params(c, act, true, ret_options, ret_text);
}

/* Values given by hand when the module was loaded are in no file: load it once more with them. */
static int load_with_old_values(struct act_context *c, const struct act *act,
				const struct buf *differs, struct err *e)
{
	autofree char *options = xasprintf("%s%s", act->text ?: "", buf_text(differs));
	int r = c->ports->module.unload(c->ports, act->target, e);

	if (r < 0 && r != -ENOENT)
		return r;
	r = load_module(c, act->target, options, e);
	return r < 0 ? load_by_all_means(c, act, e) : 0;
}

static int restore_module(struct act_context *c, const struct act *act, struct err *e)
{
	autobuf options = { 0 }, text = { 0 };
	size_t remarks = c->report->remarks.n;
	int r = load_by_all_means(c, act, e);

	if (r < 0)
		return r;
	r = compare_with_before(c, act, &options, &text);
	/* Not where the kernel has just refused what was in force: KVM is there, leave it so. */
	if (r == 0 && text.len && c->report->remarks.n == remarks) {
		r = load_with_old_values(c, act, &options, e);
		if (r == 0)
			r = compare_with_before(c, act, &options, &text);
	}
	if (do_check_device(c, act, e) < 0)
		return e->code;
	if (r < 0)
		return e->code ? e->code : err_sys(e, r, "%s cannot be checked", act->target);
	if (!text.len)
		return 0;
	err_set(e, -ESTALE, "%s is loaded, but not as before: %s", act->target, text.data);
	return err_hint(e, "KVM works. Try again:  kvmtune undo        Keep it as it is:  kvmtune "
			   "undo --defer");
}

/* ---- files ---- */

/* NULL: no file. */
static int read_text(struct ports *p, const char *path, char **ret, struct err *e)
{
	autobuf text = { 0 };
	int r = p->file.read(p, path, &text);

	if (r < 0 && r != -ENOENT)
		return err_sys(e, r, "cannot read %s", path);
	*ret = r < 0 ? NULL : buf_steal(&text);
	return 0;
}

static bool is_file_act(const struct act *act)
{
	return act->kind == ACT_WRITE_FILE || act->kind == ACT_REMOVE_FILE;
}

static const char *text_of(const struct act *act)
{
	return act->kind == ACT_WRITE_FILE ? act->text : NULL;
}

int act_check_unchanged(struct act_context *c, const struct step *step, struct err *e)
{
	autofree char *now = NULL;

	if (!is_file_act(&step->act) || !is_file_act(&step->back))
		return 0;
	if (read_text(c->ports, step->act.target, &now, e) < 0)
		return e->code;
	if (same_file_text(now, text_of(&step->back)) || same_file_text(now, text_of(&step->act)))
		return 0;
	err_set(e, -ESTALE, "another program has just changed %s", step->act.target);
	return err_hint(e, "Run the same command again.");
}

/* A write that failed on a full disk changed nothing, and needs no rollback. */
static int roll_file_back(struct act_context *c, const struct step *step, struct err *e)
{
	const char *path = step->act.target;
	autofree char *now = NULL, *text = NULL;

	if (read_text(c->ports, path, &now, e) < 0)
		return e->code;
	text = own_file_undone(path, now, text_of(&step->act), text_of(&step->back));
	if (same_file_text(now, text))
		return 0;
	if (!text)
		return c->ports->file.remove(c->ports, path, e);
	return c->ports->file.replace(c->ports, path, text, 0644, e);
}

int act_roll_back(struct act_context *c, const struct step *step, struct err *e)
{
	if (is_file_act(&step->act) && is_file_act(&step->back))
		return roll_file_back(c, step, e);
	return act_do(c, &step->back, e);
}

/* ---- attributes ---- */

static int set_attribute(struct ports *p, const struct act *act, struct err *e)
{
	const struct attribute *a = setting_of_attribute(act->target)->attribute;
	const char *now;

	if (p->file.write_value(p, act->target, act->text, e) < 0)
		return e->code;
	now = observe_attribute(p, a, NULL);
	if (now && strcmp(now, act->text) == 0)
		return 0;
	err_set(e, -ESTALE, "%s was set to %s, but now says %s: something else writes it, too",
		act->target, act->text, now ?: "something else");
	return err_hint(e, "See what else writes it:  kvmtune status -v");
}

/* ---- dispatch ---- */

int act_do(struct act_context *c, const struct act *act, struct err *e)
{
	struct ports *p = c->ports;

	switch (act->kind) {
	case ACT_WRITE_FILE:
		return p->file.replace(p, act->target, act->text, act->mode, e);
	case ACT_REMOVE_FILE:
		return p->file.remove(p, act->target, e);
	case ACT_CONFIRM:
		return do_confirm(c, act, e);
	case ACT_UNLOAD:
		return do_unload(c, act, e);
	case ACT_LOAD:
		return load_module(c, act->target, act->text, e);
	case ACT_RESTORE:
		return restore_module(c, act, e);
	case ACT_CHECK_PARAMS:
		return do_check_params(c, act, e);
	case ACT_CHECK_DEVICE:
		return do_check_device(c, act, e);
	case ACT_SET_ATTRIBUTE:
		return set_attribute(p, act, e);
	case ACT_CHECK_GUEST:
		return p->kvm.run_guest(p, GUEST_TIMEOUT_MS, e);
	default:
		return act_ksm_do(c, act, e);
	}
}
