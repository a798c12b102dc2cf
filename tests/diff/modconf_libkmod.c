// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * modconf_libkmod - does modconf.c read every modprobe.d tree as the installed libkmod does?
 *
 * Makes random trees full of nasty things, lets both read them, and compares what they say as two
 * texts, the transcripts. A tree they differ on is shrunk until nothing can be left out, and shown.
 *
 * libkmod opens /proc/cmdline itself. The open() below takes its place in this program (link with
 * -rdynamic), so that libkmod gets the kernel command line of the tree.
 *
 *	modconf_libkmod [--seed N] [--trees N]
 *
 * Tree i of seed s is tree 0 of seed s + i. Not for valgrind: libkmod 30 does not set the variable
 * it looks at for a broken link.
 */
#undef _FORTIFY_SOURCE /* its open() is an inline function and could not be replaced */
#include <kvmtune/modconf.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <getopt.h>
#include <libkmod.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_SEED  20240229
#define DEFAULT_TREES 10000
#define MAX_FILES     16
#define PICK(r, list) ((list)[below(r, ARRAY_SIZE(list))])

/* Random numbers: splitmix64, the same on every host. */

struct rng {
	uint64_t state;
};

static uint64_t next_random(struct rng *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static size_t below(struct rng *r, size_t n)
{
	return (size_t)(next_random(r) % n);
}

static bool percent(struct rng *r, unsigned chance)
{
	return below(r, 100) < chance;
}

/* A tree. Its directories are relative to a temporary one, which is the working directory. */

static const char *const dirs[] = { "etc", "run", "usr-local", "usr", "lib", NULL };
#define N_DIRS (ARRAY_SIZE(dirs) - 1)

enum file_kind { TEXT, DIRECTORY, LINK_TO_NULL, LINK_TO_DIRECTORY, LINK_TO_NOTHING };
static const char *const file_kinds[] = { "file", "directory", "link to /dev/null",
					  "link to a directory", "broken link" };

struct file {
	size_t dir;
	char name[64];
	enum file_kind kind;
	struct buf text;
	bool left_out; /* by the shrinker */
};

struct tree {
	struct file files[MAX_FILES];
	size_t n;
	struct buf cmdline;
	char asked[64]; /* one more module to ask about */
};

static void tree_free(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		buf_free(&t->files[i].text);
	buf_free(&t->cmdline);
}

/* What newer or older libkmods do differently; found out in main(). */
static struct dialect {
	bool reads_alias_files;	      /* until 32 */
	bool keeps_backslash_at_end;  /* as 0xff; until 33 */
	bool reads_cmdline_by_states; /* since 29 */
} libkmod;

/* The grammar. Lists name the frequent things several times. */

static const char *const modules[] = {
	"kvm_intel",	  "kvm_intel",	   "kvm_intel",	  "kvm_intel", "kvm_intel",    "kvm_intel",
	"kvm-intel",	  "kvm-intel",	   "kvm-intel",	  "kvm-intel", "kvm",	       "kvm",
	"kvm_amd",	  "kvm-amd",	   "loop",	  "a-b-c",     "kvm_intel.ko", "kvm*",
	"kvm_in[st]el",	  "kvm[-_]intel",  "?vm_intel",	  "*",	       "kvm]intel",    "kvm[intel",
	"kvm[]intel",	  "\"kvm_intel\"", "kvm_intel\r", "Kvm_intel", "modprobe",     "kvm\\_i",
	"k[a-]]vm-[x-z]", "#kvm_intel",	   "kvm_intel#",  "",
};

static const char *const directives[] = {
	"options", "options", "options",    "options", "options",     "alias",	   "blacklist",
	"install", "remove",  "softdep",    "include", "config",      "weakdep",   "Options",
	"option",  "#",	      "#options",   "optio\\", "opt\\\nions", "blacklist", "install",
	"softdep", "alias",   "\\#options", "",	       "remove",
};

static const char *const words[] = {
	"ept=0",
	"ept=0",
	"ept=1",
	"ept=1",
	"ept=Y",
	"ept",
	"ept=\"0\"",
	"\"ept=0\"",
	"nested=1",
	"e-pt=0",
	"x=\"a b\"",
	"x=\"open",
	"=",
	"--",
	"\\\\",
	"\\",
	"\"",
	"\xff",
	"\xa0",
	"a=[b-c]",
	"pre:",
	"post:",
	"pre:",
	"post:",
	"kvm_intel",
	"kvm-amd",
	"/sbin/insmod",
	"$CMDLINE_OPTS",
	"/bin/false",
	"# comment",
	"pre:post:",
	"\r",
	"vmentry_l1d_flush=never",
	"\v",
	"\f",
	"--ignore-install",
};

static const char *const blanks[] = { " ",    " ",    " ",     " ",	" ",   " ",  " ",  " ",
				      " ",    " ",    " ",     " ",	"\t",  "\t", "  ", " \t ",
				      "\t\t", "\\\n", " \\\n", "\\\n ", "\\ ", "\r", "\v", "" };

static const char *const file_names[] = {
	"50-kvm.conf",	  "99-kvmtune.conf", "zz-kvmtune.conf", "kvm.conf",  "kvm-intel.conf",
	"kvm_intel.conf", "KVM.conf",	     "x.alias",		"kvm.alias", ".hidden.conf",
	"kvm.conf.bak",	  "kvm.conf~",	     ".conf",		"x.CONF",    "two words.conf",
	"\xc3\xa9.conf",  "noend",	     "a.conf.conf",	"x.conf.",   "modules.softdep",
	"aconf",	  "z.alias.conf",    ".alias",		"a.conf",    "b.conf",
};

static const char *const cmdline_words[] = {
	"quiet",
	"root=/dev/vg.a/x=y",
	"kvm_intel.ept=0",
	"kvm-intel.ept=1",
	"kvm_intel.ept",
	"\"kvm_intel.ept=0\"",
	"\"kvm-intel.x=a b\"",
	"kvm_intel.x=\"a\tb\"",
	"kvm_intel.",
	".x=1",
	"a.b.c=1",
	"kvm[.x=1",
	"kvm[a-b].x=1",
	"\"\"",
	"\"",
	"=.x=1",
	"kvm_intel.=1",
	"kvm.x=a.b=c",
	"kvm_intel.x=\"a\"\"b\"",
	"\"kvm.x=1\"2",
	"\"kvm.x\"",
	"kvm\".x=1\"",
	"kvm.x\"y\"=1",
	"\" kvm.x=1\"",
	"kvm_intel..x=1",
	"modprobe.blacklist=kvm_intel,kvm-amd,,kvm",
	"modprobe.blacklist=",
	"modprobe.blacklist",
	"\"modprobe.blacklist=kvm,loop\"",
	"modprobe.black=kvm",
	"modprobe.blacklist=kvm_intel",
	"mod-probe.blacklist=kvm",
	"\"kvm.x=1",
	"kvm.x=\"1",
};

static const char *const cmdline_spaces[] = { " ",  " ",  " ",	" ",  "  ", "\t",
					      "\n", "\v", "\f", "\r", "",   "\xa0" };

static void add_long_word(struct rng *r, struct buf *b)
{
	size_t len = below(r, percent(r, 10) ? 3000 : 300);

	while (len--)
		buf_puts(b, "y");
}

static void add_word(struct rng *r, struct buf *b)
{
	if (percent(r, 2))
		add_long_word(r, b);
	else if (percent(r, 15))
		buf_puts(b, PICK(r, modules));
	else
		buf_puts(b, PICK(r, words));
}

static void add_line_end(struct rng *r, struct buf *b)
{
	if (percent(r, 15))
		buf_puts(b, PICK(r, blanks));
	if (percent(r, 3))
		buf_add(b, "\0", 1);
	if (percent(r, 7))
		buf_puts(b, "\\");
	buf_puts(b, percent(r, 5) ? "\r\n" : percent(r, 3) ? "\n\n" : "\n");
}

static void add_text_line(struct rng *r, struct buf *b)
{
	if (percent(r, 10))
		buf_puts(b, PICK(r, blanks));
	buf_puts(b, PICK(r, directives));
	buf_puts(b, PICK(r, blanks));
	buf_puts(b, PICK(r, modules));
	for (size_t n = below(r, 4); n; n--) {
		buf_puts(b, PICK(r, blanks));
		add_word(r, b);
	}
	add_line_end(r, b);
}

/* Overwrites some bytes by those that mean something to one parser or another. */
static void sprinkle(struct rng *r, struct buf *b, unsigned chance)
{
	static const char odd[] = "\n\\\"# \t\r\v[]-_.=,*?a\xff\0";

	while (b->len && percent(r, chance)) {
		char byte = odd[below(r, sizeof(odd) - 1)];

		b->data[below(r, b->len)] = byte;
	}
}

static void make_text(struct rng *r, struct buf *b)
{
	if (percent(r, 10))
		return;
	for (size_t n = 1 + below(r, 6); n; n--)
		add_text_line(r, b);
	sprinkle(r, b, 30);
	if (b->len && percent(r, 20))
		b->data[--b->len] = '\0';
	if (percent(r, 2))
		buf_puts(b, "\\");
}

static void make_cmdline(struct rng *r, struct buf *b)
{
	if (percent(r, 50))
		return;
	/* Now and then the limit falls somewhere into the words. */
	if (percent(r, 10))
		buf_printf(b, "%0*d ", (int)(4000 + below(r, 96)), 0);
	for (size_t n = 1 + below(r, 6); n; n--) {
		buf_puts(b, PICK(r, cmdline_words));
		buf_puts(b, PICK(r, cmdline_spaces));
	}
	sprinkle(r, b, 20);
}

static enum file_kind make_kind(struct rng *r)
{
	if (percent(r, 85))
		return TEXT;
	return (enum file_kind)below(r, ARRAY_SIZE(file_kinds));
}

static bool has_file(const struct tree *t, size_t dir, const char *name)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->files[i].dir == dir && strcmp(t->files[i].name, name) == 0)
			return true;
	return false;
}

