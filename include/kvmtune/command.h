/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * command.h - the tables of commands and of options.
 *
 * main.c reads these two tables for dispatch, for the check of which option goes with which
 * command, for help and for the words of the shell completions; a test holds the man page to
 * them. A command gets its operands and options in a struct invocation and returns an exit
 * status; what went wrong is in the struct err, which main prints.
 */
#ifndef KVMTUNE_COMMAND_H
#define KVMTUNE_COMMAND_H

#include <kvmtune/change.h>
#include <kvmtune/report.h>

/* Options, as bits: which were given, and which a command takes. */
enum option_bit {
	OPT_DRY_RUN = 1 << 0,
	OPT_JSON = 1 << 1,
	OPT_QUIET = 1 << 2,
	OPT_VERBOSE = 1 << 3,
	OPT_WAIT = 1 << 4,
	OPT_DEFER = 1 << 5,
	OPT_ROOT = 1 << 6,
	OPT_COLOR = 1 << 7,
	OPT_LIST = 1 << 8,
	OPT_HELP = 1 << 9,
	OPT_VERSION = 1 << 10,
	OPT_LIST_WORDS = 1 << 11,
	OPT_RESERVE = 1 << 12,
	OPT_WATCH = 1 << 13,
	OPT_REQUIRE = 1 << 14,
	OPT_CPUID = 1 << 15,
	OPT_MSR = 1 << 16,
	OPT_CPUINFO = 1 << 17,
	OPT_CAPTURE = 1 << 18,
	OPT_SKIP = 1 << 19,
	OPT_ALL = 1 << 20,
};

/* An enum has 32 bits: these are from the upper half. */
#define OPT_ANALYSE    (UINT64_C(1) << 32)
#define OPT_EXPORT     (UINT64_C(1) << 33)
#define OPT_PLOT       (UINT64_C(1) << 34)
#define OPT_RUNS       (UINT64_C(1) << 35)
#define OPT_PRECISION  (UINT64_C(1) << 36)
#define OPT_BUDGET     (UINT64_C(1) << 37)
#define OPT_SEED       (UINT64_C(1) << 38)
#define OPT_WARMUP     (UINT64_C(1) << 39)
#define OPT_PREPARE    (UINT64_C(1) << 40)
#define OPT_CLEANUP    (UINT64_C(1) << 41)
#define OPT_SCORE      (UINT64_C(1) << 42)
#define OPT_SCORE_JSON (UINT64_C(1) << 43)
#define OPT_HIGHER     (UINT64_C(1) << 44)
#define OPT_RESUME     (UINT64_C(1) << 45)
#define OPT_FILE       (UINT64_C(1) << 46)

#define OPTS_ALWAYS (OPT_HELP | OPT_VERSION | OPT_COLOR | OPT_ROOT | OPT_LIST_WORDS)
#define OPTS_READ   (OPT_JSON | OPT_QUIET | OPT_VERBOSE)
#define OPTS_CPU    (OPT_REQUIRE | OPT_CPUID | OPT_MSR | OPT_CPUINFO | OPT_CAPTURE)
/* How a bench is run, and what comes of it. */
#define OPTS_RUN                                                                                   \
	(OPT_RUNS | OPT_PRECISION | OPT_BUDGET | OPT_SEED | OPT_WARMUP | OPT_PREPARE |             \
	 OPT_CLEANUP | OPT_SCORE | OPT_SCORE_JSON | OPT_HIGHER | OPT_RESUME)
#define OPTS_BENCH  (OPT_JSON | OPT_QUIET | OPT_ANALYSE | OPT_EXPORT | OPT_PLOT | OPTS_RUN)
#define OPTS_CHANGE (OPTS_READ | OPT_DRY_RUN | OPT_WAIT | OPT_DEFER | OPT_RESERVE | OPT_WATCH)

struct option_row {
	uint64_t bit;
	char short_name;      /* 0: none */
	const char *name;     /* "dry-run" */
	const char *argument; /* "TIME"; NULL: takes none */
	bool optional;	      /* the argument may be left out */
	const char *help;     /* NULL: not shown */
};

extern const struct option_row option_table[];
extern const size_t option_count;

struct invocation {
	uint64_t given; /* option bits */
	int64_t wait_ms;
	uint64_t reserve_bytes;
	int64_t watch_ms;
	enum defer defer;
	const char *root;
	const char *file;		 /* the host file; "-": standard input */
	const char *required[CAP_COUNT]; /* names of capabilities: all must be there */
	size_t required_count;
	const char *cpuid_file, *msr_file, *cpuinfo_file; /* of a processor that was captured */
	const char *capture_dir;
	const char *export_file, *plot_file, *resume_file; /* from here on of bench */
	const char *runs, *precision, *seed, *warmup;	   /* numbers, as they were typed */
	const char *prepare, *cleanup, *score, *score_json;
	int64_t budget_ms;
	struct style style, message_style; /* of stdout, of stderr */
	const char *command;		   /* its name */
	bool bare;			   /* none was typed: status */
	char **args;			   /* operands behind it */
	int arg_count;
	int load_count; /* so many of them, at the end, stand behind "--" */
	struct ports *ports;
	bool changed;  /* by the command: it has altered the host, whatever comes after */
	size_t undone; /* by undo --all: changes that were undone before the last attempt */
	bool reported; /* by the command: its JSON document is printed, with any error in it */
};

struct command {
	const char *name;
	const char *operands; /* for the synopsis: "SETTING=VALUE..." */
	const char *summary;
	const char *text; /* a paragraph for its --help */
	uint64_t takes;	  /* option bits */
	bool changes;	  /* its first purpose is to change the host */
	enum exit_status (*run)(struct invocation *in, struct err *e);
};

extern const struct command command_table[];
extern const size_t command_count;

const struct command *command_find(const char *name);

/* Parses argv into *ret: options wherever they stand. 0, or STATUS_USAGE with e filled. */
int options_parse(int argc, char **argv, struct invocation *ret, struct err *e);

void help_all(FILE *out, const struct style *style);
void help_command(FILE *out, const struct style *style, const struct command *c);
/*
 * All words for the shell completions, one a line: "command ept", "option --root=" (with "=": its
 * argument is needed), "argument --root DIR", "takes ept --dry-run", "goals apply" (SETTING=VALUE),
 * "variants bench" (several with commas, or "current"), "value ept off", "choice --color never",
 * "about ept TEXT", "about --root TEXT".
 */
void list_words(FILE *out);

/* Sets the hint of e to the command that was meant instead of in->command, if there is one. */
void hint_command(const struct invocation *in, struct err *e);
/* Describes a mistake in the command line. Returns STATUS_USAGE. */
enum exit_status usage_error(struct err *e, const char *fmt, ...) PRINTF(2, 3);

enum exit_status cmd_status(struct invocation *in, struct err *e);
enum exit_status cmd_list(struct invocation *in, struct err *e);
enum exit_status cmd_cpu(struct invocation *in, struct err *e);
enum exit_status cmd_guests(struct invocation *in, struct err *e);
enum exit_status cmd_setting(struct invocation *in, struct err *e);
enum exit_status cmd_apply(struct invocation *in, struct err *e);
enum exit_status cmd_audit(struct invocation *in, struct err *e);
enum exit_status cmd_undo(struct invocation *in, struct err *e);
enum exit_status cmd_bench(struct invocation *in, struct err *e);

#endif
