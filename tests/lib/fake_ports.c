// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fake_ports.c - the ports of a test double of the kernel: linked instead of src/sys/{ports,modules,cpu,kvm,
 * system}.c it makes kvmtune-fake, which is the production code on a host that is a directory.
 *
 *	KVMTUNE_FAKE_HOST=DIR		DIR/root: the host's files; DIR/fake: what is no file
 *
 * DIR/fake/host	what the host is: one "key value" a line, see fake_said()
 * DIR/fake/cpuid	registers of the processors, a dump as text; without: made from what host says
 * DIR/fake/users	who holds KVM: one process a line, see add_user()
 * DIR/fake/kmsg	what the kernel wrote into its log
 * DIR/fake/loads	how often the module was loaded: written here
 * DIR/fake/slept	is there once the program has slept: written here
 * DIR/fake/units/NAME	a unit of the fake systemd: "LOAD ACTIVE FILE [JOB]", its words, "-" for none:
 *			written here, too. Of one that is enabled or disabled the links in DIR/root decide
 *			which it is
 * DIR/fake/relations	"UNIT PROPERTY NAME" a line: ksm.service RequiredBy web.service
 * DIR/fake/log		every call that changes the host, with its arguments: written here
 * DIR/fake/tree	what all files and units of the host are at the end, but for lock, journal and
 *			what the kernel counts since boot: written here, so that a test needs no other
 *			program to compare
 *
 * The calls in the log are numbered from 1; the environment can make one of them go wrong:
 *
 *	KVMTUNE_FAKE_FAIL=N, N+		the Nth fails, or all from the Nth on, without a trace,
 *	KVMTUNE_FAKE_ERRNO=NAME		with this error (EIO)
 *	KVMTUNE_FAKE_ID=ID		with this id, where it is one of a unit (job-failed, bus-lost)
 *	KVMTUNE_FAKE_LATE=1		a call for a file or a unit that is made to fail is done first
 *	KVMTUNE_FAKE_SIGNAL=N		SIGTERM arrives at the Nth
 *	KVMTUNE_FAKE_KILL=N		the process ends at the Nth, before it is done
 *	KVMTUNE_FAKE_INTRUDER=N		at the Nth somebody moves DIR/fake/intruder to
 *					/etc/modprobe.d/zzz-intruder.conf
 *	KVMTUNE_FAKE_BUSY=N		the first N removals of the module find it in use
 *	KVMTUNE_FAKE_KSMTUNED=N		at the Nth ksmtuned, where it is active, turns merging on
 *
 * Time is not real: a sleep takes a fraction of what the clock then says it took; with
 * KVMTUNE_FAKE_HASTE=1 nearly none of it.
 */
#include "../../src/sys/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <kvmtune/cpuid.h>
#include <kvmtune/observe.h>
#include <kvmtune/process.h>

#include "process_files.h"

#define MEMINFO "/proc/meminfo"
#define VMSTAT	"/proc/vmstat"
#define HASTE	50 /* the clock runs so many times faster than we sleep */

struct fake {
	struct sys sys;		/* first: the real files.c and lock.c find it there */
	struct file_port files; /* the real functions */
	char *dir;		/* KVMTUNE_FAKE_HOST, NULL: none */
	struct strv about;	/* lines of DIR/fake/host */
	char *configured;	/* options as the last prepare() saw them; NULL: not prepared */
	bool install_line;
	bool udev_pending;
	int calls, unloads;
	int64_t slept_ms;
	int unmerge_steps; /* that the kernel still has to do; 0: no unmerging goes on */
	bool swapping;
};

static struct fake *fake_of(struct ports *p)
{
	return p->self;
}

/* ---- the description ---- */

static bool next_said(const struct fake *f, const char *key, size_t *at, const char **ret)
{
	size_t len = strlen(key);

	while (*at < f->about.n) {
		const char *line = f->about.v[(*at)++];

		if (strncmp(line, key, len) == 0 && line[len] == ' ') {
			*ret = line + len + 1;
			return true;
		}
	}
	return false;
}

/* The value of a key, of two the last; or `otherwise`. */
static const char *fake_said(const struct fake *f, const char *key, const char *otherwise)
{
	const char *value = otherwise;
	size_t at = 0;

	while (next_said(f, key, &at, &value))
		;
	return value;
}

static enum tri said_tri(const struct fake *f, const char *key)
{
	const char *value = fake_said(f, key, "unknown");

	return strcmp(value, "yes") == 0 ? YES : strcmp(value, "no") == 0 ? NO : UNKNOWN;
}

/* The module that this kernel has for its processor; there is no other. */
static const char *the_module(const struct fake *f)
{
	return fake_said(f, "module", "kvm_intel");
}

static char *module_path(const struct fake *f, const char *path)
{
	return xasprintf("/sys/module/%s%s", the_module(f), path);
}

/* A whole file as text, or NULL. */
static char *slurp(const char *path)
{
	struct buf b = { 0 };
	char chunk[4096];
	FILE *in = fopen(path, "re");
	size_t n;

	if (!in)
		return NULL;
	while ((n = fread(chunk, 1, sizeof(chunk), in)) > 0)
		buf_add(&b, chunk, n);
	fclose(in);
	return buf_steal(&b);
}

static void each_line(char *text, void (*each)(char *line, void *arg), void *arg)
{
	char *line, *rest = text;

	while ((line = strsep(&rest, "\n")))
		if (*line && *line != '#')
			each(line, arg);
}

static void add_line(char *line, void *arg)
{
	strv_add(arg, line);
}

static int read_about(struct fake *f, struct err *e)
{
	autofree char *path = xasprintf("%s/fake/host", f->dir);
	autofree char *text = slurp(path);

	if (!text)
		return err_sys(e, -errno, "no test host: %s", path);
	each_line(text, add_line, &f->about);
	return 0;
}

/* ---- changes: written down, and made to fail ---- */

static const struct {
	const char *name;
	int number;
} error_names[] = {
	{ "EIO", EIO },	      { "EAGAIN", EAGAIN },
	{ "EINVAL", EINVAL }, { "ENOSPC", ENOSPC },
	{ "ENOSYS", ENOSYS }, { "EPERM", EPERM },
	{ "EROFS", EROFS },   { "EACCES", EACCES },
	{ "ENOMEM", ENOMEM }, { "ETIMEDOUT", ETIMEDOUT },
};

static int error_of(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(error_names); i++)
		if (strcmp(error_names[i].name, name) == 0)
			return error_names[i].number;
	return EIO;
}

static int wanted_error(void)
{
	return error_of(getenv("KVMTUNE_FAKE_ERRNO"));
}

/* Does the variable name this call? "7" names the 7th, "7+" all from the 7th on. */
static bool is_turn(const struct fake *f, const char *variable)
{
	const char *value = getenv(variable);
	int n = value ? atoi(value) : 0;

	return n > 0 && (f->calls == n || (f->calls > n && value[strlen(value) - 1] == '+'));
}

static void write_log(struct fake *f, const char *line)
{
	autofree char *path = xasprintf("%s/fake/log", f->dir ? f->dir : "");
	FILE *out = f->dir ? fopen(path, "ae") : NULL;

	if (!out)
		return;
	fprintf(out, "%d %s\n", f->calls, line);
	fclose(out);
}

static void let_intruder_in(struct fake *f)
{
	autofree char *from = xasprintf("%s/fake/intruder", f->dir);
	autofree char *to = xasprintf("%s/root/etc/modprobe.d/zzz-intruder.conf", f->dir);

	if (rename(from, to) < 0)
		perror("KVMTUNE_FAKE_INTRUDER");
}

