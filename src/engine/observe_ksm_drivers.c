// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * observe_ksm_drivers.c - who turns KSM on: the services, and others that write `run`.
 *
 * Files first: the service manager is asked only where one of the services is there at all.
 */
#include <kvmtune/port.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "observe_boot.h"
#include "observe_ksm.h"
#include "observe_writers.h"
#include "unread.h"

/* Where unit files are, highest priority first (systemd.unit(5)). */
static const char *const unit_dirs[] = {
	UNIT_LINKS_DIR,
	RUNTIME_LINKS_DIR,
	"/run/systemd/generator",
	"/usr/local/lib/systemd/system",
	"/usr/lib/systemd/system",
	"/lib/systemd/system",
	"/run/systemd/generator.late",
	NULL,
};

/* The first of the attributes that are watched is that of KSM. */
#define OF_KSM 0

struct drivers {
	struct ports *p;
	struct host *h;
	struct unread *unread; /* where what cannot be read is noted */
	bool links_read;
	bool sysfsutils; /* a boot runs it */
	struct writers writers;
};

static int note_unread(struct drivers *d, const char *path, int r)
{
	return unread_note(d->unread, path, r);
}

/* -EINVAL: no link (readlink(2)). */
static int read_link(struct drivers *d, const char *path, struct buf *ret)
{
	int r = d->p->file.read_link(d->p, path, ret);

	return r == -EINVAL ? r : note_unread(d, path, r);
}

static bool list_names(struct drivers *d, const char *dir, struct strv *ret)
{
	return note_unread(d, dir, d->p->file.list(d->p, dir, ret)) == 0 &&
	       unread_count_names(d->unread, dir, ret->n) == 0;
}

static bool exists(struct drivers *d, const char *path)
{
	struct file_stat st;

	return note_unread(d, path, d->p->file.stat(d->p, path, &st)) == 0;
}

/* ---- directories that hide each other's files ---- */

typedef void (*file_reader)(struct drivers *d, const char *path, const char *text);

/*
 * Reads the files in the order in which systemd does (conf-files.c), which is that of modprobe.d.
 * A broken link, or one to /dev/null, hides what has the same name below it. Frees the names.
 */
static void read_visible(struct drivers *d, const char *const *dirs, struct modconf_name *names,
			 size_t count, file_reader reader)
{
	size_t visible = modconf_select(names, count);

	for (size_t i = 0; i < visible; i++) {
		autofree char *path = xasprintf("%s/%s", dirs[names[i].dir], names[i].name);
		autobuf text = { 0 };

		if (read_noting(d->p, path, d->unread, &text) == 0)
			reader(d, path, buf_text(&text));
	}
	for (size_t i = 0; i < count; i++)
		free(names[i].name);
	free(names);
}

/* ---- unit files and their links ---- */

enum unit_file_kind { UNIT_FILE_NONE, UNIT_FILE_MASK, UNIT_FILE_THERE, UNIT_FILE_UNREAD };

/* The file that counts for a unit, and says what it is. The caller frees the path. */
static char *find_unit_file(struct drivers *d, const char *unit, enum unit_file_kind *ret)
{
	for (size_t i = 0; unit_dirs[i]; i++) {
		autofree char *path = xasprintf("%s/%s", unit_dirs[i], unit);
		autobuf target = { 0 };
		int r = read_link(d, path, &target);
		bool null_link = r == 0 && strcmp(buf_text(&target), "/dev/null") == 0;
		struct file_stat st = { 0 };

		if (!null_link && (r == 0 || r == -EINVAL))
			r = note_unread(d, path, d->p->file.stat(d->p, path, &st));
		if (error_is_absence(r))
			continue;
		*ret = r < 0					  ? UNIT_FILE_UNREAD
		       : null_link || (st.is_regular && !st.size) ? UNIT_FILE_MASK
								  : UNIT_FILE_THERE;
		return xstrdup(path);
	}
	*ret = UNIT_FILE_NONE;
	return NULL;
}

