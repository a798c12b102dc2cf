// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * modules.c - kernel modules through libkmod.
 */
#include "sys.h"

#include <errno.h>
#include <libkmod.h>
#include <string.h>

static void be_silent(void *data, int priority, const char *file, int line, const char *fn,
		      const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format, (void)args;
}

void sys_modules_close(struct ports *p)
{
	struct sys *s = sys_of(p);

	s->kmod_module = kmod_module_unref(s->kmod_module);
	s->kmod = kmod_unref(s->kmod);
}

/* A new context: libkmod reads the configuration once, when one is made. */
static int new_context(struct ports *p, const char *module, struct err *e)
{
	struct sys *s = sys_of(p);
	int r;

	sys_modules_close(p);
	s->kmod = kmod_new(NULL, NULL);
	if (!s->kmod)
		return err_sys(e, errno ? -errno : -ENOMEM,
			       "libkmod cannot read the configuration");
	kmod_set_log_fn(s->kmod, be_silent, NULL);
	r = kmod_module_new_from_name(s->kmod, module, &s->kmod_module);
	return r < 0 ? err_sys(e, r, "libkmod does not take the module name %s", module) : 0;
}

static enum module_kind kind_of(struct kmod_module *m)
{
	if (kmod_module_get_initstate(m) == KMOD_MODULE_BUILTIN)
		return MODULE_BUILTIN;
	return kmod_module_get_path(m) ? MODULE_LOADABLE : MODULE_ABSENT;
}

/* kvmtune runs no command, not even one of modprobe.d. */
static int refuse_command(struct kmod_module *m, const char *cmd, void *data)
{
	(void)m, (void)cmd, (void)data;
	return -EPERM;
}

/*
 * Has libkmod look up now, while KVM is there, what it would otherwise look up while KVM is away:
 * path, dependencies, options.
 */
static void warm_up(struct kmod_module *m)
{
	kmod_module_probe_insert_module(m, KMOD_PROBE_DRY_RUN | KMOD_PROBE_IGNORE_LOADED, NULL,
					refuse_command, NULL, NULL);
}

static int module_prepare(struct ports *p, const char *module, enum module_kind *ret_kind,
			  struct buf *ret_options, struct err *e)
{
	const char *options;
	int r = new_context(p, module, e);

	if (r < 0)
		return r;
	if (ret_kind)
		*ret_kind = kind_of(sys_of(p)->kmod_module);
	warm_up(sys_of(p)->kmod_module);
	options = kmod_module_get_options(sys_of(p)->kmod_module);
	if (ret_options && options)
		buf_puts(ret_options, options);
	return 0;
}

/* The module as the last prepare() made it ready: nothing is read while KVM is away. */
static struct kmod_module *ready(struct ports *p, const char *module, struct err *e)
{
	struct kmod_module *m = sys_of(p)->kmod_module;

	if (m && strcmp(kmod_module_get_name(m), module) == 0)
		return m;
	return new_context(p, module, e) < 0 ? NULL : sys_of(p)->kmod_module;
}

static int module_unload(struct ports *p, const char *module, struct err *e)
{
	struct kmod_module *m = ready(p, module, e);
	int r;

	if (!m)
		return e->code;
	/* libkmod adds O_NONBLOCK by itself: the kernel refuses, it does not wait. */
	r = kmod_module_remove_module(m, 0);
	return r < 0 ? err_sys(e, r, "cannot remove %s", module) : 0;
}

static int load_dependencies(struct kmod_module *m)
{
	struct kmod_list *list = kmod_module_get_dependencies(m), *item;
	int r = 0;

	kmod_list_foreach(item, list)
	{
		struct kmod_module *dependency = kmod_module_get_module(item);

		if (r >= 0)
			r = kmod_module_probe_insert_module(dependency, 0, NULL, refuse_command,
							    NULL, NULL);
		kmod_module_unref(dependency);
	}
	kmod_module_unref_list(list);
	return r;
}

static int load_exactly(struct kmod_module *m, const char *options)
{
	int r = load_dependencies(m);

	return r < 0 ? r : kmod_module_insert_module(m, 0, options);
}

static int module_load(struct ports *p, const char *module, const char *options, struct err *e)
{
	struct kmod_module *m = ready(p, module, e);
	int r;

	if (!m)
		return e->code;
	if (options)
		r = load_exactly(m, options);
	else
		r = kmod_module_probe_insert_module(m, KMOD_PROBE_FAIL_ON_LOADED, NULL,
						    refuse_command, NULL, NULL);
	return r < 0 ? err_sys(e, r, "cannot load %s", module) : 0;
}

static int no_modules(struct ports *p, const char *module, enum module_kind *ret_kind,
		      struct buf *ret_options, struct err *e)
{
	(void)p, (void)module, (void)ret_options, (void)e;
	if (ret_kind)
		*ret_kind = MODULE_KIND_UNKNOWN;
	return 0;
}

void sys_modules(struct ports *p)
{
	/* libkmod looks at the running kernel wherever its files are: not for an image. */
	p->module.prepare = p->image ? no_modules : module_prepare;
	p->module.unload = module_unload;
	p->module.load = module_load;
}
