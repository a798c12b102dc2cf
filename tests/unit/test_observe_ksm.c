// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * From the files of a host to what is known of KSM: on trees of files in a scratch directory, read
 * through the real ports; only the service manager is made up.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <engine/observe_ksm.h>
#include <engine/unread.h>
#include <kvmtune/port.h>

#include "../lib/process_files.h"
#include "tree.h"

#define RUN_LINE(value) "w /sys/kernel/mm/ksm/run - - - - " value "\n"
#define UNITS		"/usr/lib/systemd/system"
#define LINKS		"/etc/systemd/system"
#define WANTS		LINKS "/multi-user.target.wants"
#define INSTALL		"[Service]\nType=oneshot\n[Install]\nWantedBy=multi-user.target\n"
#define INVOCATION	"/run/systemd/units/invocation:"

static struct bed {
	char root[32];
	struct ports ports;
	struct host host;
	bool image; /* of the host: the ports are those of a running one */
	bool root_user;
	struct unit_state answer; /* of the service manager */
	const char *refuses;	  /* it does not, and says so */
	struct strv asked;
	/* Looking at this path gives an error. */
	const char *broken;
	int code;
	int (*read)(struct ports *p, const char *path, struct buf *ret);
	int (*read_head)(struct ports *p, const char *path, size_t size, struct buf *ret);
	int (*list)(struct ports *p, const char *path, struct strv *ret);
	int (*stat)(struct ports *p, const char *path, struct file_stat *ret);
	int (*read_link)(struct ports *p, const char *path, struct buf *ret);
} bed;

static int unit_state(struct ports *p, const char *unit, struct unit_state *ret, struct err *e)
{
	(void)p;
	strv_add(&bed.asked, unit);
	if (bed.refuses)
		return err_set(e, -ENOENT, "%s", bed.refuses);
	*ret = bed.answer;
	return 0;
}

static bool is_broken(const char *path)
{
	return bed.broken && strcmp(path, bed.broken) == 0;
}

static int broken_read(struct ports *p, const char *path, struct buf *ret)
{
	return is_broken(path) ? bed.code : bed.read(p, path, ret);
}

static int broken_read_head(struct ports *p, const char *path, size_t size, struct buf *ret)
{
	return is_broken(path) ? bed.code : bed.read_head(p, path, size, ret);
}

static int broken_list(struct ports *p, const char *path, struct strv *ret)
{
	return is_broken(path) ? bed.code : bed.list(p, path, ret);
}

static int broken_stat(struct ports *p, const char *path, struct file_stat *ret)
{
	return is_broken(path) ? bed.code : bed.stat(p, path, ret);
}

static int broken_read_link(struct ports *p, const char *path, struct buf *ret)
{
	return is_broken(path) ? bed.code : bed.read_link(p, path, ret);
}

static int set_up(void **state)
{
	struct err e = { 0 };

	(void)state;
	bed = (struct bed){ .root = "/tmp/kvmtune-ksm-XXXXXX" };
	assert_non_null(mkdtemp(bed.root));
	assert_int_equal(ports_open(&bed.ports, bed.root, &e), 0);
	bed.ports.image = false;
	bed.ports.unit.state = unit_state;
	bed.ports.process.read = process_files_read;
	bed.read = bed.ports.file.read;
	bed.read_head = bed.ports.file.read_head;
	bed.list = bed.ports.file.list;
	bed.stat = bed.ports.file.stat;
	bed.read_link = bed.ports.file.read_link;
	bed.ports.file.read = broken_read;
	bed.ports.file.read_head = broken_read_head;
	bed.ports.file.list = broken_list;
	bed.ports.file.stat = broken_stat;
	bed.ports.file.read_link = broken_read_link;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	host_free(&bed.host);
	strv_free(&bed.asked);
	ports_close(&bed.ports);
	return remove_tree(bed.root);
}

/* ---- the tree ---- */

static char *make_parents(const char *path)
{
	char *full = xasprintf("%s%s", bed.root, path);

	for (char *slash = strchr(full + strlen(bed.root) + 1, '/'); slash;
	     slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(full, 0755);
		*slash = '/';
	}
	return full;
}

