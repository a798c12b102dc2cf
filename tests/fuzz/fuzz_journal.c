// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_journal - any text as the journal, and what `undo` and `undo --forward` make of it.
 *
 * The first byte chooses. With VARIANT_COMMAND the whole command runs on a host in memory; else what it
 * would plan is planned for each entry, on hosts made by hand, which is faster. A line of the rest
 * becomes a record with a right checksum; behind a "#" it stays as it is.
 *
 * What must hold: nothing is touched but kvmtune's own files, the modules of its settings, /dev/kvm, the
 * services of KSM and their links, and `run`, whoever wrote the journal; each step that alters something
 * has its way back; what is read of the journal writes and reads as the same; what is shown of it is
 * plain text. And of a whole command: KVM is there at its end, or the exit status says that it is not; what
 * failed left the host as it was; a dry run does nothing; what was done is proved.
 */
#include "engine/step_json.h"
#include "fuzz.h"
#include "unit/fake.h"

#include <errno.h>
#include <kvmtune/change.h>
#include <stdio.h>

enum {
	VARIANT_EXACT = 1 << 0, /* of a plan */
	VARIANT_REVIVE = 1 << 1,
	VARIANT_DEFER = 1 << 2,
	VARIANT_HOST = 1 << 3, /* from here on a number: of the host */
	VARIANT_COMMAND = 1 << 6,
	VARIANT_FORWARD = 1 << 0, /* of a command */
	VARIANT_DRY_RUN = 1 << 1,
	VARIANT_AWAY = 1 << 3, /* the module is not loaded */
	VARIANT_OFF = 1 << 4,  /* KSM is off, and so are its services */
	VARIANT_IMAGE = 1 << 5,
	VARIANT_FAULT = 1 << 7, /* one of the calls fails; which, says the size of the input */
};

static struct buf journal;

/* ---- the journal ---- */

static uint32_t crc32_of(const char *text, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= (unsigned char)text[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void write_journal(const char *text, size_t size)
{
	const char *end = text + size;

	buf_reset(&journal);
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((newline ? newline : end) - text);

		if (*text != '#')
			buf_printf(&journal, "%08x ", (unsigned)crc32_of(text, len));
		buf_add(&journal, text, len);
		if (newline)
			buf_puts(&journal, "\n");
		text += len + 1;
	}
}

static int read_journal(struct ports *p, const char *path, struct buf *ret)
{
	(void)p;
	must(strcmp(path, JOURNAL_FILE) == 0);
	buf_add(ret, buf_text(&journal), journal.len);
	return 0;
}

static int is_ours(struct ports *p, const char *path, struct err *e)
{
	(void)p, (void)path, (void)e;
	return 0;
}

static bool is_locked(struct ports *p, const char *path, struct buf *ret_holder)
{
	(void)p, (void)path, (void)ret_holder;
	return false;
}

/* ---- what may be touched ---- */

static bool is_one_of(const char *target, const char *a, const char *b)
{
	return target && (strcmp(target, a) == 0 || strcmp(target, b) == 0);
}

/* "/etc/systemd/system/NAME" or "/etc/systemd/system/NAME.wants/SERVICE", to a file of a service. */
static bool is_link(const struct act *act)
{
	const char *name = act->target;

	if (!name || !act->text || !starts_with(name, UNIT_LINKS_DIR "/") || strstr(name, "/../"))
		return false;
	return is_one_of(last_part(act->text), "ksm.service", "ksmtuned.service");
}

static bool may_touch(const struct act *act)
{
	switch (act->kind) {
	case ACT_NONE:
	case ACT_CHECK_GUEST:
	case ACT_WATCH_MEMORY:
		return true;
	case ACT_WRITE_FILE:
		return is_one_of(act->target, OWN_CONF_FILE, OWN_TMPFILES) && act->text &&
		       act->mode == 0644;
	case ACT_REMOVE_FILE:
		return is_one_of(act->target, OWN_CONF_FILE, OWN_TMPFILES);
	case ACT_CHECK_DEVICE:
		return is_one_of(act->target, KVM_DEVICE, KVM_DEVICE) && act->device.mode <= 0777;
	case ACT_ENABLE_UNIT:
	case ACT_DISABLE_UNIT:
	case ACT_START_UNIT:
	case ACT_STOP_UNIT:
		return is_one_of(act->target, "ksm.service", "ksmtuned.service");
	case ACT_MAKE_LINK:
	case ACT_REMOVE_LINK:
		return is_link(act);
	case ACT_SET_RUN:
		return is_one_of(act->target, KSM_RUN_FILE, KSM_RUN_FILE) && act->text &&
		       strspn(act->text, "012") == 1 && !act->text[1];
	case ACT_RESTORE:
		return is_one_of(act->target, "kvm_intel", "kvm_amd") && act->text &&
		       is_one_of(act->param, "ept", "npt");
	default:
		return is_one_of(act->target, "kvm_intel", "kvm_amd");
	}
}

static void check_shown(const struct act *act)
{
	autobuf text = { 0 };

	act_target_text(act, &text);
	buf_puts(&text, " ");
	act_detail_text(act, &text);
	must(is_plain(buf_text(&text)));
}

static bool alters(enum act_kind kind)
{
	switch (kind) {
	case ACT_NONE:
	case ACT_CONFIRM:
	case ACT_CHECK_PARAMS:
	case ACT_CHECK_DEVICE:
	case ACT_CHECK_GUEST:
	case ACT_WATCH_MEMORY:
		return false;
	default:
		return true;
	}
}

/* Did an earlier step write `run`, too? Its way back is the one that counts. */
static bool is_opened(const struct plan *plan, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (plan->steps[i].back.kind == ACT_SET_RUN)
			return true;
	return false;
}

/* The return of a KVM that is away is never taken back; nor what nobody knows. */
static bool needs_no_way_back(const struct host *h, const struct plan *plan, size_t i)
{
	const struct act *act = &plan->steps[i].act;

	if (act->kind == ACT_SET_RUN)
		return is_opened(plan, i) || h->ksm.run < 0;
	if (act->kind != ACT_LOAD && act->kind != ACT_RESTORE)
		return false;
	for (size_t n = 0; n < SETTING_COUNT; n++)
		if (settings[n].module && strcmp(settings[n].module->module, act->target) == 0)
			return h->modules[n].state != MODULE_STATE_LOADED;
	return false;
}

static void check_plan(const struct host *h, const struct plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];

		must(may_touch(&s->act) && may_touch(&s->back));
		must(!alters(s->act.kind) || s->back.kind != ACT_NONE ||
		     needs_no_way_back(h, plan, i));
		check_shown(&s->act);
	}
	must(!plan->refusal.code || *plan->refusal.text);
}

