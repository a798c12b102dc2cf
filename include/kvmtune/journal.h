/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * journal.h - each change and its undo, on disk before it is done.
 *
 * /var/lib/kvmtune/journal has one record a line: a checksum (CRC-32, 8 hex digits), a space, and a
 * JSON object. Before its first step a change writes `plan`, all steps with their undo, and `begin`;
 * after its last one `end`. The progress of an interrupted change is not recorded: its undo is planned
 * from the present state of the host. An incomplete last line is ignored. A begin without an end is an
 * interrupted change, or, while another process holds the lock, one that is being made. Unknown members
 * of a record are ignored.
 *
 *	journal_load() -> journal_begin() -> journal_end()
 *	journal_load() -> journal_undoable() -> journal_read_steps()
 *
 * Ownership: struct journal owns its entries; journal_free() frees them.
 */
#ifndef KVMTUNE_JOURNAL_H
#define KVMTUNE_JOURNAL_H

#include <kvmtune/plan.h>

struct ports;

#define JOURNAL_FILE STATE_DIR "/journal"

/*
 * The format of an entry, in its `begin`. It counts up when older programs would misread an entry:
 * they do nothing with it. 1 is not written down.
 */
#define JOURNAL_VERSION 3

enum journal_result {
	JOURNAL_OPEN, /* no end: interrupted, or being done right now */
	JOURNAL_DONE,
	JOURNAL_ROLLED_BACK, /* failed; the host is as it was */
	JOURNAL_STUCK,	     /* failed, and its rollback failed too */
};

struct journal_entry {
	int id; /* counts up from 1 */
	int version;
	int64_t time;  /* seconds since 1970 */
	char *boot;    /* the kernel's name of the boot it was begun in; NULL: not known */
	char *cpu;     /* the processor it was begun on; NULL: not known, or a virtual one */
	char *command; /* "ept off" */
	int undoes;    /* the entry that this one undoes; 0: none */
	bool image;    /* made below --root, in the files of an image */
	bool skips;    /* that one is not undone, but left as it is */
	bool skipped;  /* a later entry did so; undone is set, too */
	bool undone;   /* a later entry undid it */
	enum journal_result result;
	struct step *steps; /* by journal_read_steps() */
	size_t step_count;
	struct strv lost;	      /* steps that cannot be read, a sentence each */
	size_t offset;		      /* of its first line in the file */
	size_t plan_offset, plan_len; /* of its plan's line; 0, 0: it has none */
};

struct journal {
	struct journal_entry *entries;
	size_t count;
	void *by_id;	 /* for tsearch(3): where in entries */
	bool image;	 /* read below --root; else changes of an image are not for this host */
	size_t damaged;	 /* lines that cannot be read, the last one not counted */
	struct buf text; /* the file */
	/*
	 * The running kvmtune, "kvmtune ept off, PID 123", if a change did not end and another process
	 * holds the lock; NULL: nobody.
	 */
	char *at_work;
	/* While it is read: the last plan, which waits for its begin. */
	int plan_id;
	size_t plan_offset, plan_len;
};

/* Reads the journal, and who is at work; none at all is an empty one. */
int journal_load(struct ports *p, struct journal *ret, struct err *e);
void journal_free(struct journal *j);

/*
 * Is this change for whoever reads the journal? What the build of an image did is part of the host that
 * boots it: only --root undoes it. Below --root all changes are the image's.
 */
bool journal_is_for(const struct journal *j, const struct journal_entry *entry);
/* The change that the next undo undoes: an interrupted one first, else the last; or NULL. */
const struct journal_entry *journal_undoable(const struct journal *j);
/* Would an undo come to this change, at once or after others? */
bool journal_is_left(const struct journal *j, const struct journal_entry *entry);
/* The change that was interrupted, whose rollback failed, or that is being made; or NULL. */
const struct journal_entry *journal_interrupted(const struct journal *j);
/* Is it the one that is being made? */
bool journal_is_being_made(const struct journal *j, const struct journal_entry *entry);

/* Fails with -EBADMSG if the records of the change that an interrupted undo undoes are lost. */
int journal_check_whole(const struct journal *j, struct err *e);
/* Is it of a format that this program knows? Else -EPROTO, with the way out. */
int journal_check_version(const struct journal_entry *entry, struct err *e);
/* Was the host booted since it was begun? Where that is not known: no. */
bool journal_is_of_other_boot(struct ports *p, const struct journal_entry *entry);
/*
 * Adds to a host what a change of this very host saw before: that KVM used EPT (NPT), where nothing else
 * tells it now. Each entry has to be of this boot, or of this processor. Evidence for reports: no plan
 * is made from it.
 */
void journal_add_evidence(struct ports *p, const struct journal *j, struct host *host);
/* The next command if this change was interrupted: one line for people. */
const char *journal_way_out(const struct journal_entry *entry);

/*
 * Reads the steps of an entry, which are not read before they are needed: a plan is long. -EBADMSG:
 * they cannot be trusted.
 */
int journal_read_steps(const struct journal *j, const struct journal_entry *entry, struct err *e);

/* A change that is about to begin. */
struct journal_change {
	const char *command;
	int undoes; /* 0: none */
	const struct step *steps;
	size_t step_count;
};

/* Writes it; *ret_id names the entry in the calls after it. */
int journal_begin(struct ports *p, const struct journal *j, const struct journal_change *change,
		  int *ret_id, struct err *e);
int journal_end(struct ports *p, int id, enum journal_result result, struct err *e);
/* Writes that this entry is left as it is, and no undo comes to it any more. */
int journal_skip(struct ports *p, const struct journal *j, const char *command, int id,
		 struct err *e);

const char *journal_result_name(enum journal_result r);

#endif
