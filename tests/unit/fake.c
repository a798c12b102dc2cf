// SPDX-License-Identifier: GPL-2.0-or-later
#include "fake.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <kvmtune/observe.h>

#include "../lib/process_files.h"

#define SYS_MODULE  "/sys/module/" MODULE
#define DEVICE_MODE 0660
#define DEVICE_GID  104
#define MEMINFO	    "/proc/meminfo"
#define VMSTAT	    "/proc/vmstat"

static struct fake *fake_of(struct ports *p)
{
	return p->self;
}

/* ---- files ---- */

static struct fake_file *find_file(struct fake *f, const char *path)
{
	size_t len = strlen(path);

	for (size_t i = 0; i < f->file_count; i++)
		if (f->files[i].path_len == len && strcmp(f->files[i].path, path) == 0)
			return &f->files[i];
	return NULL;
}

void fake_file(struct fake *f, const char *path, const char *text)
{
	struct fake_file *file = find_file(f, path);

	if (!file) {
		file = &array_push(f->files, f->file_count);
		file->path = xstrdup(path);
		file->path_len = strlen(path);
		file->mode = 0644;
	}
	file->link = false;
	free(file->text);
	file->text = xstrdup(text);
}

static void drop_file(struct fake *f, size_t i)
{
	free(f->files[i].path);
	free(f->files[i].text);
	f->file_count--;
	for (; i < f->file_count; i++)
		f->files[i] = f->files[i + 1];
}

void fake_gone(struct fake *f, const char *path)
{
	struct fake_file *file = find_file(f, path);

	if (file)
		drop_file(f, (size_t)(file - f->files));
}

void fake_link(struct fake *f, const char *path, const char *target)
{
	fake_file(f, path, target);
	find_file(f, path)->link = true;
}

/* The file itself, or that which a link leads to. */
static struct fake_file *follow(struct fake *f, const char *path)
{
	struct fake_file *file = find_file(f, path);

	for (int depth = 0; file && file->link && depth < 8; depth++) {
		int dir = (int)(strrchr(file->path, '/') - file->path);
		autofree char *to = *file->text == '/'
					    ? xstrdup(file->text)
					    : xasprintf("%.*s/%s", dir, file->path, file->text);

		file = find_file(f, to);
	}
	return file && !file->link ? file : NULL;
}

const char *fake_text(struct fake *f, const char *path)
{
	struct fake_file *file = follow(f, path);

	return file ? file->text : NULL;
}

static void drop_below(struct fake *f, const char *prefix)
{
	for (size_t i = 0; i < f->file_count;)
		if (starts_with(f->files[i].path, prefix))
			drop_file(f, i);
		else
			i++;
}

/* ---- log and faults ---- */

void fake_fault(struct fake *f, const char *call, int skip, int times, int code)
{
	array_push(f->faults, f->fault_count) =
		(struct fake_fault){ .call = call, .skip = skip, .times = times, .code = code };
}

static int fault_of(struct fake *f, const char *line)
{
	for (size_t i = 0; i < f->fault_count; i++) {
		struct fake_fault *x = &f->faults[i];

		if (!starts_with(line, x->call))
			continue;
		if (x->skip-- > 0)
			continue;
		if (x->times-- > 0)
			return x->code;
	}
	return 0;
}

static void ksmtuned_loop(struct fake *f);

static int called(struct fake *f, struct err *e, const char *call, const char *what)
{
	autofree char *line = xasprintf("%s%s%s", call, *what ? " " : "", what);
	int code = fault_of(f, line);

	strv_add(&f->log, line);
	if (f->merge_at && starts_with(line, f->merge_at)) {
		f->merge_at = NULL;
		ksmtuned_loop(f);
	}
	if (f->interrupt_at && starts_with(line, f->interrupt_at)) {
		f->interrupted = 15;
		f->interrupt_at = NULL;
	}
	return code ? err_sys(e, code, "fake fault in %s", line) : 0;
}

size_t fake_count(const struct fake *f, const char *call)
{
	size_t n = 0;

	for (size_t i = 0; i < f->log.n; i++)
		n += starts_with(f->log.v[i], call);
	return n;
}

int fake_find(const struct fake *f, const char *call)
{
	for (size_t i = 0; i < f->log.n; i++)
		if (starts_with(f->log.v[i], call))
			return (int)i;
	return -1;
}

/* ---- file port ---- */

static int file_read(struct ports *p, const char *path, struct buf *ret)
{
	struct fake *f = fake_of(p);
	const char *text = fake_text(f, path);

	if (!text || (f->libkmod_reads && f->hidden_conf && strcmp(path, f->hidden_conf) == 0))
		return -ENOENT;
	buf_puts(ret, text);
	return 0;
}

static int file_read_head(struct ports *p, const char *path, size_t size, struct buf *ret)
{
	const char *text = fake_text(fake_of(p), path);

	if (!text)
		return -ENOENT;
	buf_add(ret, text, strnlen(text, size));
	return 0;
}

/* Directories are there because something is in them. */
static int file_list(struct ports *p, const char *path, struct strv *ret)
{
	struct fake *f = fake_of(p);
	size_t len = strlen(path);
	bool found = false;

	for (size_t i = 0; i < f->file_count; i++) {
		const char *rest = f->files[i].path + len + 1;
		autofree char *name = NULL;

		if (f->files[i].path_len <= len || rest[-1] != '/' ||
		    !starts_with(f->files[i].path, path))
			continue;
		found = true;
		name = xstrndup(rest, strcspn(rest, "/"));
		if (!strv_has(ret, name))
			strv_add(ret, name);
	}
	return found ? 0 : -ENOENT;
}

