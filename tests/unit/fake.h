/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fake.h - a host in memory, behind the same ports as a real one.
 *
 * Files are a list of texts, /sys and /proc among them. The kernel has one module, kvm_intel: its
 * parameters are files below /sys/module/kvm_intel, made by load() and gone with unload(). Time
 * passes only when somebody sleeps, or waits for unmerging. KSM merges at once when it is turned on;
 * systemd knows the units of fake_unit(), and does with ksm.service and ksmtuned.service what their
 * packages do. Every call that alters the host is written into `log`, in one
 * line each, whether it then fails or not.
 *
 *	struct fake f;
 *	fake_init(&f);
 *	fake_load(&f, "nested=1");
 *	... (&f.ports) ...
 *	fake_free(&f);
 *
 * Second part: struct host values as plans see them, made by hand.
 */
#ifndef KVMTUNE_TEST_FAKE_H
#define KVMTUNE_TEST_FAKE_H

#include <kvmtune/host.h>
#include <kvmtune/plan.h>
#include <kvmtune/port.h>

#define MODULE "kvm_intel"

struct fake_file {
	char *path, *text; /* of a link: where it leads */
	size_t path_len;   /* differs mostly: compared first */
	unsigned mode, uid, gid;
	bool link;
	unsigned char acl[ACL_MAX];
	size_t acl_size;
};

struct fake_unit {
	const char *name;
	struct unit_state state;
};

/* What systemd says of a unit: "Requires", "RequiredBy"... */
struct fake_relation {
	const char *unit, *property, *other;
};

/* Makes calls fail whose log line begins with `call`: after `skip` of them, `times` times. */
struct fake_fault {
	const char *call;
	int skip, times;
	int code;
};

struct fake {
	struct ports ports;
	struct fake_file *files;
	size_t file_count;
	struct strv log;
	struct fake_fault *faults;
	size_t fault_count;
	int64_t now_ms, wall_seconds;
	bool loaded;
	const char
		*no_hardware_for; /* a parameter that the kernel switches off on this processor */
	const char *bad_option;	  /* load() refuses options with this text in them: -EINVAL */
	const char *no_reload;	  /* why the module could not be loaded again; NULL: it could */
	unsigned reload_checks;	  /* how often that was asked */
	const char *hidden_conf;  /* a file that libkmod does not read, whyever */
	bool libkmod_reads;
	const char *lock_holder;    /* another process that has the lock */
	int interrupted;	    /* signal number */
	const char *interrupt_at;   /* it comes with the first call that begins so */
	bool udev_is_late;	    /* the device comes back as root:root 0600 */
	unsigned sleeps_until_udev; /* and udev mends it after so many sleeps */
	int guest_result;
	struct fake_unit units[8];
	size_t unit_count;
	struct fake_relation *relations;
	size_t relation_count;
	const char *writes_at_its_end; /* ksm.service, to run, when it has stopped; "0" */
	bool bus_dead;		       /* nobody can talk to systemd: "no-bus" */
	const char *unit_error; /* id of a call for a unit that is made to fail; "job-failed" */
	bool fails_late;	/* such a call is done all the same */
	uint64_t merges_shared, merges_sharing, merges_zero; /* counters when all is merged */
	int unmerge_steps;   /* that the kernel still has to do; 0: no unmerging goes on */
	int unmerge_fails;   /* unmerging ends half-way with -ENOMEM, -EINTR */
	unsigned swap_after; /* pages that the host swaps out in a second when all is unmerged */
	const char
		*merge_at; /* ksmtuned, when active, turns merging on at the call that begins so */
	uint64_t msr[8];
	uint32_t msr_number[8];
	size_t msr_count;
	struct cpu_id cpu;
};

void fake_init(struct fake *f);
void fake_free(struct fake *f);

void fake_file(struct fake *f, const char *path, const char *text);
void fake_gone(struct fake *f, const char *path);
/* A file gets this POSIX ACL; size 0: none. */
void fake_acl(struct fake *f, const char *path, const void *acl, size_t size);
const char *fake_text(struct fake *f, const char *path); /* NULL: no such file */
/* The kernel as after modprobe with these options. */
void fake_load(struct fake *f, const char *options);
const char *fake_param(struct fake *f, const char *name);
void fake_fault(struct fake *f, const char *call, int skip, int times, int code);
void fake_msr(struct fake *f, uint32_t number, uint64_t value);
/*
 * KSM as it is with this value of run: 12,000 pages shared, 700,000 sharing them where run is 1, 0
 * where it is 2; on 64 GiB, 48 GiB of them available. Nothing is merged before that.
 */
void fake_ksm(struct fake *f, const char *run);
uint64_t fake_ksm_number(struct fake *f, const char *file); /* "run", "pages_sharing" */
/* A unit in systemd's words; systemd runs then, and has a unit file for it. */
void fake_unit(struct fake *f, const char *name, const char *load, const char *active,
	       const char *file);
void fake_relation(struct fake *f, const char *unit, const char *property, const char *other);
/* "loaded active enabled"; NULL: there is no such unit. */
const char *fake_unit_text(struct fake *f, const char *name);
void fake_link(struct fake *f, const char *path, const char *target);
/*
 * Files, module, device and units, as one text: to compare before and after. The journal is left
 * out, and what the kernel counts since boot.
 */
char *fake_snapshot(struct fake *f);
/* How many lines of the log begin so; where the first of them stands, or -1. */
size_t fake_count(const struct fake *f, const char *call);
int fake_find(const struct fake *f, const char *call);

/* ---- hosts by hand ---- */

/*
 * A host as most are: Intel with EPT, kvm_intel loaded with ept=Y and unused, root, nothing in
 * modprobe.d, /dev/kvm 0:104 0660. To be freed by host_free().
 */
void host_make(struct host *h);
void host_param(struct host *h, const char *name, const char *value); /* sets or adds */
/* Adds a file of modprobe.d; in the order of reading. OWN_CONF_FILE sets own_conf, too. */
void host_conf(struct host *h, const char *path, const char *text);
void host_cmdline(struct host *h, const char *text);
void host_ept(struct host *h, bool on); /* the running value, with those the kernel forces */
/* Who decides the next load, once all of the configuration is there. */
void host_decide(struct host *h);
void host_user(struct host *h, int pid, const char *program);
/* The host after all steps of a plan were done. */
void host_after(struct host *h, const struct plan *plan);

#endif
