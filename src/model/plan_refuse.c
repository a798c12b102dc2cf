// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * plan_refuse.c - why a module parameter cannot be changed, or not now; and the way out.
 */
#include "plan_common.h"
#include "plan_module.h"

#include <errno.h>
#include <string.h>

/* Of this parameter alone: the change has the reason, too. */
static bool refuse_want(struct work *w, const struct want *x, const char *id, const char *text,
			const char *hint)
{
	struct change *c = plan_find_change(w->plan, x->setting);

	err_set(&c->impossible, -EPERM, "%s", text);
	err_status(&c->impossible, STATUS_IMPOSSIBLE, id);
	err_hint(&c->impossible, "%s", hint);
	return plan_refuse(w->plan, STATUS_IMPOSSIBLE, id, text, hint);
}

/* The module that this processor has in place of ours; MODULE_COUNT: none. */
static enum module_id counterpart(const struct work *w)
{
	for (size_t i = 0; i < MODULE_COUNT; i++)
		if (i != w->id && cpu_virt(&w->host->cpu, kvm_modules[i].kind) == YES)
			return (enum module_id)i;
	return MODULE_COUNT;
}

static bool refuse_no_virt(struct work *w, const struct want *x)
{
	const enum module_id other = counterpart(w);
	const struct cpu_id *cpu = &w->host->cpu;
	autofree char *hint_other = NULL;
	autofree char *text = xasprintf("this processor has no %s (%s)", w->module->virt,
					cpu->vendor[0] ? cpu->vendor : "unknown vendor");
	const char *hint = "There is no way around that; `kvmtune status` shows the evidence.";

	if (other < MODULE_COUNT && x->row->is_paging)
		hint = hint_other = xasprintf("This one has %s, and %s for %s: use `kvmtune %s`.",
					      kvm_modules[other].virt, kvm_modules[other].paging,
					      w->module->paging, kvm_modules[other].param);
	else if (cpu->hypervisor == YES)
		hint = "This host is itself a guest: whether it may run guests is set on its host.";
	return refuse_want(w, x, "no-virt", text, hint);
}

static bool refuse_disabled(struct work *w, const struct want *x)
{
	autofree char *text =
		xasprintf("%s is there but %s", w->module->virt, virt_off_text(w->m->off_by));

	return refuse_want(w, x, "virt-disabled", text, virt_off_hint(w->m->off_by));
}

static bool refuse_no_paging(struct work *w, const struct want *x)
{
	autofree char *text =
		xasprintf("this processor has no %s that KVM could use", w->module->paging);

	return refuse_want(w, x, "no-paging", text,
			   "There is no way around that: guests run on shadow page tables.");
}

bool refuse_builtin(struct work *w, const struct want *x)
{
	autofree char *text =
		xasprintf("%s is built into this kernel: it cannot be reloaded", w->module->name);
	autofree char *hint = xasprintf("Add %s.%s=%d to the kernel command line and boot again.",
					w->module->name, x->row->name, x->value);

	/* What it is can be told, and an audit does. */
	return plan_refuse(w->plan, STATUS_IMPOSSIBLE, "built-in", text, hint);
}

static bool refuse_absent(struct work *w, const struct want *x)
{
	autofree char *text = xasprintf("there is no module %s for the running kernel %s",
					w->module->name, w->host->id.kernel);

	return refuse_want(w, x, "no-module", text,
			   "If the kernel package was just updated, boot into the new kernel; else "
			   "install the kernel's modules.");
}

bool refuse_impossible(struct work *w, const struct want *x)
{
	bool none = w->m->paging.value == NO || w->m->usable.value == NO;

	if (w->m->virt.value == NO)
		return refuse_no_virt(w, x);
	if (w->m->enabled.value == NO)
		return refuse_disabled(w, x);
	if (x->row->is_paging && x->value == YES && none)
		return refuse_no_paging(w, x);
	if (w->m->state == MODULE_STATE_ABSENT)
		return refuse_absent(w, x);
	return false;
}

static bool refuse_other_option(struct work *w, const struct want *x,
				const struct modconf_token *winner)
{
	autobuf text = { 0 }, hint = { 0 };

	if (winner->at->line == 0) {
		buf_printf(&text, "the kernel command line says %s.%s=%s, which beats every file",
			   w->module->name, x->row->name, modconf_token_value(winner));
		buf_puts(&hint, "Take it off the kernel command line and boot again.");
		return plan_refuse(w->plan, STATUS_REFUSED, "cmdline-wins", text.data, hint.data);
	}
	buf_puts(&text, "another file wins: ");
	buf_add_safe(&text, winner->at->file, 200);
	buf_printf(&text, ":%u says %s=", winner->at->line, x->row->name);
	buf_add_safe(&text, modconf_token_value(winner), 40);
	buf_puts(&text, " and is read after " OWN_CONF_FILE);
	buf_puts(&hint, "Remove that option there, then run the same command again.");
	return plan_refuse(w->plan, STATUS_REFUSED, "file-wins", text.data, hint.data);
}

