/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * proc_text.h - what the files of a process below /proc say.
 *
 * Pure: the text of a file in, facts out; it never fails. A process may call itself anything, and
 * its text may be cut: nonsense counts as absent. All printed text of it goes through
 * buf_add_safe() only.
 * Sources: proc(5), cgroups(7), virt/kvm/kvm_main.c for the names of KVM's descriptors.
 */
#ifndef KVMTUNE_PROC_TEXT_H
#define KVMTUNE_PROC_TEXT_H

#include <kvmtune/base.h>

/*
 * The files of a process that are read, in that order: from PROC_STAT on come those that a process can
 * keep from being read (see reader.h).
 */
enum proc_file {
	PROC_COMM,
	PROC_STATUS,
	PROC_CGROUP,
	PROC_KSM_MERGING_PAGES,
	PROC_STAT,
	PROC_KSM_STAT,
	PROC_CMDLINE,
	PROC_FILE_COUNT
};
extern const char *const proc_file_names[PROC_FILE_COUNT];
static inline bool proc_can_be_held_up(enum proc_file file)
{
	return file >= PROC_STAT;
}

/* The target of a link in /proc/PID/fd. */
enum kvm_link {
	KVM_LINK_NONE,
	KVM_LINK_DEVICE, /* /dev/kvm by its name: where the number of the device can be asked, it is better */
	KVM_LINK_VM,
	KVM_LINK_VCPU,
	KVM_LINK_OTHER, /* kvm-vm-stats, kvm-vcpu-stats:N, kvm-vfio, [kvm-gmem]... */
};
enum kvm_link proc_kvm_link(const char *link);

/* Does this line of /proc/PID/maps map a virtual processor? */
bool proc_maps_vcpu(const char *line);

/* /proc/PID/comm, which may have line breaks within. To be freed. */
char *proc_comm(const char *text);

/* The user a process acts as, by /proc/PID/status. False: it does not say so. */
bool proc_effective_uid(const char *status, unsigned *ret);

/* A thread of the kernel, by /proc/PID/stat? */
bool proc_is_kernel_thread(const char *stat);
/* The CPU time that ksmd has used, in ticks. False: this is not ksmd, or its line makes no sense. */
bool proc_ksmd_ticks(const char *stat, uint64_t *ret);

/*
 * The path of the line "ID:CONTROLLERS:PATH" of /proc/PID/cgroup with this controller; "" is the
 * unified hierarchy. NULL: none. To be freed.
 */
char *proc_cgroup(const char *text, const char *controller);
/*
 * The path in systemd's own hierarchy, or else in the unified one: where both are mounted, the second
 * may be empty. "" unknown. To be freed.
 */
char *proc_unit_cgroup(const char *text);

#endif
