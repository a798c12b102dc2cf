// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capture_fake.c - what of a host is no file, told as tests/lib/fake_ports.c reads it.
 */
#include "capture.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- the module ---- */

static const char *kind_name(enum module_state state)
{
	switch (state) {
	case MODULE_STATE_BUILTIN:
		return "builtin";
	case MODULE_STATE_LOADABLE:
	case MODULE_STATE_LOADED:
	case MODULE_STATE_BUSY:
		return "loadable";
	default:
		return "absent";
	}
}

/* What a parameter looks like tells of which type it is, nearly. */
static const char *type_of(const struct param *param)
{
	uint64_t number;

	if (strcmp(param->name, "vmentry_l1d_flush") == 0)
		return "l1d";
	if (strcmp(param->value, "Y") == 0 || strcmp(param->value, "N") == 0)
		return "bool";
	return parse_u64(param->value, &number) == 0 ? "int" : "text";
}

/* Their defaults are not known: what they are now, but for the one that this is about. */
static void add_params(const struct module_setting *ms, const struct module_facts *m,
		       struct buf *ret)
{
	for (size_t i = 0; i < m->param_count; i++) {
		const struct param *param = &m->params[i];
		bool own = strcmp(param->name, ms->param) == 0;

		buf_printf(ret, "param %s %s %s\n", param->name, type_of(param),
			   own && strcmp(param->value, "N") == 0 ? "Y" : param->value);
	}
}

/* The row whose module there is, or the one of this processor. */
static const struct setting *own_setting(const struct host *h)
{
	const struct setting *own = &settings[SETTING_EPT];

	for (size_t i = 0; i < SETTING_COUNT; i++) {
		if (!settings[i].module)
			continue;
		if (strcmp(kind_name(h->modules[i].state), "absent") != 0)
			return &settings[i];
		if (cpu_virt(&h->cpu, settings[i].module->kind) == YES)
			own = &settings[i];
	}
	return own;
}

static void add_module(const struct host *h, struct buf *ret)
{
	const struct setting *s = own_setting(h);
	const struct module_facts *m = &h->modules[s->id];

	buf_printf(ret, "module %s\nkind %s\n", s->module->module, kind_name(m->state));
	buf_printf(ret, "virt %s\n%s %s\n",
		   tri_name(m->enabled.value == UNKNOWN ? m->virt.value : m->enabled.value),
		   s->module->param, tri_name(m->usable.value));
	add_params(s->module, m, ret);
}

/* ---- the rest of fake/host ---- */

static void add_processor(const struct capturing *w, struct buf *ret)
{
	const struct cpu_id *cpu = &w->host.cpu;

	buf_printf(ret, "vendor %s\nbrand %s\nvmx %s\nsvm %s\nhypervisor %s\nhypervisor_name %s\n",
		   cpu->vendor, cpu->brand, tri_name(cpu->vmx), tri_name(cpu->svm),
		   tri_name(cpu->hypervisor), cpu->hypervisor_name);
	for (size_t i = 0; i < w->evidence->msr_count; i++)
		if (w->evidence->msrs[i].cpu == w->evidence->msrs[0].cpu)
			buf_printf(ret, "msr 0x%" PRIx32 " 0x%" PRIx64 "\n",
				   w->evidence->msrs[i].msr, w->evidence->msrs[i].value);
}

static void add_read_only(const struct host *h, struct buf *ret)
{
	const struct {
		int writable;
		const char *dir;
	} dirs[] = { { h->conf_writable, OWN_CONF_DIR },
		     { h->ksm.writable, KSM_DIR },
		     { h->ksm.units_writable, UNIT_LINKS_DIR } };

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (dirs[i].writable == -EROFS)
			buf_printf(ret, "read_only %s\n", dirs[i].dir);
}

static void add_about(struct capturing *w)
{
	const struct host *h = &w->host;
	autobuf about = { 0 };

	buf_printf(&about, "name %s\nkernel %s\nmachine %s\nroot %s\n", SCRUB_HOST_NAME,
		   h->id.kernel, h->id.machine, tri_name(h->root));
	add_processor(w, &about);
	add_module(h, &about);
	add_read_only(h, &about);
	if (h->ksm.manager == MANAGER_DEAD)
		buf_puts(&about, "bus dead\n");
	if (h->device.exists)
		buf_printf(&about, "kvm_gid %u\nudev_mode %04o\n", h->device.gid, h->device.mode);
	capture_add(w->to, xstrdup("fake/host"), &about);
}

/* ---- users and units ---- */

/* What is no letter, digit or plain sign, and the tab that separates, as \xHH. */
static void add_field(struct buf *ret, const char *text)
{
	for (; *text; text++) {
		if (*text > ' ' && *text < 0x7f && *text != '\\')
			buf_add(ret, text, 1);
		else
			buf_printf(ret, "\\x%02x", (unsigned char)*text);
	}
}

static void add_scrubbed(struct capturing *w, enum scrub_kind kind, const char *name,
			 struct buf *ret)
{
	autofree char *word = scrub_name(&w->scrub, kind, name);

	add_field(ret, word);
}

static void add_user(struct capturing *w, const struct kvm_user *u, struct buf *ret)
{
	autofree char *group = scrub_cgroup(&w->scrub, u->cgroup);
	autostrv args = { 0 };
	const char *arg;

	buf_printf(ret, "%d\t%u\t", u->pid, u->uid);
	add_scrubbed(w, SCRUB_USER, u->user, ret);
	buf_puts(ret, "\t");
	add_scrubbed(w, SCRUB_PROGRAM, u->comm, ret);
	/* A processor that is only mapped cannot be told: there is a guest. */
	buf_printf(ret, "\t%u\t%u\t%u\t", u->kvm_fds, u->vcpus_mapped && !u->vm_fds ? 1 : u->vm_fds,
		   u->vcpu_fds);
	add_field(ret, group);
	scrub_args(&w->scrub, u, &args);
	strv_foreach (arg, &args) {
		buf_puts(ret, "\t");
		add_field(ret, arg);
	}
	buf_puts(ret, "\n");
}

static void add_users(struct capturing *w)
{
	const struct kvm_users *users = &w->host.users;
	autobuf text = { 0 };

	for (size_t i = 0; i < users->count; i++)
		add_user(w, &users->users[i], &text);
	if (users->hidden)
		buf_printf(&text, "hidden %zu\n", users->hidden);
	if (text.len)
		capture_add(w->to, xstrdup("fake/users"), &text);
}

static const char *word_or_dash(const char *word)
{
	return *word ? word : "-";
}

static void add_units(struct capturing *w)
{
	const struct ksm_facts *k = &w->host.ksm;

	for (size_t i = 0; k->manager == MANAGER_THERE && i < KSM_UNIT_COUNT; i++) {
		const struct unit_state *state = &k->units[i].state;
		autobuf text = { 0 };

		if (!k->units[i].exists)
			continue;
		buf_printf(&text, "%s %s %s\n", word_or_dash(state->load),
			   word_or_dash(state->active), word_or_dash(state->file));
		capture_add(w->to, xasprintf("fake/units/%s", ksm_unit_names[i]), &text);
	}
}

void capture_add_fake(struct capturing *w)
{
	autobuf cpuid = { 0 };

	add_about(w);
	add_users(w);
	add_units(w);
	cpuid_write_dump(&w->evidence->cpuid, &cpuid);
	capture_add(w->to, xstrdup("fake/cpuid"), &cpuid);
}