/* The kernel itself refuses to load it (kernel/module/main.c:blacklisted), whoever asks. */
static bool refuse_blacklisted(struct work *w)
{
	const char *names[] = { w->module->name, "kvm" };
	autofree char *text = NULL;

	if (!w->host->kernel_words ||
	    !modconf_kernel_list_has(w->host->kernel_words, "module_blacklist", names, 2))
		return false;
	text = xasprintf("module_blacklist= on the kernel command line keeps %s from being loaded",
			 w->module->name);
	return plan_refuse(w->plan, STATUS_REFUSED, "module-blacklisted", text,
			   "Take it off the kernel command line and boot again.");
}

/* modprobe.d answers the load with a command: what that does with our option nobody knows. */
bool refuse_install_line(struct work *w)
{
	const struct modconf_line *l = modconf_find(&w->next, MODCONF_INSTALL, w->module->name);
	autobuf text = { 0 };

	if (!l)
		return false;
	buf_add_safe(&text, l->file, 200);
	buf_printf(&text, ":%u replaces the loading of %s by a command: ", l->line,
		   w->module->name);
	buf_add_safe(&text, l->value, 120);
	return plan_refuse(w->plan, STATUS_REFUSED, "install-line", text.data,
			   "Remove that install line, then run the same command again.");
}

static bool refuse_unwritable(struct work *w)
{
	if (!w->file_changes)
		return false;
	return plan_refuse_nixos(w->host, w->plan, OWN_CONF_DIR,
				 "Set boot.extraModprobeConfig in the system's configuration and "
				 "rebuild.") ||
	       plan_refuse_unwritable(w->plan, OWN_CONF_DIR, w->host->conf_writable);
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
		buf_printf(&text, "the module %s uses %s", w->m->holders.v[0], w->module->name);
	else
		buf_puts(&text, "KVM is in use, but by nobody who can be seen from here (a process "
				"of another PID namespace, or the kernel itself)");
	buf_printf(&hint,
		   "Wait for them:  kvmtune %s --wait        Save for the next load:  kvmtune %s "
		   "--defer",
		   w->again, w->again);
	w->plan->refused_for_users = true;
	return plan_refuse(w->plan, STATUS_REFUSED, "in-use", text.data, hint.data);
}

static bool refuse_other_hypervisor(struct work *w)
{
	autobuf text = { 0 };

	if (!w->host->hypervisors.n)
		return false;
	buf_printf(&text, "another hypervisor is at work: %s is in use", w->host->hypervisors.v[0]);
	return plan_refuse(
		w->plan, STATUS_REFUSED, "other-hypervisor", text.data,
		"Stop its virtual machines first: KVM might not load again while they run.");
}

static bool refuse_modules_disabled(struct work *w)
{
	if (w->host->modules_disabled != YES)
		return false;
	return plan_refuse(w->plan, STATUS_IMPOSSIBLE, "modules-disabled",
			   "loading modules is switched off until the next boot "
			   "(kernel.modules_disabled=1)",
			   "Save it for the next boot with --defer.");
}

static bool refuse_busy_module(struct work *w)
{
	autofree char *text = NULL;

	if (w->m->state != MODULE_STATE_BUSY)
		return false;
	text = xasprintf("%s is being loaded or removed by somebody else right now",
			 w->module->name);
	return plan_refuse(w->plan, STATUS_REFUSED, "module-busy", text, "Try again in a moment.");
}

/* A loaded module whose parameter cannot be read: to reload it on a guess could hurt. */
static bool refuse_unknown(struct work *w)
{
	bool refused = false;

	for (size_t i = 0; w->m->state == MODULE_STATE_LOADED && i < w->want_count; i++) {
		autofree char *text = NULL;

		if (w->wants[i].is->now != UNKNOWN)
			continue;
		text = xasprintf("%s is loaded, but its parameter %s cannot be read",
				 w->module->name, w->wants[i].row->name);
		refused = plan_refuse(w->plan, STATUS_IMPOSSIBLE, "unknown-state", text,
				      "Look at /sys/module; booting again may help.");
	}
	return refused;
}

/* Loadable before removable. */
static bool refuse_not_reloadable(struct work *w)
{
	const struct err *why = &w->m->reload.why_not;
	autofree char *hint = NULL;

	if (w->m->reload.state != RELOAD_IMPOSSIBLE)
		return false;
	hint = why->status != STATUS_IMPOSSIBLE
		       ? xstrdup(why->hint)
		       : xasprintf("%s%sSave it for the next boot:  kvmtune %s --defer", why->hint,
				   why->hint[0] ? " " : "", w->again);
	return plan_refuse(w->plan, why->status, why->id, why->text, hint);
}

