// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_reload.c - would KVM come back, the module and its device, if it were removed now?
 */
#include <kvmtune/observe.h>
#include <kvmtune/port.h>

#include <string.h>

#define MOUNTINFO   "/proc/self/mountinfo"
#define FILESYSTEMS "/proc/filesystems"

/* A kernel without devtmpfs leaves /dev alone. */
static bool has_devtmpfs(struct ports *p)
{
	autobuf text = { 0 };

	return p->file.read(p, FILESYSTEMS, &text) == 0 && strstr(buf_text(&text), "\tdevtmpfs\n");
}

static void observe_device_mount(struct ports *p, struct host *h)
{
	autobuf text = { 0 };

	free(h->device_hidden);
	h->device_hidden = NULL;
	if (p->file.read(p, MOUNTINFO, &text) == 0 && text.len && has_devtmpfs(p))
		h->device_hidden = device_covered_by(buf_text(&text));
}

static void ask_about_module(struct ports *p, const struct kvm_module *module,
			     struct reload_facts *ret)
{
	*ret = (struct reload_facts){ .state = RELOAD_POSSIBLE };
	if (p->module.check_reload(p, module->name, module->param, &ret->why_not) < 0)
		ret->state = RELOAD_IMPOSSIBLE;
}

/*
 * Such a filter may kill who asks to load a module. A change is better ended before it begins, but
 * nobody shall end for a look.
 */
static bool may_be_killed(struct ports *p, const struct host *h)
{
	autobuf text = { 0 };

	return h->parts & HOST_LENIENT &&
	       p->file.read_head(p, "/proc/self/status", 8192, &text) == 0 &&
	       strstr(buf_text(&text), "\nSeccomp:\t2\n");
}

/*
 * The kernel is shown a parameter that the loaded module has, so that it refuses to load it in any
 * case: one that it does not have it would pass over.
 */
static const char *why_not_to_ask(struct ports *p, const struct host *h, enum module_id id)
{
	const struct setting *s = setting_of_param(id, kvm_modules[id].param);

	if (h->modules[id].of[s->id].now == UNKNOWN)
		return "its parameter cannot be read";
	if (!h->root)
		return "needs root";
	return may_be_killed(p, h) ? "a seccomp filter may kill kvmtune for asking" : NULL;
}

static void observe_module(struct ports *p, struct host *h, enum module_id id)
{
	const struct kvm_module *module = &kvm_modules[id];
	struct module_facts *m = &h->modules[id];
	const char *why_not;

	if (m->state != MODULE_STATE_LOADED)
		return;
	why_not = why_not_to_ask(p, h, id);
	if (why_not)
		strv_addf(&h->unseen, "whether %s could be loaded again (%s)", module->name,
			  why_not);
	else
		ask_about_module(p, module, &m->reload);
}

void observe_reload(struct ports *p, struct host *h)
{
	if (p->image)
		return;
	h->parts |= HOST_RELOAD;
	observe_device_mount(p, h);
	for (size_t i = 0; i < MODULE_COUNT; i++)
		observe_module(p, h, (enum module_id)i);
}
