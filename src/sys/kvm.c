// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * kvm.c - the ports for the holders of KVM and the test guest: scan.c, guest.c.
 */
#include "sys.h"

#include <fcntl.h>

#include <kvmtune/scan.h>
#include <kvmtune/testguest.h>

static int kvm_users(struct ports *p, struct kvm_users *ret, struct err *e)
{
	autoclose int proc = sys_open(p, "/proc", O_RDONLY | O_DIRECTORY);
	int r;

	if (proc < 0)
		return err_sys(e, proc, "cannot open /proc");
	r = scan_kvm_users(&sys_of(p)->reader, proc, false, ret, e);
	/* In use, but by nobody whom a look at the descriptors shows: look harder. */
	if (r == 0 && !ret->count) {
		kvm_users_free(ret);
		r = scan_kvm_users(&sys_of(p)->reader, proc, true, ret, e);
	}
	return r;
}

static int kvm_run_guest(struct ports *p, unsigned timeout_ms, struct err *e)
{
	struct testguest *guest = &sys_of(p)->guest;
	int r;

	testguest_end(guest);
	r = testguest_begin("/dev/kvm", timeout_ms, guest, e);
	/* After a failure the module is removed next: nothing of ours may hold it. */
	if (r < 0)
		testguest_end(guest);
	return r;
}

static void kvm_settle(struct ports *p)
{
	testguest_end(&sys_of(p)->guest);
}

void sys_kvm_close(struct ports *p)
{
	kvm_settle(p);
}

static int no_users(struct ports *p, struct kvm_users *ret, struct err *e)
{
	(void)p, (void)e;
	*ret = (struct kvm_users){ 0 };
	return 0;
}

void sys_kvm(struct ports *p)
{
	p->kvm.users = p->image ? no_users : kvm_users;
	p->kvm.run_guest = kvm_run_guest;
	p->kvm.settle = kvm_settle;
}
