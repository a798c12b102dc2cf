/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * change_wait.h - what a change waits for: another kvmtune, and those who use KVM.
 *
 *	struct waiting w = wait_begin(&ports, &request);
 *	wait_for_lock(&w, &e);
 *	while (something is in use && may_wait(&w))
 *		unlock, wait_for_kvm(&w, &users), wait_for_lock(&w, &e);
 */
#ifndef KVMTUNE_CHANGE_WAIT_H
#define KVMTUNE_CHANGE_WAIT_H

#include <kvmtune/change.h>

struct waiting {
	struct ports *p;
	const struct request *request; /* says how long, and who is told meanwhile */
	int64_t started;	       /* ms */
};

struct waiting wait_begin(struct ports *p, const struct request *request);
/* Is there time left, by --wait, and has no signal come? */
bool may_wait(const struct waiting *w);

/*
 * Can the journal and the lock be written? 0, or what port.h says of file.writable(), and where:
 * the directory, or the one that it would be made in, or the journal.
 */
int state_writable(struct ports *p, const char **ret_path);

/*
 * Takes the lock, which this process keeps until file.unlock() or its end. Only root changes
 * anything: everybody else, and who cannot write it, goes on without it. A dry run only looks whether
 * another process has it. In all cases *e says what is wrong with it.
 */
int wait_for_lock(const struct waiting *w, struct err *e);
/* Another kvmtune is at work; holder: what it said of itself, or "". */
int refuse_locked(struct err *e, const char *holder);

bool kvm_is_used(struct ports *p);
/* Until nobody uses KVM any more, or the time is over; *users is who they are by then. */
void wait_for_kvm(const struct waiting *w, struct kvm_users *users);

#endif