static void ksmtuned_loop(struct fake *f);
static void unmerge_ends(struct fake *f);

/* Each call that changes something passes here first. 0: it may be done. */
static int begin_change(struct ports *p, struct err *e, const char *fmt, ...) PRINTF(3, 4);
static int begin_change(struct ports *p, struct err *e, const char *fmt, ...)
{
	struct fake *f = fake_of(p);
	autobuf line = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vprintf(&line, fmt, ap);
	va_end(ap);
	f->calls++;
	write_log(f, line.data);
	if (is_turn(f, "KVMTUNE_FAKE_INTRUDER"))
		let_intruder_in(f);
	if (is_turn(f, "KVMTUNE_FAKE_KSMTUNED"))
		ksmtuned_loop(f);
	if (is_turn(f, "KVMTUNE_FAKE_KILL")) {
		unmerge_ends(f);
		_exit(137);
	}
	if (is_turn(f, "KVMTUNE_FAKE_SIGNAL"))
		raise(SIGTERM);
	if (is_turn(f, "KVMTUNE_FAKE_FAIL"))
		return err_sys(e, -wanted_error(), "made to fail: %s", line.data);
	return 0;
}

/* A file system that fails after the deed: the sync of the directory behind a rename. */
static bool fails_late(void)
{
	return getenv("KVMTUNE_FAKE_LATE");
}

/* ---- files: the real ones, with a log ---- */

/* Linux: 0400, of the process's owner. The files of a made-up host may all be ours. */
static bool is_private(const struct fake *f, const char *path)
{
	return starts_with(path, "/proc/") && strstr(path, "/ksm_") && said_tri(f, "root") == NO;
}

/* "unreadable ERROR PATH", any number of them: whoever looks at that path gets this. Else 0. */
static int reading_fails(struct ports *p, const char *path)
{
	const struct fake *f = fake_of(p);
	const char *said;
	size_t at = 0;

	while (next_said(f, "unreadable", &at, &said)) {
		autofree char *name = xstrndup(said, strcspn(said, " "));

		if (said[strlen(name)] && strcmp(said + strlen(name) + 1, path) == 0)
			return -error_of(name);
	}
	return is_private(f, path) ? -EACCES : 0;
}

static int fake_read(struct ports *p, const char *path, struct buf *ret)
{
	int r = reading_fails(p, path);

	return r < 0 ? r : fake_of(p)->files.read(p, path, ret);
}

static int fake_read_head(struct ports *p, const char *path, size_t size, struct buf *ret)
{
	int r = reading_fails(p, path);

	return r < 0 ? r : fake_of(p)->files.read_head(p, path, size, ret);
}

static int fake_list(struct ports *p, const char *path, struct strv *ret)
{
	int r = reading_fails(p, path);

	return r < 0 ? r : fake_of(p)->files.list(p, path, ret);
}

static int fake_list_files(struct ports *p, const char *path, struct strv *ret)
{
	int r = reading_fails(p, path);

	return r < 0 ? r : fake_of(p)->files.list_files(p, path, ret);
}

static int fake_stat(struct ports *p, const char *path, struct file_stat *ret)
{
	int r = reading_fails(p, path);

	return r < 0 && !is_private(fake_of(p), path) ? r : fake_of(p)->files.stat(p, path, ret);
}

static int fake_read_link(struct ports *p, const char *path, struct buf *ret)
{
	int r = reading_fails(p, path);

	/* "inner_pid_space yes": there are processes that this /proc does not have. */
	if (r == 0 && strcmp(path, "/proc/self/ns/pid") == 0) {
		buf_puts(ret, said_tri(fake_of(p), "inner_pid_space") == YES ? "pid:[4026532261]"
									     : "pid:[4026531836]");
		return 0;
	}
	return r < 0 ? r : fake_of(p)->files.read_link(p, path, ret);
}

/* "read_only DIR", any number of them: what is mounted there can only be read. */
static bool is_read_only(const struct fake *f, const char *path)
{
	const char *dir;
	size_t at = 0;

	while (next_said(f, "read_only", &at, &dir))
		if (starts_with(path, dir) && strchr("/", path[strlen(dir)]))
			return true;
	return false;
}

static int fake_writable(struct ports *p, const char *dir)
{
	struct fake *f = fake_of(p);

	return is_read_only(f, dir) ? -EROFS : f->files.writable(p, dir);
}

static int fake_replace(struct ports *p, const char *path, const char *text, unsigned mode,
			struct err *e)
{
	autofree char *safe = safe_text(text, 4096);
	int r = begin_change(p, e, "replace %s %04o %s", path, mode, safe);

	if (r < 0 && fails_late())
		fake_of(p)->files.replace(p, path, text, mode, &(struct err){ 0 });
	return r < 0 ? r : fake_of(p)->files.replace(p, path, text, mode, e);
}

static int fake_remove(struct ports *p, const char *path, struct err *e)
{
	int r = begin_change(p, e, "remove %s", path);

	if (r < 0 && fails_late())
		fake_of(p)->files.remove(p, path, &(struct err){ 0 });
	return r < 0 ? r : fake_of(p)->files.remove(p, path, e);
}

static int kernel_set_run(struct ports *p, const char *text);
static int kernel_set_word(struct ports *p, const struct attribute *a, const char *text);

static int fake_write_value(struct ports *p, const char *path, const char *text, struct err *e)
{
	autofree char *safe = safe_text(text, 60);
	int r = begin_change(p, e, "write_value %s %s", path, safe);

	if (r < 0)
		return r;
	if (strcmp(path, KSM_RUN_FILE) != 0 && !setting_of_attribute(path))
		return fake_of(p)->files.write_value(p, path, text, e);
	r = strcmp(path, KSM_RUN_FILE) == 0
		    ? kernel_set_run(p, text)
		    : kernel_set_word(p, setting_of_attribute(path)->attribute, text);
	return r < 0 ? err_sys(e, r, "cannot write %s", path) : 0;
}

static int fake_make_link(struct ports *p, const char *path, const char *target, struct err *e)
{
	int r = begin_change(p, e, "make_link %s %s", path, target);

	if (r < 0 && fails_late())
		fake_of(p)->files.make_link(p, path, target, &(struct err){ 0 });
	return r < 0 ? r : fake_of(p)->files.make_link(p, path, target, e);
}

static int fake_remove_dir(struct ports *p, const char *path, struct err *e)
{
	int r = begin_change(p, e, "remove_dir %s", path);

	return r < 0 ? r : fake_of(p)->files.remove_dir(p, path, e);
}

static int fake_append(struct ports *p, const char *path, const char *text, struct err *e)
{
	autofree char *safe = safe_text(text, 60);
	int r = begin_change(p, e, "append %s %s", path, safe);

	return r < 0 ? r : fake_of(p)->files.append(p, path, text, e);
}

static int fake_set_owner(struct ports *p, const char *path, unsigned uid, unsigned gid,
			  unsigned mode, struct err *e)
{
	int r = begin_change(p, e, "set_owner %s %u %u %04o", path, uid, gid, mode);

	return r < 0 ? r : fake_of(p)->files.set_owner(p, path, uid, gid, mode, e);
}

static int fake_set_acl(struct ports *p, const char *path, const void *acl, size_t size,
			struct err *e)
{
	int r = begin_change(p, e, "set_acl %s %zu", path, size);