static void add_file(const char *path, const char *text)
{
	autofree char *full = make_parents(path);
	FILE *f = fopen(full, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void add_link(const char *path, const char *target)
{
	autofree char *full = make_parents(path);

	assert_int_equal(symlink(target, full), 0);
}

static void add_dir(const char *path)
{
	autofree char *inside = xasprintf("%s/", path);

	free(make_parents(inside));
}

static void add_counters(const char *list)
{
	autofree char *copy = xstrdup(list), *rest = copy;
	char *word;

	while ((word = strsep(&rest, " "))) {
		autofree char *path = NULL, *text = NULL;
		char *equals = strchr(word, '=');

		*equals = '\0';
		path = xasprintf(KSM_DIR "/%s", word);
		text = xasprintf("%s\n", equals + 1);
		add_file(path, text);
	}
}

static const struct ksm_facts *observe(unsigned parts)
{
	host_free(&bed.host);
	strv_free(&bed.asked);
	bed.host = (struct host){ .parts = parts, .image = bed.image, .root = bed.root_user };
	bed.host.id.page_bytes = 4096;
	observe_ksm(&bed.ports, &bed.host);
	return &bed.host.ksm;
}

/* ---- the kernel ---- */

#define EL7                                                                                        \
	"full_scans=3 max_page_sharing=256 merge_across_nodes=1 pages_shared=10 "                  \
	"pages_sharing=90 pages_to_scan=100 pages_unshared=1 pages_volatile=2 run=1 "              \
	"sleep_millisecs=20 stable_node_chains=0 stable_node_chains_prune_millisecs=2000 "         \
	"stable_node_dups=0"
#define EL8 EL7 " use_zero_pages=0"
#define NEW                                                                                        \
	EL8 " advisor_max_cpu=70 advisor_max_pages_to_scan=30000 "                                 \
	    "advisor_min_pages_to_scan=500 advisor_target_scan_time=200 general_profit=-5 "        \
	    "ksm_zero_pages=7 pages_scanned=9 pages_skipped=0 smart_scan=1"

struct kernel_case {
	const char *name, *counters;
	size_t count;
	uint64_t saved, need; /* pages */
};

static void kernels(void **state)
{
	static const struct kernel_case cases[] = {
		{ "EL7", EL7, 13, 90, 100 },
		{ "EL8, 6.1", EL8, 14, 90, 100 },
		{ "6.12", NEW, 23, 97, 107 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct ksm_facts *k;

		add_counters(cases[i].counters);
		k = observe(HOST_KSM);
		assert_true(k->present);
		assert_int_equal(k->run, 1);
		assert_int_equal(k->writable, 0);
		assert_int_equal(k->counter_count, cases[i].count);
		assert_int_equal(ksm_saved_bytes(k), cases[i].saved * 4096);
		assert_int_equal(ksm_need_bytes(k), cases[i].need * 4096);
		assert_string_equal(param_value(k->counters, k->counter_count, "full_scans"), "3");
	}
	assert_null(param_value(bed.host.ksm.counters, bed.host.ksm.counter_count, "advisor_mode"));
}

static void no_ksm(void **state)
{
	const struct ksm_facts *k;

	(void)state;
	/* Not even sysfs: a chroot. */
	assert_true(observe(HOST_ALL)->present);
	assert_int_equal(bed.host.ksm.run, -1);
	add_dir("/sys/module");
	k = observe(HOST_ALL);
	assert_false(k->present);
	assert_int_equal(k->run, -1);
	assert_null(ksm_now(k));
	assert_int_equal(k->manager, MANAGER_NONE);
	assert_int_equal(ksm_run_value(k->writers.tmpfiles_others), -1);
	assert_false(bed.host.memory.known || bed.host.memory.pressure_known);
	assert_int_equal(k->units_writable, -ENOENT);
	assert_int_equal(bed.host.unseen.n, 0);
}

struct run_case {
	const char *text;
	int run;
};

static void values_of_run(void **state)
{
	static const struct run_case cases[] = {
		{ "0\n", 0 },  { "1\n", 1 },   { "2\n", 2 },	{ "4\n", 0 },
		{ "5\n", 1 },  { "6\n", 2 },   { "3\n", -1 },	{ "7\n", -1 },
		{ "8\n", -1 }, { "-1\n", -1 }, { "one\n", -1 }, { "", -1 },
	};

	(void)state;
	assert_int_equal(observe_ksm_run(&bed.ports), -1);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		add_file(KSM_RUN_FILE, cases[i].text);
		if (observe_ksm_run(&bed.ports) != cases[i].run)
			fail_msg("\"%s\"", cases[i].text);
	}
}

static void memory(void **state)
{
	struct memory_facts m;

	(void)state;
	add_file("/proc/meminfo", "MemTotal: 100 kB\nMemAvailable: 60 kB\n");
	add_file("/proc/vmstat", "pswpin 1\npswpout 2\n");
	add_file("/proc/pressure/memory", "some total=5\nfull total=4\n");
	observe_memory(&bed.ports, &m);
	assert_true(m.known && m.swapped_known && m.pressure_known);
	assert_int_equal(m.available_bytes, 60 * 1024);
	/* Turned off at boot: the file is there. */
	bed.broken = "/proc/pressure/memory";
	bed.code = -EOPNOTSUPP;
	observe_memory(&bed.ports, &m);
	assert_true(m.known && m.swapped_known);
	assert_false(m.pressure_known);
	assert_int_equal(m.full_us, 0);
}

/* ---- the services ---- */

static const struct ksm_unit *unit_of(const struct ksm_facts *k, enum ksm_unit_id id)
{
	return &k->units[id];
}

static void check_state(const struct ksm_unit *u, const char *load, const char *active,
			const char *file)
{
	assert_string_equal(u->state.load, load);
	assert_string_equal(u->state.active, active);
	assert_string_equal(u->state.file, file);
}

/* The connection costs more than all the rest: nobody is asked without need. */
static void manager_is_not_asked_without_need(void **state)
{
	const struct ksm_facts *k;

	(void)state;
	add_dir("/run/systemd/system");
	k = observe(HOST_KSM);
	assert_int_equal(k->manager, MANAGER_THERE);
	assert_int_equal(bed.asked.n, 0);
	assert_false(unit_of(k, KSM_UNIT_KSM)->exists);
	check_state(unit_of(k, KSM_UNIT_KSM), "not-found", "inactive", "");
}

static void manager_is_asked(void **state)
{
	const struct ksm_facts *k;

	(void)state;
	add_dir("/run/systemd/system");
	add_file(UNITS "/ksm.service", INSTALL);
	/* Its unit file is gone, but it runs; the link leads nowhere, as they do. */
	add_link(INVOCATION "ksmtuned.service", "0123456789abcdef");
	bed.answer = (struct unit_state){ .load = "loaded", .active = "active", .file = "enabled" };
	k = observe(HOST_KSM);
	assert_int_equal(k->manager, MANAGER_THERE);
	assert_int_equal(bed.asked.n, 2);
	assert_string_equal(bed.asked.v[0], "ksmtuned.service");
	assert_true(unit_of(k, KSM_UNIT_KSM)->exists && unit_of(k, KSM_UNIT_KSMTUNED)->exists);
	check_state(unit_of(k, KSM_UNIT_KSMTUNED), "loaded", "active", "enabled");
	assert_int_equal(unit_of(k, KSM_UNIT_KSM)->install_count, 0);
}

static void manager_is_dead(void **state)
{
	const struct ksm_facts *k;

	(void)state;
	add_dir("/run/systemd/system");
	add_file(UNITS "/ksm.service", INSTALL);
	add_file(UNITS "/ksmtuned.service", INSTALL);
	add_link(WANTS "/ksm.service", UNITS "/ksm.service");
	bed.refuses = "nobody there";
	k = observe(HOST_KSM);
	assert_int_equal(k->manager, MANAGER_DEAD);
	assert_string_equal(k->manager_error, "nobody there");
	assert_int_equal(bed.asked.n, 1);
	assert_int_equal(bed.host.unseen.n, 1);
	assert_string_equal(bed.host.unseen.v[0], "the state of ksmtuned.service (nobody there)");
	/* What the disk says is known all the same. */
	check_state(unit_of(k, KSM_UNIT_KSMTUNED), "loaded", "", "disabled");
	check_state(unit_of(k, KSM_UNIT_KSM), "loaded", "", "enabled");
}

static void check_link(const struct unit_link *link, const char *path, const char *target)
{
	assert_string_equal(link->path, path);
	assert_string_equal(link->target, target);
}

static void image(void **state)
{
	const struct ksm_facts *k;
	const struct ksm_unit *u;

	(void)state;
	bed.image = true;
	add_dir("/run/systemd/system");
	add_counters("run=1 pages_sharing=5");
	add_file(UNITS "/ksm.service", INSTALL);
	add_file(UNITS "/ksmtuned.service", "[Service]\nExecStart=/bin/x\n");
	add_link(WANTS "/ksm.service", UNITS "/ksm.service");
	add_link(WANTS "/other.service", UNITS "/other.service");
	add_link(LINKS "/merging.service", "../../../usr/lib/systemd/system/ksm.service");
	add_link(LINKS "/boxes.target.requires/merging.service", UNITS "/ksm.service");
	k = observe(HOST_ALL);
	assert_false(k->present);
	assert_int_equal(k->run, -1);
	assert_int_equal(k->counter_count, 0);
	assert_int_equal(k->manager, MANAGER_NONE);
	assert_int_equal(bed.asked.n, 0);
	assert_int_equal(k->units_writable, 0);
	u = unit_of(k, KSM_UNIT_KSM);
	check_state(u, "loaded", "", "enabled");
	assert_int_equal(u->link_count, 3);
	check_link(&u->links[0], LINKS "/boxes.target.requires/merging.service",
		   UNITS "/ksm.service");
	check_link(&u->links[1], LINKS "/merging.service",
		   "../../../usr/lib/systemd/system/ksm.service");
	check_link(&u->links[2], WANTS "/ksm.service", UNITS "/ksm.service");
	assert_int_equal(u->install_count, 1);
	check_link(&u->install[0], WANTS "/ksm.service", UNITS "/ksm.service");
	check_state(unit_of(k, KSM_UNIT_KSMTUNED), "loaded", "", "static");
}

/* Links that cannot be read are not links that are absent: the unit would be taken for disabled. */
static void links_that_cannot_be_read(void **state)
{
	static const struct {
		int error;
		bool root;
		int result;
		enum exit_status status;
	} cases[] = { { -EIO, true, -EIO, STATUS_FAILED },
		      { -ENOMEM, false, -ENOMEM, STATUS_FAILED },
		      { -EACCES, true, -EACCES, STATUS_FAILED },
		      { -EACCES, false, -EACCES, STATUS_IMPOSSIBLE },
		      { -ENOENT, true, 0, STATUS_DONE } };

	(void)state;
	bed.image = true;
	add_file(UNITS "/ksm.service", INSTALL);
	add_link(WANTS "/ksm.service", UNITS "/ksm.service");
	bed.broken = WANTS;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct ksm_facts *k;
		struct err e = { 0 };

		bed.code = cases[i].error;
		k = observe(HOST_KSM);
		assert_int_equal(k->unread.count, cases[i].result != 0);
		assert_int_equal(unread_fail(&k->unread, cases[i].root, &e), cases[i].result);
		assert_int_equal(e.status, cases[i].status);
	}
}

/* Each file that may turn KSM on: what is there and cannot be read is no file that is absent. */
static void files_that_cannot_be_read(void **state)
{
	static const char *const paths[] = {
		LINKS,
		LINKS "/ksm.service",
		UNITS "/ksm.service",
		UNITS "/ksmtuned.service",
		"/etc/tmpfiles.d",
		"/etc/tmpfiles.d/00-kvmtune.conf",
		"/usr/lib/tmpfiles.d/ksm.conf",
		"/etc/tuned/active_profile",
		"/etc/tuned/mine/tuned.conf",
		"/etc/default/qemu-kvm",
	};

	(void)state;
	bed.image = true;
	add_file(UNITS "/ksm.service", INSTALL);
	add_file(UNITS "/tuned.service", INSTALL);
	add_file(UNITS "/qemu-kvm.service", INSTALL);
	add_link(WANTS "/tuned.service", UNITS "/tuned.service");
	add_link(WANTS "/qemu-kvm.service", UNITS "/qemu-kvm.service");
	add_file("/usr/lib/tmpfiles.d/ksm.conf", RUN_LINE("1"));
	add_file("/etc/tuned/active_profile", "mine\n");
	assert_int_equal(observe(HOST_KSM)->unread.count, 0);
	bed.code = -EIO;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		const struct unread *u;

		bed.broken = paths[i];
		u = &observe(HOST_KSM)->unread;
		if (u->count != 1 || strcmp(u->files[0].path, paths[i]) != 0)
			fail_msg("%s: %zu noted, first %s", paths[i], u->count,
				 u->count ? u->files[0].path : "none");
		assert_int_equal(u->files[0].error, -EIO);
	}
}

