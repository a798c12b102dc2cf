// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * modules.c - kernel modules through libkmod.
 *
 * The library is loaded when it is first needed. That is before a module is removed: prepare() is
 * before, and where nothing was prepared, unload() needs it as much as load() does.
 */
#include "library.h"
#include "module_file.h"

#include <errno.h>
#include <libkmod.h>
#include <string.h>
#include <sys/utsname.h>

#define LIBRARY "libkmod.so.2"

/* All that is used of the library. */
#define EACH_FUNCTION(X)                                                                           \
	X(new)                                                                                     \
	X(unref)                                                                                   \
	X(set_log_fn)                                                                              \
	X(list_next)                                                                               \
	X(module_new_from_name)                                                                    \
	X(module_new_from_path)                                                                    \
	X(module_unref)                                                                            \
	X(module_unref_list)                                                                       \
	X(module_get_name)                                                                         \
	X(module_get_path)                                                                         \
	X(module_get_options)                                                                      \
	X(module_get_install_commands)                                                             \
	X(module_get_softdeps)                                                                     \
	X(module_get_info)                                                                         \
	X(module_info_get_key)                                                                     \
	X(module_info_get_value)                                                                   \
	X(module_info_free_list)                                                                   \
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
	/* Of the last check_reload() that found nothing in the way: it is what gets inserted. */
	struct kept {
		struct module_file file;
		char *module, *param; /* NULL: none is kept */
	} kept;
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
	.failure = "cannot ask for kernel modules",
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
	ms->kept.file.fd = -1;
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

static void drop_kept(struct kept *kept)
{
	module_file_close(&kept->file);
	free(kept->module);
	free(kept->param);
	kept->module = kept->param = NULL;
}