static bool is_null_link(struct drivers *d, const char *path)
{
	autobuf target = { 0 };

	return read_link(d, path, &target) == 0 && strcmp(buf_text(&target), "/dev/null") == 0;
}

/* A link that leads nowhere: its target is the number of this run of the unit (core/unit.c). */
static bool is_running(struct drivers *d, const char *unit)
{
	autofree char *path = xasprintf("/run/systemd/units/invocation:%s", unit);
	autobuf id = { 0 };
	int r = read_link(d, path, &id);

	return r == 0 || r == -EINVAL;
}

/* ---- the services ---- */

static void set_state(struct unit_state *s, const char *load, const char *active, const char *file)
{
	snprintf(s->load, sizeof(s->load), "%s", load);
	snprintf(s->active, sizeof(s->active), "%s", active);
	snprintf(s->file, sizeof(s->file), "%s", file);
}

static const char *file_state(const struct ksm_unit *u, const char *path)
{
	if (starts_with(path, "/run/systemd/generator"))
		return "generated";
	for (size_t i = 0; i < u->link_count; i++)
		if (starts_with(u->links[i].path, UNIT_LINKS_DIR))
			return "enabled";
	if (u->link_count)
		return "enabled-runtime";
	return u->install_count ? "disabled" : "static";
}

/* Once for all units. */
static void read_links(struct drivers *d)
{
	if (!d->links_read)
		observe_ksm_links(d->p, d->h);
	d->links_read = true;
}

static void read_install(struct drivers *d, const char *unit, const char *path, struct ksm_unit *u)
{
	autobuf text = { 0 };

	if (read_noting(d->p, path, d->unread, &text) == 0)
		ksm_read_install(unit, path, buf_text(&text), u);
}

/* Without a manager: what `systemctl --root` would say of it. */
static void set_state_by_file(const char *path, enum unit_file_kind kind, struct ksm_unit *u)
{
	if (kind == UNIT_FILE_UNREAD) {
		set_state(&u->state, "", "", "");
	} else if (kind == UNIT_FILE_NONE) {
		set_state(&u->state, "not-found", "", "");
	} else if (kind == UNIT_FILE_MASK) {
		set_state(&u->state, "masked", "",
			  starts_with(path, "/run/") ? "masked-runtime" : "masked");
	} else {
		set_state(&u->state, "loaded", "", file_state(u, path));
	}
}

static void manager_dead(struct drivers *d, const char *asked, const struct err *e)
{
	struct ksm_facts *k = &d->h->ksm;

	k->manager = MANAGER_DEAD;
	k->manager_error = xstrdup(e->text);
	strv_addf(&d->h->unseen, "%s (%s)", asked, e->text);
}

static void ask_manager(struct drivers *d, const char *unit, struct ksm_unit *u)
{
	autofree char *asked = xasprintf("the state of %s", unit);
	struct err e = { 0 };

	if (d->p->unit.state(d->p, unit, &u->state, &e) < 0)
		manager_dead(d, asked, &e);
}

static void observe_unit(struct drivers *d, const char *unit, struct ksm_unit *u)
{
	enum manager *manager = &d->h->ksm.manager;
	enum unit_file_kind kind;
	autofree char *path = find_unit_file(d, unit, &kind);

	u->in_links_dir = path && starts_with(path, UNIT_LINKS_DIR "/");
	u->mask_link = u->in_links_dir && kind == UNIT_FILE_MASK && is_null_link(d, path);
	u->exists = kind != UNIT_FILE_NONE || (*manager != MANAGER_NONE && is_running(d, unit));
	set_state(&u->state, "not-found", *manager == MANAGER_NONE ? "" : "inactive", "");
	if (u->exists && *manager == MANAGER_THERE)
		ask_manager(d, unit, u);
	if (d->h->parts & HOST_KSM_UNITS || *manager != MANAGER_THERE) {
		read_links(d);
		if (kind == UNIT_FILE_THERE)
			read_install(d, unit, path, u);
	}
	if (u->exists && *manager != MANAGER_THERE)
		set_state_by_file(path, kind, u);
	if (u->hidden && !u->link_count && unit_is_enabled(u))
		snprintf(u->state.file, sizeof(u->state.file), "disabled");
	/* Its file could not be read, and systemd knows of none. */
	if (kind == UNIT_FILE_UNREAD && strcmp(u->state.load, "not-found") == 0)
		u->exists = false;
}