static int file_list_files(struct ports *p, const char *path, struct strv *ret)
{
	autostrv names = { 0 };
	const char *name;
	int r = file_list(p, path, &names);

	strv_foreach (name, &names) {
		autofree char *full = xasprintf("%s/%s", path, name);

		if (follow(fake_of(p), full))
			strv_add(ret, name);
	}
	return r;
}

static int file_read_lines(struct ports *p, const char *dir, struct strv *names, struct strv *lines)
{
	const char *name;
	int r = file_list_files(p, dir, names);

	strv_sort(names);
	strv_foreach (name, names) {
		autofree char *path = xasprintf("%s/%s", dir, name);
		autofree char *text = xstrdup(fake_text(fake_of(p), path));

		strv_add(lines, chomp(text));
	}
	return r;
}

static int file_stat(struct ports *p, const char *path, struct file_stat *ret)
{
	struct fake *f = fake_of(p);
	struct fake_file *file = follow(f, path);
	autostrv names = { 0 };

	*ret = (struct file_stat){ 0 };
	if (!file && file_list(p, path, &names) < 0)
		return -ENOENT;
	ret->is_dir = !file;
	if (!file)
		return 0;
	ret->is_regular = !starts_with(path, "/dev/");
	ret->is_char = !ret->is_regular;
	ret->mode = file->mode;
	ret->uid = file->uid;
	ret->gid = file->gid;
	ret->size = strlen(file->text);
	return 0;
}

static int file_writable(struct ports *p, const char *dir)
{
	(void)p, (void)dir;
	return 0;
}

static int file_replace(struct ports *p, const char *path, const char *text, unsigned mode,
			struct err *e)
{
	struct fake *f = fake_of(p);

	if (called(f, e, "replace", path) < 0)
		return e->code;
	fake_file(f, path, text);
	find_file(f, path)->mode = mode;
	return 0;
}

static int file_remove(struct ports *p, const char *path, struct err *e)
{
	struct fake *f = fake_of(p);

	if (called(f, e, "remove", path) < 0)
		return e->code;
	fake_gone(f, path);
	return 0;
}

/* Directories are there because something is in them. */
static int file_remove_dir(struct ports *p, const char *path, struct err *e)
{
	(void)p, (void)path, (void)e;
	return 0;
}

/* As write.c names them. */
static void file_sweep(struct ports *p, const char *path)
{
	const char *name = strrchr(path, '/') + 1;
	autofree char *left_over = xasprintf("%.*s.%s.kvmtune-new", (int)(name - path), path, name);

	fake_gone(fake_of(p), left_over);
}

static int kernel_set_run(struct fake *f, const char *text);

static int file_write_value(struct ports *p, const char *path, const char *text, struct err *e)
{
	struct fake *f = fake_of(p);
	autofree char *what = xasprintf("%s %.*s", path, (int)strcspn(text, "\n"), text);
	int r = called(f, e, "write_value", what);

	if (r < 0)
		return r;
	r = strcmp(path, KSM_RUN_FILE) == 0 ? kernel_set_run(f, text)
	    : find_file(f, path)	    ? 0
					    : -ENOENT;
	if (r < 0)
		return err_sys(e, r, "cannot write %s", path);
	if (strcmp(path, KSM_RUN_FILE) != 0)
		fake_file(f, path, text);
	return 0;
}

static int file_read_link(struct ports *p, const char *path, struct buf *ret)
{
	struct fake_file *file = find_file(fake_of(p), path);
	autostrv names = { 0 };

	if (!file)
		return file_list(p, path, &names) == 0 ? -EINVAL : -ENOENT;
	if (!file->link)
		return -EINVAL;
	buf_puts(ret, file->text);
	return 0;
}

static int file_make_link(struct ports *p, const char *path, const char *target, struct err *e)
{
	struct fake *f = fake_of(p);
	struct fake_file *file = find_file(f, path);
	autofree char *what = xasprintf("%s %s", path, target);

	if (called(f, e, "make_link", what) < 0)
		return e->code;
	if (file && !file->link)
		return err_sys(e, -EEXIST, "cannot make the link %s", path);
	fake_link(f, path, target);
	return 0;
}

static int file_append(struct ports *p, const char *path, const char *text, struct err *e)
{
	struct fake *f = fake_of(p);
	const char *old = fake_text(f, path);
	autofree char *all = xasprintf("%s%s", old ? old : "", text);

	if (called(f, e, "append", path) < 0)
		return e->code;
	fake_file(f, path, all);
	return 0;
}

static int file_set_owner(struct ports *p, const char *path, unsigned uid, unsigned gid,
			  unsigned mode, struct err *e)
{
	struct fake *f = fake_of(p);
	struct fake_file *file = find_file(f, path);

	if (called(f, e, "set_owner", path) < 0)
		return e->code;
	if (!file)
		return err_set(e, -ENOENT, "no %s", path);
	file->uid = uid;
	file->gid = gid;
	file->mode = mode;
	return 0;
}

void fake_acl(struct fake *f, const char *path, const void *acl, size_t size)
{
	struct fake_file *file = find_file(f, path);

	memcpy(file->acl, acl, size);
	file->acl_size = size;
}

static int file_read_acl(struct ports *p, const char *path, void *ret, size_t size)
{
	const struct fake_file *file = find_file(fake_of(p), path);

	if (!file)
		return -ENOENT;
	if (file->acl_size > size)
		return -ERANGE;
	memcpy(ret, file->acl, file->acl_size);
	return (int)file->acl_size;
}

static int file_set_acl(struct ports *p, const char *path, const void *acl, size_t size,
			struct err *e)
{
	struct fake *f = fake_of(p);

