// SPDX-License-Identifier: GPL-2.0-or-later
#include "sys.h"

#include <unistd.h>

int ports_open(struct ports *p, const char *root, struct err *e)
{
	struct sys *s = xcalloc(1, sizeof(*s));

	*p = (struct ports){ .image = root != NULL, .self = s };
	s->guest.pidfd = -1;
	s->reader.ports = p;
	sys_files(p);
	sys_write(p);
	sys_trust(p);
	sys_lock(p);
	sys_acl(p);
	sys_modules(p);
	sys_cpu(p);
	sys_kvm(p);
	sys_processes(p);
	sys_units(p);
	sys_unmerge(p);
	sys_system(p);
	sys_user_files(p);
	sys_load(p);
	return sys_open_root(p, root, e);
}

void ports_close(struct ports *p)
{
	struct sys *s = sys_of(p);

	if (!s)
		return;
	p->load.stop(p);
	p->ksm.unmerge_stop(p);
	sys_units_close(p);
	sys_kvm_close(p);
	sys_modules_close(p);
	reader_free(&s->reader);
	p->file.unlock(p);
	closep(&s->live_fd);
	closep(&s->root_fd);
	free(s);
	p->self = NULL;
}