	return r < 0 ? r : fake_of(p)->files.set_acl(p, path, acl, size, e);
}

static int fake_lock(struct ports *p, const char *path, const char *holder, struct buf *ret_holder,
		     struct err *e)
{
	int r = begin_change(p, e, "lock %s", path);

	return r < 0 ? r : fake_of(p)->files.lock(p, path, holder, ret_holder, e);
}

static void fake_files(struct ports *p)
{
	sys_files(p);
	sys_write(p);
	sys_trust(p);
	sys_lock(p);
	sys_acl(p);
	fake_of(p)->files = p->file;
	p->file.read = fake_read;
	p->file.read_head = fake_read_head;
	p->file.list = fake_list;
	p->file.list_files = fake_list_files;
	p->file.stat = fake_stat;
	p->file.read_link = fake_read_link;
	p->file.writable = fake_writable;
	p->file.replace = fake_replace;
	p->file.remove = fake_remove;
	p->file.remove_dir = fake_remove_dir;
	p->file.write_value = fake_write_value;
	p->file.make_link = fake_make_link;
	p->file.append = fake_append;
	p->file.set_owner = fake_set_owner;
	p->file.set_acl = fake_set_acl;
	p->file.lock = fake_lock;
}

/* ---- the kernel's side of the module ---- */

struct kernel_param {
	char name[64], type[16], value[128]; /* type: bool, bint, int, text, l1d */
};

struct kernel_module {
	struct kernel_param params[64];
	size_t count;
	int result;
};

static char *in_root(const struct fake *f, const char *path)
{
	return xasprintf("%s/root%s", f->dir, path);
}

static void put_text(const struct fake *f, const char *path, const char *text)
{
	autofree char *full = in_root(f, path);
	FILE *out = fopen(full, "we");

	if (!out || fprintf(out, "%s\n", text) < 0 || fclose(out) != 0)
		perror(full);
}

/* lib/kstrtox.c:kstrtobool of Linux 6.1 */
static int kernel_bool(const char *s)
{
	if (*s && strchr("yYtT1", *s))
		return 1;
	if (*s && strchr("nNfF0", *s))
		return 0;
	if ((*s | 32) == 'o' && (s[1] | 32) == 'n')
		return 1;
	if ((*s | 32) == 'o' && (s[1] | 32) == 'f')
		return 0;
	return -EINVAL;
}

static struct kernel_param *find_param(struct kernel_module *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->params[i].name, name) == 0)
			return &m->params[i];
	return NULL;
}

static int set_number(struct kernel_param *k, const char *value)
{
	char *end;

	errno = 0;
	strtoll(value, &end, 0);
	if (errno || end == value || *end)
		return -EINVAL;
	snprintf(k->value, sizeof(k->value), "%s", value);
	return 0;
}

static int set_param(struct kernel_param *k, const char *value)
{
	bool as_number = strcmp(k->type, "bint") == 0;
	int b;

	if (!value && strcmp(k->type, "bool") != 0 && !as_number)
		return -EINVAL;
	if (strcmp(k->type, "int") == 0)
		return set_number(k, value);
	if (strcmp(k->type, "bool") != 0 && !as_number) {
		snprintf(k->value, sizeof(k->value), "%s", value);
		return 0;
	}
	b = value ? kernel_bool(value) : 1;
	if (b < 0)
		return b;
	strcpy(k->value, as_number ? (b ? "1" : "0") : (b ? "Y" : "N"));
	return 0;
}

/* The kernel stops at the first value that it cannot take; names it does not know are ignored. */
static bool take_option(const struct modconf_token *t, void *arg)
{
	struct kernel_module *m = arg;
	struct kernel_param *k = find_param(m, t->param);

	m->result = k ? set_param(k, t->has_value ? t->value : NULL) : 0;
	return m->result == 0;
}

static int parse_options(const struct fake *f, struct kernel_module *m, const char *options)
{
	autofree char *line = xasprintf("options %s %s\n", the_module(f), options);
	struct modconf c = { 0 };

	modconf_add_file(&c, "options", line, strlen(line));
	modconf_each_option(&c, the_module(f), take_option, m);
	modconf_free(&c);
	return m->result;
}

static void default_params(const struct fake *f, struct kernel_module *m)
{
	const char *line;
	size_t at = 0;

	while (m->count < ARRAY_SIZE(m->params) && next_said(f, "param", &at, &line)) {
		struct kernel_param *k = &m->params[m->count];

		if (sscanf(line, "%63s %15s %127[^\n]", k->name, k->type, k->value) == 3)
			m->count++;
	}
}

static void force(struct kernel_module *m, const char *name, const char *value)
{
	struct kernel_param *k = find_param(m, name);

	if (k)
		set_param(k, value);
}

/* The parameter for EPT or NPT, after the hardware was asked; NULL: it is not off. */
static struct kernel_param *paging_off(const struct fake *f, struct kernel_module *m,
				       const char *name)
{
	struct kernel_param *k = find_param(m, name);

	if (k && said_tri(f, name) == NO)
		set_param(k, "N");
	return k && kernel_bool(k->value) == 0 ? k : NULL;
}

/* svm.c:svm_hardware_setup: what does not go without NPT is off, whatever was asked for. */
static void svm_hardware_setup(const struct fake *f, struct kernel_module *m)
{
	static const char *const forced[] = { "avic", "vls", "sev", "sev_es", "sev_snp" };

	if (!paging_off(f, m, "npt"))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(forced); i++)
		force(m, forced[i], "N");
}

/* vmx.c:hardware_setup: what does not go without EPT is off, whatever was asked for. */
static void vmx_hardware_setup(const struct fake *f, struct kernel_module *m)
{
	if (!paging_off(f, m, "ept"))
		return;
	force(m, "eptad", "N");
	force(m, "pml", "N");
	force(m, "unrestricted_guest", "N");
	force(m, "allow_smaller_maxphyaddr", "Y");
	for (size_t i = 0; i < m->count; i++)
		if (strcmp(m->params[i].type, "l1d") == 0)
			strcpy(m->params[i].value, "EPT disabled");
}

/* What udev's rule for /dev/kvm says. */
static void run_udev(const struct fake *f)
{
	autofree char *path = in_root(f, KVM_DEVICE);
	unsigned gid = (unsigned)atoi(fake_said(f, "kvm_gid", "0"));

	if (geteuid() == 0 && chown(path, 0, gid) < 0)
		perror(path);
	if (chmod(path, (mode_t)strtoul(fake_said(f, "udev_mode", "0660"), NULL, 8)) < 0)
		perror(path);
}

/* A fresh node belongs to root alone, until udev has seen it. */
static void make_device(struct ports *p)
{
	struct fake *f = fake_of(p);
	autofree char *path = in_root(f, KVM_DEVICE);
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	struct file_stat st;

	if (fd < 0)
		perror(path);
	if (p->file.stat(p, "/run/udev/control", &st) < 0)
		return;
	f->udev_pending = said_tri(f, "udev_late") == YES;
	if (!f->udev_pending)
		run_udev(f);
}

static void make_module_dir(const struct fake *f, const char *name)
{
	autofree char *path = module_path(f, name);
	autofree char *full = in_root(f, path);

	if (mkdir(full, 0755) < 0 && errno != EEXIST)
		perror(full);
}

static void put_module_file(const struct fake *f, const char *name, const char *text)
{
	autofree char *path = module_path(f, name);

	put_text(f, path, text);
}

