// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_undo - any text as the journal of a host in memory, on which `undo` runs.
 *
 * The first byte chooses the options, the host, and whether one of its calls fails.
 *
 * What must hold, beside check_plan(): no call touches anything but what is kvmtune's to touch; KVM is
 * there at the end, or the exit status says that it is not; what failed left the host as it was; a dry run
 * does nothing; what was done is proved, and is not taken for interrupted any more.
 */
#include "fuzz.h"
#include "journal_input.h"
#include "unit/fake.h"

#include <errno.h>
#include <kvmtune/change.h>

enum {
	VARIANT_DRY_RUN = 1 << 0,
	VARIANT_DEFER = 1 << 1,
	VARIANT_AWAY = 1 << 2, /* the module is not loaded */
	VARIANT_OFF = 1 << 3,  /* KSM is off, and so are its services */
	VARIANT_IMAGE = 1 << 4,
	VARIANT_FAULT = 1 << 5, /* one of the calls fails; which, says the size of the input */
};

static struct buf journal;

/* ---- the host ---- */

/* As the kernel answers on a processor of Intel: kvm_amd is not loaded, and does not load. */
static int (*fake_unload)(struct ports *p, const char *module, struct err *e);
static int (*fake_insert)(struct ports *p, const char *module, const char *options, struct err *e);

static int unload(struct ports *p, const char *module, struct err *e)
{
	if (strcmp(module, MODULE) == 0)
		return fake_unload(p, module, e);
	must(strcmp(module, "kvm_amd") == 0);
	return err_set(e, -ENOENT, "%s is not loaded", module);
}

static int insert(struct ports *p, const char *module, const char *options, struct err *e)
{
	if (strcmp(module, MODULE) == 0)
		return fake_insert(p, module, options, e);
	must(strcmp(module, "kvm_amd") == 0);
	return err_set(e, -EOPNOTSUPP, "cannot load %s", module);
}

static void sweep(struct ports *p, const char *path)
{
	(void)p;
	must(is_own_file(path) || is_unit_link(path));
}

/* Whoever watches for years is stopped by a signal. */
static void (*fake_sleep)(struct ports *p, unsigned ms);
static unsigned sleeps;

static void sleep_ms(struct ports *p, unsigned ms)
{
	struct fake *f = p->self;

	if (++sleeps > 200)
		f->interrupted = 15;
	fake_sleep(p, ms);
}

/* The rest of a line of the log behind its verb, or NULL. */
static const char *behind(const char *line, const char *verb)
{
	size_t len = strlen(verb);

	return starts_with(line, verb) && line[len] == ' ' ? line + len + 1 : NULL;
}

/* The log says "PATH TARGET". Where a link leads to may begin with "../": what counts is where it is. */
static void check_make_link(const char *path_and_target)
{
	autofree char *path = xstrndup(path_and_target, strcspn(path_and_target, " "));

	must(is_unit_link(path));
}

/* Modules, units and `run` say themselves what they are. */
static void check_call(const char *line)
{
	const char *path;

	if ((path = behind(line, "replace")))
		must(is_own_file(path));
	else if ((path = behind(line, "remove")))
		must(is_own_file(path) || is_unit_link(path));
	else if ((path = behind(line, "make_link")))
		check_make_link(path);
	else if ((path = behind(line, "append")))
		must(strcmp(path, JOURNAL_FILE) == 0);
	else if ((path = behind(line, "lock")))
		must(strcmp(path, LOCK_FILE) == 0);
	else if ((path = behind(line, "set_owner")))
		must(strcmp(path, KVM_DEVICE) == 0);
	else if ((path = behind(line, "write_value")))
		must(starts_with(path, KSM_RUN_FILE " "));
}

