// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tables.c - one row a command, one row an option.
 */
#include <kvmtune/command.h>

#include <kvmtune/host_file.h>

#include <string.h>

const struct option_row option_table[] = {
	{ OPT_DRY_RUN, 'n', "dry-run", NULL, false, "print the plan and change nothing" },
	{ OPT_JSON, 'j', "json", NULL, false, "print JSON for programs" },
	{ OPT_QUIET, 'q', "quiet", NULL, false, "print no advice and no notes" },
	{ OPT_VERBOSE, 'v', "verbose", NULL, false, "print more: steps, parameters, counters" },
	{ OPT_WAIT, 0, "wait", "TIME", true,
	  "wait until no guest runs, at most TIME (90s, 10m, 2h); without TIME for "
	  "as long as it takes" },
	{ OPT_DEFER, 0, "defer", "WHEN", true,
	  "save for the next module load or boot; do not change the running host; if-busy: only "
	  "what cannot be done now because guests run or memory is short" },
	{ OPT_RESERVE, 0, "reserve", "SIZE", false,
	  "memory to keep free while pages are unmerged (5 % of all, at least 1G)" },
	{ OPT_WATCH, 0, "watch", "TIME", false,
	  "then watch this long for swapping (10s), and roll back if it begins; 0: do not watch" },
	{ OPT_FILE, 0, "file", "FILE", false,
	  "read the wanted settings from FILE (-: standard input), not from " HOST_FILE },
	{ OPT_LIST, 0, "list", NULL, false, "list the changes that can be undone" },
	{ OPT_SKIP, 0, "skip", NULL, false,
	  "keep the last change: the next undo starts with the one before it" },
	{ OPT_ALL, 0, "all", NULL, false, "undo all changes, the newest first" },
	{ OPT_REQUIRE, 0, "require", "NAME", false,
	  "exit with 0, 4 or 1: the processor has NAME (ept, npt, ept-1gb...), lacks it, or it is "
	  "unknown" },
	{ OPT_CPUID, 0, "cpuid", "FILE", false,
	  "judge the processor whose registers are in FILE, not this one" },
	{ OPT_MSR, 0, "msr", "FILE", false, "the model-specific registers of that processor" },
	{ OPT_CPUINFO, 0, "cpuinfo", "FILE", false, "the /proc/cpuinfo of that processor" },
	{ OPT_CAPTURE, 0, "capture", "DIR", false,
	  "write these three files for this processor into the new directory DIR" },
	{ OPT_RUNS, 0, "runs", "N", false, "run the load N times under each variant (10)" },
	{ OPT_PRECISION, 0, "precision", "PERCENT", false,
	  "run it 10, 20 or 30 times: until the result is sure, or known to PERCENT" },
	{ OPT_BUDGET, 0, "budget", "TIME", false, "likewise, but end within TIME (30m, 8h)" },
	{ OPT_SEED, 0, "seed", "N", false, "seed of the random order of runs" },
	{ OPT_WARMUP, 0, "warmup", "N", false, "discard the first N runs of each variant (1)" },
	{ OPT_PREPARE, 0, "prepare", "COMMAND", false,
	  "run this before each run, without measuring it" },
	{ OPT_CLEANUP, 0, "cleanup", "COMMAND", false,
	  "run this after each run, without measuring it" },
	{ OPT_SCORE, 0, "score", "REGEX", false,
	  "judge a number that the load prints: the last match of this expression" },
	{ OPT_SCORE_JSON, 0, "score-json", "KEY", false,
	  "judge a number in JSON that the load prints: a.b is b in a" },
	{ OPT_HIGHER, 0, "higher-is-better", NULL, false, "the higher score is the better one" },
	{ OPT_RESUME, 0, "resume", "FILE", false, "go on with the bench in FILE.json" },
	{ OPT_ANALYSE, 0, "analyse", NULL, false,
	  "judge and draw recorded benches, also of several hosts" },
	{ OPT_EXPORT, 0, "export", "FILE", false,
	  "write the bench to FILE.json (everything), .csv (the runs) or .md (tables)" },
	{ OPT_PLOT, 0, "plot", "FILE", false, "draw the runs into FILE.svg" },
	{ OPT_ROOT, 0, "root", "DIR", false,
	  "work on an image below DIR: files only, never the running kernel" },
	{ OPT_COLOR, 0, "color", "WHEN", false, "auto (the default), always or never" },
	{ OPT_HELP, 'h', "help", NULL, false, "print this help, or that of a command" },
	{ OPT_VERSION, 0, "version", NULL, false, "print the version" },
	{ OPT_LIST_WORDS, 0, "list-words", NULL, false, NULL },
};
const size_t option_count = ARRAY_SIZE(option_table);

/* The settings that are a parameter of a module. */
#define RELOAD_TEXT(module)                                                                        \
	"Writes " OWN_CONF_FILE ", verifies that it takes precedence, and reloads " module " if "  \
	"no guest runs. Then it checks the parameters, /dev/kvm and a test guest. Any failure is " \
	"rolled back."

/* The settings that are a word in sysfs. */
#define ATTRIBUTE_TEXT                                                                             \
	"Writes the value now, even while guests run, and lets " OWN_TMPFILES " write it at each " \
	"boot. Refuses if another program writes another value at boot. "

