// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * modules.c on the libkmod of this host, and on none: nothing here is loaded or removed, but what the
 * library says is asked.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <gnu/libc-version.h>

#include "library.h"
#include "sys/sys.h"

#define LIBRARY "libkmod.so.2"
#define NOBODY	"kvmtune_test_no_such_module"

static bool is_loaded(void)
{
	return dlopen(LIBRARY, RTLD_LAZY | RTLD_NOLOAD) != NULL;
}

/* As long as only other things are asked, the library costs nothing: it is not there. */
static void library_comes_when_it_is_needed(void **state)
{
	enum module_kind kind = MODULE_KIND_UNKNOWN;
	struct file_stat st;
	struct cpu_id cpu;
	struct err e = { 0 };
	struct ports p;

	(void)state;
	assert_int_equal(ports_open(&p, NULL, &e), 0);
	assert_int_equal(p.file.stat(&p, "/proc", &st), 0);
	assert_int_equal(p.cpu.identify(&p, &cpu, &e), 0);
	p.kvm.settle(&p);
	assert_false(is_loaded());
	if (p.module.prepare(&p, NOBODY, &kind, NULL, &e) < 0)
		fail_msg("%s: %s", e.id, e.text);
	assert_true(is_loaded());
	assert_int_equal(kind, MODULE_ABSENT);
	ports_close(&p);
}

/* A context each; the first one is given back (as the sanitizers and valgrind would tell). */
static void prepares_again(void **state)
{
	autobuf options = { 0 };
	struct err e = { 0 };
	struct ports p;

	(void)state;
	assert_int_equal(ports_open(&p, NULL, &e), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(p.module.prepare(&p, NOBODY, NULL, &options, &e), 0);
	assert_string_equal(buf_text(&options), "");
	ports_close(&p);
}

static void image_has_no_modules(void **state)
{
	enum module_kind kind = MODULE_ABSENT;
	struct err e = { 0 };
	struct ports p;

	(void)state;
	/* Any directory but that of the running system. */
	assert_int_equal(ports_open(&p, "/usr", &e), 0);
	assert_int_equal(p.module.prepare(&p, NOBODY, &kind, NULL, &e), 0);
	assert_int_equal(kind, MODULE_KIND_UNKNOWN);
	ports_close(&p);
}

/* ---- without it ---- */

/* Of what the loader says only the reason: before it is a path. */
static void say(const char *what, int r, struct err *e)
{
	const char *path = strstr(e->hint, ": /"), *reason = path ? strchr(path + 2, ':') : NULL;

	printf("%s %d %d %s: %s; %.*s%s\n", what, r == e->code ? r : 0, (int)e->status, e->id,
	       e->text, path ? (int)(path - e->hint) : -1, e->hint, reason ? reason : "");
	*e = (struct err){ 0 };
}

/* In a process of its own, see library.h. That no module is gone can be told from no answer here. */
static int ask_without(void)
{
	enum module_kind kind = MODULE_BUILTIN;
	autobuf options = { 0 };
	struct err e = { 0 };
	struct ports p;

	if (ports_open(&p, NULL, &e) < 0)
		return 1;
	say("prepare", p.module.prepare(&p, NOBODY, &kind, &options, &e), &e);
	say("unload", p.module.unload(&p, NOBODY, &e), &e);
	say("load", p.module.load(&p, NOBODY, "", &e), &e);
	ports_close(&p);
	return kind == MODULE_BUILTIN && !options.len ? 0 : 2;
}

static void expect(const char *target, int code, const char *text, const char *hint)
{
	static const char *const calls[] = { "prepare", "unload", "load" };
	char said[4096];
	autobuf want = { 0 };
	int status = run_with_library(LIBRARY, target, said, sizeof(said));

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		buf_printf(&want,
			   "%s %d %d no-libkmod: cannot ask for kernel modules: " LIBRARY " %s; "
			   "%s\n",
			   calls[i], code, (int)STATUS_FAILED, text, hint);
	assert_string_equal(said, buf_text(&want));
	assert_int_equal(status, 0);
}

/* Never -ENOENT, which says that the module is not loaded, nor -ENOSYS of a kernel without unload. */
static void no_library(void **state)
{
	(void)state;
	expect(NULL, -ELIBACC, "cannot be loaded",
	       "Install the package that has it: libkmod2 or kmod-libs. The loader says: "
	       "file too short");
}

static void another_library(void **state)
{
	Dl_info libc;

	(void)state;
	assert_true(dladdr((void *)gnu_get_libc_version, &libc) != 0);
	expect(libc.dli_fname, -ELIBBAD, "has no kmod_new",
	       "Install a newer one: libkmod2 or kmod-libs.");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(library_comes_when_it_is_needed),
		cmocka_unit_test(prepares_again),
		cmocka_unit_test(image_has_no_modules),
		cmocka_unit_test(no_library),
		cmocka_unit_test(another_library),
	};

	if (argc > 1 && strcmp(argv[1], WITH_LIBRARY) == 0)
		return ask_without();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