/* ---- the way back ---- */

static void add_unit(struct host *h, enum ksm_unit_id id)
{
	struct ksm_unit *u = &h->ksm.units[id];

	u->exists = true;
	snprintf(u->state.load, sizeof(u->state.load), "loaded");
	snprintf(u->state.active, sizeof(u->state.active), "active");
	snprintf(u->state.file, sizeof(u->state.file), "enabled");
}

enum {
	PLAN_LOADED,
	PLAN_OFF,
	PLAN_LOST,
	PLAN_IMAGE,
	PLAN_AMD,
	PLAN_UNMERGED,
	PLAN_USED,
	PLAN_EDITED,
	PLAN_COUNT
};

static void add_counter(struct host *h, const char *name, const char *value)
{
	array_push(h->ksm.counters, h->ksm.counter_count) =
		(struct param){ .name = xstrdup(name), .value = xstrdup(value) };
}

static void make_plain(struct host *h)
{
	host_make(h);
	h->memory = (struct memory_facts){ .known = true,
					   .total_bytes = UINT64_C(64) << 30,
					   .available_bytes = UINT64_C(48) << 30 };
	h->ksm.present = true;
	h->ksm.run = 1;
	h->ksm.manager = MANAGER_THERE;
	h->ksm.page_bytes = 4096;
	add_unit(h, KSM_UNIT_KSM);
	add_unit(h, KSM_UNIT_KSMTUNED);
	add_counter(h, "pages_shared", "12000");
	add_counter(h, "pages_sharing", "700000");
}

/* The same host with kvm_amd: of the one row of facts the other is made. */
static void make_amd(struct host *h)
{
	h->modules[SETTING_NPT] = h->modules[SETTING_EPT];
	h->modules[SETTING_EPT] = (struct module_facts){ .state = MODULE_STATE_LOADABLE };
	h->cpu.vmx = NO;
	h->cpu.svm = YES;
}

/* Made once: planning does not alter a host. */
static const struct host *hosts(void)
{
	static struct host made[PLAN_COUNT];

	if (made[0].root)
		return made;
	for (size_t i = 0; i < PLAN_COUNT; i++)
		make_plain(&made[i]);
	host_ept(&made[PLAN_OFF], false);
	host_conf(&made[PLAN_OFF], OWN_CONF_FILE, "options kvm_intel ept=0\n");
	made[PLAN_LOST].modules[SETTING_EPT].state = MODULE_STATE_LOADABLE;
	made[PLAN_LOST].device.exists = false;
	made[PLAN_LOST].ksm.run = 0;
	made[PLAN_IMAGE].image = true;
	made[PLAN_IMAGE].ksm.manager = MANAGER_NONE;
	make_amd(&made[PLAN_AMD]);
	made[PLAN_UNMERGED].ksm.run = 2;
	host_user(&made[PLAN_USED], 4242, "qemu");
	host_conf(&made[PLAN_EDITED], "/etc/modprobe.d/kvm.conf",
		  "options kvm_intel nested=1 ple_gap=128\n");
	memcpy(made[PLAN_USED].ksm.units[KSM_UNIT_KSM].state.load, "masked", sizeof("masked"));
	return made;
}