	if (called(f, e, "set_acl", path) < 0)
		return e->code;
	fake_acl(f, path, acl, size);
	return 0;
}

static int file_lock(struct ports *p, const char *path, const char *holder, struct buf *ret_holder,
		     struct err *e)
{
	(void)holder, (void)ret_holder;
	return called(fake_of(p), e, "lock", path);
}

static void file_unlock(struct ports *p)
{
	(void)p;
}

static bool file_is_locked(struct ports *p, const char *path, struct buf *ret_holder)
{
	const struct fake *f = fake_of(p);

	if (f->lock_holder && strcmp(path, LOCK_FILE) == 0)
		buf_puts(ret_holder, f->lock_holder);
	return f->lock_holder;
}

/* ---- the kernel ---- */

static void set_param(struct fake *f, const char *name, const char *value)
{
	autofree char *path = xasprintf(SYS_MODULE "/parameters/%s", name);
	autofree char *line = xasprintf("%s\n", value);

	fake_file(f, path, line);
}

const char *fake_param(struct fake *f, const char *name)
{
	static char value[64];
	autofree char *path = xasprintf(SYS_MODULE "/parameters/%s", name);
	const char *text = fake_text(f, path);

	if (!text)
		return NULL;
	snprintf(value, sizeof(value), "%.*s", (int)strcspn(text, "\n"), text);
	return value;
}

/* Bools come back as Y and N, everything else as it was given. */
static bool take_option(const struct modconf_token *t, void *arg)
{
	struct fake *f = arg;
	const char *old = fake_param(f, t->param);
	const char *value = t->has_value ? t->value : "1";

	/* The kernel passes over parameters that it does not know. */
	if (!old)
		return true;
	if (strcmp(old, "Y") == 0 || strcmp(old, "N") == 0)
		value = param_bool(value) == YES ? "Y" : "N";
	set_param(f, t->param, value);
	return true;
}

static void make_device(struct fake *f)
{
	struct fake_file *device;

	fake_file(f, KVM_DEVICE, "");
	device = find_file(f, KVM_DEVICE);
	device->mode = f->udev_is_late ? 0600 : DEVICE_MODE;
	device->gid = f->udev_is_late ? 0 : DEVICE_GID;
	device->uid = 0;
}

static void insert(struct fake *f, const char *options)
{
	static const char *const defaults[][2] = {
		{ "ept", "Y" },		 { "eptad", "Y" },
		{ "pml", "Y" },		 { "unrestricted_guest", "Y" },
		{ "nested", "N" },	 { "enable_shadow_vmcs", "Y" },
		{ "flexpriority", "Y" }, { "ple_gap", "128" },
		{ "pt_mode", "0" },
	};
	static const char *const need_ept[] = { "eptad", "pml", "unrestricted_guest" };
	autofree char *line = xasprintf("options " MODULE " %s\n", options);
	struct modconf conf = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
		set_param(f, defaults[i][0], defaults[i][1]);
	fake_file(f, SYS_MODULE "/initstate", "live\n");
	fake_file(f, SYS_MODULE "/refcnt", "0\n");
	modconf_add_file(&conf, "options", line, strlen(line));
	modconf_each_option(&conf, MODULE, take_option, f);
	modconf_free(&conf);
	for (size_t i = 0; i < ARRAY_SIZE(need_ept); i++)
		if (param_bool(fake_param(f, "ept")) == NO)
			set_param(f, need_ept[i], "N");
	if (f->no_hardware_for)
		set_param(f, f->no_hardware_for, "N");
	make_device(f);
	f->loaded = true;
}

void fake_load(struct fake *f, const char *options)
{
	insert(f, options);
}

static char *configured(struct ports *p)
{
	struct fake *f = fake_of(p);
	struct modconf conf = { 0 };
	struct unread unread = { 0 };
	char *options;

	f->libkmod_reads = true;
	observe_conf(p, &conf, &unread);
	unread_free(&unread);
	f->libkmod_reads = false;
	options = modconf_options(&conf, MODULE);
	modconf_free(&conf);
	return options ? options : xstrdup("");
}

static int module_prepare(struct ports *p, const char *module, enum module_kind *ret_kind,
			  struct buf *ret_options, struct err *e)
{
	autofree char *options = configured(p);

	if (fault_of(fake_of(p), "prepare") < 0)
		return err_set(e, -EIO, "fake fault in prepare");
	if (ret_kind)
		*ret_kind = strcmp(module, MODULE) == 0 ? MODULE_LOADABLE : MODULE_ABSENT;
	if (ret_options)
		buf_puts(ret_options, options);
	return 0;
}

static int module_check_reload(struct ports *p, const char *module, const char *param,
			       struct err *e)
{
	const char *why = fake_of(p)->no_reload;

	(void)param;
	fake_of(p)->reload_checks++;
	if (!why)
		return 0;
	err_set(e, -ENOENT, "%s could not be loaded again: %s", module, why);
	return err_status(e, STATUS_IMPOSSIBLE, "not-reloadable");
}

static int module_unload(struct ports *p, const char *module, struct err *e)
{
	struct fake *f = fake_of(p);

	if (called(f, e, "unload", module) < 0)
		return e->code;
	if (!f->loaded)
		return err_set(e, -ENOENT, "%s is not loaded", module);
	drop_below(f, SYS_MODULE "/");
	fake_gone(f, KVM_DEVICE);
	f->loaded = false;
	return 0;
}