static void make_module(struct ports *p, const struct kernel_module *m)
{
	struct fake *f = fake_of(p);

	make_module_dir(f, "");
	make_module_dir(f, "/parameters");
	make_module_dir(f, "/holders");
	put_module_file(f, "/initstate", "live");
	put_module_file(f, "/refcnt", "0");
	put_module_file(f, "/coresize", "421888");
	for (size_t i = 0; i < m->count; i++) {
		autofree char *name = xasprintf("/parameters/%s", m->params[i].name);

		put_module_file(f, name, m->params[i].value);
	}
	make_device(p);
}

static void count_load(const struct fake *f)
{
	autofree char *path = xasprintf("%s/fake/loads", f->dir);
	autofree char *text = slurp(path);
	FILE *out = fopen(path, "we");

	if (!out || fprintf(out, "%d\n", (text ? atoi(text) : 0) + 1) < 0 || fclose(out) != 0)
		perror(path);
}

static bool is_loaded(struct ports *p)
{
	autofree char *path = module_path(fake_of(p), "/initstate");
	autofree char *state = read_line_of(p, path);

	return state;
}

static bool modules_disabled(struct ports *p)
{
	autofree char *line = read_line_of(p, "/proc/sys/kernel/modules_disabled");

	return line && strcmp(line, "1") == 0;
}

/* ---- modules ---- */

static int fake_prepare(struct ports *p, const char *module, enum module_kind *ret_kind,
			struct buf *ret_options, struct err *e)
{
	struct fake *f = fake_of(p);
	const char *kind =
		strcmp(module, the_module(f)) == 0 ? fake_said(f, "kind", "absent") : "absent";
	struct modconf conf = { 0 };
	struct unread unread = { 0 };
	char *options;

	(void)e;
	if (ret_kind)
		*ret_kind = p->image			    ? MODULE_KIND_UNKNOWN
			    : strcmp(kind, "builtin") == 0  ? MODULE_BUILTIN
			    : strcmp(kind, "loadable") == 0 ? MODULE_LOADABLE
							    : MODULE_ABSENT;
	if (p->image)
		return 0;
	observe_conf(p, &conf, &unread);
	unread_free(&unread);
	options = modconf_options(&conf, module);
	f->install_line = modconf_find(&conf, MODCONF_INSTALL, module);
	modconf_free(&conf);
	free(f->configured);
	f->configured = options ? options : xstrdup("");
	if (ret_options)
		buf_puts(ret_options, f->configured);
	return 0;
}

