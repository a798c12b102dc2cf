/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * setting.h - the table of settings: what kvmtune can turn on and off.
 *
 * A new setting is one row here, one plan function, its tests and its section of the man page.
 * A row with a module is a bool parameter of a kvm vendor module, fixed at load time; the plan
 * function of all such rows is plan_module_setting().
 */
#ifndef KVMTUNE_SETTING_H
#define KVMTUNE_SETTING_H

#include <kvmtune/base.h>

struct cpu_id;
struct goal;
struct host;
struct plan;
struct plan_options;

enum setting_id { SETTING_EPT, SETTING_NPT, SETTING_KSM, SETTING_COUNT };

/* The processor's extension that a module drives: each vendor has its own. */
enum virt_kind { VIRT_VMX, VIRT_SVM };

struct module_setting {
	enum virt_kind kind;
	const char *module; /* "kvm_intel" */
	const char *param;  /* "ept" */
	const char *virt;   /* what the processor needs at all: "VT-x" */
	bool number_once;   /* an int in old kernels, not a bool */
	const char *paging; /* what the parameter is about: "EPT" */
	/*
	 * Parameters that the kernel forces while this one is off, whatever was asked for
	 * (vmx.c:hardware_setup, svm.c:svm_hardware_setup). NULL-terminated. Their values are no
	 * proof of anything.
	 */
	const char *const *forced_off;
	const char *const *also_moves; /* change with it in another way */
};

struct setting {
	enum setting_id id;
	const char *name;		     /* "ept": on the command line and in JSON */
	const char *title;		     /* "extended page tables" */
	const char *summary;		     /* for help: one line */
	const char *const *values;	     /* NULL-terminated; "on", "off" */
	const char *next;		     /* when what is saved takes effect: "next load" */
	unsigned parts;			     /* of the host that belong to it: enum host_part */
	const struct module_setting *module; /* NULL: no module parameter */
	void (*plan)(const struct host *host, const struct goal *goal,
		     const struct plan_options *options, struct plan *plan);
};

extern const struct setting settings[SETTING_COUNT];

/* NULL: no such setting. */
const struct setting *setting_find(const char *name);
/* The table's own spelling of a value, or NULL where the setting has no such value. */
const char *setting_value(const struct setting *s, const char *value);
/* "on|off" */
void setting_values_text(const struct setting *s, struct buf *ret);

/* What CPUID says of the extension that a module drives. */
enum tri cpu_virt(const struct cpu_id *cpu, enum virt_kind kind);
/*
 * Is a setting one of this processor's? What belongs to another vendor's is impossible here, and
 * not worth a line in a report. Nobody knows what an image will run on: there, each is.
 */
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

/* What is to be reached: one setting at one value. */
struct goal {
	const struct setting *setting;
	const char *value; /* of setting->values */
};

/* What of the host the plans for these goals look at. */
unsigned goals_parts(const struct goal *goals, size_t count);

#endif