static int module_load(struct ports *p, const char *module, const char *options, struct err *e)
{
	struct fake *f = fake_of(p);
	autofree char *conf = configured(p);
	autofree char *what = options ? xasprintf("%s %s", module, options)
				      : xasprintf("%s (configured)", module);
	const char *effective = options ? options : conf;

	if (called(f, e, "load", what) < 0)
		return e->code;
	if (f->loaded)
		return err_set(e, -EEXIST, "%s is loaded", module);
	if (f->bad_option && strstr(effective, f->bad_option))
		return err_set(e, -EINVAL, "cannot load %s: Invalid argument", module);
	insert(f, effective);
	return 0;
}

/* ---- same-page merging ---- */

uint64_t fake_ksm_number(struct fake *f, const char *file)
{
	autofree char *path = xasprintf(KSM_DIR "/%s", file);
	const char *text = fake_text(f, path);

	return text ? strtoull(text, NULL, 10) : 0;
}

static void set_ksm(struct fake *f, const char *file, uint64_t number)
{
	autofree char *path = xasprintf(KSM_DIR "/%s", file);
	autofree char *text = xasprintf("%llu\n", (unsigned long long)number);

	fake_file(f, path, text);
}

/* The number behind a name in a file like /proc/meminfo, moved by so much. */
static void move_number(struct fake *f, const char *path, const char *name, int64_t by)
{
	const char *text = fake_text(f, path), *at = text ? strstr(text, name) : NULL;
	autofree char *moved = NULL;
	char *end;
	int64_t n;

	if (!at)
		return;
	at += strlen(name);
	n = (int64_t)strtoull(at, &end, 10) + by;
	moved = xasprintf("%.*s %*lld%s", (int)(at - text), text, (int)(end - at) - 1, (long long)n,
			  end);
	fake_file(f, path, moved);
}

static uint64_t spared(struct fake *f)
{
	return fake_ksm_number(f, "pages_sharing") + fake_ksm_number(f, "ksm_zero_pages");
}

/* So much of what can be merged is merged, in %. */
static void set_merged(struct fake *f, uint64_t share)
{
	uint64_t before = spared(f);

	set_ksm(f, "pages_shared", f->merges_shared * share / 100);
	set_ksm(f, "pages_sharing", f->merges_sharing * share / 100);
	if (f->merges_zero)
		set_ksm(f, "ksm_zero_pages", f->merges_zero * share / 100);
	move_number(f, MEMINFO, "MemAvailable:", ((int64_t)before - (int64_t)spared(f)) * 4);
}

/* mm/ksm.c:run_store: a value that is there already does nothing; 0 keeps what is merged. */
static int kernel_set_run(struct fake *f, const char *text)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (!fake_text(f, KSM_RUN_FILE))
		return -ENOENT;
	if (end == text || value > 2)
		return -EINVAL;
	if (fake_ksm_number(f, "run") == value)
		return 0;
	set_ksm(f, "run", value);
	if (value)
		set_merged(f, value == 1 ? 100 : 0);
	return 0;
}

void fake_ksm(struct fake *f, const char *run)
{
	f->merges_shared = 12000;
	f->merges_sharing = 700000;
	fake_file(f, MEMINFO,
		  "MemTotal:       67108864 kB\nMemFree:        44040192 kB\n"
		  "MemAvailable:   50331648 kB\nSwapTotal:       8388608 kB\n"
		  "SwapFree:        8388608 kB\n");
	fake_file(f, VMSTAT, "pswpin 1200\npswpout 3400\n");
	fake_file(f, "/proc/pressure/memory",
		  "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000\n"
		  "full avg10=0.00 avg60=0.00 avg300=0.00 total=500\n");
	fake_file(f, KSM_RUN_FILE, "0\n");
	set_ksm(f, "sleep_millisecs", 20);
	set_ksm(f, "pages_to_scan", 100);
	set_ksm(f, "pages_unshared", 0);
	set_ksm(f, "pages_volatile", 0);
	set_ksm(f, "full_scans", 12);
	set_merged(f, 0);
	kernel_set_run(f, run);
}

static void pass_time(struct fake *f, unsigned ms)
{
	f->now_ms += ms;
	if (f->swap_after && fake_ksm_number(f, "run") == 2 && !f->unmerge_steps)
		move_number(f, VMSTAT, "pswpout", (int64_t)f->swap_after * ms / 1000);
}

#define UNMERGE_STEPS 4

static int ksm_unmerge_begin(struct ports *p, struct err *e)
{
	struct fake *f = fake_of(p);

	if (called(f, e, "unmerge", "") < 0)
		return e->code;
	if (fake_ksm_number(f, "run") == 2)
		return 0;
	/* It reads 2 from the beginning. */
	set_ksm(f, "run", 2);
	f->unmerge_steps = UNMERGE_STEPS;
	return 0;
}

/* What is unmerged stays so. */
static void ksm_unmerge_stop(struct ports *p)
{
	struct fake *f = fake_of(p);

	if (f->unmerge_steps)
		set_ksm(f, "run", 0);
	f->unmerge_steps = 0;
}

static int ksm_unmerge_wait(struct ports *p, unsigned timeout_ms, struct err *e)
{
	struct fake *f = fake_of(p);
	int r;

	if (!f->unmerge_steps)
		return 0;
	r = called(f, e, "unmerge_wait", "");
	pass_time(f, timeout_ms);
	if (r == 0 && f->unmerge_fails && f->unmerge_steps == UNMERGE_STEPS / 2)
		r = err_sys(e, f->unmerge_fails, "unmerging stopped");
	if (r < 0) {
		ksm_unmerge_stop(p);
		return r;
	}
	f->unmerge_steps--;
	set_merged(f, (uint64_t)f->unmerge_steps * 100 / UNMERGE_STEPS);
	return f->unmerge_steps > 0;
}

