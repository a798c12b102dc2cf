// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_journal - any text as the journal, and what is planned of it: the undo, and the next change.
 *
 * The first byte chooses the host, of those made by hand, and how it is planned. Each entry is planned
 * as one that did not end, whether it did or not.
 *
 * What must hold, beside check_plan(): of what was wanted only settings that there are, each once; what
 * is read of the journal writes and reads as the same; steps that are lost are said to be so.
 */
#include "engine/step_json.h"
#include "fuzz.h"
#include "journal_input.h"
#include "unit/fake.h"

#include <kvmtune/journal.h>
#include <kvmtune/port.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	VARIANT_EXACT = 1 << 0,
	VARIANT_REVIVE = 1 << 1,
	VARIANT_DEFER = 1 << 2,
	VARIANT_HOST = 1 << 3, /* from here on a number */
};

static struct buf journal;

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

/* ---- hosts ---- */

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
	h->modules[MODULE_KVM_AMD] = h->modules[MODULE_KVM_INTEL];
	h->modules[MODULE_KVM_INTEL] = (struct module_facts){ .state = MODULE_STATE_LOADABLE };
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
	made[PLAN_LOST].modules[MODULE_KVM_INTEL].state = MODULE_STATE_LOADABLE;
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

/* As of an entry that did not end, whether it did or not: what `undo` does. */
static void check_plans(const struct journal_entry *entry, unsigned variant)
{
	const struct host *host = &hosts()[variant / VARIANT_HOST % PLAN_COUNT];
	struct plan_options options = { .exact = variant & VARIANT_EXACT,
					.revive = variant & VARIANT_REVIVE,
					.defer = variant & VARIANT_DEFER ? DEFER_ALL : DEFER_NO,
					.reserve_bytes = RESERVE_DEFAULT,
					.watch_ms = 10000 };
	struct plan plan = { 0 };

	plan_back(host, entry->steps, entry->step_count, &options, &plan);
	check_plan(host, &plan);
	plan_free(&plan);
}

/* Of modprobe.d only options: libkmod would run what others say. */
static void check_text(const struct act *act)
{
	struct modconf conf = { 0 };

	if (act->kind != ACT_WRITE_FILE || strcmp(act->target, OWN_CONF_FILE) != 0)
		return;
	modconf_add_file(&conf, act->target, act->text, strlen(act->text));
	for (size_t i = 0; i < conf.count; i++)
		must(conf.lines[i].kind == MODCONF_OPTIONS);
	modconf_free(&conf);
}

/* What was read is written, and read again. */
static void check_round_trip(const struct journal_entry *entry)
{
	struct json_object *record = json_object_new_object();
	struct step *again = NULL;
	struct strv lost = { 0 };
	size_t count = 0;

	json_object_object_add(record, "steps", steps_to_json(entry->steps, entry->step_count));
	steps_from_json(record, &again, &count, &lost);
	must(count == entry->step_count && !lost.n);
	for (size_t i = 0; i < count; i++) {
		must(again[i].act.kind == entry->steps[i].act.kind);
		must(again[i].back.kind == entry->steps[i].back.kind);
		check_text(&again[i].act);
		check_text(&again[i].back);
		step_free(&again[i]);
	}
	free(again);
	json_object_put(record);
}

static void check_entry(const struct journal *j, const struct journal_entry *entry,
			unsigned variant)
{
	struct err e = { 0 };

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

static int no_boot_id(struct ports *p, const char *path, size_t size, struct buf *ret)
{
	(void)p, (void)path, (void)size, (void)ret;
	return -ENOENT;
}

static int same_cpu(struct ports *p, struct cpu_id *ret, struct err *e)
{
	(void)p, (void)e;
	*ret = (struct cpu_id){
		.vendor = "G", .family = 6, .vmx = UNKNOWN, .svm = UNKNOWN, .hypervisor = NO
	};
	return 0;
}

/* It says yes with its source, or nothing. */
static void check_evidence(struct ports *p, const struct journal *j)
{
	struct host host = { .parts = HOST_MODULES, .cpu = { .vmx = UNKNOWN, .svm = UNKNOWN } };

	for (size_t i = 0; i < MODULE_COUNT; i++) {
		struct module_facts *m = &host.modules[i];

		m->virt.value = m->enabled.value = m->paging.value = m->usable.value = UNKNOWN;
	}
	journal_add_evidence(p, j, &host);
	for (size_t i = 0; i < MODULE_COUNT; i++) {
		const struct fact *f = &host.modules[i].usable;

		must(f->value == UNKNOWN ? !f->source.n : f->value == YES && f->source.n == 1);
		must(host.modules[i].paging.value == f->value);
	}
	host_free(&host);
}

static void check_journal(unsigned variant)
{
	struct ports p = { .cpu.identify = same_cpu,
			   .file.read_head = no_boot_id,
			   .file.read = read_journal,
			   .file.check_own = is_ours,
			   .file.is_locked = is_locked };
	struct journal j;
	struct err e = { 0 };

	must(journal_load(&p, &j, &e) == 0);
	(void)journal_undoable(&j);
	check_evidence(&p, &j);
	must(journal_check_whole(&j, &e) == 0 || (*e.text && *e.hint));
	for (size_t i = 0; i < j.count; i++) {
		must(journal_result_name(j.entries[i].result) && journal_way_out(&j.entries[i]));
		check_entry(&j, &j.entries[i], variant);
	}
	journal_free(&j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_journal(journal_input(data, size, &journal));
	return 0;
}
