// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reload_libkmod.c - reloads kvm_intel through one libkmod context, options as configured.
 */
#include <errno.h>
#include <libkmod.h>
#include <stdio.h>
#include <string.h>

static int complain(const char *what)
{
	fprintf(stderr, "reload_libkmod: %s: %s\n", what, strerror(errno));
	return 1;
}

int main(void)
{
	struct kmod_ctx *ctx = kmod_new(NULL, NULL);
	struct kmod_module *m;

	if (!ctx || kmod_module_new_from_name(ctx, "kvm_intel", &m) < 0)
		return complain("libkmod");
	errno = -kmod_module_remove_module(m, 0);
	if (errno)
		return complain("remove");
	errno = -kmod_module_probe_insert_module(m, 0, NULL, NULL, NULL, NULL);
	if (errno)
		return complain("insert");
	kmod_module_unref(m);
	kmod_unref(ctx);
	return 0;
}
