/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host.h - what is known of a host: facts with their sources, and nothing else.
 *
 * host_observe() (observe.h) fills a struct host; plans and reports read it and change nothing.
 * A fact that cannot be read is UNKNOWN, never a guess. host_free() frees all it holds.
 */
#ifndef KVMTUNE_HOST_H
#define KVMTUNE_HOST_H

#include <kvmtune/base.h>
#include <kvmtune/loader.h>
#include <kvmtune/err.h>
#include <kvmtune/facts.h>
#include <kvmtune/ksm.h>
#include <kvmtune/memory.h>
#include <kvmtune/modconf.h>
#include <kvmtune/setting.h>
#include <kvmtune/user.h>

/* Where kvmtune keeps what is its own. */
#define OWN_CONF_DIR  "/etc/modprobe.d"
#define OWN_CONF_FILE OWN_CONF_DIR "/zz-kvmtune.conf"
#define STATE_DIR     "/var/lib/kvmtune"
#define LOCK_FILE     STATE_DIR "/lock"
#define KVM_DEVICE    "/dev/kvm"

/* What an earlier change saw; its number is behind it. */
#define JOURNAL_SOURCE "journal: change "

/* A fact and its evidence: "CPUID", "/proc/cpuinfo", "MSR 48Bh", "journal: change 3"... */
struct fact {
	enum tri value;
	struct strv source;
};

enum module_state {
	MODULE_STATE_UNKNOWN,
	MODULE_STATE_ABSENT,   /* not there for this kernel */
	MODULE_STATE_LOADABLE, /* there, not loaded */
	MODULE_STATE_LOADED,
	MODULE_STATE_BUSY, /* being loaded or removed right now */
	MODULE_STATE_BUILTIN,
};
const char *module_state_name(enum module_state s);

/* Can a loaded module be loaded again once it is removed? */
struct reload_facts {
	enum reload_state { RELOAD_UNKNOWN, RELOAD_POSSIBLE, RELOAD_IMPOSSIBLE } state;
	struct err why_not; /* with RELOAD_IMPOSSIBLE: the refusal that says so */
};

/* One parameter that is a setting. */
struct param_facts {
	enum tri now;	   /* of the loaded module; UNKNOWN when not loaded or not readable */
	enum tri next;	   /* at the next load */
	bool next_decided; /* by an option, the winner; else it is the default */
	bool next_refused; /* the kernel refuses that option: the module would not load */
	bool number;	   /* the parameter is an int, not a bool */
	struct modconf_token winner;
	struct loader_says boot; /* what the boot entries say */
	/* After the next boot, by them; UNKNOWN also where they are not known. */
	enum tri next_boot;
};

/* The reason why VT-x (SVM) cannot be used although the processor has it. */
enum virt_off {
	VIRT_OFF_FIRMWARE, /* a register or the kernel's log says so, or no other cause is left */
	VIRT_OFF_XEN,
	VIRT_OFF_CLEARCPUID,
	VIRT_OFF_NO_MODULE, /* this kernel has no kvm module: it may have locked VT-x off itself */
	VIRT_OFF_HYPERVISOR,
	VIRT_OFF_UNKNOWN,
};

/* A kvm vendor module, and the processor's extension that it drives. */
struct module_facts {
	struct fact virt;     /* the processor has VT-x (SVM) */
	struct fact enabled;  /* and firmware and kernel let it be used */
	enum virt_off off_by; /* where enabled is NO */
	struct fact paging;   /* the processor has EPT (NPT) */
	struct fact usable;   /* and KVM can use it: 4-level walks, write-back, INVEPT */
	enum module_state state;
	int refcnt;	     /* opens of /dev/kvm, VMs, vCPUs: in use or not; -1 unknown */
	struct strv holders; /* modules on top of it */
	struct reload_facts reload;
	struct param *params;
	size_t param_count;
	struct param_facts of[SETTING_COUNT]; /* where the setting has a parameter in this module */
};

/* In bytes, as the extended attribute has it: 32 entries. */
#define ACL_MAX (4 + 32 * 8)

struct device_facts {
	bool exists;
	unsigned uid, gid, mode;
	unsigned char acl[ACL_MAX]; /* POSIX ACL; acl_size 0: none */
	size_t acl_size;
	bool acl_unknown; /* too long, not to be read, or of a journal that has none */
};
bool device_same_owner(const struct device_facts *now,
		       const struct device_facts *want); /* and mode */
/* True where it is not known what is wanted. */
bool device_same_acl(const struct device_facts *now, const struct device_facts *want);
bool device_same(const struct device_facts *now, const struct device_facts *want);
/* Is this the value of that attribute, as far as its form goes? */
bool device_acl_is_valid(const unsigned char *acl, size_t size);

/*
 * The mount at /dev/kvm, by /proc/self/mountinfo, in place of the kernel's own devtmpfs: the type of its
 * file system, or "a bind mount". NULL: it is the kernel's own. To be freed.
 */
char *device_covered_by(const char *mountinfo);

