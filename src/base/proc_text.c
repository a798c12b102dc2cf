// SPDX-License-Identifier: GPL-2.0-or-later
#include <kvmtune/proc_text.h>

#include <stdio.h>
#include <string.h>

/* A flag of the kernel in /proc/PID/stat (include/linux/sched.h). */
#define PF_KTHREAD 0x00200000

/* Fields of /proc/PID/stat, by their numbers in proc(5). */
#define STAT_PPID  4
#define STAT_UTIME 14
#define STAT_STIME 15

const char *const proc_file_names[PROC_FILE_COUNT] = {
	[PROC_COMM] = "comm",	    [PROC_STATUS] = "status",
	[PROC_CGROUP] = "cgroup",   [PROC_KSM_MERGING_PAGES] = "ksm_merging_pages",
	[PROC_STAT] = "stat",	    [PROC_KSM_STAT] = "ksm_stat",
	[PROC_CMDLINE] = "cmdline",
};

/* ---- descriptors and memory ---- */

static bool ends_or(const char *s, char c)
{
	return *s == '\0' || *s == c;
}

enum kvm_link proc_kvm_link(const char *link)
{
	static const char vcpu[] = "anon_inode:kvm-vcpu";

	if (strcmp(link, "/dev/kvm") == 0 || strcmp(link, "/dev/kvm (deleted)") == 0)
		return KVM_LINK_DEVICE;
	if (strcmp(link, "anon_inode:kvm-vm") == 0)
		return KVM_LINK_VM;
	if (starts_with(link, vcpu) && ends_or(link + strlen(vcpu), ':'))
		return KVM_LINK_VCPU;
	if (starts_with(link, "anon_inode:kvm-") || starts_with(link, "anon_inode:[kvm-"))
		return KVM_LINK_OTHER;
	return KVM_LINK_NONE;
}

/* The sixth field of a line of maps, NULL where there is none. A real path begins with "/". */
static const char *mapped_name(const char *line)
{
	for (int field = 0; field < 5 && line; field++) {
		line = strchr(line, ' ');
		line = line ? line + 1 : NULL;
	}
	return line ? line + strspn(line, " ") : NULL;
}

bool proc_maps_vcpu(const char *line)
{
	const char *name = mapped_name(line);

	return name && starts_with(name, "anon_inode:kvm-vcpu");
}

/* ---- who it is ---- */

char *proc_comm(const char *text)
{
	size_t len = strlen(text);

	return xstrndup(text, len && text[len - 1] == '\n' ? len - 1 : len);
}

/* The name in the first line cannot fake another one: the kernel escapes line breaks there. */
bool proc_effective_uid(const char *status, unsigned *ret)
{
	const char *line = strstr(status, "\nUid:");

	return line && sscanf(line, "\nUid: %*u %u", ret) == 1;
}

bool proc_is_kernel_thread(const char *stat)
{
	/* Only the name may have a ")" in it. */
	const char *behind_comm = strrchr(stat, ')');
	unsigned flags;

	return behind_comm && sscanf(behind_comm, ") %*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
	       flags & PF_KTHREAD;
}

/* "75 (ksmd) S 2 ... utime stime": the threads of the kernel are children of number 2. */
bool proc_ksmd_ticks(const char *stat, uint64_t *ret)
{
	static const char name[] = " (ksmd) ";
	const char *at = strstr(stat, name);
	const char *field = at ? at + strlen(name) : NULL;
	uint64_t number, ticks = 0;

	if (!at || strchr(stat, '(') != at + 1)
		return false;
	for (int i = 3; i <= STAT_STIME; i++) {
		autofree char *word = xstrndup(field, strcspn(field, " \n"));
		bool wanted = i == STAT_PPID || i >= STAT_UTIME;

		if (wanted && (parse_u64(word, &number) < 0 || (i == STAT_PPID && number != 2)))
			return false;
		ticks += i >= STAT_UTIME ? number : 0;
		field += strlen(word);
		field += *field == ' ';
	}
	*ret = ticks;
	return true;
}

/* ---- where it belongs ---- */

static bool has_controller(const char *list, size_t len, const char *name)
{
	autofree char *copy = xstrndup(list, len), *rest = copy;
	char *word;
	bool found = false;

	while ((word = strsep(&rest, ",")))
		found |= strcmp(word, name) == 0;
	return found;
}

char *proc_cgroup(const char *text, const char *controller)
{
	for (const char *line = text; line; line = strchr(line, '\n')) {
		size_t id, list;

		line += *line == '\n';
		id = strcspn(line, ":\n");
		if (line[id] != ':')
			continue;
		line += id + 1;
		list = strcspn(line, ":\n");
		if (line[list] == ':' && has_controller(line, list, controller))
			return xstrndup(line + list + 1, strcspn(line + list + 1, "\n"));
	}
	return NULL;
}

char *proc_unit_cgroup(const char *text)
{
	char *path = proc_cgroup(text, "name=systemd");

	if (!path)
		path = proc_cgroup(text, "");
	return path ? path : xstrdup("");
}