/* Where something may be made: a directory that is not there counts by the one it would be in. */
static int writable(struct drivers *d, const char *dir)
{
	autofree char *path = xstrdup(dir);
	int r = d->p->file.writable(d->p, path);

	while (r == -ENOENT && strrchr(path, '/') > path) {
		*strrchr(path, '/') = '\0';
		r = d->p->file.writable(d->p, path);
	}
	return r;
}

/* In a chroot of a host with systemd that is process 1 all the same. */
static bool runs_other_init(struct ports *p)
{
	autofree char *comm = read_line_of(p, "/proc/1/comm");

	return comm && *comm && strcmp(comm, "systemd") != 0;
}

static void observe_units(struct drivers *d)
{
	struct ksm_facts *k = &d->h->ksm;
	struct err e = { 0 };

	k->manager = !d->h->image && exists(d, RUNTIME_LINKS_DIR) ? MANAGER_THERE : MANAGER_NONE;
	/* Where systemd is installed, a rescue shell or a wrapper as process 1 says nothing of the next boot. */
	k->other_init = k->manager == MANAGER_NONE && !d->h->image && runs_other_init(d->p) &&
			!exists(d, "/usr/lib/systemd/systemd") &&
			!exists(d, "/lib/systemd/systemd");
	k->units_writable = writable(d, UNIT_LINKS_DIR);
	k->runtime_writable = writable(d, RUNTIME_LINKS_DIR);
	k->presets_writable = writable(d, "/etc/systemd/system-preset");
	/* Other attributes are written by tuned alone. */
	for (size_t i = 0; i < KSM_UNIT_COUNT; i++)
		if (i == KSM_UNIT_TUNED || d->h->parts & (HOST_KSM | HOST_KSM_USERS))
			observe_unit(d, ksm_unit_names[i], &k->units[i]);
	if (d->h->parts & HOST_KSM_UNITS && k->manager == MANAGER_THERE &&
	    observe_ksm_jobs(d->p, d->h, &e) < 0)
		manager_dead(d, "the units that start or stop with the KSM services", &e);
}

/* NixOS: its command is a script of the store, which need not be in an image. */
static bool is_nixos_unit(const char *unit)
{
	return strcmp(unit, "enable-ksm.service") == 0;
}

static void look_at_unit(void *arg, const char *unit, const char *file,
			 const struct boot_lines *lines)
{
	struct drivers *d = arg;

	d->sysfsutils |= strcmp(unit, "sysfsutils.service") == 0;
	if (is_nixos_unit(unit))
		writers_add(&d->writers, OF_KSM, unit, file, "1");
	else if (ksm_unit_find(unit) == KSM_UNIT_COUNT)
		observe_unit_writer(&d->writers, unit, file, lines);
}

/* What the next boot starts, whatever systemd says of the links that run up to now. */
static void observe_starts(struct drivers *d)
{
	struct ksm_facts *k = &d->h->ksm;
	struct boot_causes causes[KSM_UNIT_COUNT] = { 0 };
	struct boot_watch watch = { .names = ksm_unit_names,
				    .count = KSM_UNIT_COUNT,
				    .causes = causes,
				    .other_init = k->other_init,
				    .each = look_at_unit,
				    .arg = d };
	autobuf own = { 0 };

	observe_boot(d->p, &watch, d->unread);
	for (size_t i = 0; i < KSM_UNIT_COUNT; i++)
		k->units[i].boot = causes[i];
	k->boot_known = true;
	if (read_noting(d->p, OWN_PRESET, d->unread, &own) == 0)
		k->own_preset = buf_steal(&own);
}

/* ---- other services that write run ---- */

/* Behind all others. value: NULL, a policy of its own. Takes over who and where. */
static void add_writer(struct drivers *d, char *who, char *where, const char *value)
{
	struct attribute_writers *to = &d->h->ksm.writers;

	array_push(to->v, to->n) =
		(struct attribute_writer){ .who = who, .where = where, .value = value };
}

