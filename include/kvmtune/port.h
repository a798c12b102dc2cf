/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * port.h - the ports: everything that kvmtune can read from, or do to, a host.
 *
 * src/sys implements them for a real host; the tests put an in-memory kernel behind the same
 * functions. The engine and the commands see only this table. Paths are absolute as seen below
 * the root (`--root`), "/etc/modprobe.d" for example; no path leads outside of it.
 *
 * Order of calls: ports_open() once, any of the functions, ports_close(). One thread.
 * Errors: 0 or a negative errno, described in the struct err where one is passed; outputs are
 * untouched on failure. Functions marked (changes) are the only ones that alter the host.
 */
#ifndef KVMTUNE_PORT_H
#define KVMTUNE_PORT_H

#include <kvmtune/base.h>
#include <kvmtune/err.h>
#include <kvmtune/facts.h>
#include <kvmtune/proc_text.h>
#include <kvmtune/user.h>

struct ports;

struct file_stat {
	bool is_dir, is_regular, is_char;
	unsigned mode; /* permission bits, 07777 */
	unsigned uid, gid;
	unsigned links; /* names that the file has */
	uint64_t size;
};

struct file_port {
	/*
	 * Appends the whole file to ret. Files over 16 MiB: -EFBIG; a FIFO: -EINVAL. No struct err:
	 * whether a missing file is an error is for the caller to say.
	 */
	int (*read)(struct ports *p, const char *path, struct buf *ret);
	/* Likewise, but only what one read() of at most `size` bytes (16384) gives: for /proc, sysfs. */
	int (*read_head)(struct ports *p, const char *path, size_t size, struct buf *ret);
	/* Adds the names in a directory, without "." and "..", in no order. Over 2^20: -EFBIG. */
	int (*list)(struct ports *p, const char *path, struct strv *ret);
	/* Likewise, but only what is a file or a link to one: no directories, no broken links. */
	int (*list_files)(struct ports *p, const char *path, struct strv *ret);
	/* The first line of each regular file in a directory, and its name, sorted by name. */
	int (*read_lines)(struct ports *p, const char *dir, struct strv *names, struct strv *lines);
	/* Follows links, below the root. */
	int (*stat)(struct ports *p, const char *path, struct file_stat *ret);
	/*
	 * May files be created in this directory, or this file be replaced? 0, or -EROFS; -EPERM: it
	 * has the attribute i or a (chattr(1)); -ENOENT... Does not look at the rights of this process.
	 */
	int (*writable)(struct ports *p, const char *path);
	/*
	 * (changes) Replaces or creates a file with this text, whole or not at all, and on disk when
	 * it returns: temporary name beside it, fsync, rename, fsync of the directory. A file that is
	 * there keeps owner, mode, access control list and extended attributes, and has to pass
	 * check_own(); a new one gets this mode. Missing parent directories are made (0755).
	 */
	int (*replace)(struct ports *p, const char *path, const char *text, unsigned mode,
		       struct err *e);
	/*
	 * (changes) Writes text into a file that is there already, by one write(): a value of sysfs.
	 */
	int (*write_value)(struct ports *p, const char *path, const char *text, struct err *e);
	/* (changes) Removes a file or a link; one that is not there is no error. */
	int (*remove)(struct ports *p, const char *path, struct err *e);
	/* (changes) Removes a directory, if it is empty; any other stays, and is no error. */
	int (*remove_dir)(struct ports *p, const char *path, struct err *e);
	/* Where a symbolic link leads, as it is written (appended). -EINVAL: no link. */
	int (*read_link)(struct ports *p, const char *path, struct buf *ret);
	/*
	 * (changes) Makes a symbolic link, whatever link was there before. Missing parent
	 * directories are made. -EEXIST: something that is no link is in the way.
	 */
	int (*make_link)(struct ports *p, const char *path, const char *target, struct err *e);
	/*
	 * (changes) Appends text to a file and waits until it is on disk; makes the file (0644). It
	 * has to pass check_own(). A file that has another name as well is replaced, so that the
	 * other name keeps the old text.
	 */
	int (*append)(struct ports *p, const char *path, const char *text, struct err *e);
	/* (changes) Removes what was left beside this file, or link, by whoever was killed writing it. */
	void (*sweep)(struct ports *p, const char *path);
	/*
	 * The POSIX ACL of a file as its extended attribute has it, into ret. Its size; 0: none;
	 * -ERANGE: longer than size.
	 */
	int (*read_acl)(struct ports *p, const char *path, void *ret, size_t size);
	/* (changes) Gives a device this ACL; size 0: none. */
	int (*set_acl)(struct ports *p, const char *path, const void *acl, size_t size,
		       struct err *e);
	/* (changes) Sets owner and mode of a device. */
	int (*set_owner)(struct ports *p, const char *path, unsigned uid, unsigned gid,
			 unsigned mode, struct err *e);
	/*
	 * Is this a regular file that nobody else can write, by owner, mode and access control list,
	 * in a directory that nobody else can write? Nobody else: but for root, this user, and in an
	 * image its owner. Else a refusal ("not-trusted"). A missing file is all right.
	 */
	int (*check_own)(struct ports *p, const char *path, struct err *e);
	/*
	 * (changes) Takes an exclusive lock that ends with the process and writes `holder` into the
	 * file. -EWOULDBLOCK: another holds it, and what it wrote is appended to ret_holder.
	 */
	int (*lock)(struct ports *p, const char *path, const char *holder, struct buf *ret_holder,
		    struct err *e);
	/* (changes) Gives the lock back, if this process holds it. */
	void (*unlock)(struct ports *p);
	/*
	 * Does another process hold that lock? What it wrote is appended to ret_holder, fit for a
	 * terminal, or its PID where that may not be read. Takes no lock itself, not for a moment: it
	 * could be in the way of a change. False also where that cannot be told.
	 */
	bool (*is_locked)(struct ports *p, const char *path, struct buf *ret_holder);
};