const struct command command_table[] = {
	{ .name = "status",
	  .summary = "Show the state of the host now and at the next module load or boot",
	  .text = "Prints the processor's virtualization and how kvmtune knows it, the state of "
		  "the "
		  "kvm module, each setting now and at the next load or boot with the file and "
		  "line "
		  "responsible, same-page merging, memory, and advice. With -v it also prints the "
		  "holders of KVM, all parameters, and all of each advice. Works without root, and "
		  "lists what it could not check.",
	  .takes = OPTS_READ,
	  .run = cmd_status },
	{ .name = "list",
	  .summary = "List the settings, their values, and the state of each",
	  .text = "Prints each setting with the values it takes, its value now and after the next "
		  "load or boot, and with -v where kvmtune keeps it.",
	  .takes = OPTS_READ,
	  .run = cmd_list },
	{ .name = "cpu",
	  .summary = "Show what the processor can do for virtual machines, with the evidence",
	  .text = "Prints what CPUID, the model-specific registers, /proc/cpuinfo and the loaded "
		  "kvm module say about virtualization: what is present, what is disabled in "
		  "firmware, and what KVM may use. --require answers for scripts: exit status 0 "
		  "yes, 4 no, 1 unknown. --capture DIR writes what was read, without serial "
		  "numbers, into DIR/cpuid.txt, msr.txt and cpuinfo.txt; --cpuid judges these "
		  "files "
		  "on any host. Works without root, and lists what it could not check.",
	  .takes = OPTS_READ | OPTS_CPU,
	  .run = cmd_cpu },
	{ .name = "guests",
	  .summary = "List the processes that hold KVM, whatever the program is called",
	  .text = "Lists every process that holds /dev/kvm, a virtual machine or a virtual "
		  "processor. Without root it sees only your own processes.",
	  .takes = OPTS_READ,
	  .run = cmd_guests },
	{ .name = "ept",
	  .operands = "[on|off]",
	  .summary = "Turn Intel's extended page tables on or off; without an argument: show their "
		     "state",
	  .text = RELOAD_TEXT("kvm_intel"),
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "npt",
	  .operands = "[on|off]",
	  .summary = "Turn AMD's nested page tables on or off; without an argument: show their "
		     "state",
	  .text = RELOAD_TEXT("kvm_amd"),
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "tdp",
	  .operands = "[on|off]",
	  .summary = "Turn ept or npt on or off, whichever this processor has",
	  .text = RELOAD_TEXT("kvm_intel or kvm_amd"),
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "nested",
	  .operands = "[on|off]",
	  .summary = "Turn guests inside guests on or off; without an argument: show the state",
	  .text = RELOAD_TEXT("kvm_intel or kvm_amd"),
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "ksm",
	  .operands = "[on|off|unmerged]",
	  .summary = "Turn same-page merging on or off, or unmerge all pages; without an argument: "
		     "show its state",
	  .text = "off: disables and stops ksmtuned and ksm, and stops merging; merged pages stay "
		  "merged. unmerged: also unmerges them if there is enough memory, and watches for "
		  "swapping. on: restores what the last off found, or else starts the services, or "
		  "else lets the kernel merge, now and at boot. Any failure is rolled back.",
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "thp",
	  .operands = "[always|madvise|never]",
	  .summary = "Choose which memory gets transparent huge pages; without an argument: show "
		     "the state",
	  .text = ATTRIBUTE_TEXT "always: all memory, if possible. madvise: that of programs that "
				 "ask, as QEMU does for its guests. never: none. Memory that is "
				 "already mapped keeps its pages.",
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "thp-defrag",
	  .operands = "[always|defer|defer+madvise|madvise|never]",
	  .summary = "Choose when memory is defragmented for huge pages; without an argument: show "
		     "the state",
	  .text = ATTRIBUTE_TEXT "always, madvise: a program that gets a huge page waits for it. "
				 "defer: in the background. never: not at all.",
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "apply",
	  .operands = "[SETTING=VALUE...]",
	  .summary = "Change several settings as one",
	  .text = "`kvmtune apply ept=off` is `kvmtune ept off`. With several settings it does all "
		  "of them or none: `kvmtune apply ept=off ksm=off`. Without any it applies those "
		  "of " HOST_FILE " and " HOST_FILE_DIR "/*.conf.",
	  .takes = OPTS_CHANGE | OPT_FILE,
	  .changes = true,
	  .run = cmd_apply },
	{ .name = "audit",
	  .operands = "[SETTING=VALUE...]",
	  .summary = "Compare the host with what it should be, and change nothing",
	  .text = "Without a setting it takes those of " HOST_FILE " and " HOST_FILE_DIR "/*.conf. "
		  "Exit status 0: the host is as wanted, now and at the next load or boot. 7: it "
		  "differs.",
	  .takes = OPTS_READ | OPT_FILE,
	  .run = cmd_audit },
	{ .name = "undo",
	  .summary = "Undo the last change, then the one before",
	  .text = "Undoes an interrupted change first. With --list it prints what can be undone. "
		  "With --all it undoes all changes, the newest first, and stops at the first that "
		  "cannot be undone. With --skip it keeps the last change, so that the next undo "
		  "gets to the one before.",
	  .takes = OPTS_CHANGE | OPT_LIST | OPT_ALL | OPT_SKIP,
	  .changes = true,
	  .run = cmd_undo },
	{ .name = "bench",
	  .operands = "VARIANT... -- COMMAND",
	  .summary = "Run a load under variants of the host, and report which is faster and how "
		     "sure that is",
	  .text = "A variant is a list of settings, as ept=off or ept=off,ksm=off, or `current`: "
		  "the host as it is. The bench switches the host between the variants in random "
		  "order, and restores it at the end. COMMAND runs without a shell; "
		  "KVMTUNE_BENCH_VARIANT holds the variant. `kvmtune bench --analyse FILE...` "
		  "judges what --export wrote before: it combines files of one host; of several "
		  "hosts, each counts once.",
	  .takes = OPTS_BENCH,
	  .changes = true,
	  .run = cmd_bench },
};
const size_t command_count = ARRAY_SIZE(command_table);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(command_table[i].name, name) == 0)
			return &command_table[i];
	return NULL;
}
