// SPDX-License-Identifier: GPL-2.0-or-later
#include "journal_input.h"

#include "engine/journal_internal.h"
#include "fuzz.h"

/* ---- the journal ---- */

static void add_records(const char *text, const char *end, struct buf *ret)
{
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t len = (size_t)((newline ? newline : end) - text);

		if (*text != '#')
			buf_printf(ret, "%08x ", (unsigned)journal_checksum(text, len));
		buf_add(ret, text, len);
		if (newline)
			buf_puts(ret, "\n");
		text += len + 1;
	}
}

unsigned journal_input(const uint8_t *data, size_t size, struct buf *ret)
{
	const char *text = (const char *)data;

	buf_reset(ret);
	if (!size)
		return 0;
	add_records(text + 1, text + size, ret);
	return *data;
}

/* ---- what may be touched ---- */

static bool is_same(const char *text, const char *other)
{
	return text && strcmp(text, other) == 0;
}

static bool is_one_of(const char *text, const char *a, const char *b)
{
	return is_same(text, a) || is_same(text, b);
}

bool is_own_file(const char *path)
{
	return is_one_of(path, OWN_CONF_FILE, OWN_TMPFILES) || is_same(path, OWN_PRESET);
}

bool is_unit_link(const char *path)
{
	return path && !strstr(path, "/../") &&
	       (starts_with(path, UNIT_LINKS_DIR "/") || starts_with(path, RUNTIME_LINKS_DIR "/"));
}

static bool is_service(const char *name)
{
	return is_one_of(name, "ksm.service", "ksmtuned.service");
}

static bool is_module(const char *name)
{
	return is_one_of(name, "kvm_intel", "kvm_amd");
}

/* Of our settings, and at least one. */
static bool has_parameters(const struct act *act)
{
	for (size_t i = 0; i < act->wanted_count; i++)
		if (!is_one_of(act->wanted[i].param, "ept", "npt") &&
		    !is_same(act->wanted[i].param, "nested"))
			return false;
	return act->wanted_count > 0;
}

static bool may_touch(const struct act *act)
{
	switch (act->kind) {
	case ACT_NONE:
	case ACT_CHECK_GUEST:
	case ACT_WATCH_MEMORY:
		return true;
	case ACT_WRITE_FILE:
		return is_own_file(act->target) && act->text && act->mode == 0644;
	case ACT_REMOVE_FILE:
		return is_own_file(act->target);
	case ACT_CHECK_DEVICE:
		return is_same(act->target, KVM_DEVICE) && act->device.mode <= 0777;
	case ACT_ENABLE_UNIT:
	case ACT_DISABLE_UNIT:
	case ACT_START_UNIT:
	case ACT_STOP_UNIT:
		return is_service(act->target);
	case ACT_MAKE_LINK:
	case ACT_REMOVE_LINK:
		return is_unit_link(act->target) && act->text &&
		       (is_service(last_part(act->text)) || is_service(last_part(act->target)));
	case ACT_SET_RUN:
		return is_same(act->target, KSM_RUN_FILE) && act->text &&
		       strspn(act->text, "012") == 1 && !act->text[1];
	case ACT_RESTORE:
		return is_module(act->target) && act->text && has_parameters(act);
	default:
		return is_module(act->target);
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

/* Did an earlier step write `run`, too? Its undo counts. */
static bool is_opened(const struct plan *plan, size_t before)
{
	for (size_t i = 0; i < before; i++)
		if (plan->steps[i].back.kind == ACT_SET_RUN)
			return true;
	return false;
}

/* Loading KVM is never rolled back; nor are unknown steps. */
static bool needs_no_undo(const struct host *h, const struct plan *plan, size_t i)
{
	const struct act *act = &plan->steps[i].act;

	if (act->kind == ACT_SET_RUN)
		return is_opened(plan, i) || h->ksm.run < 0;
	/* Somebody else was stopping it already. */
	if (act->kind == ACT_STOP_UNIT)
		return !unit_is_up(&h->ksm.units[ksm_unit_find(act->target)]);
	if (act->kind != ACT_LOAD && act->kind != ACT_RESTORE)
		return false;
	return module_find(act->target) < MODULE_COUNT &&
	       h->modules[module_find(act->target)].state != MODULE_STATE_LOADED;
}

void check_plan(const struct host *h, const struct plan *plan)
{
	for (size_t i = 0; i < plan->step_count; i++) {
		const struct step *s = &plan->steps[i];

		must(may_touch(&s->act) && may_touch(&s->back));
		must(!alters(s->act.kind) || s->back.kind != ACT_NONE || needs_no_undo(h, plan, i));
		check_shown(&s->act);
	}
	must(!plan->refusal.code || *plan->refusal.text);
}
