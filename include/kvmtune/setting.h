/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * setting.h - the table of settings: what kvmtune can change.
 *
 * A new setting of a kind that exists is one row in setting.c, its section of the man page and its
 * tests. A kind is a row of functions in plan.c, and one in the layers that observe and report.
 */
#ifndef KVMTUNE_SETTING_H
#define KVMTUNE_SETTING_H

#include <kvmtune/attribute.h>
#include <kvmtune/base.h>

struct cpu_id;
struct host;

enum setting_id {
	SETTING_EPT,
	SETTING_NPT,
	SETTING_TDP,
	SETTING_NESTED,
	SETTING_KSM,
	SETTING_THP,
	SETTING_THP_DEFRAG,
	SETTING_COUNT
};

enum setting_kind {
	KIND_MODULE, /* a bool parameter of a kvm vendor module, fixed when the module is loaded */
	KIND_ATTRIBUTE, /* a word in sysfs, written at any time */
	KIND_KSM,	/* KSM's switch, and the services that drive it */
	KIND_COUNT
};

/* The processor's extension that a module drives: each vendor has its own. */
enum virt_kind { VIRT_VMX, VIRT_SVM };

enum module_id { MODULE_KVM_INTEL, MODULE_KVM_AMD, MODULE_COUNT };

struct kvm_module {
	const char *name; /* "kvm_intel" */
	enum virt_kind kind;
	const char *virt;   /* what the processor needs at all: "VT-x" */
	const char *paging; /* its second level of page tables: "EPT" */
	const char *param;  /* the parameter that is about that: "ept" */
};
extern const struct kvm_module kvm_modules[MODULE_COUNT];

/* One parameter of one module. */
struct module_param {
	const char *name; /* "ept" */
	/* It is about the processor's page tables: not on where it has none, and on by default. */
	bool is_paging;
	bool number_once; /* an int in old kernels, not a bool */
	/*
	 * Parameters that the kernel forces while this one is off, whatever was asked for
	 * (vmx.c:hardware_setup, svm.c:svm_hardware_setup). NULL-terminated. Their values prove
	 * nothing.
	 */
	const char *const *forced_off;
	const char *const *also_moves; /* change with it in another way */
};

struct setting {
	enum setting_id id;
	enum setting_kind kind;
	const char *name;	   /* "ept": on the command line and in JSON */
	const char *title;	   /* "extended page tables" */
	const char *summary;	   /* for help: one line */
	const char *const *values; /* NULL-terminated; "on", "off" */
	/* KIND_MODULE: the parameter in each vendor's module; NULL: that one has none. */
	const struct module_param *params[MODULE_COUNT];
	/* What of sysfs is written for it; NULL: nothing is. */
	const struct attribute *attribute;
	bool other_name; /* of other settings, one for each vendor: it has no row of its own */
};

extern const struct setting settings[SETTING_COUNT];

/* Shared by all settings of a kind. */
extern const struct kind_row {
	const char *next; /* when what is saved takes effect: "load", "boot" */
	unsigned parts;	  /* of the host that belong to it: enum host_part */
} setting_kinds[KIND_COUNT];
/* "load", "boot" */
const char *setting_next_when(const struct setting *s);

/* The setting whose attribute this is (its path); NULL: none is. */
const struct setting *setting_of_attribute(const char *path);
/* NULL: no such setting. */
const struct setting *setting_find(const char *name);
/* The table's own spelling of a value, or NULL where the setting has no such value. */
const char *setting_value(const struct setting *s, const char *value);
/* Are both the same parameter on one kind of processor, as ept and tdp are, or the same setting? */
bool settings_overlap(const struct setting *a, const struct setting *b);
/* "on|off" */
void setting_values_text(const struct setting *s, struct buf *ret);
/* The module of this name; MODULE_COUNT: none of ours. */
enum module_id module_find(const char *name);
/* The setting that is this parameter of this module, NULL: none is. */
const struct setting *setting_of_param(enum module_id module, const char *param);

/* The extension that a module drives, by CPUID. */
enum tri cpu_virt(const struct cpu_id *cpu, enum virt_kind kind);
/*
 * Is a module one for this processor? What belongs to another vendor's is impossible here, and not
 * worth a line in a report. Nobody knows what an image will run on: there, each is.
 */
bool module_fits(enum module_id module, const struct cpu_id *cpu);
/* Does the setting have a parameter in a module for this processor? Other kinds fit everywhere. */
bool setting_fits(const struct setting *s, const struct cpu_id *cpu);

/* Words for a bool parameter: "on", "off", NULL (unknown); and for people: "unknown". */
const char *value_name(enum tri t);
const char *on_off(enum tri t);

/*
 * A bool as the kernel reads it (lib/kstrtox.c:kstrtobool: y, Y, 1, t, T, on against n, N, 0, f, F,
 * of) and as sysfs shows it (Y, N, 1, 0). A name without a value (NULL) is true. UNKNOWN: not a
 * bool to every kernel kvmtune knows.
 */
enum tri param_bool(const char *value);
/*
 * Would this kernel (a release, "6.1.0-28-amd64") refuse the value, and so the whole module? NULL: the
 * name stands alone. number: the parameter is an int there, as npt once was. False where that is not known.
 */
bool param_is_refused(const char *value, bool number, const char *kernel);
/* Do two spellings of a parameter's value mean the same? Bools, numbers, else the same text. */
bool param_same(const char *a, const char *b);

/* A goal: one setting at one value. */
struct goal {
	const struct setting *setting;
	const char *value; /* of setting->values */
	/* The host file that wants it, which has to outlive each plan; NULL: the command line. */
	const char *file;
	unsigned line;
};

#endif