static void make_file(struct rng *r, struct tree *t)
{
	struct file f = { .dir = below(r, N_DIRS) };

	f.kind = make_kind(r);
	snprintf(f.name, sizeof(f.name), "%s", PICK(r, file_names));
	/* Until 33, whether a broken link hides a file is left to chance: a variable is not set. */
	if (f.kind == LINK_TO_NOTHING)
		snprintf(f.name, sizeof(f.name), "nothing%zu.conf", t->n);
	if (f.kind == TEXT)
		make_text(r, &f.text);
	if (has_file(t, f.dir, f.name))
		buf_free(&f.text);
	else
		t->files[t->n++] = f;
}

/* Reverts known differences of this libkmod. */
static void suit_libkmod(struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		struct file *f = &t->files[i];

		if (!libkmod.reads_alias_files && strstr(f->name, ".alias"))
			f->left_out = true;
		if (!libkmod.keeps_backslash_at_end && f->text.len)
			f->text.data[f->text.len - 1] = '\n';
	}
	if (!libkmod.reads_cmdline_by_states)
		buf_reset(&t->cmdline);
}

static void make_tree(struct tree *t, uint64_t seed)
{
	struct rng r = { seed };

	*t = (struct tree){ 0 };
	next_random(&r);
	for (size_t n = below(&r, MAX_FILES / 2); n; n--)
		make_file(&r, t);
	make_cmdline(&r, &t->cmdline);
	snprintf(t->asked, sizeof(t->asked), "%s", PICK(&r, modules));
	suit_libkmod(t);
}

