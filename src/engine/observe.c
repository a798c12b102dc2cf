// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/observe.h>
#include <kvmtune/port.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "observe_attribute.h"
#include "observe_loader.h"
#include "observe_cpu.h"
#include "observe_ksm.h"
#include "observe_use.h"
#include "unread.h"

#define STATE_MAX 64 /* "live", "coming", "going" */

char *read_line_of(struct ports *p, const char *path)
{
	autobuf b = { 0 };

	/* One read() is enough for a line of sysfs or of /proc/sys. */
	if (p->file.read_head(p, path, 4096, &b) < 0)
		return NULL;
	return xstrndup(buf_text(&b), strcspn(buf_text(&b), "\n"));
}

/* ---- modprobe.d and the kernel command line ---- */

/* Directories and broken links are not read, and hide nothing. */
static void list_conf_dir(struct ports *p, size_t dir, struct modconf_name **names, size_t *count,
			  struct unread *unread)
{
	const char *path = modconf_dirs[dir];
	autostrv found = { 0 };

	if (unread_note(unread, path, p->file.list_files(p, path, &found)) < 0 ||
	    unread_count_names(unread, path, found.n) < 0)
		return;
	for (size_t i = 0; i < found.n; i++) {
		if (!modconf_is_config_name(found.v[i]))
			continue;
		array_push(*names, *count) =
			(struct modconf_name){ .dir = dir, .name = xstrdup(found.v[i]) };
	}
}

static void add_conf_file(struct ports *p, const struct modconf_name *name, struct modconf *ret,
			  struct unread *unread)
{
	autofree char *path = xasprintf("%s/%s", modconf_dirs[name->dir], name->name);
	autobuf text = { 0 };

	if (read_noting(p, path, unread, &text) == 0)
		modconf_add_file(ret, path, buf_text(&text), text.len);
}

void observe_conf(struct ports *p, struct modconf *ret, struct unread *unread)
{
	struct modconf_name *names = NULL;
	size_t count = 0, survivors;
	autobuf cmdline = { 0 };

	for (size_t dir = 0; modconf_dirs[dir]; dir++)
		list_conf_dir(p, dir, &names, &count, unread);
	survivors = modconf_select(names, count);
	for (size_t i = 0; i < survivors; i++)
		add_conf_file(p, &names[i], ret, unread);
	for (size_t i = 0; i < count; i++)
		free(names[i].name);
	free(names);
	if (!p->image && read_noting(p, MODCONF_CMDLINE, unread, &cmdline) == 0)
		modconf_add_cmdline(ret, buf_text(&cmdline));
}

/* ---- the module ---- */

int observe_refcnt(struct ports *p, const char *module)
{
	autofree char *path = xasprintf("/sys/module/%s/refcnt", module);
	autofree char *line = read_line_of(p, path);
	int value;

	return line && parse_int(line, &value) == 0 ? value : -1;
}

int observe_params(struct ports *p, const char *module, struct param **ret, size_t *ret_count)
{
	autofree char *dir = xasprintf("/sys/module/%s/parameters", module);
	autostrv names = { 0 }, values = { 0 };
	int r = p->file.read_lines(p, dir, &names, &values);

	for (size_t i = 0; r == 0 && i < names.n; i++)
		array_push(*ret, *ret_count) = (struct param){ .name = xstrdup(names.v[i]),
							       .value = xstrdup(values.v[i]) };
	return r;
}

/*
 * By sysfs alone: a loadable module has initstate, a built-in one only its parameters. It cannot be
 * read while the module goes away (fs/kernfs/file.c: -ENODEV).
 */
static enum module_state loaded_state(struct ports *p, const char *module)
{
	autofree char *dir = xasprintf("/sys/module/%s", module);
	autofree char *path = xasprintf("%s/initstate", dir);
	autobuf state = { 0 };
	struct file_stat st;
	int r = p->file.read_head(p, path, STATE_MAX, &state);

	if (r == 0)
		return starts_with(buf_text(&state), "live") ? MODULE_STATE_LOADED
							     : MODULE_STATE_BUSY;
	if (!error_is_absence(r))
		return MODULE_STATE_BUSY;
	return p->file.stat(p, dir, &st) == 0 ? MODULE_STATE_BUILTIN : MODULE_STATE_UNKNOWN;
}

/* Opening a FIFO, or for long: libkmod reads all that there is. */
static bool libkmod_would_wait(const struct host *h)
{
	for (size_t i = 0; i < h->conf_unread.count; i++)
		if (unread_is_special(&h->conf_unread.files[i]))
			return true;
	return unread_has_too_much(&h->conf_unread);
}

