// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fuzz_journal - any text as the journal, and the way back that an undo would plan from it.
 *
 * A line of the input becomes a record with a right checksum; behind a "#" it stays as it is.
 * What must hold: a plan touches nothing but kvmtune's own files, the modules of its settings, /dev/kvm,
 * the services of KSM and their links, and `run`, whoever wrote the journal; what is read of it writes
 * and reads as the same; what is shown of it is plain text.
 */
#include "engine/step_json.h"
#include "fuzz.h"
#include "unit/fake.h"

#include <errno.h>
#include <kvmtune/journal.h>
#include <stdio.h>

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

static void check_plan(const struct plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];

		must(may_touch(&s->act) && may_touch(&s->back));
		check_shown(&s->act);
	}
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

enum { HOST_LOADED, HOST_LOST, HOST_IMAGE, HOST_COUNT };

/* Made once: planning does not alter a host. */
static const struct host *hosts(void)
{
	static struct host made[HOST_COUNT];

	for (size_t i = 0; i < HOST_COUNT && !made[i].root; i++) {
		struct host *h = &made[i];

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
	}
	made[HOST_LOST].modules[SETTING_EPT].state = MODULE_STATE_LOADABLE;
	made[HOST_LOST].device.exists = false;
	made[HOST_LOST].ksm.run = 0;
	made[HOST_IMAGE].image = true;
	made[HOST_IMAGE].ksm.manager = MANAGER_NONE;
	return made;
}

static void check_back(const struct journal_entry *entry, unsigned variant)
{
	const struct plan_options options = { .exact = variant & 1,
					      .revive = variant & 2,
					      .defer = variant & 4,
					      .reserve_bytes = RESERVE_DEFAULT };
	struct plan plan = { 0 };

	plan_back(&hosts()[variant / 8 % HOST_COUNT], entry->steps, entry->step_count, &options,
		  &plan);
	check_plan(&plan);
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
	if (!entry->step_count)
		return;
	check_back(entry, variant);
	check_round_trip(entry);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ports p = { .file.read = read_journal,
			   .file.check_own = is_ours,
			   .file.is_locked = is_locked };
	unsigned variant = size ? *data : 0;
	struct journal j;
	struct err e = { 0 };

	if (size)
		write_journal((const char *)data + 1, size - 1);
	else
		buf_reset(&journal);
	must(journal_load(&p, &j, &e) == 0);
	(void)journal_interrupted(&j);
	(void)journal_undoable(&j);
	for (size_t i = 0; i < j.count; i++) {
		must(journal_result_name(j.entries[i].result) != NULL);
		check_entry(&j, &j.entries[i], variant);
	}
	journal_free(&j);
	return 0;
}