/* Does it run, or will it after the next boot? */
static bool works(struct drivers *d, enum ksm_unit_id id)
{
	const struct ksm_unit *u = &d->h->ksm.units[id];

	if (d->h->ksm.manager != MANAGER_THERE && !d->h->image && is_running(d, ksm_unit_names[id]))
		return true;
	return unit_is_active(u) || ksm_unit_starts(&d->h->ksm, id) != NO;
}

static char *unit_file_path(struct drivers *d, enum ksm_unit_id id)
{
	enum unit_file_kind kind;
	char *path = find_unit_file(d, ksm_unit_names[id], &kind);

	return path ? path : xstrdup(ksm_unit_names[id]);
}

/* Ubuntu: it writes 1 when it starts. */
static void observe_qemu_kvm(struct drivers *d)
{
	static const char defaults[] = "/etc/default/qemu-kvm";
	autobuf text = { 0 };
	unsigned line = 0;

	if (ksm_unit_starts(&d->h->ksm, KSM_UNIT_QEMU_KVM) == NO)
		return;
	if (read_noting(d->p, defaults, d->unread, &text) == 0 &&
	    !ksm_read_default_qemu(buf_text(&text), &line))
		return;
	add_writer(d, xstrdup(ksm_unit_names[KSM_UNIT_QEMU_KVM]),
		   line ? xasprintf("%s:%u", defaults, line) : unit_file_path(d, KSM_UNIT_QEMU_KVM),
		   "1");
}

/* oVirt's memory manager: mom/Controllers/KSM.py writes what its policy computes. */
static void observe_mom(struct drivers *d)
{
	static const enum ksm_unit_id ids[] = { KSM_UNIT_MOMD, KSM_UNIT_MOM_VDSM, KSM_UNIT_VDSMD };

	for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
		if (works(d, ids[i]))
			add_writer(d, xstrdup(ksm_unit_names[ids[i]]), unit_file_path(d, ids[i]),
				   NULL);
}

/* ---- units whose processes have all their memory merged ---- */

static bool is_process_unit(const char *name)
{
	return ends_with(name, ".service") || ends_with(name, ".slice") ||
	       ends_with(name, ".scope");
}

static bool is_drop_in_dir(const char *name)
{
	autofree char *unit = xasprintf(".%.*s", (int)strlen(name) - 2, name);

	/* "service.d" is for all services. */
	return ends_with(name, ".d") && is_process_unit(unit);
}

static void list_drop_ins(struct drivers *d, size_t dir, const char *sub,
			  struct modconf_name **names, size_t *count)
{
	autofree char *path = xasprintf("%s/%s", unit_dirs[dir], sub);
	autostrv found = { 0 };
	const char *name;

	if (!list_names(d, path, &found))
		return;
	strv_foreach (name, &found)
		if (name[0] != '.' && ends_with(name, ".conf"))
			array_push(*names, *count) =
				(struct modconf_name){ .dir = dir,
						       .name = xasprintf("%s/%s", sub, name) };
}

static void list_units(struct drivers *d, size_t dir, struct modconf_name **names, size_t *count)
{
	autostrv found = { 0 };
	const char *name;

	if (!list_names(d, unit_dirs[dir], &found))
		return;
	strv_foreach (name, &found) {
		if (is_process_unit(name))
			array_push(*names, *count) =
				(struct modconf_name){ .dir = dir, .name = xstrdup(name) };
		else if (is_drop_in_dir(name))
			list_drop_ins(d, dir, name, names, count);
	}
}

static void read_memory_ksm(struct drivers *d, const char *path, const char *text)
{
	unsigned line = ksm_read_memory_ksm(text);

	if (line)
		strv_addf(&d->h->ksm.memory_ksm, "%s:%u", path, line);
}

