/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ksm.h - kernel same-page merging: what the kernel says of it, and who turns it on and off.
 *
 * The kernel has one switch, /sys/kernel/mm/ksm/run (0: stop, keep merged pages; 1: merge; 2: stop
 * and take all merged pages apart), and counters beside it (Documentation/admin-guide/mm/ksm.rst).
 * Services write that switch at boot (ksm.service) or every minute (ksmtuned.service); other
 * programs may, too: they are `writers`.
 *
 * Plain data, which observe.h fills, and pure functions on it. Unknown facts are marked as such.
 */
#ifndef KVMTUNE_KSM_H
#define KVMTUNE_KSM_H

#include <kvmtune/attribute.h>
#include <kvmtune/base.h>
#include <kvmtune/boot.h>
#include <kvmtune/facts.h>
#include <kvmtune/user.h>

#define KSM_DIR	     "/sys/kernel/mm/ksm"
#define KSM_RUN_FILE KSM_DIR "/run"
/* Where the links are that start a unit at boot; those in /run hold until the next boot. */
#define UNIT_LINKS_DIR	  "/etc/systemd/system"
#define RUNTIME_LINKS_DIR "/run/systemd/system"
/* A file of sysfs and what it says. */
struct param {
	char *name, *value; /* as sysfs shows it, without the newline */
};
/* A parameter's value, or NULL. */
const char *param_value(const struct param *params, size_t count, const char *name);
void params_free(struct param *params, size_t count);

/* ---- services ---- */

/* In the order in which they are stopped: ksmtuned writes run every minute. */
enum ksm_unit_id {
	KSM_UNIT_KSMTUNED,
	KSM_UNIT_KSM,
	KSM_UNIT_DRIVERS, /* those before are turned off and on; those behind are only looked at */
	KSM_UNIT_QEMU_KVM = KSM_UNIT_DRIVERS,
	KSM_UNIT_MOMD,
	KSM_UNIT_MOM_VDSM,
	KSM_UNIT_VDSMD,
	KSM_UNIT_TUNED,
	KSM_UNIT_COUNT
};
extern const char *const ksm_unit_names[KSM_UNIT_COUNT]; /* "ksmtuned.service", "ksm.service"... */
/* KSM_UNIT_COUNT: none of them. */
size_t ksm_unit_find(const char *name);
bool ksm_is_driver(const char *name);

/* One link that has a unit started at boot, or gives it another name. */
struct unit_link {
	char *path;   /* /etc/systemd/system/multi-user.target.wants/ksm.service */
	char *target; /* where it leads, as it is written */
};

/* A unit that another one needs in order to run. */
struct unit_need {
	char *name;
	bool soft; /* only wanted: the other one runs without it, too */
	bool active;
	struct strv users; /* where it is active: who needs it and runs */
};

struct ksm_unit {
	bool exists; /* there is a unit file, or the manager knows it */
	struct unit_state state;
	/* By the unit files (HOST_KSM_UNITS, or no manager to ask). */
	struct unit_link *links; /* those that are there; the one that is its unit file is not */
	size_t link_count;
	bool mask_link;	   /* its own name in UNIT_LINKS_DIR is a link to /dev/null */
	bool in_links_dir; /* or anything else, which a mask would have to replace */
	bool hidden; /* there are links by its name that lead to /dev/null: they start nothing */
	struct unit_link *install; /* those that its [Install] section asks for */
	size_t install_count;
	struct boot_causes boot; /* what starts it at the next boot, by the unit files */
	/* Other units, by the manager (HOST_KSM_UNITS); all of these run. */
	struct strv stops;	 /* a stop would take them along */
	struct strv conflicts;	 /* a start, also of what it needs, would stop them */
	struct strv revived_by;	 /* they would start it again */
	struct strv missing;	 /* what it needs and cannot be started: "foo.mount (masked)" */
	struct unit_need *needs; /* in the order in which they are to be started */
	size_t need_count;
};