static enum module_state stored_state(struct ports *p, const char *module, struct host *h)
{
	static const enum module_state states[] = {
		[MODULE_KIND_UNKNOWN] = MODULE_STATE_UNKNOWN,
		[MODULE_ABSENT] = MODULE_STATE_ABSENT,
		[MODULE_LOADABLE] = MODULE_STATE_LOADABLE,
		[MODULE_BUILTIN] = MODULE_STATE_BUILTIN,
	};
	enum module_kind kind = MODULE_KIND_UNKNOWN;
	struct err e = { 0 };

	if (libkmod_would_wait(h))
		err_set(&e, -EINVAL,
			"libkmod would wait for a FIFO in modprobe.d, or read too much there");
	else
		p->module.prepare(p, module, &kind, NULL, &e);
	if (e.code)
		strv_addf(&h->unseen, "whether this kernel has %s (%s)", module, e.text);
	return states[kind];
}

static void observe_next(const struct host *h, const struct module_param *row, const char *module,
			 const struct module_facts *m, struct param_facts *ret)
{
	/* modprobe.d is never read for a module that is built in. */
	bool builtin = m->state == MODULE_STATE_BUILTIN;
	const struct modconf *conf = builtin ? &h->boot_conf : &h->conf;
	bool decided = modconf_winner(conf, module, row->name, &ret->winner);
	bool sure = builtin ? h->kernel_words != NULL
			    : conf_is_last_word(&h->conf_unread, decided ? &ret->winner : NULL);

	if (find_refused_option(h, conf, module, row, ret, &ret->winner)) {
		ret->next = UNKNOWN;
		ret->next_decided = ret->next_refused = true;
		return;
	}
	ret->next = param_next(m, row, decided ? &ret->winner : NULL, sure);
	ret->next_decided = decided && sure;
	if (ret->next == UNKNOWN && sure && !decided && builtin)
		ret->next = ret->now;
}

/* A bool is shown as Y or N (kernel/params.c:param_get_bool). */
static enum tri running_value(struct ports *p, const char *module, const struct module_param *row,
			      bool *ret_number)
{
	autofree char *path = xasprintf("/sys/module/%s/parameters/%s", module, row->name);
	autofree char *line = read_line_of(p, path);

	*ret_number = row->number_once && line && (line[0] == '0' || line[0] == '1');
	return line ? param_bool(line) : UNKNOWN;
}

static void observe_loaded(struct ports *p, enum module_id id, unsigned parts,
			   struct module_facts *m)
{
	const char *module = kvm_modules[id].name;

	if (parts & HOST_PARAMS)
		observe_params(p, module, &m->params, &m->param_count);
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (settings[i].params[id] && !settings[i].other_name)
			m->of[i].now =
				running_value(p, module, settings[i].params[id], &m->of[i].number);
}

/* Another name for a setting has the facts of that: modprobe.d is not searched for it again. */
static void copy_to_other_names(enum module_id id, struct module_facts *m)
{
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (settings[i].params[id] && settings[i].other_name)
			m->of[i] = m->of[setting_of_param(id, settings[i].params[id]->name)->id];
}

/*
 * libkmod is asked only about a module that is not loaded, and not about that of another vendor: to
 * load the library alone costs more than all the rest.
 */
static void observe_module(struct ports *p, enum module_id id, struct host *h)
{
	const char *module = kvm_modules[id].name;
	struct module_facts *m = &h->modules[id];

	m->refcnt = -1;
	m->state = MODULE_STATE_UNKNOWN;
	for (size_t i = 0; i < SETTING_COUNT; i++)
		m->of[i].now = UNKNOWN;
	if (!p->image) {
		m->state = loaded_state(p, module);
		/* What is being loaded or removed has no value that lasts. */
		if (m->state == MODULE_STATE_LOADED || m->state == MODULE_STATE_BUILTIN)
			observe_loaded(p, id, h->parts, m);
		else if (m->state == MODULE_STATE_UNKNOWN && module_fits(id, &h->cpu))
			m->state = stored_state(p, module, h);
	}
	observe_hardware(p, h, id, m);
	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if (!settings[i].params[id] || settings[i].other_name)
			continue;
		observe_next(h, settings[i].params[id], module, m, &m->of[i]);
		observe_next_boot(h, id, settings[i].params[id], &m->of[i]);
	}
	copy_to_other_names(id, m);
}

/* ---- the rest of the host ---- */

void observe_device(struct ports *p, struct device_facts *ret)
{
	struct file_stat st;
	int size;

	*ret = (struct device_facts){ 0 };
	if (p->file.stat(p, KVM_DEVICE, &st) < 0)
		return;
	*ret = (struct device_facts){
		.exists = true, .uid = st.uid, .gid = st.gid, .mode = st.mode
	};
	size = p->file.read_acl(p, KVM_DEVICE, ret->acl, sizeof(ret->acl));
	ret->acl_unknown = size < 0;
	ret->acl_size = size > 0 ? (size_t)size : 0;
}

