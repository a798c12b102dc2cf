// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walk_plain - the walk that most programs would write: every /proc/PID/fd is listed and each link
 * in it read by its full path. The yardstick for the scan; it counts the links that read /dev/kvm
 * and so does not even see who holds only a VM or a vCPU.
 */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int holds_kvm(const char *fd_dir)
{
	char path[600], link[4096];
	struct dirent *entry;
	DIR *dir = opendir(fd_dir);
	int found = 0;
	ssize_t len;

	if (!dir)
		return 0;
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", fd_dir, entry->d_name);
		len = readlink(path, link, sizeof(link) - 1);
		if (len < 0)
			continue;
		link[len] = '\0';
		if (strcmp(link, "/dev/kvm") == 0)
			found = 1;
	}
	closedir(dir);
	return found;
}

int main(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	char path[300];
	int holders = 0;

	if (!proc)
		return 1;
	while ((entry = readdir(proc))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/fd", entry->d_name);
		holders += holds_kvm(path);
	}
	closedir(proc);
	printf("%d\n", holders);
	return 0;
}
