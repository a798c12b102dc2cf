// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capture.c - a host as files: those that were read, and what is no file.
 *
 * The host is observed twice through doors that remember: as it runs, and as an image, which reads
 * the links of units where a running host asks systemd.
 */
#include <kvmtune/capture.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <kvmtune/journal.h>
#include <kvmtune/observe.h>
#include <kvmtune/record.h>
#include <kvmtune/scrub.h>

#include "capture.h"

/* More than that is of a host with tens of thousands of processes; their number says enough. */
#define HIDDEN_MAX 1024
#define CPUINFO	   "/proc/cpuinfo"

/* ---- files of the capture ---- */

struct user_file *capture_add(struct capture *c, char *name, struct buf *text)
{
	struct user_file *file = &array_push(c->files, c->count);

	file->name = name;
	file->len = text->len;
	file->text = text->len ? buf_steal(text) : xstrdup("");
	return file;
}

static void free_file(struct user_file *file)
{
	free((void *)file->name);
	free((void *)file->text);
	free((void *)file->target);
}

void capture_free(struct capture *c)
{
	for (size_t i = 0; i < c->count; i++)
		free_file(&c->files[i]);
	free(c->files);
	strv_free(&c->unread);
	strv_free(&c->left_out);
	*c = (struct capture){ 0 };
}

void cpu_capture(const struct cpu_evidence *evidence, struct capture *ret)
{
	autobuf cpuid = { 0 }, msr = { 0 }, cpuinfo = { 0 };

	cpuid_write_dump(&evidence->cpuid, &cpuid);
	cpu_write_msrs(evidence, &msr);
	capture_add(ret, xstrdup("cpuid.txt"), &cpuid);
	capture_add(ret, xstrdup("msr.txt"), &msr);
	if (!evidence->cpuinfo)
		return;
	buf_puts(&cpuinfo, evidence->cpuinfo);
	capture_add(ret, xstrdup("cpuinfo.txt"), &cpuinfo);
}

/* "root" and the path, whose parts may have names in them, too. */
static char *name_below_root(struct capturing *w, const char *path)
{
	static const char groups[] = "/sys/fs/cgroup";
	autofree char *group = NULL;
	struct buf name = { 0 };

	buf_puts(&name, "root");
	if (starts_with(path, groups)) {
		const char *below = path + strlen(groups), *file = last_part(below);

		/* The last part is a file of the kernel's, and no group. */
		group = xstrndup(below, (size_t)(file - below));
		buf_puts(&name, groups);
		path = file;
	}
	if (group) {
		autofree char *scrubbed = scrub_cgroup(&w->scrub, group);

		buf_puts(&name, scrubbed);
	}
	scrub_identifiers(&w->scrub, path, strlen(path), &name);
	return buf_steal(&name);
}

/* ---- processes ---- */

/* "/proc/123/comm": the number, and the rest in *ret_file ("" for the directory). */
static int process_of(const char *path, const char **ret_file)
{
	autofree char *number = NULL;
	size_t len;
	int pid;

	if (!starts_with(path, "/proc/"))
		return 0;
	path += strlen("/proc/");
	len = strcspn(path, "/");
	number = xstrndup(path, len);
	*ret_file = path + len + (path[len] == '/');
	return parse_int(number, &pid) == 0 && pid > 0 ? pid : 0;
}

static const struct ksm_user *find_user(const struct capturing *w, int pid)
{
	for (size_t i = 0; i < w->host.ksm.user_count; i++)
		if (w->host.ksm.users[i].process.pid == pid)
			return &w->host.ksm.users[i];
	return NULL;
}