static void make_fake(struct fake *f, unsigned variant)
{
	bool off = variant & VARIANT_OFF;
	const char *active = off ? "inactive" : "active", *file = off ? "disabled" : "enabled";

	fake_init(f);
	fake_load(f, "");
	fake_ksm(f, off ? "0" : "1");
	fake_unit(f, "ksm.service", "loaded", active, file);
	fake_unit(f, "ksmtuned.service", "loaded", active, file);
	fake_file(f, "/proc/sys/kernel/random/boot_id", "this\n");
	fake_file(f, JOURNAL_FILE, buf_text(&journal));
	if (variant & VARIANT_AWAY)
		f->ports.module.unload(&f->ports, MODULE, &(struct err){ 0 });
	strv_free(&f->log);
	f->ports.image = variant & VARIANT_IMAGE;
	fake_unload = f->ports.module.unload;
	fake_insert = f->ports.module.load;
	fake_sleep = f->ports.system.sleep_ms;
	sleeps = 0;
	f->ports.module.unload = unload;
	f->ports.system.sleep_ms = sleep_ms;
	f->ports.module.load = insert;
	f->ports.file.sweep = sweep;
}

/* What was led to an end is not taken for interrupted any more; at most one from before it. */
static void check_ended(struct fake *f, const struct journal *before)
{
	const struct journal_entry *then = journal_interrupted(before), *now;
	struct journal after;
	struct err e = { 0 };

	must(journal_load(&f->ports, &after, &e) == 0);
	now = journal_interrupted(&after);
	must(!now || (then && now->id != then->id));
	journal_free(&after);
}

/* What the kernel counts: what was merged while KSM was on stays merged. */
static bool is_count(const char *line)
{
	return starts_with(line, KSM_DIR "/pages_") || starts_with(line, "MemAvailable:");
}

static bool same_host(const char *a, const char *b)
{
	while (*a || *b) {
		size_t len_a = strcspn(a, "\n"), len_b = strcspn(b, "\n");
		bool same = len_a == len_b && memcmp(a, b, len_a) == 0;

		if (!same && !(is_count(a) && is_count(b)))
			return false;
		a += len_a + (a[len_a] == '\n');
		b += len_b + (b[len_b] == '\n');
	}
	return true;
}

static void check_end(struct fake *f, const struct outcome *o, bool loaded, const char *before)
{
	autofree char *after = fake_snapshot(f);
	bool in_between = o->status == STATUS_STUCK;

	must(o->status <= STATUS_STUCK);
	must(!o->err.code == (o->status == STATUS_DONE || o->status == STATUS_PENDING));
	must(!o->err.code || *o->err.text);
	must(f->loaded || !loaded || in_between);
	must(o->applied || same_host(before, after));
	must(!o->report.rolled_back || in_between || same_host(before, after));
	for (size_t i = 0; i < f->log.n; i++)
		check_call(f->log.v[i]);
}

static void check_command(unsigned variant, size_t size)
{
	struct request request = { .command = "undo",
				   .dry_run = variant & VARIANT_DRY_RUN,
				   .defer = variant & VARIANT_DEFER ? DEFER_ALL : DEFER_NO,
				   .wait_ms = WAIT_NOT,
				   .reserve_bytes = RESERVE_DEFAULT,
				   .watch_ms = WATCH_DEFAULT };
	autofree char *before = NULL;
	struct outcome o;
	struct fake f;
	bool loaded;

	make_fake(&f, variant);
	loaded = f.loaded;
	before = fake_snapshot(&f);
	if (variant & VARIANT_FAULT)
		fake_fault(&f, "", (int)(size % 16), 1, -EIO);
	change_run(&f.ports, &request, &o);
	check_plan(&o.before, &o.plan);
	must(!request.dry_run || !f.log.n);
	check_end(&f, &o, loaded, before);
	if (!(variant & VARIANT_FAULT) && !o.err.code && !request.dry_run)
		check_ended(&f, &o.journal);
	outcome_free(&o);
	fake_free(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_command(journal_input(data, size, &journal), size);
	return 0;
}