/* Nothing rests on what these say: what cannot be read is told, and no more. */
static void observe_memory_ksm(struct ports *p, struct host *h)
{
	struct unread unread = { 0 };
	struct drivers d = { .p = p, .h = h, .unread = &unread };
	struct modconf_name *names = NULL;
	size_t count = 0;

	for (size_t dir = 0; unit_dirs[dir]; dir++)
		list_units(&d, dir, &names, &count);
	read_visible(&d, unit_dirs, names, count, read_memory_ksm);
	unread_tell(&unread, "have the memory of a unit merged", &h->unseen);
	unread_free(&unread);
}

/* Programs of clusters that write it by a configuration of their own, which is not on the host. */
static void observe_clusters(struct drivers *d)
{
	static const struct {
		const char *who, *path;
	} all[] = {
		{ "KubeVirt's virt-handler", "/run/kubevirt" },
		{ "KubeVirt's virt-handler", "/var/run/kubevirt" },
		{ "KubeVirt's virt-handler", "/var/lib/kubevirt-node-labeller" },
		{ "Harvester's node-manager", "/etc/harvester-release.yaml" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		if (!exists(d, all[i].path))
			continue;
		writers_add(&d->writers, OF_KSM, all[i].who, all[i].path, NULL);
		return;
	}
}

/* tuned starts and enables services, too. */
static void add_tuned_services(struct drivers *d, const struct tuned *t, const char *profile)
{
	static const char *const units[] = { "ksm", "ksmtuned", "ksm.service", "ksmtuned.service" };
	autofree char *who = xasprintf("tuned profile %s", profile);

	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		const struct tuned_option *o = tuned_service(t, units[i]);

		if (o && (strstr(o->value, "start") || strstr(o->value, "enable")))
			writers_add(&d->writers, OF_KSM, who, o->where, "1");
	}
}

static void add_tuned(struct drivers *d)
{
	struct tuned merged = { 0 };
	autofree char *profile = NULL;

	if (!works(d, KSM_UNIT_TUNED))
		return;
	profile = observe_tuned(&d->writers, &merged);
	if (profile) {
		observe_tuned_writers(&d->writers, &merged, profile);
		add_tuned_services(d, &merged, profile);
	}
	tuned_free(&merged);
}

/* In the order in which a boot comes to them. */
static void observe_writers(struct drivers *d)
{
	struct ksm_facts *k = &d->h->ksm;
	bool systemd = k->manager != MANAGER_NONE || d->h->image;

	/* It is systemd that applies tmpfiles.d. */
	if (!k->other_init)
		observe_tmpfiles(&d->writers);
	/* The package's init script is enabled where it is installed. */
	d->sysfsutils |= exists(d, "/etc/init.d/sysfsutils");
	/* systemd-rc-local-generator(8); without systemd init runs it. */
	observe_file_writers(&d->writers, d->sysfsutils || !systemd, true);
	observe_clusters(d);
	add_tuned(d);
	writers_settle(&d->writers);
	observe_qemu_kvm(d);
	observe_mom(d);
}

static void observe_own_tmpfiles(struct drivers *d)
{
	autobuf own = { 0 };

	d->h->tmpfiles_writable = writable(d, "/etc/tmpfiles.d");
	if (read_noting(d->p, OWN_TMPFILES, d->unread, &own) == 0)
		d->h->own_tmpfiles = buf_steal(&own);
}

void observe_ksm_drivers(struct ports *p, struct host *h)
{
	struct drivers d = { .p = p,
			     .h = h,
			     .unread = &h->ksm.unread,
			     .writers = { .p = p, .unread = &h->ksm.unread } };

	writers_watch(&d.writers, settings[SETTING_KSM].attribute, false, &h->ksm.writers);
	for (size_t i = 0; i < SETTING_COUNT; i++)
		if (h->parts & HOST_ATTRIBUTES && settings[i].kind == KIND_ATTRIBUTE)
			writers_watch(&d.writers, settings[i].attribute, h->attributes[i].boot,
				      &h->attributes[i].writers);
	observe_units(&d);
	observe_starts(&d);
	observe_own_tmpfiles(&d);
	observe_writers(&d);
	if (h->parts & HOST_KSM_MARKED)
		observe_memory_ksm(p, h);
}