static void process_text(struct capturing *w, const struct kvm_user *u, const char *file,
			 const struct recorded *r, struct buf *ret)
{
	autostrv args = { 0 };
	const char *arg;

	if (strcmp(file, "comm") == 0) {
		autofree char *word = scrub_name(&w->scrub, SCRUB_PROGRAM, u->comm);

		buf_printf(ret, "%s\n", word);
	} else if (strcmp(file, "cmdline") == 0) {
		scrub_args(&w->scrub, u, &args);
		strv_foreach (arg, &args)
			buf_add(ret, arg, strlen(arg) + 1);
	} else if (strcmp(file, "cgroup") == 0) {
		scrub_cgroups(&w->scrub, buf_text(&r->text), ret);
	} else if (starts_with(file, "ksm_")) {
		buf_add(ret, buf_text(&r->text), r->text.len);
	}
}

/* Those with merged pages, and ksmd; of the ones that do not let us look, that they are there. */
static void add_process(struct capturing *w, int pid, const char *file, const struct recorded *r)
{
	const struct ksm_user *user = find_user(w, pid);
	autobuf text = { 0 };

	if (user && r->is_file)
		process_text(w, &user->process, file, r, &text);
	else if (pid == w->host.ksm.ksmd_pid && strcmp(file, "stat") == 0)
		buf_add(&text, buf_text(&r->text), r->text.len);
	else if (strcmp(file, "ksm_merging_pages") == 0 && r->error && w->hidden++ < HIDDEN_MAX)
		buf_puts(&text, "0\n");
	if (text.len)
		capture_add(w->to, xasprintf("root/proc/%d/%s", pid, file), &text);
}

/* ---- files of the host ---- */

static void say_unread(struct capturing *w, const struct recorded *r)
{
	autofree char *name = name_below_root(w, r->path);

	strv_addf(&w->to->unread, "%s (%s)", name + strlen("root"), strerror(-r->error));
}

/* Of links those that say something of a service: where it leads, or that there is none. */
static bool is_wanted_link(const struct recorded *r)
{
	if (!r->target || (r->is_file && strcmp(r->target, "/dev/null") != 0))
		return false;
	return ksm_unit_find(last_part(r->path)) < KSM_UNIT_COUNT ||
	       ksm_unit_find(last_part(r->target)) < KSM_UNIT_COUNT;
}

static void add_file(struct capturing *w, const struct recorded *r)
{
	enum scrub_result result = SCRUB_LEFT;
	autobuf text = { 0 };

	if (r->is_file)
		result = scrub_file(&w->scrub, r->path, &r->text, &text);
	if (result == SCRUB_LEFT)
		capture_add(w->to, name_below_root(w, r->path), &text);
	if (result == SCRUB_UNKNOWN)
		strv_add(&w->to->left_out, r->path);
}

/* A run of a unit has an identifier, which the link leads to. */
static void add_link(struct capturing *w, const struct recorded *r)
{
	struct user_file *file = &array_push(w->to->files, w->to->count);

	file->name = name_below_root(w, r->path);
	file->target = starts_with(r->path, "/run/systemd/units/")
			       ? xstrdup("00000000000000000000000000000000")
			       : xstrdup(r->target);
}

/* Of an empty host, too, there is a root. */
static void add_root(struct capturing *w)
{
	struct user_file *file = &array_push(w->to->files, w->to->count);

	file->name = xstrdup("root");
}

/* Of those below the directories of units the names are a site's own. */
static void add_dir(struct capturing *w, const struct recorded *r)
{
	struct user_file *file;

	if (strstr(r->path, "/systemd/") && !ends_with(r->path, "/systemd/system"))
		return;
	file = &array_push(w->to->files, w->to->count);
	file->name = name_below_root(w, r->path);
}

/* As the evidence has it: whole, which not every reader of a host needs. */
static void add_cpuinfo(struct capturing *w)
{
	autobuf text = { 0 };

	if (!w->evidence->cpuinfo)
		return;
	buf_puts(&text, w->evidence->cpuinfo);
	capture_add(w->to, xstrdup("root" CPUINFO), &text);
}