/* ---- plans ---- */

/* As of an entry that did not end, whether it did or not: `undo`, and `undo --forward`. */
static void check_plans(const struct journal_entry *entry, unsigned variant)
{
	const struct host *host = &hosts()[variant / VARIANT_HOST % PLAN_COUNT];
	struct plan_options options = { .exact = variant & VARIANT_EXACT,
					.revive = variant & VARIANT_REVIVE,
					.defer = variant & VARIANT_DEFER || entry->intent.defer,
					.reserve_bytes = entry->intent.reserve_bytes,
					.watch_ms = entry->intent.watch_ms };
	struct plan plan = { 0 };

	plan_back(host, entry->steps, entry->step_count, &options, &plan);
	check_plan(host, &plan);
	plan_free(&plan);
	options.begun = entry->steps;
	options.begun_count = entry->step_count;
	plan_build(host, entry->intent.goals, entry->intent.goal_count, &options, &plan);
	check_plan(host, &plan);
	for (size_t i = 0; i < plan.step_count; i++)
		(void)steps_cover(entry->steps, entry->step_count, &plan.steps[i]);
	plan_free(&plan);
}

/* What was read is written, and read again. */
static void check_round_trip(const struct journal_entry *entry)
{
	struct json_object *record = json_object_new_object();
	struct step *again = NULL;
	size_t count = 0;

	json_object_object_add(record, "steps", steps_to_json(entry->steps, entry->step_count));
	steps_from_json(record, &again, &count);
	must(count == entry->step_count);
	for (size_t i = 0; i < count; i++) {
		must(again[i].act.kind == entry->steps[i].act.kind);
		must(again[i].back.kind == entry->steps[i].back.kind);
		step_free(&again[i]);
	}
	free(again);
	json_object_put(record);
}

/* What was wanted, to be planned again: settings that there are, each once, and values of theirs. */
static void check_intent(const struct intent *intent)
{
	for (size_t i = 0; i < intent->goal_count; i++) {
		const struct goal *goal = &intent->goals[i];

		must(goal->setting && setting_value(goal->setting, goal->value) == goal->value);
		for (size_t n = 0; n < i; n++)
			must(intent->goals[n].setting != goal->setting);
	}
}

static void check_entry(const struct journal *j, const struct journal_entry *entry,
			unsigned variant)
{
	struct err e = { 0 };

	check_intent(&entry->intent);
	if (journal_read_steps(j, entry, &e) < 0) {
		must(*e.text && *e.hint);
		return;
	}
	(void)plan_touches_ksm(entry->steps, entry->step_count);
	(void)plan_turned_ksm_off(entry->steps, entry->step_count);
	(void)plan_turned_ksm_on(entry->steps, entry->step_count);
	check_plans(entry, variant);
	check_round_trip(entry);
}

static void check_journal(unsigned variant)
{
	struct ports p = { .file.read = read_journal,
			   .file.check_own = is_ours,
			   .file.is_locked = is_locked };
	struct journal j;
	struct err e = { 0 };

	must(journal_load(&p, &j, &e) == 0);
	(void)journal_interrupted(&j);
	(void)journal_undoable(&j);
	for (size_t i = 0; i < j.count; i++) {
		must(journal_result_name(j.entries[i].result) && journal_way_out(&j.entries[i]));
		check_entry(&j, &j.entries[i], variant);
	}
	journal_free(&j);
}

/* ---- the whole command ---- */

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

static bool is_own_file(const char *path)
{
	return is_one_of(path, OWN_CONF_FILE, OWN_TMPFILES);
}

static bool is_unit_link(const char *path)
{
	return starts_with(path, UNIT_LINKS_DIR "/") && !strstr(path, "/../");
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

/* Modules, units and `run` say themselves what they are. */
static void check_call(const char *line)
{
	const char *path;

	if ((path = behind(line, "replace")))
		must(is_own_file(path));
	else if ((path = behind(line, "remove")))
		must(is_own_file(path) || is_unit_link(path));
	else if ((path = behind(line, "make_link")))
		must(is_unit_link(path));
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
	must(!o->report.walked_back || in_between || same_host(before, after));
	must(!o->finishes || !o->applied || o->report.failed || !o->leftover.step_count);
	for (size_t i = 0; i < f->log.n; i++)
		check_call(f->log.v[i]);
}

static void check_command(unsigned variant, size_t size)
{
	struct request request = { .command = "undo",
				   .forward = variant & VARIANT_FORWARD,
				   .dry_run = variant & VARIANT_DRY_RUN,
				   .defer = variant & VARIANT_DEFER,
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
	unsigned variant = size ? *data : 0;

	if (size)
		write_journal((const char *)data + 1, size - 1);
	else
		buf_reset(&journal);
	if (variant & VARIANT_COMMAND)
		check_command(variant, size);
	else
		check_journal(variant);
	return 0;
}