enum module_kind {
	MODULE_KIND_UNKNOWN, /* no modules directory to look into */
	MODULE_ABSENT,	     /* this kernel has no such module */
	MODULE_LOADABLE,
	MODULE_BUILTIN,
};

struct module_port {
	/*
	 * Reads modprobe.d afresh (a new libkmod context: an old one does not see new files), keeps
	 * it for load(), and says what it knows: the kind, and the options by configuration and
	 * kernel command line in ret_options (appended; empty for none). Either may be NULL.
	 */
	int (*prepare)(struct ports *p, const char *module, enum module_kind *ret_kind,
		       struct buf *ret_options, struct err *e);
	/*
	 * Can this module, which is loaded and has this parameter, be inserted again from here once
	 * it is removed? 0: yes; its file is kept open from now on, and is what load() inserts,
	 * whatever becomes of its path. Else a refusal ("not-reloadable", or "no-libkmod") with the
	 * reason. The kernel itself is asked, by an insertion that it refuses: it needs the rights
	 * for one, and loads nothing.
	 */
	int (*check_reload)(struct ports *p, const char *module, const char *param, struct err *e);
	/*
	 * (changes) Removes this module alone, never forced. -EAGAIN: in use; -ENOENT: not loaded;
	 * -EPERM: not allowed. Where the kept file was altered since, it is checked again first.
	 */
	int (*unload)(struct ports *p, const char *module, struct err *e);
	/*
	 * (changes) Inserts the module. options NULL: as configured, dependencies and softdeps too,
	 * as the last prepare() saw it, no install command run; else exactly these options for this
	 * module alone. -EEXIST: it is loaded already.
	 */
	int (*load)(struct ports *p, const char *module, const char *options, struct err *e);
};

/* Gets one leaf of CPUID of one logical CPU, by the kernel's number; r: EAX, EBX, ECX, EDX. */
typedef void (*cpuid_sink)(void *arg, unsigned cpu, uint32_t leaf, uint32_t subleaf,
			   const uint32_t r[4]);

struct cpu_port {
	int (*identify)(struct ports *p, struct cpu_id *ret, struct err *e);
	/* A model-specific register, where /dev/cpu/N/msr is there already: never loads `msr`. */
	int (*read_msr)(struct ports *p, unsigned cpu, uint32_t msr, uint64_t *ret);
	/*
	 * Gives each leaf of each logical CPU that this process may run on, CPU by CPU, but for the
	 * serial number (leaf 3). This process is moved from CPU to CPU, and may run where it might
	 * before when it returns.
	 */
	int (*read_all)(struct ports *p, cpuid_sink sink, void *arg, struct err *e);
};