/* Its owner is in fake/host: files are not given away. */
static void add_device(struct capturing *w)
{
	const struct device_facts *d = &w->host.device;
	struct user_file *file;

	if (!d->exists)
		return;
	file = capture_add(w->to, xstrdup("root" KVM_DEVICE), &(struct buf){ 0 });
	file->mode = d->mode;
}

/* That a file of others is there counts only for a few; the rest was read, or is no matter. */
static bool is_wanted_presence(const char *path)
{
	static const char *const paths[] = { "/etc/NIXOS", "/run/udev/control",
					     "/var/cache/libvirt/qemu/capabilities",
					     "/run/systemd/system" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (strcmp(paths[i], path) == 0)
			return true;
	return starts_with(path, "/sys/") || ksm_unit_find(last_part(path)) < KSM_UNIT_COUNT;
}

static void add_recorded(struct capturing *w, const struct recorded *r)
{
	const char *file = "";
	int pid = process_of(r->path, &file);

	if (strcmp(r->path, KVM_DEVICE) == 0 || strcmp(r->path, CPUINFO) == 0)
		return;
	if (r->error && !pid)
		say_unread(w, r);
	if (pid)
		add_process(w, pid, file, r);
	else if (is_wanted_link(r))
		add_link(w, r);
	else if (r->is_file)
		add_file(w, r);
	else if (r->is_dir)
		add_dir(w, r);
	else if (r->is_there && is_wanted_presence(r->path))
		add_file(w, r);
}

static int compare_files(const void *a, const void *b)
{
	return strcmp(((const struct user_file *)a)->name, ((const struct user_file *)b)->name);
}

/* Two names that were scrubbed may have become one: the first stays. */
static void sort_files(struct capture *c)
{
	size_t kept = 0;

	qsort(c->files, c->count, sizeof(*c->files), compare_files);
	for (size_t i = 0; i < c->count; i++) {
		if (kept && strcmp(c->files[kept - 1].name, c->files[i].name) == 0)
			free_file(&c->files[i]);
		else
			c->files[kept++] = c->files[i];
	}
	c->count = kept;
}

/* ---- all of it ---- */

/* As an image too, for `--root`: what is asked of systemd on a running host are files there. */
static int record_all(struct capturing *w, struct err *e)
{
	struct recording *rec = &w->recording;
	struct host image = { 0 };
	struct journal journal = { 0 };
	int r = host_observe(&rec->ports, HOST_ALL | HOST_LENIENT, &w->host, e);

	rec->ports.image = true;
	if (r == 0)
		r = host_observe(&rec->ports, HOST_ALL | HOST_LENIENT, &image, e);
	rec->ports.image = false;
	/* One that cannot be read is among what could not be read. */
	if (r == 0)
		journal_load(&rec->ports, &journal, &(struct err){ 0 });
	journal_free(&journal);
	host_free(&image);
	return r;
}

static void say_unseen(struct capturing *w)
{
	const char *what;

	strv_foreach (what, &w->host.unseen)
		strv_add(&w->to->unread, what);
	if (w->host.ksm.users_hidden)
		strv_addf(&w->to->unread, "the merged pages of %zu processes (needs root)",
			  w->host.ksm.users_hidden);
}

int host_capture(struct ports *p, const struct cpu_evidence *evidence, struct capture *ret,
		 struct err *e)
{
	struct capturing w = { .to = ret, .evidence = evidence };
	int r;

	recording_begin(&w.recording, p);
	r = record_all(&w, e);
	if (r == 0) {
		w.scrub.host_name = w.host.id.name;
		w.scrub.conf = &w.host.conf;
		for (size_t i = 0; i < w.recording.count; i++)
			add_recorded(&w, &w.recording.entries[i]);
		say_unseen(&w);
		add_root(&w);
		add_cpuinfo(&w);
		add_device(&w);
		capture_add_fake(&w);
		cpu_capture(evidence, ret);
		sort_files(ret);
	}
	host_free(&w.host);
	scrub_free(&w.scrub);
	recording_free(&w.recording);
	return r;
}
