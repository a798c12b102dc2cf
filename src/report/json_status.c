// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * json_status.c - the state of a host, and its changes, for programs.
 */
#include <string.h>

#include "json.h"
#include "conf_lines.h"
#include "state.h"

static struct json_object *fact_of(enum tri value, const char *source)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	json_put_tri(o, "value", value);
	if (value != UNKNOWN && source)
		json_object_array_add(list, json_string(source));
	json_put(o, "source", list);
	return o;
}

static struct json_object *line_object(const struct conf_line *m)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "kind", m->kind);
	json_put_text(o, "text", m->text);
	json_put_text(o, "where", m->where);
	json_put_bool(o, "decides", m->decides);
	return o;
}

static void put_lines(struct json_object *o, const struct host *host, const struct setting *s,
		      enum module_id module)
{
	struct json_object *list = json_object_new_array();
	struct conf_lines lines = { 0 };

	find_conf_lines(host, s, module, &lines);
	for (size_t i = 0; i < lines.count; i++)
		json_object_array_add(list, line_object(&lines.v[i]));
	json_put(o, "mentions", list);
	json_put_int(o, "mentions_left_out", (int64_t)lines.left_out);
	conf_lines_free(&lines);
}

static struct json_object *params_object(const struct module_facts *m)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < m->param_count; i++)
		json_put_text(o, m->params[i].name, m->params[i].value);
	return o;
}

static struct json_object *module_object(const struct module_facts *m)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "state", module_state_name(m->state));
	json_put(o, "in_use",
		 fact_of(m->refcnt < 0	    ? UNKNOWN
			 : module_in_use(m) ? YES
					    : NO,
			 "refcnt"));
	json_put(o, "reloadable",
		 fact_of(m->reload.state == RELOAD_UNKNOWN    ? UNKNOWN
			 : m->reload.state == RELOAD_POSSIBLE ? YES
							      : NO,
			 "the kernel"));
	json_put_text(o, "not_reloadable",
		      m->reload.state == RELOAD_IMPOSSIBLE ? m->reload.why_not.text : NULL);
	json_put(o, "holders", json_strv(&m->holders));
	json_put(o, "parameters", params_object(m));
	json_put(o, "virt", json_fact(&m->virt));
	json_put(o, "virt_enabled", json_fact(&m->enabled));
	json_put(o, "paging", json_fact(&m->paging));
	json_put(o, "usable_by_kvm", json_fact(&m->usable));
	return o;
}

/* By its module where it has two in an image. */
static struct json_object *lines_object(const struct host *host, const struct setting *s)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < MODULE_COUNT; i++) {
		struct json_object *of;

		if (!s->params[i] || (!host->image && setting_module(host, s) != i))
			continue;
		of = json_object_new_object();
		json_put_text(of, "parameter", s->params[i]->name);
		put_lines(of, host, s, (enum module_id)i);
		json_put(o, kvm_modules[i].name, of);
	}
	return o;
}

static struct json_object *attribute_object(const struct setting *s,
					    const struct attribute_facts *f)
{
	struct json_object *o = json_object_new_object(), *list = json_object_new_array();

	json_put_text(o, "path", s->attribute->path);
	json_put(o, "words", json_strv(&f->words));
	json_put_text(o, "kernel_command_line", f->boot);
	for (size_t i = 0; i < f->writers.n; i++) {
		struct json_object *writer = json_writer(&f->writers.v[i]);

		json_put_text(writer, "value", f->writers.v[i].value);
		json_object_array_add(list, writer);
	}
	json_put(o, "writers", list);
	return o;
}

static void put_setting(struct json_object *list, const struct host *host, const struct setting *s)
{
	struct json_object *o = json_object_new_object();

	json_put_bool(o, "here", setting_fits(s, &host->cpu));
	json_put_state(o, host, s);
	if (s->kind == KIND_MODULE)
		json_put(o, "modules", lines_object(host, s));
	if (s->kind == KIND_ATTRIBUTE)
		json_put(o, "attribute", attribute_object(s, &host->attributes[s->id]));
	json_put(list, s->name, o);
}

/* Who makes /dev/kvm, and does anybody hold it? */
static void put_use(struct json_object *o, const struct host *host)
{
	struct json_object *module = json_object_new_object();

	json_put_text(module, "value", host->use.module);
	json_put(module, "source", json_strv(&host->use.module_source));
	json_put(o, "kvm_module", module);
	json_put(o, "in_use", json_fact(&host->use.held));
}

static struct json_object *modules_object(const struct host *host)
{
	struct json_object *o = json_object_new_object();

	for (size_t i = 0; i < MODULE_COUNT; i++)
		json_put(o, kvm_modules[i].name, module_object(&host->modules[i]));
	return o;
}

struct json_object *json_host_object(const struct host *h)
{
	struct json_object *o = json_object_new_object();

	json_put_bool(o, "image", h->image);
	json_put_text(o, "name", h->id.name[0] ? h->id.name : NULL);
	json_put_text(o, "kernel", h->id.kernel[0] ? h->id.kernel : NULL);
	json_put_text(o, "machine", h->id.machine[0] ? h->id.machine : NULL);
	json_put_bool(o, "root", h->root);
	return o;
}

static struct json_object *cpu_object(const struct host *h)
{
	struct json_object *o = json_object_new_object();

	json_put_text(o, "vendor", h->cpu.vendor[0] ? h->cpu.vendor : NULL);
	json_put_text(o, "brand", h->cpu.brand[0] ? h->cpu.brand : NULL);
	json_put(o, "vmx", fact_of(h->cpu.vmx, "CPUID"));
	json_put(o, "svm", fact_of(h->cpu.svm, "CPUID"));
	json_put(o, "hypervisor", fact_of(h->cpu.hypervisor, "CPUID"));
	return o;
}