/* The parts of a host to observe; the rest of struct host stays empty. */
enum host_part {
	HOST_MODULES = 1 << 0, /* modprobe.d, the modules of the settings, the holders of KVM */
	HOST_PARAMS = 1 << 1,  /* all parameters of the modules, not only those of our settings */
	HOST_KSM = 1 << 2,     /* KSM, who drives it, memory */
	HOST_KSM_USERS =
		1 << 3, /* which processes have merged pages, and the limits they are under */
	HOST_KSM_MARKED = 1 << 4, /* units whose processes are marked to be merged: MemoryKSM= */
	/*
	 * For reports: files of KSM that cannot be read leave it unknown, and are named in `unseen`.
	 * Without it that is a failure: no change, and no proof of one, rests on a guess.
	 */
	HOST_LENIENT = 1 << 5,
	/*
	 * Whether the loaded modules could be loaded again, and /dev/kvm with them. The kernel is asked,
	 * with the rights of a change.
	 */
	HOST_RELOAD = 1 << 6,
	/*
	 * For changes: the links that start the services of KSM, and the units that a start or a stop
	 * of them has to do with. The links are looked at, too, where no service manager runs.
	 */
	HOST_KSM_UNITS = 1 << 7,
	HOST_ATTRIBUTES =
		1 << 8, /* settings that are a word in sysfs, and who writes them at boot */
	/* Who holds KVM, also where no module counts its use: /proc is walked then. */
	HOST_HOLDERS = 1 << 9,
	HOST_ALL = HOST_MODULES | HOST_PARAMS | HOST_KSM | HOST_KSM_USERS | HOST_KSM_MARKED |
		   HOST_KSM_UNITS | HOST_ATTRIBUTES
};

/* Which module makes /dev/kvm, and does anybody hold KVM? */
struct kvm_use {
	char *module; /* "kvm_intel", "kvm_pvm"; NULL: none, or not known */
	struct strv module_source;
	struct fact held; /* by a module's count, or with HOST_HOLDERS by what /proc shows */
	bool walked;	  /* /proc was: users has what was found */
};

struct host {
	unsigned parts; /* that were looked at */
	struct host_id id;
	bool image; /* a file tree (--root), not the running host */
	bool root;  /* we are root */
	bool cpu_known;
	struct cpu_id cpu;
	struct module_facts modules[MODULE_COUNT];
	struct ksm_facts ksm;
	struct attribute_facts attributes[SETTING_COUNT]; /* of settings of that kind */
	struct memory_facts memory;
	struct modconf conf;
	struct modconf boot_conf;  /* the kernel command line alone: what a built-in module gets */
	char *kernel_words;	   /* of it, what is the kernel's; NULL: not known */
	bool xen;		   /* this is a domain of Xen, as dom0 is */
	struct unread conf_unread; /* of modprobe.d, and the kernel command line */
	struct loader loader;	   /* kernel command lines that the next boot may have */
	struct unread loader_unread;
	struct device_facts device;
	char *device_hidden; /* by HOST_RELOAD: see device_covered_by() */
	struct kvm_use use;
	struct kvm_users users;
	enum tri modules_disabled; /* kernel.modules_disabled: no loading until the next boot */
	int conf_writable;	   /* 0, or why not: -EROFS, -EACCES, -ENOENT */
	bool nixos;		   /* /etc/modprobe.d is generated */
	char *own_conf;		   /* text of OWN_CONF_FILE, NULL: not there */
	char *own_tmpfiles;	   /* text of OWN_TMPFILES, NULL: not there */
	int tmpfiles_writable;	   /* /etc/tmpfiles.d: as conf_writable */
	struct strv hypervisors;   /* other hypervisors at work: vboxdrv, vmmon */
	bool udev;		   /* somebody sets owner and mode of /dev/kvm */
	bool libvirt;		   /* libvirt has a cache of what this host's QEMU can do */
	char *l1tf;	    /* what the kernel says of the L1TF vulnerability, NULL: nothing */
	struct strv unseen; /* what could not be read, and why: for the reader of status */
};

void host_free(struct host *h);

/*
 * Is this word on a parameter the last one (NULL: is there none), whatever the files say that could
 * not be read? They are read in the order of their names, and the kernel command line comes last.
 */
bool conf_is_last_word(const struct unread *unread, const struct modconf_token *word);

/* "disabled in firmware"; and the next step for the user. Neither is to be freed. */
const char *virt_off_text(enum virt_off by);
const char *virt_off_hint(enum virt_off by);

const char *module_param(const struct module_facts *m, const char *name);
/* The first option for the parameter that the kernel of this host would refuse. False: none. */
bool find_refused_option(const struct host *h, const struct modconf *conf, const char *module,
			 const struct module_param *row, const struct param_facts *of,
			 struct modconf_token *ret);
/* Is KVM in use, as far as this module's count says? */
bool module_in_use(const struct module_facts *m);
/* The module that makes /dev/kvm where it is neither kvm_intel nor kvm_amd; else NULL. */
const char *host_other_module(const struct host *h);

/* A setting's value now and later, in its own words ("on", "off"); NULL: unknown. Not to be freed. */
struct setting_state {
	const char *now;
	const char *next; /* at the next load or boot */
};
struct setting_state setting_state(const struct host *h, const struct setting *s);
/*
 * The module whose parameter a setting is on this host: the processor's own, or the one that the
 * setting has. In an image, which may run anywhere, the first of those that it has.
 */
enum module_id setting_module(const struct host *h, const struct setting *s);
/*
 * Does the next boot give something else than the next load, by what the boot entries say? Not of an
 * image: there the next load is that of the next boot.
 */
bool next_boot_differs(const struct host *h, const struct param_facts *of);
/*
 * The value after the next load of a module, decided by this option (NULL: none); sure: no file that
 * could not be read may decide otherwise.
 */
enum tri param_next(const struct module_facts *m, const struct module_param *row,
		    const struct modconf_token *winner, bool sure);

#endif