/* Is systemd there? Where that cannot be told, its services are not taken for absent. */
static void manager_that_cannot_be_seen(void **state)
{
	(void)state;
	add_dir("/run/systemd/system");
	bed.broken = "/run/systemd/system";
	bed.code = -ENOMEM;
	assert_true(observe(HOST_KSM)->unread.count > 0);
	assert_string_equal(bed.host.ksm.unread.files[0].path, "/run/systemd/system");
}

/* systemd knows its units all the same. */
static void unit_file_that_cannot_be_read(void **state)
{
	const struct ksm_facts *k;

	(void)state;
	add_dir("/run/systemd/system");
	add_file(UNITS "/ksm.service", INSTALL);
	bed.broken = UNITS "/ksm.service";
	bed.code = -EIO;
	bed.answer = (struct unit_state){ .load = "loaded", .active = "active", .file = "enabled" };
	k = observe(HOST_KSM);
	assert_true(unit_of(k, KSM_UNIT_KSM)->exists);
	check_state(unit_of(k, KSM_UNIT_KSM), "loaded", "active", "enabled");
	bed.answer = (struct unit_state){ .load = "not-found", .active = "inactive", .file = "" };
	assert_false(unit_of(observe(HOST_KSM), KSM_UNIT_KSM)->exists);
	/* Without systemd nothing is known of it. */
	bed.image = true;
	k = observe(HOST_KSM);
	assert_true(unit_of(k, KSM_UNIT_KSM)->exists);
	check_state(unit_of(k, KSM_UNIT_KSM), "", "", "");
}

