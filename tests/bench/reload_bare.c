// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reload_bare.c OPTIONS - delete_module and finit_module of kvm_intel, and nothing else: what any
 * tool costs at least. No library is loaded for it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define MODULE "kvm_intel"

static int complain(const char *what)
{
	fprintf(stderr, "reload_bare: %s: %s\n", what, strerror(errno));
	return 1;
}

static int bare(const char *options)
{
	struct utsname u;
	char path[300];
	int fd;

	uname(&u);
	snprintf(path, sizeof(path), "/lib/modules/%s/kernel/arch/x86/kvm/kvm-intel.ko", u.release);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return complain(path);
	if (syscall(SYS_delete_module, MODULE, O_NONBLOCK) < 0)
		return complain("delete_module");
	if (syscall(SYS_finit_module, fd, options, 0) < 0)
		return complain("finit_module");
	return 0;
}

int main(int argc, char **argv)
{
	return bare(argc > 1 ? argv[1] : "");
}