/* "reload WHY": no, and why. Only who may load modules gets an answer. */
static int fake_check_reload(struct ports *p, const char *module, const char *param, struct err *e)
{
	const char *why = fake_said(fake_of(p), "reload", NULL);

	(void)param;
	if (!why && said_tri(fake_of(p), "root") != YES)
		why = "modules may not be loaded from here now";
	if (!why)
		return 0;
	err_set(e, -ENOENT, "%s could not be loaded again: %s", module, why);
	err_status(e, STATUS_IMPOSSIBLE, "not-reloadable");
	return err_hint(e, "Boot the kernel that is installed now.");
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static bool found_busy(struct ports *p)
{
	const char *busy = getenv("KVMTUNE_FAKE_BUSY");
	autofree char *path = module_path(fake_of(p), "/holders");
	autostrv holders = { 0 };

	p->file.list(p, path, &holders);
	return fake_of(p)->unloads++ < (busy ? atoi(busy) : 0) || holders.n ||
	       observe_refcnt(p, the_module(fake_of(p))) > 0;
}

static int why_not_unload(struct ports *p)
{
	if (said_tri(fake_of(p), "root") != YES || modules_disabled(p))
		return -EPERM;
	if (!is_loaded(p))
		return -ENOENT;
	return found_busy(p) ? -EAGAIN : 0;
}

static int fake_unload(struct ports *p, const char *module, struct err *e)
{
	autofree char *path = module_path(fake_of(p), "");
	autofree char *dir = in_root(fake_of(p), path);
	autofree char *device = in_root(fake_of(p), KVM_DEVICE);
	int r = begin_change(p, e, "unload %s", module);

	if (r < 0)
		return r;
	r = why_not_unload(p);
	if (r < 0)
		return err_sys(e, r, "cannot remove %s", module);
	if (nftw(dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS) < 0 || unlink(device) < 0)
		return err_sys(e, -errno, "the fake kernel cannot remove %s", module);
	return 0;
}

static int why_not_load(struct ports *p, bool configured)
{
	struct fake *f = fake_of(p);

	if (said_tri(f, "root") != YES || modules_disabled(p))
		return -EPERM;
	if (is_loaded(p))
		return -EEXIST;
	if (strcmp(fake_said(f, "kind", "absent"), "loadable") != 0)
		return -ENOENT;
	return configured && f->install_line ? -EPERM : 0;
}

static int insert(struct ports *p, const char *options)
{
	struct fake *f = fake_of(p);
	struct kernel_module m = { .count = 0 };
	int r;

	default_params(f, &m);
	r = parse_options(f, &m, options);
	if (r == 0 && said_tri(f, "virt") == NO)
		r = -EOPNOTSUPP;
	if (r < 0)
		return r;
	vmx_hardware_setup(f, &m);
	svm_hardware_setup(f, &m);
	make_module(p, &m);
	count_load(f);
	return 0;
}

static int fake_load(struct ports *p, const char *module, const char *options, struct err *e)
{
	struct fake *f = fake_of(p);
	int r = begin_change(p, e, "load %s %s", module, options ? options : "(as configured)");

	if (r < 0)
		return r;
	if (!f->configured && fake_prepare(p, module, NULL, NULL, e) < 0)
		return e->code;
	r = why_not_load(p, !options);
	if (r == 0)
		r = insert(p, options ? options : f->configured);
	return r < 0 ? err_sys(e, r, "cannot load %s", module) : 0;
}

/* ---- processor ---- */

static int fake_cpu(struct ports *p, struct cpu_id *ret, struct err *e)
{
	const struct fake *f = fake_of(p);

	if (p->image)
		return err_set(e, -EOPNOTSUPP, "an image has no processor");
	*ret = (struct cpu_id){ .vmx = said_tri(f, "vmx"),
				.svm = said_tri(f, "svm"),
				.hypervisor = said_tri(f, "hypervisor") };
	snprintf(ret->vendor, sizeof(ret->vendor), "%s", fake_said(f, "vendor", ""));
	snprintf(ret->brand, sizeof(ret->brand), "%s", fake_said(f, "brand", ""));
	snprintf(ret->hypervisor_name, sizeof(ret->hypervisor_name), "%s",
		 fake_said(f, "hypervisor_name", ""));
	return 0;
}

/* "msr 0x48b 0x1234" */
static int fake_msr(struct ports *p, unsigned cpu, uint32_t msr, uint64_t *ret)
{
	const char *line;
	bool driver = false;
	size_t at = 0;

	(void)cpu;
	while (next_said(fake_of(p), "msr", &at, &line)) {
		char *end;

		driver = true;
		if (strtoul(line, &end, 16) != msr)
			continue;
		*ret = strtoull(end, NULL, 16);
		return 0;
	}
	return driver ? -EIO : -ENOENT;
}

/* What identifies a processor, from DIR/fake/host: as little as there is. */
static void describe_cpu(const struct fake *f, struct cpuid_cpu *c)
{
	const char *vendor = fake_said(f, "vendor", "");
	uint32_t basic[4] = { 1 }, features[4] = { 0 }, last[4] = { 0x80000004 },
		 extended[4] = { 0 };
	char name[12] = "", brand[48] = "";

	memcpy(name, vendor, strnlen(vendor, sizeof(name)));
	memcpy(&basic[EBX], name, 4);
	memcpy(&basic[EDX], name + 4, 4);
	memcpy(&basic[ECX], name + 8, 4);
	/* An EPYC 7302, a Xeon E5-2680 v4. */
	features[EAX] = said_tri(f, "svm") == YES ? 0x830f10 : 0x406f1;
	features[ECX] = (uint32_t)(said_tri(f, "vmx") == YES) << 5 |
			(uint32_t)(said_tri(f, "hypervisor") == YES) << 31;
	extended[ECX] = (uint32_t)(said_tri(f, "svm") == YES) << 2;
	cpuid_add(c, 0, 0, basic);
	cpuid_add(c, 1, 0, features);
	cpuid_add(c, 0x80000000, 0, last);
	cpuid_add(c, 0x80000001, 0, extended);
	snprintf(brand, sizeof(brand), "%s", fake_said(f, "brand", ""));
	for (uint32_t i = 0; i < 3; i++) {
		uint32_t part[4];

		memcpy(part, brand + 16 * i, sizeof(part));
		cpuid_add(c, 0x80000002 + i, 0, part);
	}
}

static int read_fake_cpuid(const struct fake *f, struct cpuid_dump *ret, struct err *e)
{
	autofree char *path = xasprintf("%s/fake/cpuid", f->dir);
	autofree char *text = slurp(path);

	if (text)
		return cpuid_read_dump(text, strlen(text), ret, e);
	for (int i = 0; i < 2; i++)
		describe_cpu(f, &array_push(ret->cpus, ret->count));
	return 0;
}

static int fake_read_all(struct ports *p, cpuid_sink sink, void *arg, struct err *e)
{
	struct cpuid_dump dump = { 0 };
	int r;

	if (p->image)
		return err_set(e, -EOPNOTSUPP, "an image has no processor");
	r = read_fake_cpuid(fake_of(p), &dump, e);
	for (size_t i = 0; r == 0 && i < dump.count; i++)
		for (size_t k = 0; k < dump.cpus[i].count; k++) {
			const struct cpuid_leaf *l = &dump.cpus[i].leaves[k];

			sink(arg, (unsigned)i, l->leaf, l->subleaf, l->r);
		}
	cpuid_dump_free(&dump);
	return r;
}

/* ---- the holders of KVM ---- */

/* Takes \xHH back to a byte, in place. */
static char *unescape(char *s)
{
	char *to = s;
	unsigned byte;

	for (const char *from = s; *from; from++) {
		if (from[0] == '\\' && from[1] == 'x' && sscanf(from + 2, "%2x", &byte) == 1) {
			*to++ = (char)byte;
			from += 3;
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return s;
}

static char *field(char **rest)
{
	static char none[] = "";
	char *text = strsep(rest, "\t");

	return text ? unescape(text) : none;
}

/* A holder above, or another process. */
static void add_unanswered(struct kvm_users *users, int pid, enum answer answer)
{
	unanswered_note(&users->unanswered, pid, answer);
	for (size_t i = 0; i < users->count; i++)
		if (users->users[i].pid == pid)
			users->users[i].answer = answer;
}

/*
 * PID UID USER COMM KVM-FDS VM-FDS VCPU-FDS CGROUP ARGUMENT..., with tabs between and \xHH for odd
 * bytes; or "hidden N"; or "silent PID", "unasked PID": it does not answer, or was not asked.
 */
static void add_user(char *line, void *arg)
{
	struct kvm_users *users = arg;
	char *rest = line;
	struct kvm_user *u;

	if (starts_with(line, "hidden ")) {
		users->hidden = (size_t)atoi(line + 7);
		return;
	}
	if (starts_with(line, "silent ") || starts_with(line, "unasked ")) {
		add_unanswered(users, atoi(strchr(line, ' ')),
			       line[0] == 's' ? ANSWERS_NOT : NOT_ASKED);
		return;
	}
	u = &array_push(users->users, users->count);
	u->pid = atoi(field(&rest));
	u->uid = (unsigned)atoi(field(&rest));
	u->user = xstrdup(field(&rest));
	u->comm = xstrdup(field(&rest));
	u->kvm_fds = (unsigned)atoi(field(&rest));
	u->vm_fds = (unsigned)atoi(field(&rest));
	u->vcpu_fds = (unsigned)atoi(field(&rest));
	u->cgroup = xstrdup(field(&rest));
	while (rest)
		strv_add(&u->args, field(&rest));
	user_describe(u);
}

static int fake_users(struct ports *p, struct kvm_users *ret, struct err *e)
{
	autofree char *path = xasprintf("%s/fake/users", fake_of(p)->dir ?: "");
	autofree char *text = p->image ? NULL : slurp(path);

	(void)e;
	*ret = (struct kvm_users){ 0 };
	if (text)
		each_line(text, add_user, ret);
	return 0;
}

static void fake_settle(struct ports *p)
{
	(void)p;
}

/* What the running module shows for EPT or NPT; NULL: it is not there. */
static char *running_paging(struct ports *p)
{
	const struct fake *f = fake_of(p);
	bool amd = strcmp(the_module(f), "kvm_amd") == 0;
	autofree char *path = module_path(f, amd ? "/parameters/npt" : "/parameters/ept");

	return read_line_of(p, path);
}

/* "guest_needs_ept yes": a kernel whose shadow paging is broken. */
static int fake_guest(struct ports *p, unsigned timeout_ms, struct err *e)
{
	autofree char *paging = running_paging(p);
	int r = begin_change(p, e, "run_guest %u", timeout_ms);

	if (r < 0)
		return r;
	if (!is_loaded(p) || !paging)
		return err_sys(e, -ENOENT, "cannot open /dev/kvm");
	if (said_tri(fake_of(p), "guest_needs_ept") == YES && kernel_bool(paging) == 0)
		return err_set(e, -EIO, "the test guest stopped with KVM_EXIT_INTERNAL_ERROR");
	return 0;
}

/* ---- same-page merging ---- */

static uint64_t number_in(const struct fake *f, const char *path)
{
	autofree char *full = in_root(f, path);
	autofree char *text = slurp(full);

	return text ? strtoull(text, NULL, 10) : 0;
}

static bool is_there(const struct fake *f, const char *path)
{
	autofree char *full = in_root(f, path);

	return access(full, F_OK) == 0;
}

static void put_number(const struct fake *f, const char *path, uint64_t number)
{
	autofree char *text = xasprintf("%llu", (unsigned long long)number);

	put_text(f, path, text);
}

/* The number behind a name in a file like /proc/meminfo: moved by so much. */
static void move_number(const struct fake *f, const char *path, const char *name, int64_t by)
{
	autofree char *full = in_root(f, path);
	autofree char *text = slurp(full);
	char *at = text ? strstr(text, name) : NULL;
	autobuf b = { 0 };
	int64_t number;
	char *end;

	if (!at)
		return;
	at += strlen(name);
	number = (int64_t)strtoull(at, &end, 10) + by;
	buf_add(&b, text, (size_t)(at - text));
	buf_printf(&b, " %*lld", (int)(end - at) - 1, number > 0 ? (long long)number : 0);
	buf_puts(&b, end);
	put_text(f, path, chomp(b.data));
}

/* How many pages are spared by merging, by the counters. */
static uint64_t spared(const struct fake *f)
{
	return number_in(f, KSM_DIR "/pages_sharing") + number_in(f, KSM_DIR "/ksm_zero_pages");
}

/* "merges COUNTER N": what the counters are when all that can be merged is. share: of it, in %. */
static void set_merged(const struct fake *f, unsigned share)
{
	uint64_t before = spared(f);
	char name[64], path[128];
	unsigned long long n;
	const char *line;
	size_t at = 0;

	while (next_said(f, "merges", &at, &line)) {
		if (sscanf(line, "%63s %llu", name, &n) != 2)
			continue;
		if (*name >= '0' && *name <= '9')
			snprintf(path, sizeof(path), "/proc/%s/ksm_merging_pages", name);
		else
			snprintf(path, sizeof(path), KSM_DIR "/%s", name);
		put_number(f, path, n * share / 100);
	}
	move_number(f, MEMINFO, "MemAvailable:", ((int64_t)before - (int64_t)spared(f)) * 4);
}

/*
 * mm/ksm.c:run_store: a value that is there already does nothing; 0 keeps what is merged. Scanning
 * takes its time on a real host; here all is merged at once.
 */
static int kernel_set_run(struct ports *p, const char *text)
{
	struct fake *f = fake_of(p);
	uint64_t value;

	if (!is_there(f, KSM_RUN_FILE))
		return -ENOENT;
	if (is_read_only(f, KSM_RUN_FILE))
		return -EROFS;
	if (said_tri(f, "root") != YES)
		return -EACCES;
	if (parse_u64(text, &value) < 0 || value > 2)
		return -EINVAL;
	if (number_in(f, KSM_RUN_FILE) == value)
		return 0;
	put_number(f, KSM_RUN_FILE, value);
	if (value)
		set_merged(f, value == 1 ? 100 : 0);
	return 0;
}

/* "always [madvise] never": the brackets move to the word that is written. */
static int kernel_set_word(struct ports *p, const struct attribute *a, const char *text)
{
	struct fake *f = fake_of(p);
	autofree char *word = xstrndup(text, strcspn(text, "\n"));
	autobuf shown = { 0 }, now = { 0 };
	autostrv words = { 0 };

	if (f->files.read(p, a->path, &shown) < 0)
		return -ENOENT;
	if (is_read_only(f, a->path))
		return -EROFS;
	if (said_tri(f, "root") != YES)
		return -EACCES;
	attribute_chosen(a, buf_text(&shown), &words);
	if (!strv_has(&words, word))
		return -EINVAL;
	for (size_t i = 0; i < words.n; i++)
		buf_printf(&now, strcmp(words.v[i], word) == 0 ? "%s[%s]" : "%s%s", i ? " " : "",
			   words.v[i]);
	put_text(f, a->path, now.data);
	return 0;
}

/* Whoever unmerges has gone, or was stopped: what is unmerged stays so. */
static void unmerge_ends(struct fake *f)
{
	if (f->unmerge_steps)
		put_number(f, KSM_RUN_FILE, 0);
	f->unmerge_steps = 0;
}

/* "swaps_after N": with all unmerged the host swaps out so many pages a second. */
static void pass_time(struct fake *f, unsigned ms)
{
	f->slept_ms += ms;
	if (f->swapping && number_in(f, KSM_RUN_FILE) == 2)
		move_number(f, VMSTAT, "pswpout",
			    atoll(fake_said(f, "swaps_after", "0")) * ms / 1000);
}

/* "KEY N": somebody takes so many MiB of memory at this moment, and keeps them. */
static void take_memory(const struct fake *f, const char *key)
{
	move_number(f, MEMINFO, "MemAvailable:", -1024 * atoll(fake_said(f, key, "0")));
}

#define UNMERGE_STEPS 4

static int fake_unmerge_begin(struct ports *p, struct err *e)
{
	struct fake *f = fake_of(p);
	int r = begin_change(p, e, "unmerge");

	if (r < 0)
		return r;
	if (number_in(f, KSM_RUN_FILE) == 2)
		return 0;
	r = is_read_only(f, KSM_RUN_FILE) ? -EROFS : said_tri(f, "root") != YES ? -EACCES : 0;
	if (r < 0)
		return err_sys(e, r, "cannot write %s", KSM_RUN_FILE);
	/* It reads 2 from the beginning. */
	put_number(f, KSM_RUN_FILE, 2);
	f->unmerge_steps = UNMERGE_STEPS;
	return 0;
}

/* "unmerge_fails ENOMEM", EINTR: half-way; run is 0 then. */
static int fake_unmerge_wait(struct ports *p, unsigned timeout_ms, struct err *e)
{
	struct fake *f = fake_of(p);
	const char *fails = fake_said(f, "unmerge_fails", NULL);
	int r = f->unmerge_steps ? begin_change(p, e, "unmerge_wait") : 0;

	if (!f->unmerge_steps)
		return 0;
	pass_time(f, timeout_ms);
	if (r == 0 && fails && f->unmerge_steps == UNMERGE_STEPS / 2)
		r = err_sys(e, strcmp(fails, "EINTR") == 0 ? -EINTR : -ENOMEM, "unmerging stopped");
	if (r < 0) {
		unmerge_ends(f);
		return r;
	}
	f->unmerge_steps--;
	set_merged(f, (unsigned)f->unmerge_steps * 100 / UNMERGE_STEPS);
	take_memory(f, "each_step_takes");
	f->swapping = f->unmerge_steps == 0;
	return f->unmerge_steps > 0;
}

static void fake_unmerge_stop(struct ports *p)
{
	unmerge_ends(fake_of(p));
}

static void fake_ksm(struct ports *p)
{
	p->ksm.unmerge_begin = fake_unmerge_begin;
	p->ksm.unmerge_wait = fake_unmerge_wait;
	p->ksm.unmerge_stop = fake_unmerge_stop;
}

/* ---- systemd ---- */

#define KSM_UNIT      "ksm.service"
#define KSMTUNED_UNIT "ksmtuned.service"

static void dash_is_none(char *word)
{
	if (strcmp(word, "-") == 0)
		*word = '\0';
}

/* Is there a link in the .wants/ or .requires/ of any unit? */
static bool has_link(const struct fake *f, const char *dir, const char *unit)
{
	autofree char *pattern = xasprintf("%s/root%s/*.*s/%s", f->dir, dir, unit);
	glob_t found;
	bool any = glob(pattern, GLOB_NOCHECK, NULL, &found) == 0 &&
		   strcmp(found.gl_pathv[0], pattern) != 0;

	globfree(&found);
	return any;
}

static void look_at_links(const struct fake *f, const char *unit, struct unit_state *s)
{
	if (!starts_with(s->file, "enabled") && strcmp(s->file, "disabled") != 0)
		return;
	snprintf(s->file, sizeof(s->file), "%s",
		 has_link(f, "/etc/systemd/system", unit)   ? "enabled"
		 : has_link(f, "/run/systemd/system", unit) ? "enabled-runtime"
							    : "disabled");
}

/* False: there is no such unit. */
static bool read_unit(const struct fake *f, const char *unit, struct unit_state *ret)
{
	autofree char *path = xasprintf("%s/fake/units/%s", f->dir, unit);
	autofree char *text = slurp(path);

	*ret = (struct unit_state){ .load = "not-found", .active = "inactive" };
	if (!text ||
	    sscanf(text, "%31s %31s %31s %31s", ret->load, ret->active, ret->file, ret->job) < 3)
		return false;
	dash_is_none(ret->load);
	dash_is_none(ret->active);
	dash_is_none(ret->file);
	look_at_links(f, unit, ret);
	return true;
}

static void write_unit(const struct fake *f, const char *unit, const struct unit_state *state)
{
	autofree char *path = xasprintf("%s/fake/units/%s", f->dir, unit);
	FILE *out = fopen(path, "we");

	if (!out ||
	    fprintf(out, "%s %s %s%s%s\n", *state->load ? state->load : "-",
		    *state->active ? state->active : "-", *state->file ? state->file : "-",
		    *state->job ? " " : "", state->job) < 0 ||
	    fclose(out) != 0)
		perror(path);
}

static void set_active(const struct fake *f, const char *unit, const char *active)
{
	struct unit_state state;

	if (!read_unit(f, unit, &state))
		return;
	snprintf(state.active, sizeof(state.active), "%s", active);
	state.job[0] = '\0';
	write_unit(f, unit, &state);
}

/* Or on its way there. */
static bool is_active(const struct fake *f, const char *unit)
{
	struct unit_state state;

	return read_unit(f, unit, &state) && strcmp(state.active, "inactive") != 0 &&
	       strcmp(state.active, "failed") != 0;
}

/* Its loop comes round: it finds that merging is worth while. */
static void ksmtuned_loop(struct fake *f)
{
	if (!is_active(f, KSMTUNED_UNIT) || number_in(f, KSM_RUN_FILE) == 1)
		return;
	put_number(f, KSM_RUN_FILE, 1);
	set_merged(f, 100);
}

/* "bus dead": systemd runs, but nobody can talk to it. */
static int no_bus(struct ports *p, struct err *e)
{
	if (!p->image && strcmp(fake_said(fake_of(p), "bus", ""), "dead") != 0)
		return 0;
	err_sys(e, -ENOENT, "cannot connect to the system bus");
	return err_status(e, STATUS_FAILED, "no-bus");
}

static int fake_state(struct ports *p, const char *unit, struct unit_state *ret, struct err *e)
{
	if (no_bus(p, e) < 0)
		return e->code;
	read_unit(fake_of(p), unit, ret);
	return 0;
}

static void add_relation(struct unit_relations *ret, const char *property, const char *other)
{
	const struct {
		const char *property;
		struct strv *names;
	} rows[] = { { "Requires", &ret->needs },	 { "BindsTo", &ret->needs },
		     { "Requisite", &ret->requisites },	 { "Wants", &ret->wants },
		     { "Conflicts", &ret->conflicts },	 { "ConflictedBy", &ret->conflicts },
		     { "RequiredBy", &ret->stops },	 { "BoundBy", &ret->stops },
		     { "ConsistsOf", &ret->stops },	 { "UpheldBy", &ret->revived_by },
		     { "TriggeredBy", &ret->revived_by } };

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (strcmp(rows[i].property, property) == 0)
			strv_add(rows[i].names, other);
}

/* ksmtuned needs ksm, where that is installed, as Debian has it. */
static void add_own_relations(const struct fake *f, const char *unit, struct unit_relations *ret)
{
	struct unit_state other;

	if (strcmp(unit, KSMTUNED_UNIT) == 0 && read_unit(f, KSM_UNIT, &other))
		strv_add(&ret->needs, KSM_UNIT);
	if (strcmp(unit, KSM_UNIT) == 0 && read_unit(f, KSMTUNED_UNIT, &other))
		strv_add(&ret->stops, KSMTUNED_UNIT);
}

static int fake_relations(struct ports *p, const char *unit, struct unit_state *ret_state,
			  struct unit_relations *ret, struct err *e)
{
	const struct fake *f = fake_of(p);
	autofree char *path = xasprintf("%s/fake/relations", f->dir);
	autofree char *text = slurp(path);
	char *line, *rest = text;

	if (fake_state(p, unit, ret_state, e) < 0)
		return e->code;
	add_own_relations(f, unit, ret);
	while ((line = strsep(&rest, "\n"))) {
		char of[128], property[64], other[128];

		if (sscanf(line, "%127s %63s %127s", of, property, other) == 3 &&
		    strcmp(of, unit) == 0)
			add_relation(ret, property, other);
	}
	return 0;
}

/* Passes through the list of faults. *ret_do: it is to be done; that it fails does not hinder it. */
static int begin_unit(struct ports *p, const char *verb, const char *unit, bool *ret_do,
		      struct err *e)
{
	const char *id = getenv("KVMTUNE_FAKE_ID");
	int r = begin_change(p, e, "%s %s", verb, unit);

	*ret_do = r == 0 || fails_late();
	if (r < 0)
		return err_status(e, STATUS_FAILED, id ? id : "job-failed");
	r = no_bus(p, e);
	*ret_do = r == 0;
	return r;
}

static int fake_reload(struct ports *p, const char *unit, struct err *e)
{
	bool todo;

	return begin_unit(p, "reload", unit, &todo, e);
}

static int job_error(const char *unit, const char *text, struct err *e)
{
	err_set(e, -EIO, "%s: %s", unit, text);
	return err_status(e, STATUS_FAILED, "job-failed");
}

/* ksmctl turns merging on. */
static int start_unit(struct ports *p, const char *unit, struct err *e)
{
	struct fake *f = fake_of(p);
	struct unit_state state;

	if (!read_unit(f, unit, &state) || strcmp(state.load, "loaded") != 0)
		return job_error(unit, state.load, e);
	if (strcmp(state.active, "active") == 0)
		return 0;
	if (strcmp(unit, KSM_UNIT) == 0)
		kernel_set_run(p, "1");
	set_active(f, unit, "active");
	return 0;
}

/* ksmctl writes 0 when it is stopped, "at_its_end N": something else; ksmtuned leaves run as it is. */
static void stop_unit(struct ports *p, const char *unit)
{
	struct fake *f = fake_of(p);
	bool active = is_active(f, unit);

	set_active(f, unit, "inactive");
	if (!active)
		return;
	take_memory(f, "each_stop_takes");
	if (strcmp(unit, KSM_UNIT) == 0)
		kernel_set_run(p, fake_said(f, "at_its_end", "0"));
}

/* What systemd is about to do is done when we are gone: whoever did not wait for it sees it then. */
static void go_on(struct ports *p)
{
	struct fake *f = fake_of(p);
	struct unit_state s;

	if (read_unit(f, KSM_UNIT, &s) &&
	    (strcmp(s.active, "deactivating") == 0 || strcmp(s.job, "stop") == 0))
		stop_unit(p, KSM_UNIT);
	else if (read_unit(f, KSM_UNIT, &s) && strcmp(s.job, "start") == 0)
		start_unit(p, KSM_UNIT, &(struct err){ 0 });
}

static int fake_start(struct ports *p, const char *unit, struct err *e)
{
	bool todo;
	int r = begin_unit(p, "start", unit, &todo, e);

	if (r < 0 && todo)
		start_unit(p, unit, &(struct err){ 0 });
	return r < 0 ? r : start_unit(p, unit, e);
}

static int fake_stop(struct ports *p, const char *unit, struct err *e)
{
	bool todo;
	int r = begin_unit(p, "stop", unit, &todo, e);

	if (todo)
		stop_unit(p, unit);
	return r;
}

static void fake_units(struct ports *p)
{
	p->unit.state = fake_state;
	p->unit.relations = fake_relations;
	p->unit.reload = fake_reload;
	p->unit.start = fake_start;
	p->unit.stop = fake_stop;
}

/* ---- the rest ---- */

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
	caught = number;
}

static void fake_identify(struct ports *p, struct host_id *ret)
{
	const struct fake *f = fake_of(p);

	*ret = (struct host_id){ 0 };
	if (p->image)
		return;
	snprintf(ret->name, sizeof(ret->name), "%s", fake_said(f, "name", "host"));
	snprintf(ret->kernel, sizeof(ret->kernel), "%s", fake_said(f, "kernel", "6.1.0"));
	snprintf(ret->machine, sizeof(ret->machine), "%s", fake_said(f, "machine", "x86_64"));
	ret->page_bytes = 4096;
	ret->ticks_per_second = 100;
}

static bool fake_is_root(struct ports *p)
{
	return fake_of(p)->dir ? said_tri(fake_of(p), "root") == YES : geteuid() == 0;
}

static int fake_interrupted(struct ports *p)
{
	(void)p;
	return caught;
}

static void fake_sleep(struct ports *p, unsigned ms)
{
	struct fake *f = fake_of(p);
	long haste = getenv("KVMTUNE_FAKE_HASTE") ? 100000 : HASTE;
	struct timespec t = { .tv_nsec = (long)ms * 1000000 / haste };
	autofree char *path = xasprintf("%s/fake/slept", f->dir ?: "");

	pass_time(f, ms);
	closep(&(int){ f->dir ? open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644) : -1 });
	nanosleep(&t, NULL);
	if (f->udev_pending)
		run_udev(f);
	f->udev_pending = false;
}

static int64_t fake_monotonic(struct ports *p)
{
	return fake_of(p)->slept_ms;
}

/* DIR/fake/kmsg, for root. */
static int fake_kernel_log(struct ports *p, struct buf *ret)
{
	autofree char *path = xasprintf("%s/fake/kmsg", fake_of(p)->dir ?: "");
	autofree char *text = p->image ? NULL : slurp(path);

	if (said_tri(fake_of(p), "root") == NO)
		return -EPERM;
	buf_puts(ret, text ?: "");
	return text ? 0 : -ENOENT;
}

/* 2 August 2015, 12:00:00 UTC: what is printed shall be the same every day. */
static int64_t fake_wall(struct ports *p)
{
	(void)p;
	return 1438516800;
}

static void fake_catch_signals(struct ports *p)
{
	static const int stops[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction catch = { .sa_handler = on_signal };

	(void)p;
	for (size_t i = 0; i < ARRAY_SIZE(stops); i++) {
		struct sigaction old;

		/* As the real one: what was ignored stays so. */
		if (sigaction(stops[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			sigaction(stops[i], &catch, NULL);
	}
}

static void fake_system(struct ports *p)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };

	sigaction(SIGPIPE, &ignore, NULL);
	p->system.catch_signals = fake_catch_signals;
	p->system.identify = fake_identify;
	p->system.is_root = fake_is_root;
	p->system.interrupted = fake_interrupted;
	p->system.sleep_ms = fake_sleep;
	p->system.monotonic_ms = fake_monotonic;
	p->system.wall_seconds = fake_wall;
	p->system.kernel_log = fake_kernel_log;
}

static void fill_table(struct ports *p)
{
	fake_files(p);
	p->module.prepare = fake_prepare;
	p->module.check_reload = fake_check_reload;
	p->module.unload = fake_unload;
	p->module.load = fake_load;
	p->cpu.identify = fake_cpu;
	p->cpu.read_msr = fake_msr;
	p->cpu.read_all = fake_read_all;
	p->kvm.users = fake_users;
	p->kvm.run_guest = fake_guest;
	p->kvm.settle = fake_settle;
	p->process.read = process_files_read;
	fake_ksm(p);
	fake_units(p);
	fake_system(p);
	sys_user_files(p);
	sys_load(p);
}

/* ---- what has become of the files ---- */

static struct strv tree_paths; /* nftw() passes no argument */

static int add_path(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	strv_add(&tree_paths, path);
	return 0;
}

/* FNV-1a */
static uint64_t hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash;
}

static char *link_text(const char *path)
{
	char target[4096];
	ssize_t n = readlink(path, target, sizeof(target));

	return n < 0 ? NULL : xstrndup(target, (size_t)n);
}

static void write_entry(FILE *out, const char *path, size_t root_len)
{
	autofree char *text = NULL;
	struct stat st;

	if (lstat(path, &st) < 0 || starts_with(path + root_len, STATE_DIR) ||
	    strcmp(path + root_len, VMSTAT) == 0)
		return;
	if (S_ISREG(st.st_mode))
		text = slurp(path);
	if (S_ISLNK(st.st_mode))
		text = link_text(path);
	fprintf(out, "%s %o %u:%u %016llx\n", path + root_len, st.st_mode, st.st_uid, st.st_gid,
		(unsigned long long)hash_of(text));
}

/* Their files, too: links may have changed what they say. */
static void write_units(const struct fake *f, FILE *out)
{
	autofree char *pattern = xasprintf("%s/fake/units/*", f->dir);
	glob_t found;

	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *name = last_part(found.gl_pathv[i]);
		struct unit_state unit;

		if (!read_unit(f, name, &unit))
			continue;
		write_unit(f, name, &unit);
		fprintf(out, "%s: %s %s %s %s\n", name, unit.load, unit.active, unit.file,
			unit.job);
	}
	globfree(&found);
}

static void write_tree(const struct fake *f)
{
	autofree char *root = xasprintf("%s/root", f->dir);
	autofree char *to = xasprintf("%s/fake/tree", f->dir);
	FILE *out = fopen(to, "we");

	if (!out || nftw(root, add_path, 8, FTW_PHYS) < 0) {
		perror(to);
		return;
	}
	strv_sort(&tree_paths);
	for (size_t i = 0; i < tree_paths.n; i++)
		write_entry(out, tree_paths.v[i], strlen(root));
	strv_free(&tree_paths);
	write_units(f, out);
	fclose(out);
}

/* In place of environment.c: what the kernel is to do stands in there. */
void environment_clean(void)
{
}

char *const *environment_given(void)
{
	return environ;
}

int ports_open(struct ports *p, const char *root, struct err *e)
{
	const char *dir = getenv("KVMTUNE_FAKE_HOST");
	struct fake *f = xcalloc(1, sizeof(*f));
	autofree char *tree = root ? xstrdup(root) : xasprintf("%s/root", dir ?: "");

	*p = (struct ports){ .image = root != NULL, .self = f };
	f->dir = dir ? xstrdup(dir) : NULL;
	fill_table(p);
	if (root && sys_open_root(p, root, e) < 0)
		return e->code;
	if (!root) {
		f->sys.live_fd = -1;
		f->sys.root_fd = open(tree, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (f->sys.root_fd < 0) {
		err_sys(e, -errno, "cannot open the root directory %s", tree);
		return err_status(e, STATUS_USAGE, "no-root");
	}
	return dir ? read_about(f, e) : root ? 0 : err_set(e, -EINVAL, "no KVMTUNE_FAKE_HOST");
}

void ports_close(struct ports *p)
{
	struct fake *f = fake_of(p);

	if (!f)
		return;
	p->load.stop(p);
	unmerge_ends(f);
	if (f->dir && !p->image && f->calls)
		go_on(p);
	if (f->dir)
		write_tree(f);
	p->file.unlock(p);
	closep(&f->sys.live_fd);
	closep(&f->sys.root_fd);
	strv_free(&f->about);
	free(f->configured);
	free(f->dir);
	free(f);
	p->self = NULL;
}