/* Who opens it would wait; a directory and a broken link are passed over. */
static void files_of_odd_kinds(void **state)
{
	autofree char *fifo = make_parents("/etc/tmpfiles.d/a.conf");
	const struct unread *u;

	(void)state;
	add_dir("/etc/tmpfiles.d/b.conf");
	add_link("/etc/tmpfiles.d/c.conf", "nowhere");
	add_link("/etc/tmpfiles.d/d.conf", "d.conf");
	assert_int_equal(observe(HOST_KSM)->unread.count, 0);
	assert_int_equal(mkfifo(fifo, 0644), 0);
	u = &observe(HOST_KSM)->unread;
	assert_int_equal(u->count, 1);
	assert_string_equal(u->files[0].path, "/etc/tmpfiles.d/a.conf");
	assert_int_equal(u->files[0].error, -EINVAL);
}

struct disk_case {
	const char *path, *text; /* a unit file above the one in UNITS; text NULL: to /dev/null */
	const char *load, *file;
	bool exists;
};

static void states_on_disk(void **state)
{
	static const struct disk_case cases[] = {
		{ LINKS "/ksm.service", NULL, "masked", "masked", true },
		{ LINKS "/ksm.service", "", "masked", "masked", true },
		{ "/run/systemd/system/ksm.service", NULL, "masked", "masked-runtime", true },
		{ LINKS "/ksm.service", "[Service]\n", "loaded", "static", true },
		{ LINKS "/ksm.service", INSTALL, "loaded", "disabled", true },
		{ "/run/systemd/generator/ksm.service", INSTALL, "loaded", "generated", true },
		/* The one in UNITS comes before it. */
		{ "/run/systemd/generator.late/ksm.service", INSTALL, "loaded", "static", true },
	};

	(void)state;
	bed.image = true;
	check_state(unit_of(observe(HOST_KSM), KSM_UNIT_KSM), "not-found", "", "");
	assert_false(bed.host.ksm.units[KSM_UNIT_KSM].exists);
	add_file(UNITS "/ksm.service", "[Unit]\n");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		autofree char *full = xasprintf("%s%s", bed.root, cases[i].path);
		const struct ksm_unit *u;

		if (cases[i].text)
			add_file(cases[i].path, cases[i].text);
		else
			add_link(cases[i].path, "/dev/null");
		u = unit_of(observe(HOST_KSM), KSM_UNIT_KSM);
		check_state(u, cases[i].load, "", cases[i].file);
		assert_int_equal(u->exists, cases[i].exists);
		assert_int_equal(u->link_count, 0);
		assert_int_equal(unlink(full), 0);
	}
}

/* ---- others that write run ---- */

static void check_writer(const struct ksm_facts *k, size_t i, const char *who, const char *where,
			 int value)
{
	assert_true(i < k->writers.n);
	assert_string_equal(k->writers.v[i].who, who);
	assert_string_equal(k->writers.v[i].where, where);
	assert_int_equal(ksm_run_value(k->writers.v[i].value), value);
}