enum manager {
	MANAGER_NONE,  /* no systemd runs here: an image, a chroot, a container */
	MANAGER_THERE, /* it was asked, or need not be: none of the units is there */
	MANAGER_DEAD,  /* systemd runs, but does not answer */
};

/* ---- processes ---- */

struct ksm_user {
	struct kvm_user process; /* pid, names; the descriptors are not counted */
	/* ksm_merging_pages, and ksm_zero_pages where the kernel tells: all that has to be copied. */
	uint64_t merged_pages;
	bool any_known; /* ksm_stat says ksm_merge_any */
	bool merge_any; /* all its memory is for merging: prctl(), MemoryKSM= */
};

/* A cgroup with a memory limit in which processes with merged pages are. */
struct cgroup_room {
	char *path; /* "/machine.slice/machine-qemu\x2d1.scope" */
	uint64_t limit_bytes, used_bytes;
	uint64_t merged_pages; /* of all processes in it and below */
	char *guest;	       /* one of them, for people */
};

struct ksm_facts {
	bool present; /* this kernel has KSM */
	int writable; /* 0, or why run cannot be written: -EROFS, -EACCES */
	int run;      /* 0, 1, 2; -1 unknown */
	int run_file; /* what the file says: above 2 while memory goes offline; -1 unknown */
	struct param *counters;
	size_t counter_count;
	uint64_t page_bytes;

	enum manager manager;
	char *manager_error; /* why MANAGER_DEAD */
	bool other_init;     /* the host runs, under another init than systemd */
	struct ksm_unit units[KSM_UNIT_COUNT];
	int units_writable;   /* /etc/systemd/system: 0, -EROFS, ... */
	int runtime_writable; /* /run/systemd/system */
	int presets_writable; /* /etc/systemd/system-preset */
	bool boot_known;      /* the unit files were followed: `boot` of the units counts */
	char *own_preset;     /* text of OWN_PRESET, NULL: not there */
	struct strv
		link_dirs; /* directories of links that are there: ".../multi-user.target.wants" */
	struct attribute_writers writers; /* others that write run */
	struct strv memory_ksm;		  /* unit files with MemoryKSM=yes: "FILE:LINE" */
	struct unread unread;		  /* files that may turn KSM on at boot */

	/* Stale counters: no process has merged pages any more. */
	bool stale;
	bool users_known;	/* this kernel counts by process, and we may read it */
	struct ksm_user *users; /* most merged pages first */
	size_t user_count;
	size_t users_hidden;		    /* processes that could not be looked at */
	struct unanswered users_unanswered; /* of the users */
	struct unread
		users_unread; /* files of processes and their cgroups, for no want of rights */
	struct cgroup_room *rooms;
	size_t room_count;

	int ksmd_pid;	     /* 0: not seen */
	uint64_t ksmd_ticks; /* CPU time it has used */
};

void ksm_free(struct ksm_facts *k);

/* A counter as a number. False: this kernel does not have it, or it is none. */
bool ksm_counter(const struct ksm_facts *k, const char *name, uint64_t *ret);
uint64_t ksm_counted(const struct param *counters, size_t count, const char *name); /* else 0 */

/* Memory that merging saves now: (pages_sharing + ksm_zero_pages) pages. */
uint64_t ksm_saved_bytes(const struct ksm_facts *k);
/* The most that unmerging needs: pages_shared counts too, as those are freed last. */
uint64_t ksm_need_bytes(const struct ksm_facts *k);
uint64_t ksm_merged_pages(const struct param *counters, size_t count);

bool ksm_anything_merged(const struct ksm_facts *k);
/* False also where the counters are unknown. */
bool ksm_nothing_merged(const struct ksm_facts *k);
/* How much a cgroup may still grow. */
uint64_t room_free_bytes(const struct cgroup_room *room);

