/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * scan.h - finds the processes that hold KVM, by their descriptors in /proc.
 *
 * Looked for: the device 10:232 under whatever name it was opened (/dev/kvm, a copy made by mknod,
 * a bind mount, a node deleted since), virtual machines (anon_inode:kvm-vm), virtual processors
 * (anon_inode:kvm-vcpu:N) and KVM's other objects (statistics, devices), which are not counted as
 * either but make their holder a user. A descriptor that is held all the time while the scan runs
 * is seen, whatever its number; one of O_PATH holds nothing and is left out.
 *
 * The scan lists the holders of KVM; it cannot prove that there is none. It does not see processes of
 * other pid name spaces than that of the given /proc, descriptors on their way through a socket,
 * those whose process is not allowed to be read (kvm_users.hidden), and what hidepid= hides.
 *
 * Its cost: it reads the descriptors of all processes; two children share
 * that where there are many processes (reader.h). It sends nothing to the processes it looks at, and
 * waits for none of them, nor for a file server of theirs, for longer than reader.h says: one that
 * does not answer is a holder if its descriptors say so, and what it runs stays unknown.
 */
#ifndef KVMTUNE_SCAN_H
#define KVMTUNE_SCAN_H

#include <kvmtune/err.h>
#include <kvmtune/reader.h>
#include <kvmtune/user.h>

/*
 * proc_fd: a directory descriptor of a proc file system, left open and at its position.
 * deep: looks also into places that cost more than they usually tell: descriptors of threads that
 * have a table of their own (CLONE_FILES unshared), and virtual processors that are mapped by a
 * process which has closed all descriptors of KVM. Ask for it when the module is in use and the
 * scan without it found nobody.
 *
 * Fills pid to vcpus_mapped of each user, in the order of the pids; user_describe() does the rest.
 * The calling process is left out. Processes that vanish meanwhile are no error. The caller frees
 * ret with kvm_users_free(); it is untouched on failure (the directory cannot be listed).
 */
int scan_kvm_users(struct reader *reader, int proc_fd, bool deep, struct kvm_users *ret,
		   struct err *e);

#endif