/* ---- systemd ---- */

#define KSM_UNIT      "ksm.service"
#define KSMTUNED_UNIT "ksmtuned.service"

#define WANTED	   "/etc/systemd/system/multi-user.target.wants/"
#define WANTED_NOW "/run/systemd/system/multi-user.target.wants/"

/* Where it is not static or the like, its links say whether it is enabled. */
static void look_at_links(struct fake *f, const char *name, struct unit_state *u)
{
	autofree char *link = xasprintf(WANTED "%s", name);
	autofree char *now = xasprintf(WANTED_NOW "%s", name);

	if (starts_with(u->file, "enabled") || strcmp(u->file, "disabled") == 0)
		snprintf(u->file, sizeof(u->file), "%s",
			 find_file(f, link)  ? "enabled"
			 : find_file(f, now) ? "enabled-runtime"
					     : "disabled");
}

static struct unit_state *find_unit(struct fake *f, const char *name)
{
	for (size_t i = 0; i < f->unit_count; i++)
		if (strcmp(f->units[i].name, name) == 0) {
			look_at_links(f, name, &f->units[i].state);
			return &f->units[i].state;
		}
	return NULL;
}

static void set_link(struct fake *f, const char *dir, const char *name, bool there)
{
	autofree char *path = xasprintf("%s%s", dir, name);
	autofree char *target = xasprintf("/lib/systemd/system/%s", name);

	if (there)
		fake_link(f, path, target);
	else
		fake_gone(f, path);
}

void fake_unit(struct fake *f, const char *name, const char *load, const char *active,
	       const char *file)
{
	autofree char *path = xasprintf("/lib/systemd/system/%s", name);
	struct unit_state *u = find_unit(f, name);

	if (!u) {
		f->units[f->unit_count].name = name;
		u = &f->units[f->unit_count++].state;
	}
	snprintf(u->load, sizeof(u->load), "%s", load);
	snprintf(u->active, sizeof(u->active), "%s", active);
	snprintf(u->file, sizeof(u->file), "%s", file);
	set_link(f, WANTED, name, strcmp(file, "enabled") == 0);
	set_link(f, WANTED_NOW, name, strcmp(file, "enabled-runtime") == 0);
	fake_file(f, "/run/systemd/system/.there", "");
	fake_file(f, path, "[Install]\nWantedBy=multi-user.target\n");
}

void fake_relation(struct fake *f, const char *unit, const char *property, const char *other)
{
	array_push(f->relations, f->relation_count) =
		(struct fake_relation){ .unit = unit, .property = property, .other = other };
}

const char *fake_unit_text(struct fake *f, const char *name)
{
	static char text[100];
	const struct unit_state *u = find_unit(f, name);

	if (!u)
		return NULL;
	snprintf(text, sizeof(text), "%s %s %s", u->load, u->active, u->file);
	return text;
}

/* Or on its way there. */
static bool is_active(struct fake *f, const char *name)
{
	const struct unit_state *u = find_unit(f, name);

	return u && strcmp(u->active, "inactive") != 0 && strcmp(u->active, "failed") != 0;
}

static void ksmtuned_loop(struct fake *f)
{
	if (is_active(f, KSMTUNED_UNIT))
		kernel_set_run(f, "1");
}

static int no_bus(struct fake *f, struct err *e)
{
	if (!f->bus_dead)
		return 0;
	err_sys(e, -ENOENT, "cannot connect to the system bus");
	return err_status(e, STATUS_FAILED, "no-bus");
}

static int unit_state(struct ports *p, const char *unit, struct unit_state *ret, struct err *e)
{
	struct fake *f = fake_of(p);
	const struct unit_state *u = find_unit(f, unit);

	if (no_bus(f, e) < 0)
		return e->code;
	*ret = u ? *u : (struct unit_state){ .load = "not-found", .active = "inactive" };
	return 0;
}

static void add_relation(struct unit_relations *ret, const struct fake_relation *r)
{
	const struct {
		const char *property;
		struct strv *names;
	} rows[] = { { "Requires", &ret->needs },      { "Requisite", &ret->requisites },
		     { "Wants", &ret->wants },	       { "Conflicts", &ret->conflicts },
		     { "RequiredBy", &ret->stops },    { "ConsistsOf", &ret->stops },
		     { "UpheldBy", &ret->revived_by }, { "TriggeredBy", &ret->revived_by } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].property, r->property) == 0)
			strv_add(rows[i].names, r->other);
}

static int unit_relations(struct ports *p, const char *unit, struct unit_state *ret_state,
			  struct unit_relations *ret, struct err *e)
{
	struct fake *f = fake_of(p);

	if (unit_state(p, unit, ret_state, e) < 0)
		return e->code;
	for (size_t i = 0; i < f->relation_count; i++)
		if (strcmp(f->relations[i].unit, unit) == 0)
			add_relation(ret, &f->relations[i]);
	return 0;
}

/* *ret_do: it is to be done, though it may be said to have failed. */
static int begin_unit(struct fake *f, const char *verb, const char *unit, bool *ret_do,
		      struct err *e)
{
	int r = called(f, e, verb, unit);

	*ret_do = r == 0 || f->fails_late;
	if (r < 0)
		return err_status(e, STATUS_FAILED, f->unit_error ? f->unit_error : "job-failed");
	r = no_bus(f, e);
	*ret_do = r == 0;
	return r;
}

static int unit_reload(struct ports *p, const char *unit, struct err *e)
{
	bool todo;

	return begin_unit(fake_of(p), "reload", unit, &todo, e);
}