static struct json_object *device_object(const struct device_facts *d)
{
	struct json_object *o;
	char mode[16];

	if (!d->exists)
		return NULL;
	o = json_object_new_object();
	snprintf(mode, sizeof(mode), "%04o", d->mode);
	json_put_int(o, "uid", d->uid);
	json_put_int(o, "gid", d->gid);
	json_put_text(o, "mode", mode);
	return o;
}

/* The two of a journal that are asked for once. */
struct marked {
	const struct journal_entry *being_made, *next_undo;
};

static struct marked find_marked(const struct journal *j)
{
	const struct journal_entry *open = journal_interrupted(j);

	return (struct marked){
		.being_made = open && journal_is_being_made(j, open) ? open : NULL,
		.next_undo = journal_undoable(j),
	};
}

static struct json_object *entry_object(const struct marked *m, const struct journal_entry *entry)
{
	struct json_object *o = json_object_new_object();
	const char *state = entry->skipped	     ? "skipped"
			    : entry->undone	     ? "undone"
			    : entry == m->being_made ? "being_made"
						     : journal_result_name(entry->result);

	json_put_int(o, "id", entry->id);
	json_put_int(o, "time_seconds", entry->time);
	json_put_text(o, "command", entry->command);
	json_put_text(o, "state", state);
	json_put(o, "undoes", entry->undoes ? json_object_new_int(entry->undoes) : NULL);
	json_put_bool(o, "image", entry->image);
	json_put_bool(o, "next_undo", entry == m->next_undo);
	return o;
}

static struct json_object *host_advice(const struct host *host)
{
	struct json_object *list;
	enum advice_id *ids = NULL;
	size_t n = 0;

	advise_host(host, &ids, &n);
	list = json_advice(host, ids, n);
	free(ids);
	return list;
}

void json_put_open_change(struct json_object *o, const struct journal *journal)
{
	const struct journal_entry *open = journal->at_work ? NULL : journal_interrupted(journal);
	const struct marked marked = find_marked(journal);

	json_put_text(o, "at_work", journal->at_work);
	json_put(o, "interrupted", open ? entry_object(&marked, open) : NULL);
}

struct json_object *json_left_list(const struct undo_report *r)
{
	struct json_object *list = json_object_new_array();
	const struct marked marked = find_marked(r->journal);

	for (size_t i = r->journal->count; i-- > 0;)
		if (is_left_by(r, &r->journal->entries[i]))
			json_object_array_add(list, entry_object(&marked, &r->journal->entries[i]));
	return list;
}

#define BOOT_WORDS_MAX 200

/* What the boot entries say of KVM and huge pages. */
static struct json_object *boot_words(const struct host *host)
{
	struct json_object *list = json_object_new_array();
	autostrv words = { 0 }, places = { 0 };

	loader_words(&host->loader, BOOT_WORDS_MAX, &words, &places);
	for (size_t i = 0; i < words.n; i++) {
		struct json_object *o = json_object_new_object();

		json_put_text(o, "word", words.v[i]);
		json_put_text(o, "where", places.v[i]);
		json_object_array_add(list, o);
	}
	return list;
}

int json_status(FILE *out, const struct host *host, const struct journal *journal)
{
	struct json_object *o = json_document("status");

	struct json_object *list = json_object_new_object();

	json_put(o, "host", json_host_object(host));
	json_put(o, "cpu", cpu_object(host));
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (!settings[i].other_name)
			put_setting(list, host, &settings[i]);
	json_put(o, "settings", list);
	json_put(o, "modules", modules_object(host));
	json_put(o, "boot_words", boot_words(host));
	json_put(o, "ksm", json_ksm_object(host));
	json_put(o, "memory", json_memory_object(host));
	put_use(o, host);
	json_put(o, "kvm_device", device_object(&host->device));
	json_put(o, "users", json_users_list(&host->users));
	json_put_open_change(o, journal);
	json_put(o, "not_seen", json_strv(&host->unseen));
	json_put(o, "advice", host_advice(host));
	return json_print(out, o);
}

int json_setting(FILE *out, const struct host *host, const struct setting *setting)
{
	struct json_object *o = json_document("setting"), *list = json_object_new_object();

	json_put(o, "host", json_host_object(host));
	put_setting(list, host, setting);
	json_put(o, "settings", list);
	if (setting->kind == KIND_MODULE) {
		json_put(o, "modules", modules_object(host));
	} else if (setting->kind == KIND_KSM) {
		json_put(o, "ksm", json_ksm_object(host));
		json_put(o, "memory", json_memory_object(host));
	}
	json_put(o, "not_seen", json_strv(&host->unseen));
	return json_print(out, o);
}

int json_users(FILE *out, const struct host *host)
{
	struct json_object *o = json_document("guests");

	json_put(o, "host", json_host_object(host));
	put_use(o, host);
	json_put(o, "users", json_users_list(&host->users));
	json_put_int(o, "hidden_processes", (int64_t)host->users.hidden);
	json_put(o, "unanswering_processes", json_pids(&host->users.unanswered));
	json_put(o, "not_seen", json_strv(&host->unseen));
	return json_print(out, o);
}

int json_journal(FILE *out, const struct host *host, const struct journal *journal)
{
	struct json_object *o = json_document("changes"), *list = json_object_new_array();
	const struct marked marked = find_marked(journal);

	json_put(o, "host", json_host_object(host));
	for (size_t i = journal->count; i-- > 0;)
		json_object_array_add(list, entry_object(&marked, &journal->entries[i]));
	json_put(o, "changes", list);
	json_put_int(o, "damaged_lines", (int64_t)journal->damaged);
	return json_print(out, o);
}