struct kvm_port {
	/* Every process that holds /dev/kvm, a VM or a vCPU. The caller frees ret. */
	int (*users)(struct ports *p, struct kvm_users *ret, struct err *e);
	/*
	 * Runs a tiny real-mode guest through /dev/kvm and checks what it computed, in a child of
	 * its own, which is killed after timeout_ms (-ETIMEDOUT).
	 */
	int (*run_guest)(struct ports *p, unsigned timeout_ms, struct err *e);
	/*
	 * Waits until the kernel has taken that guest apart: it uses KVM until then. To be called
	 * before anybody asks for the holders of KVM.
	 */
	void (*settle)(struct ports *p);
};

/* Facts read about a process. */
struct process_view {
	int pid;
	enum answer answer;
	/* error: 0, or why it could not be read; -ETIMEDOUT: the process does not answer. */
	struct {
		int error;
		const char *text; /* NUL-terminated; cmdline has NULs within */
		size_t len;
	} files[PROC_FILE_COUNT];
};

/* False: enough. */
typedef bool (*process_sink)(void *arg, const struct process_view *view);

struct process_port {
	/*
	 * Reads these files (bits: 1 << PROC_...) of these processes (NULL: of all but this one), and
	 * gives each that is there to the sink, in no order. It ends whatever they do: one that does
	 * not answer within a second is given up, and so are all of a user with three such, and after
	 * ten seconds everybody.
	 */
	int (*read)(struct ports *p, const int *pids, size_t count, unsigned files,
		    process_sink sink, void *arg, struct err *e);
};

/*
 * The service manager: systemd, on the system bus. The connection is made by the first call. Each
 * call ends by itself, with an error whose id says why: "no-bus" (no connection), "bus-timeout",
 * "bus-lost" (it broke in the middle), "bus-denied", "job-failed" (the job ended otherwise than
 * done), "bus-error" (anything else the manager answers).
 */
struct unit_port {
	/* A unit that does not exist is no error: load "not-found", active "inactive", file "". */
	int (*state)(struct ports *p, const char *unit, struct unit_state *ret, struct err *e);
	/* Likewise, but without `file`; and which units have to do with it. ret must be empty. */
	int (*relations)(struct ports *p, const char *unit, struct unit_state *ret_state,
			 struct unit_relations *ret, struct err *e);
	/*
	 * (changes) Has the manager read all its files again: some seconds on a host with thousands
	 * of units, so once for all units whose links were altered. unit: one of them, for an error.
	 */
	int (*reload)(struct ports *p, const char *unit, struct err *e);
	/*
	 * (changes) Starts or stops this one unit, none of those that it has to do with, and waits
	 * until the job has ended, also one that somebody else began.
	 */
	int (*start)(struct ports *p, const char *unit, struct err *e);
	int (*stop)(struct ports *p, const char *unit, struct err *e);
};

/*
 * Unmerging: 2 is written to /sys/kernel/mm/ksm/run by a child, because the kernel
 * makes the writer its first victim when memory runs out (mm/ksm.c:run_store,
 * set_current_oom_origin), and because the write lasts until all is done.
 */
struct ksm_port {
	/* (changes) Starts the child. It ends with this process. */
	int (*unmerge_begin)(struct ports *p, struct err *e);
	/*
	 * Waits for it, at most so long. 1: still at work. 0: all is unmerged. -ENOMEM: there was not
	 * enough memory (it was killed by SIGKILL, or a cgroup's limit was met). -EINTR: stopped by a
	 * signal. After anything but 1 the child is gone.
	 */
	int (*unmerge_wait)(struct ports *p, unsigned timeout_ms, struct err *e);
	/* Stops it, and returns when it is gone. The kernel leaves run at 0 then. */
	void (*unmerge_stop)(struct ports *p);
};

/* A file of the user's, to be written. */
struct user_file {
	const char *name;
	const char *text;
};