/* ksmctl turns merging on. */
static int start_unit(struct fake *f, const char *unit, struct err *e)
{
	struct unit_state *u = find_unit(f, unit);

	if (!u || strcmp(u->load, "loaded") != 0) {
		err_set(e, -EIO, "%s: %s", unit, u ? u->load : "not-found");
		return err_status(e, STATUS_FAILED, "job-failed");
	}
	if (strcmp(u->active, "active") == 0)
		return 0;
	if (strcmp(unit, KSM_UNIT) == 0)
		kernel_set_run(f, "1");
	strcpy(u->active, "active");
	u->job[0] = '\0';
	return 0;
}

/* ksmctl writes 0 when it is stopped; ksmtuned leaves run as it is. */
static void stop_unit(struct fake *f, const char *unit)
{
	if (!find_unit(f, unit))
		return;
	find_unit(f, unit)->job[0] = '\0';
	if (!is_active(f, unit))
		return;
	strcpy(find_unit(f, unit)->active, "inactive");
	if (strcmp(unit, KSM_UNIT) == 0)
		kernel_set_run(f, f->writes_at_its_end ?: "0");
}

static int unit_start(struct ports *p, const char *unit, struct err *e)
{
	bool todo;
	int r = begin_unit(fake_of(p), "start", unit, &todo, e);

	if (r < 0 && todo)
		start_unit(fake_of(p), unit, &(struct err){ 0 });
	return r < 0 ? r : start_unit(fake_of(p), unit, e);
}

static int unit_stop(struct ports *p, const char *unit, struct err *e)
{
	bool todo;
	int r = begin_unit(fake_of(p), "stop", unit, &todo, e);

	if (todo)
		stop_unit(fake_of(p), unit);
	return r;
}

/* ---- the rest ---- */

/* Two processors that differ in nothing but their APIC ids. Of SVM's features nothing is known. */
static int cpu_read_all(struct ports *p, cpuid_sink sink, void *arg, struct err *e)
{
	const struct cpu_id *id = &fake_of(p)->cpu;
	uint32_t vendor[4] = { 1 };

	(void)e;
	memcpy(&vendor[1], id->vendor, 4);
	memcpy(&vendor[3], id->vendor + 4, 4);
	memcpy(&vendor[2], id->vendor + 8, 4);
	for (unsigned cpu = 0; cpu < 2; cpu++) {
		sink(arg, cpu, 0, 0, vendor);
		sink(arg, cpu, 1, 0, (uint32_t[4]){ 0x406f1, cpu << 24, (id->vmx == YES) << 5, 0 });
		sink(arg, cpu, 0x80000000, 0, (uint32_t[4]){ 0x8000000a });
		sink(arg, cpu, 0x80000001, 0, (uint32_t[4]){ 0, 0, (id->svm == YES) << 2, 0 });
	}
	return 0;
}

static int cpu_identify(struct ports *p, struct cpu_id *ret, struct err *e)
{
	(void)e;
	*ret = fake_of(p)->cpu;
	return 0;
}

static int cpu_read_msr(struct ports *p, unsigned cpu, uint32_t msr, uint64_t *ret)
{
	struct fake *f = fake_of(p);

	(void)cpu;
	for (size_t i = 0; i < f->msr_count; i++) {
		if (f->msr_number[i] != msr)
			continue;
		*ret = f->msr[i];
		return 0;
	}
	return f->msr_count ? -EIO : -ENOENT;
}

void fake_msr(struct fake *f, uint32_t number, uint64_t value)
{
	f->msr_number[f->msr_count] = number;
	f->msr[f->msr_count++] = value;
}

static int kvm_users(struct ports *p, struct kvm_users *ret, struct err *e)
{
	(void)p, (void)e;
	*ret = (struct kvm_users){ 0 };
	return 0;
}

static int kvm_run_guest(struct ports *p, unsigned timeout_ms, struct err *e)
{
	struct fake *f = fake_of(p);

	(void)timeout_ms;
	strv_add(&f->log, "guest");
	return f->guest_result < 0 ? err_set(e, f->guest_result, "the test guest did not run") : 0;
}

static int system_kernel_log(struct ports *p, struct buf *ret)
{
	(void)p, (void)ret;
	return -ENOENT;
}

static void system_identify(struct ports *p, struct host_id *ret)
{
	(void)p;
	*ret = (struct host_id){ .name = "fake",
				 .kernel = "6.1.0-fake",
				 .machine = "x86_64",
				 .page_bytes = 4096,
				 .ticks_per_second = 100 };
}

static bool system_is_root(struct ports *p)
{
	(void)p;
	return true;
}

static void system_catch_signals(struct ports *p)
{
	(void)p;
}

static int system_interrupted(struct ports *p)
{
	return fake_of(p)->interrupted;
}

static void system_sleep_ms(struct ports *p, unsigned ms)
{
	struct fake *f = fake_of(p);
	struct fake_file *device = find_file(f, KVM_DEVICE);

	pass_time(f, ms);
	if (!device || !f->sleeps_until_udev || --f->sleeps_until_udev)
		return;
	device->mode = DEVICE_MODE;
	device->gid = DEVICE_GID;
}

static int64_t system_monotonic_ms(struct ports *p)
{
	return fake_of(p)->now_ms;
}

static int64_t system_wall_seconds(struct ports *p)
{
	return fake_of(p)->wall_seconds;
}

/* There is nobody else. */
static int file_check_own(struct ports *p, const char *path, struct err *e)
{
	(void)p, (void)path, (void)e;
	return 0;
}

static void kvm_settle(struct ports *p)
{
	(void)p;
}

