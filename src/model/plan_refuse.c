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
	const char *hint = "This cannot be changed in software. Evidence:  kvmtune status";

	if (other < MODULE_COUNT && x->row->is_paging)
		hint = hint_other = xasprintf("It has %s, with %s in place of %s. Use:  kvmtune %s",
					      kvm_modules[other].virt, kvm_modules[other].paging,
					      w->module->paging, kvm_modules[other].param);
	else if (cpu->hypervisor == YES)
		hint = "This host is a guest itself. Enable nested virtualization on its host.";
	return refuse_want(w, x, "no-virt", text, hint);
}

static bool refuse_disabled(struct work *w, const struct want *x)
{
	autofree char *text =
		xasprintf("%s is present but %s", w->module->virt, virt_off_text(w->m->off_by));

	return refuse_want(w, x, "virt-disabled", text, virt_off_hint(w->m->off_by));
}

static bool refuse_no_paging(struct work *w, const struct want *x)
{
	autofree char *text =
		xasprintf("this processor has no %s that KVM can use", w->module->paging);

	return refuse_want(w, x, "no-paging", text,
			   "Guests on this processor always run on shadow page tables.");
}

bool refuse_builtin(struct work *w, const struct want *x)
{
	autofree char *text =
		xasprintf("%s is built into this kernel: it cannot be reloaded", w->module->name);
	autofree char *hint = xasprintf("Add %s.%s=%d to the kernel command line and reboot.",
					w->module->name, x->row->name, x->value);

	/* What it is can be told, and an audit does. */
	return plan_refuse(w->plan, STATUS_IMPOSSIBLE, "built-in", text, hint);
}

static bool refuse_absent(struct work *w, const struct want *x)
{
	autofree char *text = xasprintf("module %s is not installed for the running kernel %s",
					w->module->name, w->host->id.kernel);

	return refuse_want(w, x, "no-module", text,
			   "If the kernel package was just updated, reboot into the new kernel. "
			   "Otherwise install the kernel's modules.");
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
		buf_printf(&text,
			   "%s.%s=%s on the kernel command line takes precedence over every file",
			   w->module->name, x->row->name, modconf_token_value(winner));
		buf_puts(&hint, "Remove it from the kernel command line and reboot.");
		return plan_refuse(w->plan, STATUS_REFUSED, "cmdline-wins", text.data, hint.data);
	}
	buf_printf(&text, "%s=", x->row->name);
	buf_add_safe(&text, modconf_token_value(winner), 40);
	buf_puts(&text, " in ");
	buf_add_safe(&text, winner->at->file, 200);
	buf_printf(&text, ":%u takes precedence: it is read after " OWN_CONF_FILE,
		   winner->at->line);
	buf_puts(&hint, "Remove that option, then run the same command again.");
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
			   "Remove it from the kernel command line and reboot.");
}