void sys_modules_close(struct ports *p)
{
	struct sys *s = sys_of(p);

	if (!s->modules)
		return;
	close_context(s->modules);
	drop_kept(&s->modules->kept);
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
	return r < 0 ? no_context("libkmod rejects the name of the module", -r, e) : ms;
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

/* ---- can it be loaded again? ---- */

/*
 * The kernel refuses this value of every parameter that is a number or a bool. So even where somebody
 * removes the module just now, asking does not load it: parameters are read before it is started.
 */
#define NO_VALUE "kvmtune-asks"

/* One kmod context without any configuration: only paths, and what files say of themselves. */
struct question {
	const struct modules *ms;
	struct kmod_ctx *context;
	struct kmod_module *module;
	struct module_file file;
};

static void end_question(struct question *q)
{
	module_file_close(&q->file);
	q->ms->kmod.module_unref(q->module);
	q->ms->kmod.unref(q->context);
}

static int begin_question(const struct modules *ms, const char *module, struct question *ret,
			  struct err *e)
{
	static const char *const no_configuration[] = { NULL };
	struct question q = { .ms = ms, .file = { .fd = -1 } };
	int r = -ENOMEM;

	q.context = ms->kmod.new(NULL, no_configuration);
	if (q.context) {
		ms->kmod.set_log_fn(q.context, be_silent, NULL);
		r = ms->kmod.module_new_from_name(q.context, module, &q.module);
	}
	if (r < 0) {
		end_question(&q);
		return err_set(e, -EIO, "libkmod cannot look it up: %s", strerror(-r));
	}
	*ret = q;
	return 0;
}

static int hint_gone(struct err *e)
{
	return err_hint(e, "Boot the kernel that is installed now, or reinstall the modules of the "
			   "running one.");
}

static int check_dependency(struct ports *p, const struct question *q, const char *name,
			    struct err *e)
{
	struct kmod_module *m = NULL;
	const char *path = NULL;
	struct file_stat st = { 0 };
	int r = -ENOENT;

	if (q->ms->kmod.module_new_from_name(q->context, name, &m) >= 0)
		path = q->ms->kmod.module_get_path(m);
	if (path)
		r = p->file.stat(p, path, &st);
	if (r < 0)
		err_sys(e, r, "the file of module %s, which it needs, is missing", name);
	else if (!st.is_regular)
		err_set(e, -EINVAL, "the file of module %s, which it needs, is not a regular file",
			name);
	q->ms->kmod.module_unref(m);
	return e->code ? hint_gone(e) : 0;
}

/*
 * "kvm 1146880 1 kvm_amd, Live 0x0": it is asked which modules ours uses now, as libkmod leaves out those
 * whose file is gone.
 */
static int check_dependencies(struct ports *p, const struct question *q, struct err *e)
{
	autofree char *word = xasprintf(",%s,", q->ms->kmod.module_get_name(q->module));
	autobuf text = { 0 };
	char *line, *rest;

	if (p->file.read(p, "/proc/modules", &text) < 0 || !text.len)
		return 0;
	rest = text.data;
	while ((line = strsep(&rest, "\n")) && !e->code) {
		const char *name = strsep(&line, " ");
		autofree char *users = NULL;

		(void)strsep(&line, " ");
		(void)strsep(&line, " ");
		users = xasprintf(",%s", line ? strsep(&line, " ") : "");
		if (strstr(users, word))
			check_dependency(p, q, name, e);
	}
	return e->code;
}

static int open_file(struct ports *p, struct question *q, struct err *e)
{
	const char *path = q->ms->kmod.module_get_path(q->module);
	struct utsname u;

	if (path)
		return module_file_open(p, path, &q->file, e) < 0 ? hint_gone(e) : 0;
	uname(&u);
	err_set(e, -ENOENT,
		"the modules of the running kernel were removed: /lib/modules/%s has no such "
		"module, or no modules.dep",
		u.release);
	return hint_gone(e);
}

/* What a file says of itself, by a key of modinfo; NULL: nothing. To be freed. */
static char *info_of(const struct modules *ms, struct kmod_module *m, const char *key)
{
	struct kmod_list *list = NULL, *item;
	char *value = NULL;

	if (ms->kmod.module_get_info(m, &list) < 0)
		return NULL;
	for (item = list; item && !value; item = ms->kmod.list_next(list, item))
		if (strcmp(ms->kmod.module_info_get_key(item), key) == 0)
			value = xstrdup(ms->kmod.module_info_get_value(item));
	ms->kmod.module_info_free_list(list);
	return value;
}

/* Without a build id, compare its kernel and its name (files have one since Linux 4.16). */
static int check_info(const struct question *q, struct kmod_module *m, struct err *e)
{
	const char *module = q->ms->kmod.module_get_name(q->module);
	autofree char *name = info_of(q->ms, m, "name");
	autofree char *magic = info_of(q->ms, m, "vermagic");
	struct utsname u;

	uname(&u);
	if (magic && (!name || strcmp(name, module) == 0) && starts_with(magic, u.release) &&
	    magic[strlen(u.release)] == ' ')
		return 0;
	err_set(e, -ENOEXEC, "its file is damaged, or belongs to another module or kernel");
	return hint_gone(e);
}

static const char *meaning(int r)
{
	switch (r) {
	case -ENOEXEC:
		return "its file is damaged, or was built for another kernel";
	case -EKEYREJECTED:
	case -ENOKEY:
	case -EBADMSG:
	case -ENOPKG:
		return "the kernel enforces module signatures and does not trust that of its file";
	case -EPERM:
	case -EACCES:
	case -ENOSYS:
		return "modules cannot be loaded from here now: lockdown, a seccomp filter, no "
		       "CAP_SYS_MODULE, or this module is on the kernel's own block list";
	default:
		return "the kernel rejects its file";
	}
}

/* A module that is loaded is refused as that, after all that the kernel asks of a file. */
static int ask_kernel(const struct question *q, struct kmod_module *m, const char *param,
		      struct err *e)
{
	autofree char *options = xasprintf("%s=" NO_VALUE, param);
	int r = q->ms->kmod.module_insert_module(m, 0, options);

	if (r == -EEXIST)
		return 0;
	err_sys(e, r < 0 ? r : -EIO, "%s", meaning(r));
	return err_hint(e, "The kernel log (dmesg) may say more.");
}

/* No file of another module is ever shown to the kernel. */
static int check_file(struct ports *p, const struct question *q, const char *param, struct err *e)
{
	const char *module = q->ms->kmod.module_get_name(q->module);
	autofree char *path = module_file_path(&q->file);
	struct kmod_module *m = NULL;
	int r = module_file_check_build(p, &q->file, module, e);

	if (r < 0)
		return r;
	r = q->ms->kmod.module_new_from_path(q->context, path, &m) < 0 ? -EIO : r;
	if (r < 0)
		err_set(e, r, "libkmod cannot open its file (is /proc mounted?)");
	else if (r == 0 || check_info(q, m, e) == 0)
		ask_kernel(q, m, param, e);
	q->ms->kmod.module_unref(m);
	return e->code;
}

static void keep(struct kept *kept, struct question *q, const char *module, const char *param)
{
	drop_kept(kept);
	*kept = (struct kept){ .file = q->file,
			       .module = xstrdup(module),
			       .param = xstrdup(param) };
	q->file.fd = -1;
}

/* Always -ESTALE: callers read -ENOENT, -EAGAIN and -ENOSYS as the answer to a removal. */
static int cannot_be_reloaded(const char *module, struct err *e)
{
	e->code = -ESTALE;
	err_status(e, STATUS_IMPOSSIBLE, "not-reloadable");
	return err_wrap(e, "%s could not be loaded again", module);
}

static int module_check_reload(struct ports *p, const char *module, const char *param,
			       struct err *e)
{
	struct modules *ms = modules_of(p, e);
	struct question q;

	if (!ms)
		return e->code;
	drop_kept(&ms->kept);
	if (begin_question(ms, module, &q, e) < 0)
		return cannot_be_reloaded(module, e);
	if (open_file(p, &q, e) == 0 && check_dependencies(p, &q, e) == 0 &&
	    check_file(p, &q, param, e) == 0)
		keep(&ms->kept, &q, module, param);
	end_question(&q);
	return e->code ? cannot_be_reloaded(module, e) : 0;
}

static struct kept *kept_of(struct modules *ms, const char *module)
{
	return ms->kept.module && strcmp(ms->kept.module, module) == 0 ? &ms->kept : NULL;
}

/* A file that was touched is checked again: it may have lost a name only, or have another content. */
static int check_kept(struct ports *p, struct modules *ms, const char *module, struct err *e)
{
	struct kept *kept = kept_of(ms, module);
	struct question q;
	struct stat now;

	if (!kept || !module_file_was_touched(&kept->file, &now))
		return 0;
	if (begin_question(ms, module, &q, e) < 0)
		return cannot_be_reloaded(module, e);
	q.file = kept->file;
	if (check_file(p, &q, kept->param, e) == 0)
		kept->file.st = now;
	q.file.fd = -1; /* it stays open */
	end_question(&q);
	return e->code ? cannot_be_reloaded(module, e) : 0;
}

/* ---- changes ---- */

/* The module as the last prepare() made it ready: nothing is read while KVM is away. */
static struct modules *ready(struct ports *p, const char *module, struct err *e)
{
	struct modules *ms = sys_of(p)->modules;

	if (ms && ms->module && strcmp(ms->kmod.module_get_name(ms->module), module) == 0)
		return ms;
	return new_context(p, module, e);
}

static int module_unload(struct ports *p, const char *module, struct err *e)
{
	struct modules *ms = ready(p, module, e);
	int r;

	if (!ms || check_kept(p, ms, module, e) < 0)
		return e->code;
	/* libkmod adds O_NONBLOCK by itself: the kernel refuses, it does not wait. */
	r = ms->kmod.module_remove_module(ms->module, 0);
	return r < 0 ? err_sys(e, r, "cannot remove %s", module) : 0;
}

static int load_each(const struct modules *ms, struct kmod_list *list)
{
	struct kmod_list *item;
	int r = 0;

	for (item = list; item; item = ms->kmod.list_next(list, item)) {
		struct kmod_module *m = ms->kmod.module_get_module(item);

		if (r >= 0)
			r = insert(ms, m, 0);
		ms->kmod.module_unref(m);
	}
	ms->kmod.module_unref_list(list);
	return r;
}

/* The file that was checked, where one is kept: whatever is at its path now. */
static int insert_file(struct modules *ms, const char *module, const char *options)
{
	const struct kept *kept = kept_of(ms, module);
	autofree char *path = kept ? module_file_path(&kept->file) : NULL;
	struct kmod_module *m;
	int r;

	if (!kept)
		return ms->kmod.module_insert_module(ms->module, 0, options);
	r = ms->kmod.module_new_from_path(ms->context, path, &m);
	if (r < 0)
		return r;
	r = ms->kmod.module_insert_module(m, 0, options);
	ms->kmod.module_unref(m);
	return r;
}

static int load_exactly(struct modules *ms, const char *module, const char *options)
{
	int r = load_each(ms, ms->kmod.module_get_dependencies(ms->module));

	return r < 0 ? r : insert_file(ms, module, options);
}

/* As libkmod does it, but for the file: it would open that by its path. */
static int load_as_configured(struct modules *ms, const char *module)
{
	struct kmod_list *before = NULL, *after = NULL;
	int r;

	if (ms->kmod.module_get_install_commands(ms->module))
		return -EPERM;
	ms->kmod.module_get_softdeps(ms->module, &before, &after);
	/* To libkmod too, these may fail. */
	load_each(ms, before);
	r = load_exactly(ms, module, ms->kmod.module_get_options(ms->module));
	if (r >= 0)
		load_each(ms, after);
	else
		ms->kmod.module_unref_list(after);
	return r;
}

static int module_load(struct ports *p, const char *module, const char *options, struct err *e)
{
	struct modules *ms = ready(p, module, e);
	int r;

	if (!ms)
		return e->code;
	r = options ? load_exactly(ms, module, options) : load_as_configured(ms, module);
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
	p->module.check_reload = module_check_reload;
	p->module.unload = module_unload;
	p->module.load = module_load;
}
