// SPDX-License-Identifier: GPL-2.0-or-later
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base.h"
#include "programs.h"
#include "reset.h"

static void ksm_set(const char *name, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), KSM "%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die(path);
	close(fd);
}

static void merge_again(void)
{
	int64_t end = now_ms() + 30000;

	ksm_set("pages_to_scan", "20000");
	ksm_set("sleep_millisecs", "2");
	ksm_set("run", "1");
	while (!is_merged() && now_ms() < end)
		nap();
	ksm_set("pages_to_scan", "100");
	ksm_set("sleep_millisecs", "20");
}

static void make_item(const struct item *item)
{
	const char *path = below_root(item->path);
	int fd;

	if (S_ISDIR(item->mode)) {
		mkdir(path, 0700);
	} else if (S_ISLNK(item->mode)) {
		unlink(path);
		if (symlink(item->text, path) < 0)
			die(path);
		return;
	} else {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		if (fd < 0 || write(fd, item->text, item->len) != (ssize_t)item->len)
			die(path);
		close(fd);
	}
	if (chmod(path, item->mode & 07777) < 0 || chown(path, item->uid, item->gid) < 0)
		die(path);
}

struct todo {
	bool module; /* has to be loaded anew */
	bool units;
	bool run;
};

static void reset_item(const struct item *have, const struct item *want, void *arg)
{
	const char *path = want ? want->path : have->path;
	bool is_file = is_in_trees(path);
	struct todo *todo = arg;

	if (is_file && want)
		make_item(want);
	else if (is_file)
		remove(below_root(path));
	todo->module |= is_below(path, "/sys/module") || is_below(path, "/dev/kvm");
	todo->units |= is_below(path, "/run/systemd/units");
	todo->run |= is_below(path, KSM "run");
}

static const char *module_of(const struct host *h)
{
	return host_find(h, "/sys/module/kvm_intel/initstate") ? "kvm_intel" : "kvm_amd";
}

/* The last line of `modprobe --show-depends`: "insmod PATH OPTIONS". */
static struct {
	char *path, *options;
} load;

void note_load(const struct host *h)
{
	char *text, *rest, *line;

	run_program((char *[]){ "modprobe", "--show-depends", (char *)module_of(h), NULL });
	text = rest = read_text(OUT_FILE, NULL);
	while ((line = strsep(&rest, "\n"))) {
		if (strncmp(line, "insmod ", 7) != 0)
			continue;
		line += 7;
		free(load.path);
		free(load.options);
		load.path = must(strdup(strsep(&line, " ")));
		load.options = must(strdup(line ? line : ""));
	}
	free(text);
}

/* False: for modprobe to do, with what it needs before. */
static bool load_again(void)
{
	int fd = load.path ? open(load.path, O_RDONLY | O_CLOEXEC) : -1;
	bool done = fd >= 0 && syscall(SYS_finit_module, fd, load.options, 0) == 0;

	if (fd >= 0)
		close(fd);
	return done;
}

/* By the options of modprobe.d, which is as it was by now. */
static void reset_module(const struct host *want)
{
	const char *module = module_of(want);

	syscall(SYS_delete_module, module, O_NONBLOCK);
	if (!load_again())
		run_program((char *[]){ "modprobe", (char *)module, NULL });
}

static void reset_units(const struct host *want)
{
	bool active = host_find(want, "/run/systemd/units/invocation:ksmtuned.service");

	run_program((char *[]){ "systemctl", active ? "start" : "stop", "ksm.service",
				"ksmtuned.service", NULL });
}

bool reset(const struct host *want, bool merged)
{
	struct todo todo = { 0 };
	struct host now;
	bool good;

	host_look(&now);
	host_compare(&now, want, reset_item, &todo);
	host_free(&now);
	if (todo.module)
		reset_module(want);
	if (todo.units)
		reset_units(want);
	if (merged && !is_merged())
		merge_again();
	if (todo.run || todo.units || merged)
		ksm_set("run", host_find(want, KSM "run")->text);
	good = host_settled(want, &now);
	if (!good) {
		printf("# the host cannot be put back:\n");
		host_print_differences(&now, want);
	}
	host_free(&now);
	return good;
}
