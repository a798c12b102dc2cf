/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * observe.h - reads a host through the ports into facts. The only reader of the host's state.
 */
#ifndef KVMTUNE_OBSERVE_H
#define KVMTUNE_OBSERVE_H

#include <kvmtune/cpu.h>
#include <kvmtune/host.h>
#include <kvmtune/err.h>

struct ports;

/*
 * Fills ret, which is freed by host_free() also after a failure. Unreadable facts are unknown
 * in ret, and named in ret->unseen where the reader of a report should know. parts: of enum
 * host_part; this fails only without HOST_LENIENT, where files that may turn KSM on are there and
 * cannot be read. (Those of modprobe.d are left to the plan: it knows which of them matter.)
 * The host is not changed.
 */
int host_observe(struct ports *p, unsigned parts, struct host *ret, struct err *e);

/* Parts of it, for the steps of a change. Unreadable files are added to unread. */
void observe_conf(struct ports *p, struct modconf *ret, struct unread *unread);
int observe_params(struct ports *p, const char *module, struct param **ret, size_t *ret_count);
int observe_refcnt(struct ports *p, const char *module); /* -1: not known, not loaded */
void observe_device(struct ports *p, struct device_facts *ret);
/* HOST_RELOAD of a host that was observed with HOST_MODULES; its plan may ask for that. */
void observe_reload(struct ports *p, struct host *h);
void observe_memory(struct ports *p, struct memory_facts *ret);
/* The value of run without the bit for memory that goes offline; -1: not readable. */
int observe_ksm_run(struct ports *p);
/* All counters, sorted by name; those that this kernel does not have are not in there. */
int observe_ksm_counters(struct ports *p, struct param **ret, size_t *ret_count);

/* The holders of KVM, described. ret must be empty; it is freed by kvm_users_free(). */
int observe_users(struct ports *p, struct kvm_users *ret, struct err *e);

/*
 * All evidence of what the processor can do, for cpu_judge(). ret is freed by cpu_evidence_free(),
 * also after a failure; what could not be read is named in unseen, a sentence each. Logical CPUs
 * are counted from 0 in the order of the kernel, those that this process may run on.
 */
int observe_evidence(struct ports *p, struct cpu_evidence *ret, struct strv *unseen, struct err *e);

/* The first line of a file, without its newline; NULL when it cannot be read. To be freed. */
char *read_line_of(struct ports *p, const char *path);

/* The word that an attribute has now, NULL: unknown; and all words that it takes, added to ret. */
const char *observe_attribute(struct ports *p, const struct attribute *a, struct strv *ret_words);

#endif