/* The tree on disk. */

static _Noreturn void bail_out(const char *what)
{
	printf("Bail out! %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
	exit(2);
}

static void write_text(const char *path, const struct buf *text)
{
	autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, buf_text(text), text->len) != (ssize_t)text->len)
		bail_out(path);
}

static void write_file(const struct file *f)
{
	autofree char *path = xasprintf("%s/%s", dirs[f->dir], f->name);
	int r = 0;

	if (f->kind == TEXT)
		write_text(path, &f->text);
	else if (f->kind == DIRECTORY)
		r = mkdir(path, 0755);
	else
		r = symlink(f->kind == LINK_TO_NULL	   ? "/dev/null"
			    : f->kind == LINK_TO_DIRECTORY ? "."
							   : "nothing",
			    path);
	if (r < 0)
		bail_out(path);
}

/* A directory nothing is in does not exist. */
static void write_tree(const struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		if (t->files[i].left_out)
			continue;
		if (mkdir(dirs[t->files[i].dir], 0755) < 0 && errno != EEXIST)
			bail_out(dirs[t->files[i].dir]);
		write_file(&t->files[i]);
	}
}

static void remove_tree(const struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		autofree char *path = xasprintf("%s/%s", dirs[t->files[i].dir], t->files[i].name);

		if (!t->files[i].left_out && remove(path) < 0)
			bail_out(path);
	}
	for (size_t i = 0; dirs[i]; i++)
		if (rmdir(dirs[i]) < 0 && errno != ENOENT)
			bail_out(dirs[i]);
}

/* Our side: the tree as the product reads it. */

static void list_dir(size_t dir, struct modconf_name **names, size_t *n)
{
	DIR *d = opendir(dirs[dir]);
	struct dirent *e;
	struct stat st;

	while (d && (e = readdir(d))) {
		if (!modconf_is_config_name(e->d_name) || fstatat(dirfd(d), e->d_name, &st, 0) < 0)
			continue;
		if (!S_ISDIR(st.st_mode))
			array_push(*names, *n) = (struct modconf_name){ dir, xstrdup(e->d_name) };
	}
	if (d)
		closedir(d);
}