static void tmpfiles(void **state)
{
	const struct ksm_facts *k;
	autostrv who = { 0 };

	(void)state;
	add_file("/etc/tmpfiles.d/10-a.conf", "# x\n" RUN_LINE("1"));
	add_file("/run/tmpfiles.d/05-b.conf", RUN_LINE("2"));
	add_file("/usr/lib/tmpfiles.d/05-b.conf", RUN_LINE("0"));
	add_file("/usr/lib/tmpfiles.d/01-no", RUN_LINE("0"));
	add_file("/usr/lib/tmpfiles.d/.01.conf", RUN_LINE("0"));
	/* Hidden by a link to nowhere, by one to /dev/null, but not by a directory. */
	add_file("/usr/lib/tmpfiles.d/02.conf", RUN_LINE("0"));
	add_link("/etc/tmpfiles.d/02.conf", "/nowhere");
	add_file("/usr/lib/tmpfiles.d/03.conf", RUN_LINE("0"));
	add_link("/run/tmpfiles.d/03.conf", "/dev/null");
	add_dir("/etc/tmpfiles.d/05-b.conf");
	k = observe(HOST_KSM);
	assert_int_equal(k->writers.n, 1);
	check_writer(k, 0, "tmpfiles.d", "/run/tmpfiles.d/05-b.conf:1", 2);
	assert_int_equal(ksm_run_value(k->writers.tmpfiles_others), 2);
	assert_null(bed.host.own_tmpfiles);
	assert_string_equal(ksm_next(k, &who), "off");
	/* Ours comes first. */
	add_file(OWN_TMPFILES, RUN_LINE("1"));
	k = observe(HOST_KSM);
	assert_int_equal(k->writers.n, 1);
	check_writer(k, 0, "tmpfiles.d", OWN_TMPFILES ":1", 1);
	assert_true(k->writers.v[0].ours);
	assert_int_equal(ksm_run_value(k->writers.tmpfiles_others), 2);
	assert_string_equal(bed.host.own_tmpfiles, RUN_LINE("1"));
	strv_free(&who);
	assert_string_equal(ksm_next(k, &who), "on");
	assert_int_equal(who.n, 1);
	assert_string_equal(who.v[0], OWN_TMPFILES ":1");
}

static void tuned(void **state)
{
	const struct ksm_facts *k;

	(void)state;
	add_file("/etc/tuned/active_profile", "my-host\n");
	add_file("/etc/tuned/my-host/tuned.conf", "[main]\ninclude=virtual-host\n");
	add_file("/usr/lib/tuned/my-host/tuned.conf", "[sysfs]\n" KSM_RUN_FILE "=1\n");
	add_file("/usr/lib/tuned/profiles/virtual-host/tuned.conf",
		 "[main]\ninclude=my-host\n[sysfs]\n" KSM_RUN_FILE "=2\n");
	add_file(UNITS "/tuned.service", INSTALL);
	/* It does not run, and will not. */
	assert_int_equal(observe(HOST_KSM)->writers.n, 0);
	add_link(WANTS "/tuned.service", UNITS "/tuned.service");
	k = observe(HOST_KSM);
	assert_int_equal(k->writers.n, 1);
	check_writer(k, 0, "tuned profile my-host",
		     "/usr/lib/tuned/profiles/virtual-host/tuned.conf:4", 2);
	assert_false(k->writers.v[0].tmpfiles);
	/* Its own word is the last one. */
	add_file("/etc/tuned/my-host/tuned.conf",
		 "[main]\ninclude=virtual-host\n[s]\ntype=sysfs\n" KSM_RUN_FILE "=0\n");
	check_writer(observe(HOST_KSM), 0, "tuned profile my-host",
		     "/etc/tuned/my-host/tuned.conf:5", 0);
	add_file("/etc/tuned/active_profile", "../../etc/x\n");
	assert_int_equal(observe(HOST_KSM)->writers.n, 0);
	add_file("/etc/tuned/active_profile", "");
	assert_int_equal(observe(HOST_KSM)->writers.n, 0);
}

static void tuned_that_runs(void **state)
{
	(void)state;
	add_link(INVOCATION "tuned.service", "0123");
	add_file("/etc/tuned/active_profile", "a b");
	add_file("/etc/tuned/a/tuned.conf", "[sysfs]\n" KSM_RUN_FILE "=1\n");
	add_file("/etc/tuned/b/tuned.conf", "[main]\ninclude=a,nothing\n");
	check_writer(observe(HOST_KSM), 0, "tuned profile b", "/etc/tuned/a/tuned.conf:2", 1);
	bed.image = true;
	assert_int_equal(observe(HOST_KSM)->writers.n, 0);
}

static void qemu_kvm(void **state)
{
	(void)state;
	add_link(WANTS "/qemu-kvm.service", UNITS "/qemu-kvm.service");
	assert_int_equal(observe(HOST_KSM)->writers.n, 0);
	add_file(UNITS "/qemu-kvm.service", INSTALL);
	check_writer(observe(HOST_KSM), 0, "qemu-kvm.service", UNITS "/qemu-kvm.service", 1);
	add_file("/etc/default/qemu-kvm", "#\nKSM_ENABLED=AUTO\n");
	check_writer(observe(HOST_KSM), 0, "qemu-kvm.service", "/etc/default/qemu-kvm:2", 1);
	add_file("/etc/default/qemu-kvm", "KSM_ENABLED=0\n");
	assert_int_equal(observe(HOST_KSM)->writers.n, 0);
}

static void mom(void **state)
{
	(void)state;
	add_file(UNITS "/vdsmd.service", INSTALL);
	add_file(UNITS "/momd.service", INSTALL);
	assert_int_equal(observe(HOST_KSM)->writers.n, 0);
	add_link(INVOCATION "momd.service", "0123");
	assert_int_equal(observe(HOST_KSM)->writers.n, 1);
	add_link(WANTS "/vdsmd.service", UNITS "/vdsmd.service");
	check_writer(observe(HOST_KSM), 0, "momd.service", UNITS "/momd.service", -1);
	check_writer(&bed.host.ksm, 1, "vdsmd.service", UNITS "/vdsmd.service", -1);
	bed.image = true;
	assert_int_equal(observe(HOST_KSM)->writers.n, 1);
}