static void set_ports(struct ports *p)
{
	p->file = (struct file_port){
		.read = file_read,
		.read_head = file_read_head,
		.list = file_list,
		.list_files = file_list_files,
		.read_lines = file_read_lines,
		.stat = file_stat,
		.writable = file_writable,
		.replace = file_replace,
		.write_value = file_write_value,
		.remove = file_remove,
		.remove_dir = file_remove_dir,
		.sweep = file_sweep,
		.read_link = file_read_link,
		.make_link = file_make_link,
		.append = file_append,
		.check_own = file_check_own,
		.lock = file_lock,
		.unlock = file_unlock,
		.is_locked = file_is_locked,
		.set_owner = file_set_owner,
		.read_acl = file_read_acl,
		.set_acl = file_set_acl,
	};
	p->module = (struct module_port){ module_prepare, module_check_reload, module_unload,
					  module_load };
	p->cpu = (struct cpu_port){ .identify = cpu_identify,
				    .read_msr = cpu_read_msr,
				    .read_all = cpu_read_all };
	p->kvm = (struct kvm_port){ kvm_users, kvm_run_guest, kvm_settle };
	p->process = (struct process_port){ process_files_read };
	p->unit = (struct unit_port){ unit_state, unit_relations, unit_reload, unit_start,
				      unit_stop };
	p->ksm = (struct ksm_port){ ksm_unmerge_begin, ksm_unmerge_wait, ksm_unmerge_stop };
	p->system = (struct system_port){
		.identify = system_identify,
		.is_root = system_is_root,
		.catch_signals = system_catch_signals,
		.interrupted = system_interrupted,
		.sleep_ms = system_sleep_ms,
		.monotonic_ms = system_monotonic_ms,
		.wall_seconds = system_wall_seconds,
		.kernel_log = system_kernel_log,
	};
}

void fake_init(struct fake *f)
{
	*f = (struct fake){ .wall_seconds = 1700000000 };
	f->cpu = (struct cpu_id){ .vendor = "GenuineIntel", .vmx = YES, .svm = NO };
	f->ports.self = f;
	set_ports(&f->ports);
	fake_file(f, MODCONF_CMDLINE, "quiet\n");
}

void fake_free(struct fake *f)
{
	for (size_t i = 0; i < f->file_count; i++) {
		free(f->files[i].path);
		free(f->files[i].text);
	}
	free(f->files);
	free(f->faults);
	free(f->relations);
	strv_free(&f->log);
}

char *fake_snapshot(struct fake *f)
{
	autostrv lines = { 0 };
	struct buf b = { 0 };

	for (size_t i = 0; i < f->file_count; i++) {
		const struct fake_file *file = &f->files[i];

		if (!starts_with(file->path, STATE_DIR) && strcmp(file->path, VMSTAT) != 0)
			strv_addf(&lines, "%s %o %u:%u %s", file->path, file->mode, file->uid,
				  file->gid, file->text);
	}
	for (size_t i = 0; i < f->unit_count; i++)
		strv_addf(&lines, "%s: %s", f->units[i].name, fake_unit_text(f, f->units[i].name));
	strv_sort(&lines);
	for (size_t i = 0; i < lines.n; i++)
		buf_join(&b, "\n", lines.v[i]);
	return buf_steal(&b);
}

/* ---- hosts by hand ---- */

static void set_fact(struct fact *fact, enum tri value)
{
	fact->value = value;
	strv_add(&fact->source, "test");
}

void host_param(struct host *h, const char *name, const char *value)
{
	struct module_facts *m = &h->modules[MODULE_KVM_INTEL];

	for (size_t i = 0; i < m->param_count; i++) {
		if (strcmp(m->params[i].name, name) != 0)
			continue;
		free(m->params[i].value);
		m->params[i].value = xstrdup(value);
		return;
	}
	array_push(m->params, m->param_count) =
		(struct param){ .name = xstrdup(name), .value = xstrdup(value) };
}

void host_ept(struct host *h, bool on)
{
	static const char *const names[] = { "ept", "eptad", "pml", "unrestricted_guest" };

	h->modules[MODULE_KVM_INTEL].of[SETTING_EPT].now = on ? YES : NO;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		host_param(h, names[i], on ? "Y" : "N");
}

void host_decide(struct host *h)
{
	struct module_facts *m = &h->modules[MODULE_KVM_INTEL];

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		const struct module_param *row = settings[i].params[MODULE_KVM_INTEL];
		struct param_facts *of = &m->of[i];

		if (!row)
			continue;
		of->next_decided = modconf_winner(&h->conf, MODULE, row->name, &of->winner);
		of->next = param_next(m, row, of->next_decided ? &of->winner : NULL, true);
	}
}

void host_make(struct host *h)
{
	struct module_facts *m = &h->modules[MODULE_KVM_INTEL];

	*h = (struct host){ .root = true, .cpu_known = true, .modules_disabled = NO };
	h->cpu = (struct cpu_id){ .vendor = "GenuineIntel", .vmx = YES, .svm = NO };
	snprintf(h->id.kernel, sizeof(h->id.kernel), "6.1.0-test");
	set_fact(&m->virt, YES);
	set_fact(&m->enabled, YES);
	set_fact(&m->paging, YES);
	set_fact(&m->usable, YES);
	m->state = MODULE_STATE_LOADED;
	h->device = (struct device_facts){ .exists = true, .gid = DEVICE_GID, .mode = DEVICE_MODE };
	host_ept(h, true);
	host_param(h, "flexpriority", "Y");
	host_param(h, "nested", "N");
	m->of[SETTING_NESTED].now = NO;
	host_param(h, "ple_gap", "128");
	host_decide(h);
}