static void load_file(struct modconf *c, const char *path)
{
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	autobuf text = { 0 };
	char part[4096];
	ssize_t len;

	while ((len = read(fd, part, sizeof(part))) > 0)
		buf_add(&text, part, (size_t)len);
	if (len < 0)
		bail_out(path);
	modconf_add_file(c, path, buf_text(&text), text.len);
}

/* Returns how many files were hidden. */
static size_t load_tree(struct modconf *c, const struct tree *t)
{
	struct modconf_name *names = NULL;
	size_t n = 0, kept;

	for (size_t i = 0; dirs[i]; i++)
		list_dir(i, &names, &n);
	kept = modconf_select(names, n);
	for (size_t i = 0; i < n; i++) {
		autofree char *path = xasprintf("%s/%s", dirs[names[i].dir], names[i].name);

		if (i < kept)
			load_file(c, path);
		free(names[i].name);
	}
	free(names);
	modconf_add_cmdline(c, buf_text(&t->cmdline));
	return n - kept;
}

/* libkmod's side: /proc/cmdline is the tree's. */

static const struct buf *fake_cmdline;
static unsigned long times_faked;

static int open_fake_cmdline(void)
{
	int fd = memfd_create("cmdline", MFD_CLOEXEC);

	if (fd < 0 || pwrite(fd, buf_text(fake_cmdline), fake_cmdline->len, 0) < 0)
		bail_out("memfd");
	times_faked++;
	return fd;
}

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if (fake_cmdline && strcmp(path, MODCONF_CMDLINE) == 0)
		return open_fake_cmdline();
	va_start(ap, flags);
	if (flags & O_CREAT)
		mode = va_arg(ap, mode_t);
	va_end(ap);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* A libkmod that is built for large files (34 of Debian 13) calls this one. */
int open64(const char *path, int flags, ...) __attribute__((alias("open")));

static struct kmod_ctx *load_kmod(const struct tree *t)
{
	unsigned long before = times_faked;
	struct kmod_ctx *ctx;

	fake_cmdline = &t->cmdline;
	ctx = kmod_new("modules", dirs);
	fake_cmdline = NULL;
	if (!ctx)
		bail_out("kmod_new");
	if (times_faked == before) {
		errno = 0;
		bail_out("libkmod did not take its /proc/cmdline from here (-rdynamic?)");
	}
	return ctx;
}

/*
 * libkmod keeps a softdep line as words sorted into pre: and post:, and prints them so, without a
 * blank before "post:". A single blank before the first word is taken for a part of that word.
 */
static void render_softdep(struct buf *out, const char *value)
{
	static const char spaces[] = " \t\n\v\f\r";
	autobuf pre = { 0 }, post = { 0 };
	struct buf *list = NULL;
	bool spoiled = strspn(value, spaces) == 1;
	autofree char *copy = xstrdup(value);
	char *save = NULL;

	for (char *w = strtok_r(copy, spaces, &save); w; w = strtok_r(NULL, spaces, &save)) {
		if (!spoiled && strcmp(w, "pre:") == 0)
			list = &pre;
		else if (!spoiled && strcmp(w, "post:") == 0)
			list = &post;
		else if (list)
			buf_join(list, " ", w);
		spoiled = false;
	}
	if (pre.len)
		buf_printf(out, "pre: %s", buf_text(&pre));
	if (post.len)
		buf_printf(out, "post: %s", buf_text(&post));
}

/* The transcripts: all lines of each kind in their order, then what is said about some modules. */

static const char *const kind_names[] = {
	[MODCONF_OPTIONS] = "options",	   [MODCONF_ALIAS] = "alias",
	[MODCONF_BLACKLIST] = "blacklist", [MODCONF_INSTALL] = "install",
	[MODCONF_REMOVE] = "remove",	   [MODCONF_SOFTDEP] = "softdep",
};
#define N_KINDS ARRAY_SIZE(kind_names)

static const char *const asked_always[] = { "kvm_intel", "kvm-intel",	 "kvm", "kvm_amd",
					    "a-b-c",	 "kvm-intel.ko", "" };

static void add_our_value(struct buf *out, const struct modconf_line *l)
{
	if (l->kind == MODCONF_SOFTDEP)
		render_softdep(out, l->value);
	else
		buf_puts(out, l->value);
}

