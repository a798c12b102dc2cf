// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_use.c - which module makes /dev/kvm, whether anybody holds KVM, and who.
 *
 * A loaded module that makes /dev/kvm counts its use, and that count decides. Where there is none, as
 * with KVM that is built in, holders are looked for in /proc. A look can find a holder. It proves that
 * there is none only where every process can be seen.
 */
#include "observe_use.h"

#include <errno.h>
#include <string.h>

#include <kvmtune/observe.h>
#include <kvmtune/port.h>

#define KVM_HOLDERS  "/sys/module/kvm/holders"
#define MISC_DEVICES "/sys/class/misc"
#define PID_SPACE    "/proc/self/ns/pid"
/* The first PID namespace (include/linux/proc_ns.h: PROC_PID_INIT_INO). */
#define INIT_PID_SPACE "pid:[4026531836]"

int observe_users(struct ports *p, struct kvm_users *ret, struct err *e)
{
	int r = p->kvm.users(p, ret, e);

	if (r < 0) {
		kvm_users_free(ret);
		return r;
	}
	for (size_t i = 0; i < ret->count; i++)
		user_describe(&ret->users[i]);
	return 0;
}

static bool path_exists(struct ports *p, const char *path)
{
	struct file_stat st;

	return p->file.stat(p, path, &st) == 0;
}

/* ---- the module that makes /dev/kvm ---- */

/* These use the symbols of kvm (drivers/gpu/drm/i915/gvt, drivers/vfio) and make no /dev/kvm. */
static bool only_uses_kvm(const char *name)
{
	return strcmp(name, "kvmgt") == 0 || starts_with(name, "vfio");
}

/* A built-in module of ours makes no device on a processor that it does not fit. */
static bool may_make_device(const struct host *h, const char *name)
{
	enum module_id id = module_find(name);

	if (only_uses_kvm(name))
		return false;
	return id == MODULE_COUNT ||
	       (h->modules[id].state == MODULE_STATE_BUILTIN && h->modules[id].enabled.value != NO);
}

/* Where kvm is built in, it has no list of holders: each kvm_... of /sys/module may be one. */
static int list_candidates(struct ports *p, struct strv *ret, const char **ret_source)
{
	autostrv all = { 0 };
	const char *name;
	int r;

	*ret_source = KVM_HOLDERS;
	r = p->file.list(p, KVM_HOLDERS, ret);
	if (r != -ENOENT)
		return r;
	*ret_source = "/sys/module";
	r = p->file.list(p, "/sys/module", &all);
	strv_foreach (name, &all)
		if (starts_with(name, "kvm_"))
			strv_add(ret, name);
	return r;
}

static void set_module(struct kvm_use *use, const char *name, const char *source)
{
	use->module = xstrdup(name);
	strv_add(&use->module_source, source);
}

/* Unknown where several may have made it. */
static void find_maker(struct ports *p, struct host *h)
{
	autostrv names = { 0 };
	const char *name, *source, *found = NULL;
	size_t count = 0;

	for (size_t i = 0; i < MODULE_COUNT; i++) {
		if (h->modules[i].state != MODULE_STATE_LOADED)
			continue;
		set_module(&h->use, kvm_modules[i].name, "/sys/module");
		return;
	}
	if (!h->device.exists || list_candidates(p, &names, &source) < 0)
		return;
	strv_foreach (name, &names) {
		if (!may_make_device(h, name))
			continue;
		found = name;
		count++;
	}
	if (count == 1)
		set_module(&h->use, found, source);
}

/* ---- who holds it ---- */

static void set_held(struct kvm_use *use, enum tri value, const char *source)
{
	if (use->held.value == YES)
		return;
	strv_free(&use->held.source);
	use->held.value = value;
	strv_add(&use->held.source, source);
}

static void count_use(struct ports *p, enum module_id id, struct host *h)
{
	const char *module = kvm_modules[id].name;
	autofree char *holders = xasprintf("/sys/module/%s/holders", module);
	struct module_facts *m = &h->modules[id];

	if (m->state != MODULE_STATE_LOADED)
		return;
	m->refcnt = observe_refcnt(p, module);
	p->file.list(p, holders, &m->holders);
	if (m->refcnt >= 0)
		set_held(&h->use, module_in_use(m) ? YES : NO, "refcnt");
}