static bool exists(struct ports *p, const char *path)
{
	struct file_stat st;

	return p->file.stat(p, path, &st) == 0;
}

static void observe_hypervisors(struct ports *p, struct host *h)
{
	static const char *const others[] = { "vboxdrv", "vmmon" };

	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		autofree char *dir = xasprintf("/sys/module/%s/holders", others[i]);
		autostrv holders = { 0 };

		/* Each of its own modules counts once, as those of VirtualBox for networks. */
		p->file.list(p, dir, &holders);
		if (observe_refcnt(p, others[i]) > (int)holders.n)
			strv_add(&h->hypervisors, others[i]);
	}
}

static void observe_own_conf(struct ports *p, struct host *h)
{
	autobuf text = { 0 };

	if (read_noting(p, OWN_CONF_FILE, &h->conf_unread, &text) == 0)
		h->own_conf = buf_steal(&text);
	h->conf_writable = p->file.writable(p, OWN_CONF_DIR);
}

static void observe_kernel_words(struct ports *p, struct host *h)
{
	autobuf text = { 0 };

	if (p->file.read(p, MODCONF_CMDLINE, &text) < 0)
		return;
	h->kernel_words = modconf_kernel_words(buf_text(&text));
	modconf_add_cmdline(&h->boot_conf, h->kernel_words);
}

static bool is_xen(struct ports *p)
{
	autofree char *type = read_line_of(p, "/sys/hypervisor/type");

	return (type && strcmp(type, "xen") == 0) || exists(p, "/proc/xen/capabilities");
}

static void observe_running(struct ports *p, struct host *h)
{
	autofree char *disabled = read_line_of(p, "/proc/sys/kernel/modules_disabled");

	h->modules_disabled = disabled ? param_bool(disabled) : UNKNOWN;
	h->l1tf = read_line_of(p, "/sys/devices/system/cpu/vulnerabilities/l1tf");
	observe_kernel_words(p, h);
	h->xen = is_xen(p);
	h->udev = exists(p, "/run/udev/control");
	h->libvirt = exists(p, "/var/cache/libvirt/qemu/capabilities");
	/* Each kernel has one, and it beats every file. */
	if (!exists(p, MODCONF_CMDLINE))
		strv_add(&h->unseen, "the kernel command line (/proc is not mounted)");
	observe_device(p, &h->device);
	observe_hypervisors(p, h);
}

static void observe_cpu(struct ports *p, struct host *h)
{
	struct err ignored = { 0 };

	h->cpu.vmx = h->cpu.svm = h->cpu.hypervisor = UNKNOWN;
	h->cpu_known = p->cpu.identify(p, &h->cpu, &ignored) == 0;
	if (!h->cpu_known && !p->image)
		strv_addf(&h->unseen, "the processor (%s)", ignored.text);
}

static void observe_modules(struct ports *p, struct host *h)
{
	observe_cpu(p, h);
	observe_conf(p, &h->conf, &h->conf_unread);
	observe_own_conf(p, h);
	observe_loader(p, h);
	if (!p->image)
		observe_running(p, h);
	for (size_t i = 0; i < MODULE_COUNT; i++)
		observe_module(p, (enum module_id)i, h);
	observe_use(p, h);
	if (h->parts & HOST_RELOAD)
		observe_reload(p, h);
}

int host_observe(struct ports *p, unsigned parts, struct host *ret, struct err *e)
{
	*ret = (struct host){ .parts = parts, .image = p->image, .modules_disabled = UNKNOWN };
	p->system.identify(p, &ret->id);
	ret->root = p->system.is_root(p);
	ret->nixos = exists(p, "/etc/NIXOS");
	if (parts & HOST_MODULES)
		observe_modules(p, ret);
	if (parts & HOST_ATTRIBUTES)
		observe_attributes(p, ret);
	if (parts & (HOST_KSM | HOST_KSM_USERS | HOST_ATTRIBUTES))
		observe_ksm(p, ret);
	unread_tell(&ret->conf_unread, "decide the next load", &ret->unseen);
	unread_tell(&ret->loader_unread, "decide the next boot", &ret->unseen);
	unread_tell(&ret->ksm.unread, "set KSM or THP at boot", &ret->unseen);
	unread_tell(&ret->ksm.users_unread, "decide how much memory unmerging needs", &ret->unseen);
	if (parts & HOST_LENIENT || (unread_fail(&ret->ksm.unread, ret->root, e) == 0 &&
				     unread_fail(&ret->ksm.users_unread, ret->root, e) == 0))
		return 0;
	host_free(ret);
	return e->code;
}