static void add_our_answers(struct buf *out, const struct modconf *c, const char *module)
{
	autofree char *options = modconf_options(c, module);

	buf_printf(out, "? %s: options %s\n", module, options ? options : "(none)");
	for (size_t kind = MODCONF_BLACKLIST; kind < N_KINDS; kind++) {
		const struct modconf_line *l = modconf_find(c, (enum modconf_kind)kind, module);

		buf_printf(out, "? %s: %s ", module, kind_names[kind]);
		if (l)
			add_our_value(out, l);
		buf_puts(out, l ? "\n" : "(none)\n");
	}
	if (modconf_is_alias(c, module, "kvm_intel"))
		buf_printf(out, "? %s is kvm_intel\n", module);
}

static void add_our_transcript(struct buf *out, const struct modconf *c, const struct tree *t)
{
	for (size_t kind = 0; kind < N_KINDS; kind++) {
		for (size_t i = 0; i < c->count; i++) {
			if (c->lines[i].kind != kind)
				continue;
			buf_printf(out, "%s %s ", kind_names[kind], c->lines[i].module);
			add_our_value(out, &c->lines[i]);
			buf_puts(out, "\n");
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(asked_always); i++)
		add_our_answers(out, c, asked_always[i]);
	add_our_answers(out, c, t->asked);
}

static struct kmod_config_iter *kmod_lines(struct kmod_ctx *ctx, size_t kind)
{
	static struct kmod_config_iter *(*const get[])(const struct kmod_ctx *) = {
		[MODCONF_OPTIONS] = kmod_config_get_options,
		[MODCONF_ALIAS] = kmod_config_get_aliases,
		[MODCONF_BLACKLIST] = kmod_config_get_blacklists,
		[MODCONF_INSTALL] = kmod_config_get_install_commands,
		[MODCONF_REMOVE] = kmod_config_get_remove_commands,
		[MODCONF_SOFTDEP] = kmod_config_get_softdeps,
	};

	return get[kind](ctx);
}

static const char *kmod_value(struct kmod_config_iter *iter)
{
	const char *value = kmod_config_iter_get_value(iter);

	return value ? value : "";
}

static void add_kmod_lines(struct buf *out, struct kmod_ctx *ctx, size_t kind)
{
	struct kmod_config_iter *iter = kmod_lines(ctx, kind);

	while (kmod_config_iter_next(iter))
		buf_printf(out, "%s %s %s\n", kind_names[kind], kmod_config_iter_get_key(iter),
			   kmod_value(iter));
	kmod_config_iter_free_iter(iter);
}

/* libkmod has no function for these two; its own code searches them this way. */
static void add_kmod_search(struct buf *out, struct kmod_ctx *ctx, size_t kind, const char *name,
			    int (*differs)(const char *key, const char *name))
{
	struct kmod_config_iter *iter = kmod_lines(ctx, kind);
	bool found = false;

	while (!found && kmod_config_iter_next(iter))
		found = differs(kmod_config_iter_get_key(iter), name) == 0;
	buf_puts(out, found ? kmod_value(iter) : "(none)");
	kmod_config_iter_free_iter(iter);
}

static int no_match(const char *pattern, const char *name)
{
	return fnmatch(pattern, name, 0);
}

static bool kmod_has_alias(struct kmod_ctx *ctx, const char *name, const char *module)
{
	struct kmod_config_iter *iter = kmod_lines(ctx, MODCONF_ALIAS);
	autofree char *alias = xstrdup(name);
	bool found = false;

	for (char *p = alias; (p = strchr(p, '-'));)
		*p = '_';
	while (!found && kmod_config_iter_next(iter))
		found = !strpbrk(kmod_config_iter_get_key(iter), "*?[\\") &&
			strcmp(kmod_config_iter_get_key(iter), alias) == 0 &&
			strcmp(kmod_value(iter), module) == 0;
	kmod_config_iter_free_iter(iter);
	return found;
}

static void add_kmod_answers(struct buf *out, struct kmod_ctx *ctx, const char *module)
{
	struct kmod_module *m;
	const char *text;

	if (kmod_module_new_from_name(ctx, module, &m) < 0)
		bail_out(module);
	text = kmod_module_get_options(m);
	buf_printf(out, "? %s: options %s\n", module, text ? text : "(none)");
	buf_printf(out, "? %s: blacklist ", module);
	add_kmod_search(out, ctx, MODCONF_BLACKLIST, kmod_module_get_name(m), strcmp);
	text = kmod_module_get_install_commands(m);
	buf_printf(out, "\n? %s: install %s\n", module, text ? text : "(none)");
	text = kmod_module_get_remove_commands(m);
	buf_printf(out, "? %s: remove %s\n", module, text ? text : "(none)");
	buf_printf(out, "? %s: softdep ", module);
	add_kmod_search(out, ctx, MODCONF_SOFTDEP, kmod_module_get_name(m), no_match);
	buf_puts(out, "\n");
	if (kmod_has_alias(ctx, module, "kvm_intel"))
		buf_printf(out, "? %s is kvm_intel\n", module);
	kmod_module_unref(m);
}

static void add_kmod_transcript(struct buf *out, struct kmod_ctx *ctx, const struct tree *t)
{
	for (size_t kind = 0; kind < N_KINDS; kind++)
		add_kmod_lines(out, ctx, kind);
	for (size_t i = 0; i < ARRAY_SIZE(asked_always); i++)
		add_kmod_answers(out, ctx, asked_always[i]);
	add_kmod_answers(out, ctx, t->asked);
}

/* What the generator reached. */

enum count {
	WITH_EPT,
	WITH_EPT_OVERRIDDEN,
	WITH_KERNEL_OPTIONS,
	WITH_LONG_CMDLINE,
	WITH_MASK,
	WITH_NULL_LINK,
	WITH_DIRECTORY,
	WITH_NUL,
	WITH_CR,
	WITH_CONTINUATION,
	WITH_KIND, /* one for each kind of line */
	N_COUNTS = WITH_KIND + N_KINDS,
};

static const char *const count_names[N_COUNTS] = {
	[WITH_EPT] = "an ept option of kvm_intel",
	[WITH_EPT_OVERRIDDEN] = "several of them",
	[WITH_KERNEL_OPTIONS] = "options on the kernel command line",
	[WITH_LONG_CMDLINE] = "a kernel command line over 4095 bytes",
	[WITH_MASK] = "a hidden file",
	[WITH_NULL_LINK] = "a link to /dev/null",
	[WITH_DIRECTORY] = "a directory among the files",
	[WITH_NUL] = "a NUL byte in a file",
	[WITH_CR] = "a carriage return in a file",
	[WITH_CONTINUATION] = "a continued line",
	[WITH_KIND + MODCONF_OPTIONS] = "an options line",
	[WITH_KIND + MODCONF_ALIAS] = "an alias line",
	[WITH_KIND + MODCONF_BLACKLIST] = "a blacklist line",
	[WITH_KIND + MODCONF_INSTALL] = "an install line",
	[WITH_KIND + MODCONF_REMOVE] = "a remove line",
	[WITH_KIND + MODCONF_SOFTDEP] = "a softdep line",
};

static bool count_ept(const struct modconf_token *t, void *arg)
{
	*(unsigned *)arg += strcmp(t->param, "ept") == 0;
	return true;
}

static void note_lines(const struct modconf *c, bool *seen)
{
	unsigned epts = 0;

	modconf_each_option(c, "kvm_intel", count_ept, &epts);
	seen[WITH_EPT] = epts > 0;
	seen[WITH_EPT_OVERRIDDEN] = epts > 1;
	for (size_t i = 0; i < c->count; i++) {
		const struct modconf_line *l = &c->lines[i];

		seen[WITH_KIND + l->kind] = true;
		if (l->line == 0 && l->kind == MODCONF_OPTIONS)
			seen[WITH_KERNEL_OPTIONS] = true;
	}
}

static void note_files(const struct tree *t, bool *seen)
{
	seen[WITH_LONG_CMDLINE] = t->cmdline.len > 4095;
	for (size_t i = 0; i < t->n; i++) {
		const struct file *f = &t->files[i];

		seen[WITH_NULL_LINK] |= f->kind == LINK_TO_NULL;
		seen[WITH_DIRECTORY] |= f->kind == DIRECTORY || f->kind == LINK_TO_DIRECTORY;
		seen[WITH_NUL] |= f->text.len && memchr(f->text.data, 0, f->text.len);
		seen[WITH_CR] |= f->text.len && memchr(f->text.data, '\r', f->text.len);
		seen[WITH_CONTINUATION] |=
			f->text.len && memmem(f->text.data, f->text.len, "\\\n", 2);
	}
}

/* Both sides read the tree. True: they say the same. counts may be NULL. */
static bool compare(const struct tree *t, struct buf *ours, struct buf *theirs, unsigned *counts)
{
	bool seen[N_COUNTS] = { false };
	struct modconf c = { 0 };
	struct kmod_ctx *ctx;

	write_tree(t);
	seen[WITH_MASK] = load_tree(&c, t) > 0;
	ctx = load_kmod(t);
	remove_tree(t);
	buf_reset(ours);
	buf_reset(theirs);
	add_our_transcript(ours, &c, t);
	add_kmod_transcript(theirs, ctx, t);
	note_lines(&c, seen);
	note_files(t, seen);
	for (size_t i = 0; counts && i < N_COUNTS; i++)
		counts[i] += seen[i];
	modconf_free(&c);
	kmod_unref(ctx);
	return strcmp(buf_text(ours), buf_text(theirs)) == 0;
}

/* The shrinker: whatever can go without making the difference vanish, goes. */

static bool still_differs(const struct tree *t)
{
	autobuf ours = { 0 }, theirs = { 0 };

	return !compare(t, &ours, &theirs, NULL);
}

static bool shrink_files(struct tree *t)
{
	bool shrunk = false;

	for (size_t i = 0; i < t->n; i++) {
		if (t->files[i].left_out)
			continue;
		t->files[i].left_out = true;
		if (still_differs(t))
			shrunk = true;
		else
			t->files[i].left_out = false;
	}
	return shrunk;
}

/* How long the piece at data is, with the byte that ends it; of one byte where ends is empty. */
static size_t piece_len(const char *data, size_t len, const char *ends)
{
	size_t i = 0;

	while (*ends && i < len - 1 && !(data[i] && strchr(ends, data[i])))
		i++;
	return i + 1;
}

static bool shrink_text(const struct tree *t, struct buf *text, const char *ends)
{
	bool shrunk = false;

	for (size_t at = 0; at < text->len;) {
		size_t len = piece_len(text->data + at, text->len - at, ends);
		struct buf whole = *text, less = { 0 };

		buf_add(&less, whole.data, at);
		buf_add(&less, whole.data + at + len, whole.len - at - len);
		*text = less;
		if (still_differs(t)) {
			buf_free(&whole);
			shrunk = true;
		} else {
			buf_free(text);
			*text = whole;
			at += len;
		}
	}
	return shrunk;
}

static bool shrink_texts(struct tree *t, const char *ends)
{
	bool shrunk = shrink_text(t, &t->cmdline, ends);

	for (size_t i = 0; i < t->n; i++)
		if (!t->files[i].left_out)
			shrunk |= shrink_text(t, &t->files[i].text, ends);
	return shrunk;
}

static void shrink(struct tree *t)
{
	bool shrunk;

	do {
		shrunk = shrink_files(t);
		shrunk |= shrink_texts(t, "\n");
		shrunk |= shrink_texts(t, " \t\n\\\",");
		shrunk |= shrink_texts(t, "");
	} while (shrunk);
}

/* Showing. */

static void add_shown(struct buf *out, unsigned char byte)
{
	if (byte == '\n')
		buf_puts(out, "\\n");
	else if (byte >= 0x20 && byte < 0x7f)
		buf_printf(out, "%c", byte);
	else
		buf_printf(out, "\\x%02x", byte);
}

/* A long run of one byte appears as the byte with {length} behind it. */
static void show_text(const char *label, const char *text, size_t len)
{
	autobuf out = { 0 };
	size_t run;

	for (size_t i = 0; i < len; i += run) {
		for (run = 1; i + run < len && text[i + run] == text[i];)
			run++;
		if (run < 16)
			run = 1;
		add_shown(&out, (unsigned char)text[i]);
		if (run > 1)
			buf_printf(&out, "{%zu}", run);
	}
	printf("# %s: |%s|\n", label, buf_text(&out));
}

static void show_tree(const struct tree *t)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct file *f = &t->files[i];
		autofree char *label =
			xasprintf("%s %s/%s", file_kinds[f->kind], dirs[f->dir], f->name);

		if (!f->left_out)
			show_text(label, f->text.data, f->text.len);
	}
	show_text("kernel command line", t->cmdline.data, t->cmdline.len);
}

