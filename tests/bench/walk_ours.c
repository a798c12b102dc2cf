// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walk_ours [deep] - kvmtune's scan alone, to be timed beside walk_plain.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <kvmtune/scan.h>

int main(int argc, char **argv)
{
	bool deep = argc > 1 && strcmp(argv[1], "deep") == 0;
	int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct kvm_users users = { 0 };
	struct reader reader = { 0 };
	struct err e = { 0 };

	if (proc < 0 || scan_kvm_users(&reader, proc, deep, &users, &e) < 0) {
		fprintf(stderr, "walk_ours: %s\n", proc < 0 ? "no /proc" : e.text);
		return 1;
	}
	printf("%zu\n", users.count);
	kvm_users_free(&users);
	reader_free(&reader);
	close(proc);
	return 0;
}
