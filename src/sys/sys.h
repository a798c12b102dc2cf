/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sys.h - what the files of src/sys share: the real host behind struct ports.
 */
#ifndef KVMTUNE_SYS_H
#define KVMTUNE_SYS_H

#include <kvmtune/port.h>
#include <kvmtune/testguest.h>

#include <sys/types.h>

struct bus;
struct modules;
struct stat;

/* How long the service manager may take. */
struct bus_limits {
	unsigned look_ms;   /* to take a connection, and to say what is */
	unsigned call_ms;   /* to do what is asked */
	unsigned reload_ms; /* to read all its files again */
	unsigned job_ms;    /* to start or stop a unit */
};

struct sys {
	int root_fd;		 /* every path is opened below it */
	int lock_fd;		 /* -1: not locked */
	struct modules *modules; /* NULL: not asked for yet */
	struct testguest guest;	 /* perhaps still being taken apart */
	struct cpu_id cpu;	 /* asked for once: it stays the same */
	bool cpu_known;
	struct bus *bus; /* NULL: not asked for yet */
	struct bus_limits bus_limits;
	pid_t unmerge_pid; /* the child that takes merged pages apart; 0: none */
	pid_t victim_pid;  /* meanwhile: the one that the kernel kills next where memory is out */
};

static inline struct sys *sys_of(struct ports *p)
{
	return p->self;
}

/* Opens a path below the root; links cannot lead outside. A descriptor or -errno. */
int sys_open(struct ports *p, const char *path, int flags);

/* The same without openat2(): opens a path below a directory. A descriptor or -errno. */
int sys_walk(int root, const char *path, int flags);

/* Opens a directory to write in, making what is missing of it. A descriptor or -errno. */
int sys_open_dir(struct ports *p, const char *path);

/*
 * Opens the directory of a path to write in, as sys_open_dir() does, and refuses one that others may
 * write. *ret_name is the last part of the path. A descriptor or a negative errno.
 */
int sys_open_parent(struct ports *p, const char *path, const char **ret_name, struct err *e);

/* Root, this user, or in an image the owner of its root directory. */
bool sys_trusted_owner(struct ports *p, const struct stat *st);

/*
 * Can nobody but these have written it? Where all may write a directory, its sticky bit has to
 * protect what is in it. 0, or a refusal ("not-trusted").
 */
int sys_check_trusted(struct ports *p, int fd, const char *path, struct err *e);

/* Writes all of it. 0 or -errno. */
int sys_write_all(int fd, const char *text, size_t len);

/* Each fills its part of the table. */
void sys_files(struct ports *p);
void sys_write(struct ports *p);
void sys_trust(struct ports *p);
void sys_lock(struct ports *p);
void sys_modules(struct ports *p);
void sys_modules_close(struct ports *p);
void sys_cpu(struct ports *p);
void sys_kvm(struct ports *p);
void sys_kvm_close(struct ports *p);
void sys_units(struct ports *p);
void sys_units_close(struct ports *p);
void sys_unmerge(struct ports *p);
void sys_system(struct ports *p);
void sys_user_files(struct ports *p);

/* Every leaf of every logical CPU: cpu_port.read_all. */
int sys_read_all_cpus(struct ports *p, cpuid_sink sink, void *arg, struct err *e);

#endif