static size_t line_len(const char *s)
{
	return strcspn(s, "\n");
}

/* Only the first lines that differ: what follows mostly repeats them. */
static void show_difference(const char *ours, const char *theirs)
{
	while (line_len(ours) == line_len(theirs) && *ours &&
	       memcmp(ours, theirs, line_len(ours)) == 0) {
		ours += line_len(ours) + 1;
		theirs += line_len(theirs) + 1;
	}
	show_text("kvmtune says", ours, line_len(ours));
	show_text("libkmod says", theirs, line_len(theirs));
}

static void report_difference(struct tree *t, uint64_t seed)
{
	autobuf ours = { 0 }, theirs = { 0 };

	shrink(t);
	compare(t, &ours, &theirs, NULL);
	printf("not ok 1 - modconf reads as libkmod does\n");
	printf("# --seed %llu --trees 1; shrunk:\n", (unsigned long long)seed);
	show_tree(t);
	show_difference(buf_text(&ours), buf_text(&theirs));
}

static void report_success(const unsigned *counts, unsigned long trees, uint64_t seed, double time)
{
	printf("ok 1 - modconf reads as libkmod does\n");
	printf("# %lu trees from seed %llu, %.1f s; trees with\n", trees, (unsigned long long)seed,
	       time);
	for (size_t i = 0; i < N_COUNTS; i++)
		printf("# %8u %s\n", counts[i], count_names[i]);
}

