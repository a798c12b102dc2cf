// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tables.c - what can be typed: one row a command, one row an option.
 */
#include <kvmtune/command.h>

#include <string.h>

const struct option_row option_table[] = {
	{ OPT_DRY_RUN, 'n', "dry-run", NULL, false, "print the plan and change nothing" },
	{ OPT_JSON, 'j', "json", NULL, false, "print JSON for programs" },
	{ OPT_QUIET, 'q', "quiet", NULL, false, "print no advice and no notes" },
	{ OPT_VERBOSE, 'v', "verbose", NULL, false, "print more: steps, parameters, counters" },
	{ OPT_WAIT, 0, "wait", "TIME", true,
	  "wait until KVM is not in use, at most TIME (90s, 10m, 2h; without TIME for ever)" },
	{ OPT_DEFER, 0, "defer", NULL, false,
	  "save for the next module load or boot, leave the running host alone" },
	{ OPT_RESERVE, 0, "reserve", "SIZE", false,
	  "memory to keep free while unmerging (default: 5 % of all, at least 1G)" },
	{ OPT_WATCH, 0, "watch", "TIME", false,
	  "time to watch for swapping after unmerging (10s); the change is rolled back if the host "
	  "swaps" },
	{ OPT_LIST, 0, "list", NULL, false, "list the changes that can be undone" },
	{ OPT_SKIP, 0, "skip", NULL, false,
	  "keep the last change; the next undo undoes the one before" },
	{ OPT_REQUIRE, 0, "require", "NAME", false,
	  "exit with 0 if the processor has this (ept, npt, ept-1gb...), 4 if not, 1 if unknown" },
	{ OPT_CPUID, 0, "cpuid", "FILE", false,
	  "judge the processor whose registers are in FILE, not this one" },
	{ OPT_MSR, 0, "msr", "FILE", false, "the model-specific registers of that processor" },
	{ OPT_CPUINFO, 0, "cpuinfo", "FILE", false, "the /proc/cpuinfo of that processor" },
	{ OPT_CAPTURE, 0, "capture", "DIR", false,
	  "write these three files for this processor into the new directory DIR" },
	{ OPT_RUNS, 0, "runs", "N", false, "run the load N times under each variant (10)" },
	{ OPT_PRECISION, 0, "precision", "PERCENT", false,
	  "run it 10, 20 or 30 times, until the difference is sure or known to PERCENT" },
	{ OPT_BUDGET, 0, "budget", "TIME", false, "the same, and end within TIME (30m, 8h)" },
	{ OPT_SEED, 0, "seed", "N", false, "draw the order of runs from this number" },
	{ OPT_WARMUP, 0, "warmup", "N", false,
	  "first runs of each variant that are not judged (1)" },
	{ OPT_PREPARE, 0, "prepare", "COMMAND", false, "run this before each run, not measured" },
	{ OPT_CLEANUP, 0, "cleanup", "COMMAND", false, "run this after each run, not measured" },
	{ OPT_SCORE, 0, "score", "REGEX", false,
	  "judge a number that the load prints: the last match of this expression" },
	{ OPT_SCORE_JSON, 0, "score-json", "KEY", false,
	  "judge a number in JSON that the load prints: a.b is b in a" },
	{ OPT_HIGHER, 0, "higher-is-better", NULL, false, "the higher of two scores is better" },
	{ OPT_RESUME, 0, "resume", "FILE", false, "continue the bench in FILE.json" },
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

/* For settings that are a parameter of a module. */
#define RELOAD_TEXT(module)                                                                        \
	"Writes " OWN_CONF_FILE ", checks that it takes precedence, and reloads " module           \
	" while KVM is not in use. Then checks the parameters, /dev/kvm and a test guest. Any "    \
	"failure rolls the change back."

#define ATTRIBUTE_TEXT                                                                             \
	"Writes it now, also while guests run, and has it written at each boot by " OWN_TMPFILES   \
	". Refused where something else writes another value at boot. "

const struct command command_table[] = {
	{ .name = "status",
	  .summary = "Report the host: now, and at the next module load or boot",
	  .text = "Prints the processor's virtualization with the evidence for it, the state of "
		  "the kvm module, each setting now and at the next load or boot with the file and "
		  "line responsible, every other place that sets it, same-page merging, memory, "
		  "and the holders of KVM. Works without root, and lists what it could not read.",
	  .takes = OPTS_READ,
	  .run = cmd_status },
	{ .name = "list",
	  .summary = "List the settings: possible values, current and next value",
	  .text = "Prints each setting with the values that it takes, its value now and after the "
		  "next load or boot, and where kvmtune keeps it.",
	  .takes = OPTS_READ,
	  .run = cmd_list },
	{ .name = "cpu",
	  .summary = "Report what the processor can do for virtual machines, with the evidence",
	  .text = "Prints each capability for virtualization by CPUID, the model-specific "
		  "registers, /proc/cpuinfo and the loaded kvm module: present, disabled in "
		  "firmware or absent, and whether KVM can use it. --require answers for scripts: "
		  "exit status 0 yes, 4 no, 1 unknown. --capture DIR writes these facts, without "
		  "serial numbers, into DIR/cpuid.txt, msr.txt and cpuinfo.txt; --cpuid judges "
		  "them on any host. Works without root, and lists what it could not read.",
	  .takes = OPTS_READ | OPTS_CPU,
	  .run = cmd_cpu },
	{ .name = "guests",
	  .summary = "List the processes that hold KVM now, whatever they are called",
	  .text = "Lists every process that holds /dev/kvm, a virtual machine or a virtual "
		  "processor. Without root it sees only your own processes.",
	  .takes = OPTS_READ,
	  .run = cmd_guests },
	{ .name = "ept",
	  .operands = "[on|off]",
	  .summary = "Turn Intel's extended page tables on or off; without an argument: print "
		     "their state",
	  .text = RELOAD_TEXT("kvm_intel"),
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "npt",
	  .operands = "[on|off]",
	  .summary =
		  "Turn AMD's nested page tables on or off; without an argument: print their state",
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
	  .summary = "Let guests run guests of their own, or not; without an argument: print the "
		     "state",
	  .text = RELOAD_TEXT("kvm_intel or kvm_amd"),
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "ksm",
	  .operands = "[on|off|unmerged]",
	  .summary = "Turn same-page merging on or off, or unmerge all pages; without an argument: "
		     "print its state",
	  .text = "off: disables and stops ksmtuned and ksm, and stops merging; merged pages stay "
		  "merged. unmerged: also unmerges all pages if there is enough memory, and "
		  "watches for swapping. on: restores what the last off found; otherwise starts "
		  "the services; otherwise makes the kernel merge, now and at boot. Any failure "
		  "rolls the change back.",
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "thp",
	  .operands = "[always|madvise|never]",
	  .summary = "Choose who gets transparent huge pages; without an argument: print the state",
	  .text = ATTRIBUTE_TEXT
	  "always: all memory is given in huge pages where possible. madvise: "
	  "that of programs that ask, as QEMU does for its guests. never: none. Memory "
	  "that a program already has stays as it is.",
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "thp-defrag",
	  .operands = "[always|defer|defer+madvise|madvise|never]",
	  .summary =
		  "Choose when memory is defragmented for huge pages; without an argument: print "
		  "the state",
	  .text = ATTRIBUTE_TEXT
	  "always, madvise: a program that gets a huge page waits for it. defer: it "
	  "is done in the background. never: not at all.",
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "apply",
	  .operands = "SETTING=VALUE...",
	  .summary = "Change several settings as one change",
	  .text = "All settings are changed, or none: `kvmtune apply ept=off ksm=off`. `kvmtune "
		  "apply ept=off` is `kvmtune ept off`.",
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_apply },
	{ .name = "audit",
	  .operands = "SETTING=VALUE...",
	  .summary = "Compare the host with these values, and change nothing",
	  .text = "Exit status 0: the host matches, now and at the next load or boot. 7: it "
		  "differs.",
	  .takes = OPTS_READ,
	  .run = cmd_audit },
	{ .name = "undo",
	  .summary = "Undo the last change, then the one before",
	  .text = "An interrupted change comes first. --list prints the changes that can be "
		  "undone. --skip keeps the last change, so that the next undo undoes the one "
		  "before.",
	  .takes = OPTS_CHANGE | OPT_LIST | OPT_SKIP,
	  .changes = true,
	  .run = cmd_undo },
	{ .name = "bench",
	  .operands = "VARIANT... -- COMMAND",
	  .summary = "Run a load under variants of the host, and report which is faster, and how "
		     "sure that is",
	  .text = "A variant is a list of settings, as ept=off or ept=off,ksm=off, or `current`: "
		  "the host as it is. The host is switched between the variants in random order, "
		  "and restored at the end. COMMAND is run without a shell; KVMTUNE_BENCH_VARIANT "
		  "holds the variant. `kvmtune bench --analyse FILE...` judges files that --export "
		  "wrote before: those of one host are taken together; of several hosts, each "
		  "counts once.",
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