/* Files of the user's: paths as they were typed, from the working directory, not below the root. */
struct user_port {
	/* Appends a whole file. More than 16 MiB: -EFBIG. */
	int (*read)(struct ports *p, const char *path, struct buf *ret);
	/*
	 * Appends a whole file of at most `max` bytes, "-" is standard input. A file has to be regular,
	 * and nobody but root and this user (in an image its owner) may be able to write it. Describes
	 * each failure; "not-trusted" is that of the owner or mode.
	 */
	int (*read_own)(struct ports *p, const char *path, size_t max, struct buf *ret,
			struct err *e);
	/*
	 * Makes a directory, or takes one that is empty, and writes files into it. -ENOTEMPTY: there is
	 * something in it. After a failure nothing new is left.
	 */
	int (*write_dir)(struct ports *p, const char *dir, const struct user_file *files,
			 size_t count, struct err *e);
	/*
	 * Writes a file, or replaces one: whole or not at all, and on disk when it returns. A file
	 * that is not regular (a pipe, a device) is written to. -ELOOP: it is a link to a file.
	 */
	int (*write)(struct ports *p, const char *path, const char *text, struct err *e);
};

/* The result and usage of a load. */
struct load_result {
	int error;	     /* errno: it could not be started */
	int status;	     /* exit status; 128 + the number of the signal that ended it */
	double wall_seconds; /* until its first process ended */
	double user_seconds, system_seconds; /* of all its processes that have ended by then */
	uint64_t minor_faults, major_faults;
	uint64_t peak_bytes; /* of the largest process */
};

/*
 * Commands of the user's, run as the user would: with the rights and the environment that kvmtune
 * was started with, and KVMTUNE_BENCH_VARIANT beside. They read nothing from the terminal, get no
 * signal from its keys, and end with this process.
 */
struct load_port {
	/*
	 * Starts a command and its arguments; NULL at the end. No shell: a name without a slash is
	 * looked for in PATH. The last megabyte of its output is kept.
	 */
	int (*begin)(struct ports *p, char *const *argv, const char *variant, struct err *e);
	/*
	 * Waits for it, at most so long. 1: it still runs. 0: it has ended, *ret is filled, and what it
	 * printed is appended to the two; processes that it left behind are left alone.
	 */
	int (*wait)(struct ports *p, unsigned timeout_ms, struct load_result *ret,
		    struct buf *ret_output, struct buf *ret_errors, struct err *e);
	/* Ends it with all its processes, if there is one, and returns when they are gone. */
	void (*stop)(struct ports *p);
};

struct system_port {
	void (*identify)(struct ports *p, struct host_id *ret);
	bool (*is_root)(struct ports *p);
	/*
	 * (changes) From now on SIGINT, SIGTERM and SIGHUP ask to stop. Before, they end this process
	 * as they do any other: nothing has been done yet.
	 */
	void (*catch_signals)(struct ports *p);
	/* Has such a signal asked to stop? Its number, or 0. */
	int (*interrupted)(struct ports *p);
	/* Sleeps; returns early when interrupted. */
	void (*sleep_ms)(struct ports *p, unsigned ms);
	int64_t (*monotonic_ms)(struct ports *p);
	int64_t (*wall_seconds)(struct ports *p);
	/*
	 * Appends what the kernel itself wrote into its log, a message a line, from the oldest that is
	 * left; at most 4 MiB. Never waits. -EPERM: not for this process; -ENOENT: there is none here.
	 */
	int (*kernel_log)(struct ports *p, struct buf *ret);
};

struct ports {
	struct file_port file;
	struct module_port module;
	struct cpu_port cpu;
	struct kvm_port kvm;
	struct process_port process;
	struct unit_port unit;
	struct ksm_port ksm;
	struct user_port user;
	struct load_port load;
	struct system_port system;
	bool image; /* --root: files only; modules, cpu, kvm and /proc are not this image's */
	void *self;
};

/*
 * Opens the ports of the running host (root NULL) or of the image below the directory `root`.
 * The caller closes them, also after a failure.
 */
int ports_open(struct ports *p, const char *root, struct err *e);
void ports_close(struct ports *p);

#endif
