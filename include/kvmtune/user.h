/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * user.h - a holder of KVM: the facts about one process, and about its guest by its command line.
 *
 * The scan (sys/scan.c) fills pid to cgroup; user_describe(), which is pure, fills the rest.
 * All text comes from other people's processes: print it through buf_add_safe() only.
 */
#ifndef KVMTUNE_USER_H
#define KVMTUNE_USER_H

#include <kvmtune/base.h>

/* Does a process let us read what it is? It can hold up the reader of its files: see reader.h. */
enum answer {
	ANSWERS,
	ANSWERS_NOT, /* what takes an answer is unknown: its command line, its memory */
	NOT_ASKED,   /* likewise, since others of the same user did not answer */
};

const char *answer_text(enum answer answer); /* "", "does not answer", "not asked" */

/* All that were looked at and do not answer. */
struct unanswered {
	int *pids;
	size_t count;
	size_t not_asked; /* and so many more */
};

/* Adds one to the list by its answer. */
void unanswered_note(struct unanswered *u, int pid, enum answer answer);
/* A sentence for both, appended to a list of what was not seen. what: "what they run". */
void unanswered_tell(const struct unanswered *u, const char *what, struct strv *unseen);
void unanswered_free(struct unanswered *u);

struct kvm_user {
	int pid;
	enum answer answer;
	unsigned uid;
	char *user;	   /* name of the uid, or its number */
	char *comm;	   /* /proc/PID/comm */
	struct strv args;  /* /proc/PID/cmdline, cut after 64 KiB */
	char *cgroups;	   /* /proc/PID/cgroup, where it is wanted */
	char *cgroup;	   /* path in the unified or systemd hierarchy, "" unknown */
	unsigned kvm_fds;  /* descriptors of /dev/kvm */
	unsigned vm_fds;   /* of virtual machines: anon_inode:kvm-vm */
	unsigned vcpu_fds; /* of virtual processors: anon_inode:kvm-vcpu[:N] */
	bool vcpus_mapped; /* no such descriptor, but a vCPU is mapped into its memory */

	/* By user_describe(). */
	char *program; /* last part of argv[0], or comm */
	char *guest;   /* the guest's name, or NULL */
	char *unit;    /* the systemd unit, else the last part of cgroup, or NULL */
	int vcpus;     /* virtual processors of the guest; 0: none or unknown */
};

struct kvm_users {
	struct kvm_user *users; /* by pid */
	size_t count;
	/*
	 * Processes whose descriptors could not be read (other users', when not root). Where it is
	 * not 0, or where the module is in use and nobody was found, the list may be incomplete.
	 */
	size_t hidden;
	/* Holders among them are in users, too. Of the others it is not known whether they hold KVM. */
	struct unanswered unanswered;
};

/* Does it run a guest, or only hold /dev/kvm? */
bool user_has_guest(const struct kvm_user *u);

/*
 * Fills program, guest, unit and vcpus from comm, args, cgroup and the descriptor counts.
 * Guest names: QEMU -name web-01 | -name guest=web-01,debug-threads=on (",," is a comma), crosvm
 * and cloud-hypervisor and firecracker (--id), kvmtool (lkvm run --name), whatever else has
 * --name NAME. vCPUs: the vCPU descriptors where there are any, else what the command line says.
 */
void user_describe(struct kvm_user *u);

void kvm_user_free(struct kvm_user *u); /* what it holds, not itself */
void kvm_users_free(struct kvm_users *users);

#endif