/* Which libkmod is this? Asked of libkmod alone, by trees with a known answer. */

static bool kmod_reads(const char *name, const char *text, const char *cmdline,
		       const char *expected)
{
	struct tree t = { .n = 1 };
	struct kmod_module *m = NULL;
	const char *options;
	struct kmod_ctx *ctx;
	bool same;

	snprintf(t.files[0].name, sizeof(t.files[0].name), "%s", name);
	buf_puts(&t.files[0].text, text);
	buf_puts(&t.cmdline, cmdline);
	write_tree(&t);
	ctx = load_kmod(&t);
	remove_tree(&t);
	if (kmod_module_new_from_name(ctx, "m", &m) < 0)
		bail_out("kmod_module_new_from_name");
	options = kmod_module_get_options(m);
	same = options && strcmp(options, expected) == 0;
	kmod_module_unref(m);
	kmod_unref(ctx);
	tree_free(&t);
	return same;
}

static void learn_dialect(void)
{
	libkmod.reads_alias_files = kmod_reads("x.alias", "options m a", "", "a");
	libkmod.keeps_backslash_at_end = kmod_reads("x.conf", "options m a\\", "", "a\xff");
	libkmod.reads_cmdline_by_states = kmod_reads("x.conf", "", "\"m.a=b c\"", "a=\"b c\"");
	if (!libkmod.reads_alias_files)
		printf("# this libkmod does not read .alias files: none of them\n");
	if (!libkmod.keeps_backslash_at_end)
		printf("# this libkmod drops a backslash at the end of a file: none of them\n");
	if (!libkmod.reads_cmdline_by_states)
		printf("# this libkmod does not know quoted kernel options: no command lines\n");
}