/* The maker counts each open of its device, whatever it is called (drivers/char/misc.c: fops_get). */
static void count_other(struct ports *p, struct host *h)
{
	const char *other = host_other_module(h);
	autofree char *path = other ? xasprintf("/sys/module/%s/refcnt", other) : NULL;
	int count = other ? observe_refcnt(p, other) : -1;

	if (count >= 0)
		set_held(&h->use, count > 0 ? YES : NO, path);
}

/* Processes of an outer PID namespace may hold KVM, and are not in this /proc. */
static bool sees_all_processes(struct ports *p)
{
	autobuf space = { 0 };

	return p->file.read_link(p, PID_SPACE, &space) == 0 &&
	       strcmp(buf_text(&space), INIT_PID_SPACE) == 0;
}

static void observe_holders(struct ports *p, struct host *h)
{
	struct err e = { 0 };

	h->use.walked = observe_users(p, &h->users, &e) == 0;
	if (!h->use.walked)
		strv_addf(&h->unseen, "the holders of KVM (%s)", e.text);
	if (h->users.hidden)
		strv_addf(&h->unseen, "the descriptors of %zu process%s%s", h->users.hidden,
			  h->users.hidden == 1 ? "" : "es", h->root ? "" : " (needs root)");
	unanswered_tell(&h->users.unanswered, "the holders of KVM", &h->unseen);
}

/* No count: all that there is, is what can be seen. */
static void judge_by_sight(struct ports *p, struct host *h)
{
	bool all = sees_all_processes(p);

	if (h->users.count) {
		set_held(&h->use, YES, "/proc");
		return;
	}
	if (!h->use.walked)
		return;
	if (!h->root && !h->users.hidden)
		strv_add(&h->unseen, "the processes of other users (needs root)");
	if (!all)
		strv_add(&h->unseen, "processes outside of this PID namespace");
	if (all && h->root && !h->users.hidden && !h->users.unanswered.count &&
	    !h->users.unanswered.not_asked)
		set_held(&h->use, NO, "/proc");
}

static bool is_in_kernel(const struct host *h)
{
	for (size_t i = 0; i < MODULE_COUNT; i++)
		if (h->modules[i].state == MODULE_STATE_LOADED ||
		    h->modules[i].state == MODULE_STATE_BUILTIN ||
		    h->modules[i].state == MODULE_STATE_BUSY)
			return true;
	return false;
}

/*
 * What shows that this kernel has no /dev/kvm at all; NULL: nothing does. Its misc devices are the same
 * for all processes (drivers/char/misc.c:misc_register), and there is one as long as it is held.
 */
static const char *find_no_kvm(struct ports *p, const struct host *h)
{
	if (path_exists(p, MISC_DEVICES))
		return path_exists(p, MISC_DEVICES "/kvm") ? NULL : MISC_DEVICES;
	if (h->device.exists || is_in_kernel(h) || path_exists(p, "/sys/module/kvm") ||
	    !path_exists(p, "/sys/module"))
		return NULL;
	return "/sys/module";
}

void observe_use(struct ports *p, struct host *h)
{
	const char *nothing;

	h->use.held.value = UNKNOWN;
	p->kvm.settle(p);
	for (size_t i = 0; i < MODULE_COUNT; i++)
		count_use(p, (enum module_id)i, h);
	if (p->image)
		return;
	find_maker(p, h);
	count_other(p, h);
	if (h->use.held.value == YES)
		observe_holders(p, h);
	/* No holder, says the count: /proc is not walked at all. */
	if (h->use.held.value != UNKNOWN || !(h->parts & HOST_HOLDERS))
		return;
	nothing = find_no_kvm(p, h);
	if (nothing) {
		set_held(&h->use, NO, nothing);
		return;
	}
	observe_holders(p, h);
	judge_by_sight(p, h);
}
