// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * modules.c - kernel modules through libkmod.
 *
 * The library is loaded when it is first needed. That is before a module is removed: prepare() is
 * before, and where nothing was prepared, unload() needs it as much as load() does.
 */
#include "library.h"
#include "sys.h"

#include <errno.h>
#include <libkmod.h>
#include <string.h>

#define LIBRARY "libkmod.so.2"

/* All that is used of the library. */
#define EACH_FUNCTION(X)                                                                           \
	X(new)                                                                                     \
	X(unref)                                                                                   \
	X(set_log_fn)                                                                              \
	X(list_next)                                                                               \
	X(module_new_from_name)                                                                    \
	X(module_unref)                                                                            \
	X(module_unref_list)                                                                       \
	X(module_get_name)                                                                         \
	X(module_get_path)                                                                         \
	X(module_get_options)                                                                      \
	X(module_get_initstate)                                                                    \
	X(module_get_dependencies)                                                                 \
	X(module_get_module)                                                                       \
	X(module_insert_module)                                                                    \
	X(module_probe_insert_module)                                                              \
	X(module_remove_module)

struct functions {
#define MEMBER(name) typeof(&kmod_##name) name;
	EACH_FUNCTION(MEMBER)
#undef MEMBER
};

struct modules {
	struct functions kmod;
	struct kmod_ctx *context; /* of the last prepare() */
	struct kmod_module *module;
};

/* ---- the library ---- */

DLOPEN_NOTE(dlopen_note, "modules", "Loads and removes kernel modules", "required", LIBRARY);

static const struct library_function function_table[] = {
#define ROW(name) { "kmod_" #name, offsetof(struct functions, name) },
	EACH_FUNCTION(ROW)
#undef ROW
};

static const struct library libkmod = {
	.soname = LIBRARY,
	.vain = "cannot ask for kernel modules",
	.packages = "libkmod2 or kmod-libs",
	.functions = function_table,
	.count = ARRAY_SIZE(function_table),
};

/* NULL: it cannot be loaded. */
static struct modules *modules_of(struct ports *p, struct err *e)
{
	struct sys *s = sys_of(p);
	struct modules *ms = s->modules;

	if (ms)
		return ms;
	ms = xcalloc(1, sizeof(*ms));
	if (library_load(&libkmod, &ms->kmod, e) < 0) {
		err_status(e, STATUS_FAILED, "no-libkmod");
		free(ms);
		return NULL;
	}
	s->modules = ms;
	return ms;
}

/* ---- the context ---- */

static void be_silent(void *data, int priority, const char *file, int line, const char *fn,
		      const char *format, va_list args)
{
	(void)data, (void)priority, (void)file, (void)line, (void)fn, (void)format, (void)args;
}

static void close_context(struct modules *ms)
{
	/* Without one yet, each takes NULL. */
	ms->module = ms->kmod.module_unref(ms->module);
	ms->context = ms->kmod.unref(ms->context);
}

void sys_modules_close(struct ports *p)
{
	struct sys *s = sys_of(p);

	if (!s->modules)
		return;
	close_context(s->modules);
	free(s->modules);
	s->modules = NULL;
}

/* No number of its own: to the callers -ENOENT and -ENOSYS say something of a module. */
static struct modules *no_context(const char *what, int error, struct err *e)
{
	err_set(e, -EIO, "%s: %s", what, strerror(error));
	return NULL;
}

/* A new context: libkmod reads the configuration once, when one is made. */
static struct modules *new_context(struct ports *p, const char *module, struct err *e)
{
	struct modules *ms = modules_of(p, e);
	int r;

	if (!ms)
		return NULL;
	close_context(ms);
	ms->context = ms->kmod.new(NULL, NULL);
	if (!ms->context)
		return no_context("libkmod cannot read the configuration", errno ?: ENOMEM, e);
	ms->kmod.set_log_fn(ms->context, be_silent, NULL);
	r = ms->kmod.module_new_from_name(ms->context, module, &ms->module);
	return r < 0 ? no_context("libkmod does not take the name of the module", -r, e) : ms;
}

static enum module_kind kind_of(const struct modules *ms)
{
	if (ms->kmod.module_get_initstate(ms->module) == KMOD_MODULE_BUILTIN)
		return MODULE_BUILTIN;
	return ms->kmod.module_get_path(ms->module) ? MODULE_LOADABLE : MODULE_ABSENT;
}

/* kvmtune runs no command, not even one of modprobe.d. */
static int refuse_command(struct kmod_module *m, const char *cmd, void *data)
{
	(void)m, (void)cmd, (void)data;
	return -EPERM;
}

/* As configured, with dependencies. */
static int insert(const struct modules *ms, struct kmod_module *m, unsigned flags)
{
	return ms->kmod.module_probe_insert_module(m, flags, NULL, refuse_command, NULL, NULL);
}

/*
 * Has libkmod look up now, while KVM is there, what it would otherwise look up while KVM is away:
 * path, dependencies, options.
 */
static void warm_up(const struct modules *ms)
{
	insert(ms, ms->module, KMOD_PROBE_DRY_RUN | KMOD_PROBE_IGNORE_LOADED);
}

static int module_prepare(struct ports *p, const char *module, enum module_kind *ret_kind,
			  struct buf *ret_options, struct err *e)
{
	const struct modules *ms = new_context(p, module, e);
	const char *options;

	if (!ms)
		return e->code;
	if (ret_kind)
		*ret_kind = kind_of(ms);
	warm_up(ms);
	options = ms->kmod.module_get_options(ms->module);
	if (ret_options && options)
		buf_puts(ret_options, options);
	return 0;
}

/* ---- changes ---- */

/* The module as the last prepare() made it ready: nothing is read while KVM is away. */
static const struct modules *ready(struct ports *p, const char *module, struct err *e)
{
	const struct modules *ms = sys_of(p)->modules;

	if (ms && ms->module && strcmp(ms->kmod.module_get_name(ms->module), module) == 0)
		return ms;
	return new_context(p, module, e);
}

static int module_unload(struct ports *p, const char *module, struct err *e)
{
	const struct modules *ms = ready(p, module, e);
	int r;

	if (!ms)
		return e->code;
	/* libkmod adds O_NONBLOCK by itself: the kernel refuses, it does not wait. */
	r = ms->kmod.module_remove_module(ms->module, 0);
	return r < 0 ? err_sys(e, r, "cannot remove %s", module) : 0;
}

static int load_dependencies(const struct modules *ms)
{
	struct kmod_list *list = ms->kmod.module_get_dependencies(ms->module), *item;
	int r = 0;

	for (item = list; item; item = ms->kmod.list_next(list, item)) {
		struct kmod_module *dependency = ms->kmod.module_get_module(item);

		if (r >= 0)
			r = insert(ms, dependency, 0);
		ms->kmod.module_unref(dependency);
	}
	ms->kmod.module_unref_list(list);
	return r;
}

static int load_exactly(const struct modules *ms, const char *options)
{
	int r = load_dependencies(ms);

	return r < 0 ? r : ms->kmod.module_insert_module(ms->module, 0, options);
}

static int module_load(struct ports *p, const char *module, const char *options, struct err *e)
{
	const struct modules *ms = ready(p, module, e);
	int r;

	if (!ms)
		return e->code;
	if (options)
		r = load_exactly(ms, options);
	else
		r = insert(ms, ms->module, KMOD_PROBE_FAIL_ON_LOADED);
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