/* modprobe.d answers the load with a command: what that does with our option nobody knows. */
bool refuse_install_line(struct work *w)
{
	const struct modconf_line *l = modconf_find(&w->next, MODCONF_INSTALL, w->module->name);
	autobuf text = { 0 };

	if (!l)
		return false;
	buf_add_safe(&text, l->file, 200);
	buf_printf(&text, ":%u makes modprobe run a command instead of loading %s: ", l->line,
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
		buf_printf(&text, "%s is held by the module %s", w->module->name,
			   w->m->holders.v[0]);
	else
		buf_puts(&text, "KVM is in use, but no holder is visible from here (it may be in "
				"another PID namespace, or the kernel itself)");
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
	buf_printf(&text, "another hypervisor is active: %s is in use", w->host->hypervisors.v[0]);
	return plan_refuse(w->plan, STATUS_REFUSED, "other-hypervisor", text.data,
			   "Stop its virtual machines first: KVM may fail to load while they run.");
}

bool work_is_busy(struct work *w, struct err *ret)
{
	struct plan aside = { 0 }, *plan = w->plan;
	bool busy;

	w->plan = &aside;
	busy = refuse_other_hypervisor(w) || refuse_in_use(w);
	w->plan = plan;
	*ret = aside.refusal;
	plan_free(&aside);
	return busy;
}

static bool refuse_modules_disabled(struct work *w)
{
	if (w->host->modules_disabled != YES)
		return false;
	return plan_refuse(
		w->plan, STATUS_IMPOSSIBLE, "modules-disabled",
		"module loading is disabled until the next boot (kernel.modules_disabled=1)",
		"Save it for the next boot with --defer.");
}

static bool refuse_busy_module(struct work *w)
{
	autofree char *text = NULL;

	if (w->m->state != MODULE_STATE_BUSY)
		return false;
	text = xasprintf("another program is loading or removing %s right now", w->module->name);
	return plan_refuse(w->plan, STATUS_REFUSED, "module-busy", text, "Try again in a moment.");
}

static bool refuse_unknown_param(struct work *w, const struct module_param *row)
{
	autofree char *text = xasprintf("%s is loaded, but its parameter %s cannot be read",
					w->module->name, row->name);

	return plan_refuse(w->plan, STATUS_IMPOSSIBLE, "unknown-state", text,
			   "Check /sys/module; a reboot may help.");
}

/* A loaded module whose parameter cannot be read: to reload it on a guess could hurt. */
static bool refuse_unknown(struct work *w)
{
	bool refused = false;

	for (size_t i = 0; w->m->state == MODULE_STATE_LOADED && i < w->want_count; i++)
		if (w->wants[i].is->now == UNKNOWN)
			refused = refuse_unknown_param(w, w->wants[i].row);
	return refused;
}

/* The same for a parameter that this kernel has and the change does not name. */
static bool refuse_unknown_other(struct work *w)
{
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct module_param *row = settings[i].params[w->id];
		const char *value = row ? module_param(w->m, row->name) : NULL;

		if (value && param_bool(value) == UNKNOWN)
			return refuse_unknown_param(w, row);
	}
	return false;
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
	autofree char *hint = xasprintf("Run it on the host, outside any container or chroot. Save "
					"for the next load:  kvmtune %s --defer",
					w->again);

	if (w->host->device_hidden)
		text = xasprintf(KVM_DEVICE
				 " of the host is not visible from here (%s hides the kernel's "
				 "devtmpfs) and could not be restored",
				 w->host->device_hidden);
	else if (w->host->device.acl_unknown)
		text = xstrdup("the access list (ACL) of " KVM_DEVICE
			       " is too long or cannot be read, and could not be restored");
	return text && plan_refuse(w->plan, STATUS_IMPOSSIBLE, "device-hidden", text, hint);
}

/* The kernel takes one such module at a time (kvm_x86_vendor_init in kvm/x86.c: -EEXIST). */
bool refuse_other_module(struct work *w)
{
	const char *other = host_other_module(w->host);
	autofree char *name = other ? safe_text(other, 64) : NULL;
	autofree char *text =
		xasprintf("%s makes " KVM_DEVICE " now, and %s cannot be loaded beside", name ?: "",
			  w->module->name);
	autofree char *hint = xasprintf("Remove %s first:  modprobe -r %s        Save for the next "
					"load:  kvmtune %s --defer",
					name ?: "", name ?: "", w->again);

	return other && plan_refuse(w->plan, STATUS_REFUSED, "other-kvm-module", text, hint);
}

bool refuse_reload(struct work *w)
{
	w->plan->asks_reload |= !(w->host->parts & HOST_RELOAD);
	return refuse_modules_disabled(w) || refuse_unknown_other(w) || refuse_blacklisted(w) ||
	       refuse_not_reloadable(w) || refuse_hidden_device(w) || refuse_other_hypervisor(w) ||
	       refuse_in_use(w);
}