/* The run. */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool compare_trees(uint64_t seed, unsigned long trees)
{
	autobuf ours = { 0 }, theirs = { 0 };
	unsigned counts[N_COUNTS] = { 0 };
	double start = seconds();

	for (unsigned long i = 0; i < trees; i++) {
		struct tree t;
		bool same;

		make_tree(&t, seed + i);
		same = compare(&t, &ours, &theirs, counts);
		if (!same)
			report_difference(&t, seed + i);
		tree_free(&t);
		if (!same)
			return false;
	}
	report_success(counts, trees, seed, seconds() - start);
	return true;
}

static unsigned long long number(const char *s)
{
	uint64_t value;

	if (parse_u64(s, &value) == 0)
		return value;
	fprintf(stderr, "modconf_libkmod: not a number: %s\n", s);
	exit(2);
}

/* The working directory is a fresh one: in $TMPDIR, or in memory where there is such a place. */
static char *enter_temporary_dir(void)
{
	const char *tmp = getenv("TMPDIR");
	char *path;

	if (!tmp || !*tmp)
		tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
	path = xasprintf("%s/modconf.XXXXXX", tmp);
	if (!mkdtemp(path) || chdir(path) < 0)
		bail_out(path);
	return path;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "seed", required_argument, NULL, 's' },
						 { "trees", required_argument, NULL, 't' },
						 { 0 } };
	unsigned long trees = DEFAULT_TREES;
	uint64_t seed = DEFAULT_SEED;
	autofree char *dir = NULL;
	bool same;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 's')
			seed = number(optarg);
		else if (opt == 't')
			trees = (unsigned long)number(optarg);
		else
			return 2;
	}
	/* kmod_new() complains about bad lines before kmod_set_log_fn() can be called. */
	setenv("KMOD_LOG", "0", 1);
	dir = enter_temporary_dir();
	printf("1..1\n");
	learn_dialect();
	same = compare_trees(seed, trees);
	if (chdir("/") < 0 || rmdir(dir) < 0)
		bail_out(dir);
	return same ? 0 : 1;
}
