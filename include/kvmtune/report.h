/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * report.h - text for people and JSON for programs, from the same facts.
 *
 * Reports never read the host. Text is plain ASCII, aligned; bytes of unknown origin are shown
 * escaped. A JSON document is one object with "schema" and "kvmtune_version"; schema/ describes
 * them, and keys are only ever added.
 */
#ifndef KVMTUNE_REPORT_H
#define KVMTUNE_REPORT_H

#include <stdio.h>

#include <kvmtune/change.h>
#include <kvmtune/cpu.h>
#include <kvmtune/style.h>

/* `kvmtune status`. */
void text_status(FILE *out, const struct style *style, const struct host *host,
		 const struct journal *journal);
int json_status(FILE *out, const struct host *host, const struct journal *journal);

/* `kvmtune ept`: one setting. */
void text_setting(FILE *out, const struct style *style, const struct host *host,
		  const struct setting *setting);
/* The CPU time of the kernel's merging thread between two observations, ms apart. */
void text_ksmd(FILE *out, const struct style *style, const struct host *from, const struct host *to,
	       int64_t ms);
int json_setting(FILE *out, const struct host *host, const struct setting *setting);

/* `kvmtune list`. */
void text_list(FILE *out, const struct style *style, const struct host *host);
int json_list(FILE *out, const struct host *host);

/* An error, for a command that has no document of its own for it. */
int json_failure(FILE *out, const char *command, enum exit_status status, const struct err *e);

/* `kvmtune guests`. */
void text_users(FILE *out, const struct style *style, const struct host *host);
int json_users(FILE *out, const struct host *host);

/* `kvmtune cpu`. */
struct cpu_report {
	const struct host *host; /* its name and kernel */
	const struct cpu_evidence *evidence;
	const struct cpu_judgement *judgement;
	const struct strv *unseen;
	bool captured; /* from files: of some processor, not of this one */
};
void text_cpu(FILE *out, const struct style *style, const struct cpu_report *r);
int json_cpu(FILE *out, const struct cpu_report *r);
/* `kvmtune cpu --require`: "ept-1gb: yes  (MSR 48Ch)". */
void text_capability(FILE *out, const struct style *style, const struct cpu_report *r,
		     enum cpu_cap_id id);

/* A change, or its dry run. */
void text_change(FILE *out, const struct style *style, const struct outcome *o, bool dry_run);
int json_change(FILE *out, const struct outcome *o, const char *command, bool dry_run);

/* `kvmtune undo --all`: its undos in their order, and the changes that are left after them. */
struct undo_report {
	const char *command;
	bool dry_run; /* only the first one left is planned */
	enum exit_status status;
	const struct outcome *undos;
	size_t count;		       /* one at least */
	const struct journal *journal; /* as it is now */
};
/* Those that are left; text_change() prints each undo. */
void text_left(FILE *out, const struct style *style, const struct undo_report *r);
int json_undos(FILE *out, const struct undo_report *r);

/* `kvmtune audit`: the goals against the host, by the plan made for them. */
void text_audit(FILE *out, const struct style *style, const struct host *host,
		const struct plan *plan, const struct journal *journal);
int json_audit(FILE *out, const struct host *host, const struct plan *plan,
	       const struct journal *journal, enum exit_status status);

/* `kvmtune undo --list`. */
void text_journal(FILE *out, const struct style *style, const struct journal *journal);
int json_journal(FILE *out, const struct host *host, const struct journal *journal);

/* The table of the holders of KVM alone, with a blank line around; for a refusal. To be freed. */
char *holders_table(const struct style *style, const struct kvm_users *users);

#endif