static void memory_ksm(void **state)
{
	const struct ksm_facts *k;

	(void)state;
	add_file(UNITS "/a.service", "[Service]\nMemoryKSM=yes\n");
	add_file(UNITS "/b.service", "[Service]\nMemoryKSM=yes\n");
	add_link(LINKS "/b.service", "/dev/null");
	add_file(UNITS "/c.timer", "[Timer]\nMemoryKSM=yes\n");
	add_file(LINKS "/d.scope.d/10.conf", "[Scope]\n\nMemoryKSM=1\n");
	add_file(LINKS "/service.d/x.conf", "[Service]\nMemoryKSM=on\n");
	add_file(LINKS "/e.service.d/x", "[Service]\nMemoryKSM=on\n");
	assert_int_equal(observe(HOST_KSM)->memory_ksm.n, 0);
	k = observe(HOST_KSM | HOST_KSM_MARKED);
	assert_int_equal(k->memory_ksm.n, 3);
	assert_string_equal(k->memory_ksm.v[0], UNITS "/a.service:2");
	assert_string_equal(k->memory_ksm.v[1], LINKS "/d.scope.d/10.conf:3");
	assert_string_equal(k->memory_ksm.v[2], LINKS "/service.d/x.conf:2");
}

/* ---- processes ---- */

static void add_of(int pid, const char *name, const char *text)
{
	autofree char *path = xasprintf("/proc/%d/%s", pid, name);

	add_file(path, text);
}

static void add_process(int pid, const char *comm, const char *pages, const char *cgroup)
{
	autofree char *line = xasprintf("%s\n", comm);

	add_of(pid, "comm", line);
	add_of(pid, "cmdline", comm);
	add_of(pid, "cgroup", cgroup);
	if (pages)
		add_of(pid, "ksm_merging_pages", pages);
}

static const struct ksm_facts *observe_users_of(void)
{
	return observe(HOST_KSM | HOST_KSM_USERS);
}

#define SCOPE "/machine.slice/machine-qemu\\x2d1\\x2dweb.scope"

static void users(void **state)
{
	const struct ksm_facts *k;

	(void)state;
	add_counters("run=1 pages_shared=10 pages_sharing=90");
	add_process(300, "qemu-system-x86", "30\n", "0::" SCOPE "/libvirt/emulator\n");
	add_process(20, "kvm", "60\n", "0::/other\n");
	add_process(21, "kvm", "0\n", "0::/other\n");
	add_process(22, "kthread", "", "0::/\n");
	add_of(300, "ksm_stat", "ksm_rmap_items 50\nksm_merge_any: yes\n");
	add_of(20, "ksm_stat", "ksm_rmap_items 50\n");
	add_of(300, "stat", "300 (x (ksmd) S 2 0) S 1 0 0 0 0 0 0 0 0 0 5 6 0\n");
	add_of(37, "stat", "37 (ksmd) S 2 0 0 0 -1 2129984 0 0 0 0 11 22 0 0 25 5 1\n");
	add_file("/proc/self/ksm_merging_pages", "5\n");
	k = observe_users_of();
	assert_true(k->users_known);
	assert_int_equal(k->user_count, 2);
	assert_int_equal(k->users_hidden, 0);
	assert_int_equal(k->users[0].process.pid, 20);
	assert_int_equal(k->users[0].merged_pages, 60);
	assert_false(k->users[0].any_known);
	assert_int_equal(k->users[1].process.pid, 300);
	assert_true(k->users[1].any_known && k->users[1].merge_any);
	assert_string_equal(k->users[1].process.program, "qemu-system-x86");
	assert_string_equal(k->users[1].process.unit, "machine-qemu-1-web.scope");
	assert_int_equal(k->ksmd_pid, 37);
	assert_int_equal(k->ksmd_ticks, 33);
	assert_int_equal(k->room_count, 0);
	/* Not asked for. */
	k = observe(HOST_KSM);
	assert_int_equal(k->user_count + (size_t)k->ksmd_pid, 0);
}

/* Pages merged with the zero page are copied, too; only ksm_stat knows them. */
static void zero_pages(void **state)
{
	const struct ksm_facts *k;

	(void)state;
	add_counters("run=1 pages_shared=0 pages_sharing=0 ksm_zero_pages=7");
	add_process(5, "kvm", "0\n", "0::/a\n");
	add_of(5, "ksm_stat", "ksm_zero_pages 7\nksm_merging_pages 0\n");
	add_process(6, "kvm", "0\n", "0::/a\n");
	add_of(6, "ksm_stat", "ksm_zero_pages 0\nksm_merging_pages 0\n");
	k = observe_users_of();
	assert_int_equal(k->user_count, 1);
	assert_int_equal(k->users[0].merged_pages, 7);
}

static void users_that_are_not_told(void **state)
{
	const struct ksm_facts *k;

	(void)state;
	/* Nothing is merged: nobody is asked. */
	add_counters("run=1 pages_shared=0 pages_sharing=0");
	add_process(5, "kvm", "9\n", "0::/a\n");
	assert_int_equal(observe_users_of()->user_count, 0);
	/* EL7, EL8. */
	add_counters("pages_sharing=9");
	add_process(6, "kvm", NULL, "0::/a\n");
	bed.broken = "/proc/5/ksm_merging_pages";
	bed.code = -ENOENT;
	k = observe_users_of();
	assert_false(k->users_known);
	assert_int_equal(k->user_count + k->users_hidden + k->room_count, 0);
	/* Not root. */
	bed.code = -EACCES;
	k = observe_users_of();
	assert_false(k->users_known);
	assert_int_equal(k->users_hidden, 1);
	/* What a kernel might say that has only the other file. */
	bed.code = -ENOENT;
	add_of(5, "ksm_stat", "ksm_merging_pages 9\n");
	k = observe_users_of();
	assert_true(k->users_known);
	assert_int_equal(k->users[0].merged_pages, 9);
}

