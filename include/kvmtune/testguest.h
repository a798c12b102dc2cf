/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * testguest.h - proves that KVM works by running a guest of a few instructions.
 *
 * The guest adds two numbers in real mode, writes the sum to a port and to memory, and halts; what
 * arrives at each place is checked. It needs the device and some 20 KiB of memory, no firmware.
 * It runs in a child process of its own: when the function returns, the child has been reaped, and
 * with it all descriptors of KVM are closed: the module can be removed again. It prints nothing.
 */
#ifndef KVMTUNE_TESTGUEST_H
#define KVMTUNE_TESTGUEST_H

#include <kvmtune/err.h>

/*
 * device: normally "/dev/kvm". 0, or a negative errno and a sentence that names what failed:
 *   -ETIMEDOUT  not done after timeout_ms; the child has been killed
 *   -EIO        the guest ran, but stopped elsewhere or computed a wrong result
 *   -EPROTO     the device speaks another version of the interface
 *   -ECHILD     the child was killed by somebody else's signal
 *   others      as the named call gave them: -ENOENT, -EACCES, -ENOTTY (no KVM), -EBUSY (another
 *               hypervisor has VT-x), ...
 */
int testguest_run(const char *device, unsigned timeout_ms, struct err *e);

/*
 * The same, but returns as soon as the result is known: the kernel takes some time to take a guest
 * apart, and the caller may have something else to do. Until testguest_end() the module is in use.
 * Call testguest_end() also after a failure.
 */
struct testguest {
	int pid;   /* 0: gone */
	int pidfd; /* -1: none */
};
int testguest_begin(const char *device, unsigned timeout_ms, struct testguest *ret, struct err *e);
void testguest_end(struct testguest *g);

/*
 * The same with other code instead (at most 4096 bytes, put at 0x1000, where execution starts, with
 * AL = 2 and BL = 3): for tests of what a guest that fails or never ends leads to.
 */
int testguest_run_code(const char *device, const void *code, size_t size, unsigned timeout_ms,
		       struct err *e);

#endif
