// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

int ports_open(struct ports *p, const char *root, struct err *e)
{
	struct sys *s = xcalloc(1, sizeof(*s));

	*p = (struct ports){ .image = root != NULL, .self = s };
	s->lock_fd = -1;
	s->guest.pidfd = -1;
	s->root_fd = open(root ? root : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	sys_files(p);
	sys_write(p);
	sys_trust(p);
	sys_lock(p);
	sys_modules(p);
	sys_cpu(p);
	sys_kvm(p);
	sys_units(p);
	sys_unmerge(p);
	sys_system(p);
	sys_user_files(p);
	if (s->root_fd >= 0)
		return 0;
	err_sys(e, -errno, "cannot open the root directory %s", root ? root : "/");
	return root ? err_status(e, STATUS_USAGE, "no-root") : e->code;
}

void ports_close(struct ports *p)
{
	struct sys *s = sys_of(p);

	if (!s)
		return;
	p->ksm.unmerge_stop(p);
	sys_units_close(p);
	sys_kvm_close(p);
	sys_modules_close(p);
	closep(&s->lock_fd);
	closep(&s->root_fd);
	free(s);
	p->self = NULL;
}