static void add_group(const char *dir, const char *limit_file, const char *limit,
		      const char *used_file, const char *used)
{
	autofree char *limit_path = xasprintf("/sys/fs/cgroup%s/%s", dir, limit_file);
	autofree char *used_path = xasprintf("/sys/fs/cgroup%s/%s", dir, used_file);

	add_file(limit_path, limit);
	add_file(used_path, used);
}

static void check_room(const struct cgroup_room *r, const char *path, uint64_t limit, uint64_t used,
		       uint64_t pages)
{
	assert_string_equal(r->path, path);
	assert_int_equal(r->limit_bytes, limit);
	assert_int_equal(r->used_bytes, used);
	assert_int_equal(r->merged_pages, pages);
}

static void rooms_of_version_2(void **state)
{
	const struct ksm_facts *k;

	(void)state;
	add_counters("run=1 pages_shared=10 pages_sharing=90");
	add_process(1, "small", "10\n", "0::/a.slice/b/c\n");
	add_process(2, "large", "40\n", "0::/a.slice/b\n");
	add_process(3, "free", "50\n", "0::/free\n");
	add_group("", "memory.max", "9000000\n", "memory.current", "80\n");
	add_group("/a.slice", "memory.max", "5000000\n", "memory.current", "70\n");
	add_group("/a.slice/b", "memory.max", "max\n", "memory.current", "60\n");
	add_group("/a.slice/b/c", "memory.max", "0\n", "memory.current", "0\n");
	k = observe_users_of();
	assert_int_equal(k->room_count, 3);
	/* The largest process comes first, and its groups with it. */
	check_room(&k->rooms[0], "/", 9000000, 80, 100);
	assert_string_equal(k->rooms[0].guest, "free");
	check_room(&k->rooms[1], "/a.slice", 5000000, 70, 50);
	assert_string_equal(k->rooms[1].guest, "large");
	check_room(&k->rooms[2], "/a.slice/b/c", 1, 0, 10);
}

/* Taken for absent, a guest could be unmerged beyond its limit. */
static void users_that_cannot_be_read(void **state)
{
	static const char *const paths[] = {
		"/proc/1/ksm_merging_pages",
		"/proc/1/ksm_stat",
		"/proc/1/cgroup",
		"/sys/fs/cgroup/a/memory.max",
		"/sys/fs/cgroup/a/memory.current",
	};
	static const struct {
		int error;
		bool root;
		size_t noted;
	} errors[] = { { -EIO, true, 1 },     { -ENOMEM, false, 1 }, { -EACCES, true, 1 },
		       { -EACCES, false, 0 }, { -ESRCH, true, 0 },   { -ENODEV, true, 0 },
		       { -ENOENT, true, 0 } };

	(void)state;
	add_counters("run=1 pages_shared=10 pages_sharing=90");
	add_process(1, "kvm", "90\n", "0::/a\n");
	add_of(1, "ksm_stat", "ksm_merging_pages 90\n");
	add_group("/a", "memory.max", "5000000\n", "memory.current", "70\n");
	for (size_t i = 0; i < ARRAY_SIZE(paths) * ARRAY_SIZE(errors); i++) {
		size_t which = i % ARRAY_SIZE(errors);
		const struct unread *u;

		bed.broken = paths[i / ARRAY_SIZE(errors)];
		bed.code = errors[which].error;
		bed.root_user = errors[which].root;
		u = &observe_users_of()->users_unread;
		if (u->count != errors[which].noted)
			fail_msg("%s, %d: %zu noted", bed.broken, bed.code, u->count);
	}
}

/* A process that does not answer keeps nobody from unmerging; its pages and its group count. */
static void users_that_do_not_answer(void **state)
{
	static const char *const held_up[] = { "/proc/1/ksm_stat", "/proc/1/cmdline",
					       "/proc/1/stat" };
	const struct ksm_facts *k;

	(void)state;
	add_counters("run=1 pages_shared=10 pages_sharing=90 ksm_zero_pages=3");
	add_process(1, "kvm", "90\n", "0::/a\n");
	add_of(1, "ksm_stat", "ksm_merging_pages 90\n");
	add_process(2, "kvm", "7\n", "0::/a\n");
	add_group("/a", "memory.max", "5000000\n", "memory.current", "70\n");
	bed.code = -ETIMEDOUT;
	for (size_t i = 0; i < ARRAY_SIZE(held_up); i++) {
		bed.broken = held_up[i];
		bed.root_user = true;
		k = observe_users_of();
		assert_int_equal(k->users_unread.count, 0);
		assert_int_equal(k->user_count, 2);
		assert_int_equal(k->users[0].merged_pages, 90);
		assert_string_equal(k->users[0].process.program, "kvm");
		assert_string_equal(k->users[0].process.unit, "a");
		check_room(&k->rooms[0], "/a", 5000000, 70, 97);
	}
	/* Where it is not known what unmerging takes, it is not done. */
	bed.broken = "/proc/1/cgroup";
	assert_int_equal(observe_users_of()->users_unread.count, 1);
	bed.broken = "/proc/1/ksm_merging_pages";
	assert_int_equal(observe_users_of()->users_unread.count, 1);
}