static bool refuse_unread(struct work *w, const struct unread_file *file)
{
	autofree char *path = safe_text(file->path, 200);
	autofree char *text =
		xasprintf("the contents of %s are unknown (%s) and may decide the next load", path,
			  unread_reason(file));

	return plan_refuse(w->plan, STATUS_IMPOSSIBLE, "unknown-state", text,
			   w->host->root ? "Repair or remove it, then run the same command again."
					 : "Run it again with sudo.");
}

static bool refuse_endless(struct work *w, const struct unread_file *file)
{
	autofree char *path = safe_text(file->path, 200);
	autofree char *text =
		xasprintf("%s is not a regular file: modprobe could hang on it", path);

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

/* Of the unreadable files, the one that is most likely to take precedence. */
static const struct unread_file *last_unread(const struct unread *unread)
{
	const struct unread_file *last = unread->files;

	for (size_t i = 1; i < unread->count; i++)
		if (strcmp(last_part(unread->files[i].path), last_part(last->path)) > 0)
			last = &unread->files[i];
	return last;
}

static bool refuse_bad_option_of(struct work *w, const struct setting *s)
{
	const struct module_param *row = s->params[w->id];
	struct modconf_token t = { 0 };
	autobuf text = { 0 };

	if (!row ||
	    !find_refused_option(w->host, &w->next, w->module->name, row, &w->m->of[s->id], &t))
		return false;
	if (t.at->line)
		buf_add_safe(&text, t.at->file, 200);
	else
		buf_puts(&text, "the kernel command line");
	if (t.at->line)
		buf_printf(&text, ":%u", t.at->line);
	buf_printf(&text, " sets %s=", row->name);
	buf_add_safe(&text, t.has_value ? t.value : "", 40);
	buf_printf(&text, ", which this kernel refuses: %s would not load", w->module->name);
	return plan_refuse(w->plan, STATUS_REFUSED, "option-refused", text.data,
			   "Remove that option, then run the same command again.");
}

/* Whatever comes behind it, the kernel stops there; also at a parameter that is to stay as it is. */
bool refuse_bad_option(struct work *w)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (refuse_bad_option_of(w, &settings[i]))
			return true;
	return false;
}

/* Of an image: its own kernel command line, which is in its boot loader's files. */
static bool refuse_loader(struct work *w, const struct want *x)
{
	const struct loader_says *says = &x->is->boot;
	autobuf text = { 0 };

	if (!w->host->image || (!says->any && !says->unclear))
		return false;
	if (w->host->loader_unread.count)
		return refuse_unread(w, w->host->loader_unread.files);
	if (!says->any) {
		buf_puts(&text, "the image's kernel command line is computed by "
				"/etc/default/grub, and may beat every file");
	} else {
		buf_printf(&text, "the image's kernel command line %ssays %s.%s",
			   says->same && !says->silent ? "" : "of some boot entries ",
			   w->module->name, x->row->name);
		if (says->same && says->value != UNKNOWN)
			buf_printf(&text, "=%d", says->value);
		buf_puts(&text, ", which beats every file (");
		buf_add_safe(&text, says->file, 200);
		buf_printf(&text, ":%u)", says->line);
	}
	return plan_refuse(w->plan, STATUS_REFUSED, "cmdline-wins", text.data,
			   "Remove it there, make the boot loader's configuration anew, then run "
			   "the same command again.");
}

bool refuse_lost_file(struct work *w)
{
	const struct want *x = own_conf_find(w);
	struct modconf_token winner = { 0 };

	if (refuse_bad_option(w))
		return true;
	if (!x)
		return false;
	if (refuse_loader(w, x))
		return true;
	if (modconf_winner(&w->next, w->module->name, x->row->name, &winner) &&
	    param_bool(modconf_token_value(&winner)) != x->value)
		return refuse_other_option(w, x, &winner);
	if (w->host->conf_unread.count)
		return refuse_unread(w, last_unread(&w->host->conf_unread));
	return plan_refuse(w->plan, STATUS_REFUSED, "file-wins",
			   "the option would not take effect, for an unknown reason", "");
}