/* "on", "off" or "unmerged" (off, and nothing is merged): NULL: unknown. */
const char *ksm_now(const struct ksm_facts *k);
/*
 * The state after the next boot: "on" or "off", NULL: unknown; its source is added to ret_who (which
 * may be NULL): services, a file with its line, or "default".
 */
const char *ksm_next(const struct ksm_facts *k, struct strv *ret_who);
/*
 * The same for reports; NULL also where a unit could decide and the service manager does not answer,
 * or where a file that could turn KSM on cannot be read. ret_who: NULL, or empty.
 */
const char *ksm_next_known(const struct ksm_facts *k, struct strv *ret_who);

bool unit_is_active(const struct ksm_unit *u); /* or on its way there */
/* Where it is heading: a unit that is being stopped is not up, one whose start waits is. */
bool unit_is_up(const struct ksm_unit *u);
bool unit_rests(const struct ksm_unit *u); /* it does not run, and nobody is about to start it */
bool unit_is_enabled(const struct ksm_unit *u); /* started at boot */
bool unit_is_masked(const struct ksm_unit *u);
bool unit_is_runtime(const struct ksm_unit *u); /* enabled until the next boot only */

/* Does a boot start the unit? UNKNOWN: something may, as a socket of its name. */
enum tri ksm_unit_starts(const struct ksm_facts *k, size_t unit);
/* Does this cause go with the links that kvmtune removes, or with another of the services? */
bool ksm_cause_is_own(const struct ksm_unit *u, const struct boot_cause *c);

/* ---- files of others, read ---- */

/* The value of run that a text is ("0", "1", "2"); -1: NULL, or another text. */
int ksm_run_value(const char *text);

/* Names of profiles, as in /etc/tuned/active_profile; odd ones are left out. Writes into list. */
void ksm_tuned_names(char *list, struct strv *ret);

/* Ubuntu's /etc/default/qemu-kvm: does KSM_ENABLED leave KSM on? */
bool ksm_read_default_qemu(const char *text, unsigned *ret_line);

/* The line of a unit file that says MemoryKSM=yes, or 0. */
unsigned ksm_read_memory_ksm(const char *text);

/*
 * The [Install] section of a unit file: adds the links that `systemctl enable` would make for the
 * unit to u->install: WantedBy=, RequiredBy=, Alias=. fragment: path of the unit file.
 */
void ksm_read_install(const char *name, const char *fragment, const char *text,
		      struct ksm_unit *ret);

/* A value in /proc/PID/ksm_stat; "yes" is 1, "no" is 0. False: not in there, or no number. */
bool ksm_read_stat(const char *text, const char *key, uint64_t *ret);

/*
 * The text of OWN_PRESET with our lines for these units, a bit (1 << unit) each; lines of others stay.
 * NULL: nothing is left to say. old: NULL, no such file. To be freed. And the units that a text has.
 */
char *ksm_preset_edit(const char *old, unsigned units);
unsigned ksm_preset_units(const char *text);

/*
 * The service that a link starts, or names; KSM_UNIT_DRIVERS: none of ours. A link in X.wants/ and
 * the like counts by its own name, whatever it leads to, as systemd has it.
 */
size_t ksm_link_unit(const char *path, const char *leads_to);

/*
 * Is it where systemd looks for unit files? A link beside them that leads there is another name for
 * one; a link that leads elsewhere is a unit file itself. The path may be relative.
 */
bool ksm_is_in_unit_dir(const char *path);

/* Is it the mask of one of the services: UNIT_LINKS_DIR/NAME, to /dev/null? */
bool ksm_is_mask(const char *path, const char *leads_to);

/*
 * Is it a link that starts one of the services, masks it, "/etc/systemd/system/X.wants/ksm.service", or
 * another name for it, in /etc or /run; one that does not stand for the service itself, and that
 * cannot have systemd take a unit file from elsewhere? Only such links are removed and made.
 */
bool ksm_is_unit_link(const char *path, const char *leads_to);

#endif