/* Many guests, each in a group of its own with a limit, and all in one: none is taken for another. */
static void many_rooms(void **state)
{
	enum { GUESTS = 300 };
	const struct ksm_facts *k;
	uint64_t pages = 0;

	(void)state;
	add_counters("run=1 pages_shared=10 pages_sharing=90");
	add_group("/m", "memory.max", "9000000\n", "memory.current", "80\n");
	for (int i = 1; i <= GUESTS; i++) {
		autofree char *group = xasprintf("/m/guest%d", i);
		autofree char *line = xasprintf("0::%s\n", group);
		autofree char *merged = xasprintf("%d\n", i);
		autofree char *limit = xasprintf("%d\n", 100000 + i);

		add_process(i, "kvm", merged, line);
		add_group(group, "memory.max", limit, "memory.current", "7\n");
		pages += (uint64_t)i;
	}
	k = observe_users_of();
	assert_int_equal(k->user_count, GUESTS);
	assert_int_equal(k->room_count, GUESTS + 1);
	check_room(&k->rooms[1], "/m", 9000000, 80, pages);
	for (size_t i = 0; i < GUESTS; i++) {
		const struct cgroup_room *room = &k->rooms[i ? i + 1 : 0];
		int guest = GUESTS - (int)i;
		autofree char *path = xasprintf("/m/guest%d", guest);

		check_room(room, path, 100000 + (uint64_t)guest, 7, (uint64_t)guest);
	}
}

static void rooms_of_version_1(void **state)
{
	static const char in[] = "memory.limit_in_bytes", used[] = "memory.usage_in_bytes";
	const struct ksm_facts *k;

	(void)state;
	add_counters("run=1 pages_shared=10 pages_sharing=90");
	add_process(1, "kvm", "25\n",
		    "9:name=systemd:" SCOPE "\n4:cpu,memory:/m/qemu\n2:blkio:/\n0::/u\n");
	add_group("/memory", in, "9223372036854771712\n", used, "5\n");
	add_group("/memory/m", in, "4096000\n", used, "6\n");
	add_group("/memory/m/qemu", in, "9223372036854775807\n", used, "6\n");
	add_group("/u", "memory.max", "1000\n", "memory.current", "6\n");
	k = observe_users_of();
	assert_int_equal(k->room_count, 1);
	check_room(&k->rooms[0], "/m", 4096000, 6, 25);
	assert_string_equal(k->users[0].process.unit, "machine-qemu-1-web.scope");
}

/* The text of /proc/PID/cgroup is the doing of whoever may make groups there. */
static void hostile_cgroups(void **state)
{
	static const char *const texts[] = {
		"0::/../escaped\n",
		"0::/a/..\n",
		"0::relative\n",
		"0::\n",
		"0:\n",
		":::\n",
		"",
		"\n\n",
		"0",
		"4:memory:/../escaped\n0::/../escaped\n",
	};
	struct buf deep = { 0 };

	(void)state;
	add_counters("run=1 pages_shared=10 pages_sharing=90");
	add_group("/escaped", "memory.max", "1000\n", "memory.current", "6\n");
	add_group("/..", "memory.max", "1000\n", "memory.current", "6\n");
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		add_process(1, "kvm", "25\n", texts[i]);
		assert_int_equal(observe_users_of()->user_count, 1);
		if (bed.host.ksm.room_count)
			fail_msg("\"%s\"", texts[i]);
	}
	buf_puts(&deep, "0::");
	for (int i = 0; i < 50000; i++)
		buf_puts(&deep, i % 100 ? "aa" : "/");
	add_process(1, "kvm", "25\n", buf_text(&deep));
	assert_int_equal(observe_users_of()->room_count, 0);
	buf_free(&deep);
}

/* Numbers that are none, and names that are not for a terminal, are taken as they come. */
static void hostile_processes(void **state)
{
	const struct ksm_facts *k;

	(void)state;
	add_counters("run=1 pages_shared=10 pages_sharing=90");
	add_process(1, "kvm", "many\n", "0::/\n");
	add_process(2, "kvm", "99999999999999999999999\n", "0::/\n");
	add_process(3, "a\033[31m\nb", "5\n", "0::/\n");
	add_file("/proc/99999999999/ksm_merging_pages", "8\n");
	k = observe_users_of();
	assert_true(k->users_known);
	assert_int_equal(k->user_count, 1);
	assert_string_equal(k->users[0].process.comm, "a\033[31m");
}

#define WITH_BED(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_BED(kernels),
		WITH_BED(no_ksm),
		WITH_BED(values_of_run),
		WITH_BED(memory),
		WITH_BED(manager_is_not_asked_without_need),
		WITH_BED(manager_is_asked),
		WITH_BED(manager_is_dead),
		WITH_BED(image),
		WITH_BED(links_that_cannot_be_read),
		WITH_BED(files_that_cannot_be_read),
		WITH_BED(manager_that_cannot_be_seen),
		WITH_BED(unit_file_that_cannot_be_read),
		WITH_BED(files_of_odd_kinds),
		WITH_BED(states_on_disk),
		WITH_BED(tmpfiles),
		WITH_BED(tuned),
		WITH_BED(tuned_that_runs),
		WITH_BED(qemu_kvm),
		WITH_BED(mom),
		WITH_BED(memory_ksm),
		WITH_BED(users),
		WITH_BED(zero_pages),
		WITH_BED(users_that_are_not_told),
		WITH_BED(users_that_cannot_be_read),
		WITH_BED(rooms_of_version_2),
		WITH_BED(users_that_do_not_answer),
		WITH_BED(many_rooms),
		WITH_BED(rooms_of_version_1),
		WITH_BED(hostile_cgroups),
		WITH_BED(hostile_processes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