/* A /dev/kvm that the kernel does not make is no sign of what became of the one it does. */
static bool refuse_hidden_device(struct work *w)
{
	autofree char *text = NULL;
	autofree char *hint =
		xasprintf("Run it on the host itself, outside of any container or chroot. Or save "
			  "it for the next load:  kvmtune %s --defer",
			  w->again);

	if (w->host->device_hidden)
		text = xasprintf("from here " KVM_DEVICE
				 " of the host cannot be seen (there is %s in the place of the "
				 "kernel's devtmpfs), and could not be made as it was",
				 w->host->device_hidden);
	else if (w->host->device.acl_unknown)
		text = xstrdup("the access list (ACL) of " KVM_DEVICE
			       " is too long or cannot be read, and could not be made as it was");
	return text && plan_refuse(w->plan, STATUS_IMPOSSIBLE, "device-hidden", text, hint);
}

bool refuse_reload(struct work *w)
{
	w->plan->asks_reload |= !(w->host->parts & HOST_RELOAD);
	return refuse_modules_disabled(w) || refuse_blacklisted(w) || refuse_not_reloadable(w) ||
	       refuse_hidden_device(w) || refuse_other_hypervisor(w) || refuse_in_use(w);
}

static bool refuse_unread(struct work *w, const struct unread_file *file)
{
	autofree char *path = safe_text(file->path, 200);
	autofree char *text =
		xasprintf("what %s says is not known (%s), and it may decide the next load", path,
			  unread_reason(file));

	return plan_refuse(w->plan, STATUS_IMPOSSIBLE, "unknown-state", text,
			   w->host->root ? "Mend or remove it, then run the same command again."
					 : "Run it again with sudo.");
}

static bool refuse_endless(struct work *w, const struct unread_file *file)
{
	autofree char *path = safe_text(file->path, 200);
	autofree char *text =
		xasprintf("%s is no regular file: whoever loads a module may wait for ever", path);

	return plan_refuse(w->plan, STATUS_IMPOSSIBLE, "unknown-state", text,
			   "Remove it, then run the same command again.");
}

/* Our own file would be replaced without what others have put there. */
static bool refuse_unread_files(struct work *w)
{
	const struct unread *unread = &w->host->conf_unread;

	for (size_t i = 0; i < unread->count; i++) {
		const struct unread_file *file = &unread->files[i];

		if (strcmp(file->path, OWN_CONF_FILE) == 0)
			return refuse_unread(w, file);
		/* libkmod would read all of it. */
		if (file->error == -EFBIG && !w->host->image)
			return refuse_unread(w, file);
		if (unread_is_special(file) && !w->host->image)
			return refuse_endless(w, file);
	}
	return false;
}

bool refuse_unclear(struct work *w)
{
	return refuse_busy_module(w) || refuse_unknown(w) || refuse_unread_files(w);
}

/* Whether root could write there is for root to find out. */
bool refuse_rights(struct work *w)
{
	return plan_refuse_not_root(w->host, w->plan) || refuse_unwritable(w);
}

/* Of those that could not be read, the one that is most likely to have the last word. */
static const struct unread_file *last_unread(const struct unread *unread)
{
	const struct unread_file *last = unread->files;

	for (size_t i = 1; i < unread->count; i++)
		if (strcmp(last_part(unread->files[i].path), last_part(last->path)) > 0)
			last = &unread->files[i];
	return last;
}

static bool refuse_bad_option_of(struct work *w, const struct want *x)
{
	struct modconf_token t = { 0 };
	autobuf text = { 0 };

	if (!find_refused_option(w->host, &w->next, w->module->name, x->row, x->is, &t))
		return false;
	if (t.at->line)
		buf_add_safe(&text, t.at->file, 200);
	else
		buf_puts(&text, "the kernel command line");
	if (t.at->line)
		buf_printf(&text, ":%u", t.at->line);
	buf_printf(&text, " says %s=", x->row->name);
	buf_add_safe(&text, t.has_value ? t.value : "", 40);
	buf_printf(&text, ", which this kernel refuses: %s would not load", w->module->name);
	return plan_refuse(w->plan, STATUS_REFUSED, "option-refused", text.data,
			   "Remove that option there, then run the same command again.");
}

/* Whatever comes behind it, the kernel stops there. */
static bool refuse_bad_option(struct work *w)
{
	for (size_t i = 0; i < w->want_count; i++)
		if (refuse_bad_option_of(w, &w->wants[i]))
			return true;
	return false;
}

bool refuse_lost_file(struct work *w)
{
	const struct want *x = own_conf_find(w);
	struct modconf_token winner = { 0 };

	if (refuse_bad_option(w))
		return true;
	if (!x)
		return false;
	if (modconf_winner(&w->next, w->module->name, x->row->name, &winner) &&
	    param_bool(modconf_token_value(&winner)) != x->value)
		return refuse_other_option(w, x, &winner);
	if (w->host->conf_unread.count)
		return refuse_unread(w, last_unread(&w->host->conf_unread));
	return plan_refuse(w->plan, STATUS_REFUSED, "file-wins",
			   "the option would not take effect, for a reason unknown", "");
}
