/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sys.h - what the files of src/sys share: the real host behind struct ports.
 */
#ifndef KVMTUNE_SYS_H
#define KVMTUNE_SYS_H

#include <kvmtune/port.h>
#include <kvmtune/reader.h>
#include <kvmtune/testguest.h>

#include <sys/types.h>

struct bus;
struct load;
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
	int live_fd;		 /* for an image: the running system's; -1: not known */
	int lock_fd;		 /* -1: not locked */
	int lock_dir_fd;	 /* the directory of the lock, locked as well */
	struct modules *modules; /* NULL: not asked for yet */
	struct testguest guest;	 /* its end may be pending */
	struct cpu_id cpu;	 /* asked for once: it stays the same */
	bool cpu_known;
	struct reader reader; /* of other people's processes */
	struct bus *bus;      /* NULL: not asked for yet */
	struct bus_limits bus_limits;
	struct load *load; /* that runs; NULL: none */
	pid_t unmerge_pid; /* the child that unmerges; 0: none */
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

/*
 * Opens a path below the root, but follows only links that nobody else can have made: theirs are the
 * refusal "not-trusted". A descriptor or a negative errno.
 */
int sys_walk_trusted(struct ports *p, const char *path, int flags, struct err *e);

/* Sets root_fd and live_fd: dir NULL is the running system, else the directory of an image. */
int sys_open_root(struct ports *p, const char *dir, struct err *e);

/*
 * Is this file or directory of an image the one that the running system has under this path, as a
 * bind mount makes it? 0, or a usage error ("running-root").
 */
int sys_check_not_live(struct ports *p, int fd, const char *path, struct err *e);

/*
 * Opens the directory of a path to write in, makes what is missing of it, and refuses one that others
 * may write. *ret_name is the last part of the path. A descriptor or a negative errno.
 */
int sys_open_parent(struct ports *p, const char *path, const char **ret_name, struct err *e);

/* Root, this user, or in an image the owner of its root directory. */
bool sys_trusted_owner(struct ports *p, const struct stat *st);

/*
 * Can nobody but these write it, by mode and access control list? A sticky directory that all may
 * write does not count as ours. 0, or a refusal ("not-trusted").
 */
int sys_check_trusted(struct ports *p, int fd, const char *path, struct err *e);

/* Likewise, and it is a regular file. */
int sys_check_own(struct ports *p, int fd, const char *path, struct err *e);

/*
 * Opens a file of our own in an open directory, if it passes sys_check_own(). A descriptor; -ENOENT
 * with *e untouched: it is missing; a negative errno.
 */
int sys_open_own(struct ports *p, int dir, const char *name, const char *path, int flags,
		 struct err *e);

/* ---- access control lists and other attributes ---- */

#define ACL_ACCESS "system.posix_acl_access"

struct acl_rights {
	bool group_writes; /* the group that owns the file */
	bool others_write; /* named users, named groups, or all */
};

/* Reads an access control list as it stands in ACL_ACCESS. 0, or -EINVAL: it is none. */
int acl_read(const void *data, size_t size, struct acl_rights *ret);

/*
 * Appends an extended attribute, also through a descriptor that was opened with O_PATH. 0 or -errno:
 * -ENODATA there is none of that name, -ENOTSUP the file system has none at all.
 */
int sys_get_xattr(int fd, const char *name, struct buf *ret);

/* Gives a file the owner, mode and extended attributes of another one. 0 or a negative errno. */
int sys_copy_attributes(int from, int to, struct err *e);

/* Writes all of it. 0 or -errno. */
int sys_write_all(int fd, const char *text, size_t len);

/* Appends all of an open file, at most 1 MiB (-EFBIG). 0 or -errno. */
int sys_read_all(int fd, struct buf *ret);

/* Each fills its part of the table. */
void sys_files(struct ports *p);
void sys_write(struct ports *p);
void sys_trust(struct ports *p);
void sys_lock(struct ports *p);
void sys_acl(struct ports *p);
void sys_modules(struct ports *p);
void sys_modules_close(struct ports *p);
void sys_cpu(struct ports *p);
void sys_kvm(struct ports *p);
void sys_kvm_close(struct ports *p);
void sys_processes(struct ports *p);
void sys_units(struct ports *p);
void sys_units_close(struct ports *p);
void sys_unmerge(struct ports *p);
void sys_system(struct ports *p);
void sys_user_files(struct ports *p);
void sys_load(struct ports *p);

/* Every leaf of every logical CPU: cpu_port.read_all. */
int sys_read_all_cpus(struct ports *p, cpuid_sink sink, void *arg, struct err *e);

#endif