void host_conf(struct host *h, const char *path, const char *text)
{
	modconf_add_file(&h->conf, path, text, strlen(text));
	if (strcmp(path, OWN_CONF_FILE) == 0) {
		free(h->own_conf);
		h->own_conf = xstrdup(text);
	}
	host_decide(h);
}

void host_cmdline(struct host *h, const char *text)
{
	modconf_add_cmdline(&h->conf, text);
	host_decide(h);
}

void host_user(struct host *h, int pid, const char *program)
{
	struct kvm_user *u = &array_push(h->users.users, h->users.count);

	*u = (struct kvm_user){ .pid = pid, .vm_fds = 1, .kvm_fds = 1 };
	u->user = xstrdup("root");
	u->comm = xstrdup(program);
	u->program = xstrdup(program);
	u->cgroup = xstrdup("");
	h->modules[MODULE_KVM_INTEL].refcnt++;
}

static void after_load(struct host *h, const struct act *act)
{
	h->modules[MODULE_KVM_INTEL].state = MODULE_STATE_LOADED;
	for (size_t i = 0; i < act->wanted_count; i++) {
		const struct wanted *w = &act->wanted[i];

		if (strcmp(w->param, "ept") == 0) {
			host_ept(h, w->value == YES);
		} else {
			h->modules[MODULE_KVM_INTEL].of[SETTING_NESTED].now = w->value;
			host_param(h, w->param, w->value == YES ? "Y" : "N");
		}
	}
}

static void after_restore(struct host *h, const struct act *act)
{
	after_load(h, act);
	for (size_t i = 0; i < act->expect_count; i++)
		host_param(h, act->expects[i].param, act->expects[i].before);
	h->device = act->device;
}

static struct ksm_unit *unit_of(struct host *h, const char *name)
{
	for (size_t i = 0; i < KSM_UNIT_COUNT; i++)
		if (strcmp(ksm_unit_names[i], name) == 0)
			return &h->ksm.units[i];
	return NULL;
}

static void after_unit(struct host *h, const struct act *act)
{
	struct ksm_unit *unit = unit_of(h, act->target);
	struct unit_state *u = unit ? &unit->state : NULL;

	if (!u)
		return;
	snprintf(u->active, sizeof(u->active), "%s",
		 act->kind == ACT_START_UNIT ? "active" : "inactive");
	u->job[0] = '\0';
}

static void after_set_run(struct host *h, const struct act *act)
{
	h->ksm.run = atoi(act->text);
	for (size_t i = 0; h->ksm.run == 2 && i < h->ksm.counter_count; i++) {
		struct param *c = &h->ksm.counters[i];

		if (strcmp(c->name, "pages_shared") && strcmp(c->name, "pages_sharing") &&
		    strcmp(c->name, "ksm_zero_pages"))
			continue;
		free(c->value);
		c->value = xstrdup("0");
	}
}

static void drop_link(struct ksm_unit *u, const char *path)
{
	for (size_t i = 0; i < u->link_count; i++) {
		if (strcmp(u->links[i].path, path) != 0)
			continue;
		free(u->links[i].path);
		free(u->links[i].target);
		u->links[i] = u->links[--u->link_count];
		return;
	}
}

static void after_link(struct host *h, const struct act *act)
{
	struct ksm_unit *u = &h->ksm.units[ksm_link_unit(act->target, act->text)];

	drop_link(u, act->target);
	if (act->kind == ACT_MAKE_LINK)
		array_push(u->links, u->link_count) =
			(struct unit_link){ .path = xstrdup(act->target),
					    .target = xstrdup(act->text) };
	snprintf(u->state.file, sizeof(u->state.file), "%s",
		 !u->link_count					 ? "disabled"
		 : starts_with(u->links[0].path, UNIT_LINKS_DIR) ? "enabled"
								 : "enabled-runtime");
}

static void after_file(struct host *h, const struct act *act)
{
	bool tmpfiles = strcmp(act->target, OWN_TMPFILES) == 0;
	char **own = tmpfiles ? &h->own_tmpfiles : &h->own_conf;
	struct modconf conf;

	free(*own);
	*own = act->text ? xstrdup(act->text) : NULL;
	if (tmpfiles)
		return;
	modconf_with_file(&h->conf, act->target, act->text, &conf);
	/* Its lines point into the texts of the old one. */
	for (size_t i = 0; i < h->conf.text_count; i++)
		array_push(conf.texts, conf.text_count) = h->conf.texts[i];
	h->conf.text_count = 0;
	modconf_free(&h->conf);
	h->conf = conf;
}

static void after_act(struct host *h, const struct act *act)
{
	switch (act->kind) {
	case ACT_LOAD:
		after_load(h, act);
		break;
	case ACT_RESTORE:
		after_restore(h, act);
		break;
	case ACT_CHECK_DEVICE:
		h->device = act->device;
		break;
	case ACT_WRITE_FILE:
	case ACT_REMOVE_FILE:
		after_file(h, act);
		break;
	case ACT_START_UNIT:
	case ACT_STOP_UNIT:
		after_unit(h, act);
		break;
	case ACT_MAKE_LINK:
	case ACT_REMOVE_LINK:
		after_link(h, act);
		break;
	case ACT_SET_RUN:
		after_set_run(h, act);
		break;
	default:
		break;
	}
}

/* Who writes run at boot (ksm.writers) stays as it was: a test that needs it otherwise says so. */
void host_after(struct host *h, const struct plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++)
		after_act(h, &plan->steps[i].act);
	host_decide(h);
}
