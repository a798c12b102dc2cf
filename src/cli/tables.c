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
	  "wait until no guest runs, at most TIME (90s, 10m, 2h; for ever without)" },
	{ OPT_DEFER, 0, "defer", NULL, false,
	  "save for the next module load or boot, leave the running host alone" },
	{ OPT_RESERVE, 0, "reserve", "SIZE", false,
	  "memory to keep free when merged pages are taken apart (5 % of all, at least 1G)" },
	{ OPT_WATCH, 0, "watch", "TIME", false,
	  "watch so long for swapping after that (10s), and take it back if it begins; 0: do not" },
	{ OPT_LIST, 0, "list", NULL, false, "list the changes that can be taken back" },
	{ OPT_SKIP, 0, "skip", NULL, false,
	  "do not undo the last change, but leave it as it is and go on before it" },
	{ OPT_REQUIRE, 0, "require", "NAME", false,
	  "exit with 0, 4 or 1: the processor has this (ept, npt, ept-1gb...), has not, unknown" },
	{ OPT_CPUID, 0, "cpuid", "FILE", false,
	  "judge the processor whose registers are in FILE, not this one" },
	{ OPT_MSR, 0, "msr", "FILE", false, "its model-specific registers" },
	{ OPT_CPUINFO, 0, "cpuinfo", "FILE", false, "its /proc/cpuinfo" },
	{ OPT_CAPTURE, 0, "capture", "DIR", false,
	  "write these three files of this processor into the new directory DIR" },
	{ OPT_RUNS, 0, "runs", "N", false, "run the load N times under each variant (10)" },
	{ OPT_PRECISION, 0, "precision", "PERCENT", false,
	  "run it 10, 20 or 30 times: until it is sure, or known to so many percent" },
	{ OPT_BUDGET, 0, "budget", "TIME", false, "likewise, and end within TIME (30m, 8h)" },
	{ OPT_SEED, 0, "seed", "N", false, "draw the order of runs from this number" },
	{ OPT_WARMUP, 0, "warmup", "N", false,
	  "first runs of each variant that are thrown away (1)" },
	{ OPT_PREPARE, 0, "prepare", "COMMAND", false, "run this before each run, not measured" },
	{ OPT_CLEANUP, 0, "cleanup", "COMMAND", false, "run this after each run, not measured" },
	{ OPT_SCORE, 0, "score", "REGEX", false,
	  "judge a number that the load prints: the last that this expression finds" },
	{ OPT_SCORE_JSON, 0, "score-json", "KEY", false,
	  "judge a number in JSON that the load prints: a.b is b in a" },
	{ OPT_HIGHER, 0, "higher-is-better", NULL, false, "of two scores the higher is better" },
	{ OPT_RESUME, 0, "resume", "FILE", false, "go on with the bench in FILE.json" },
	{ OPT_ANALYSE, 0, "analyse", NULL, false,
	  "judge and draw recorded benches, also of several hosts" },
	{ OPT_EXPORT, 0, "export", "FILE", false,
	  "write the bench to FILE.json (all of it), .csv (the runs) or .md (tables)" },
	{ OPT_PLOT, 0, "plot", "FILE", false, "draw the runs into FILE.svg" },
	{ OPT_ROOT, 0, "root", "DIR", false,
	  "work on an image below DIR: files only, never the running kernel" },
	{ OPT_COLOR, 0, "color", "WHEN", false, "auto (the default), always or never" },
	{ OPT_HELP, 'h', "help", NULL, false, "print this help, or that of a command" },
	{ OPT_VERSION, 0, "version", NULL, false, "print the version" },
	{ OPT_LIST_WORDS, 0, "list-words", NULL, false, NULL },
};
const size_t option_count = ARRAY_SIZE(option_table);

/* What the settings that are a parameter of a module do. */
#define RELOAD_TEXT(module)                                                                        \
	"Writes " OWN_CONF_FILE ", makes sure that it wins, and reloads " module " while no "      \
	"guest runs; then checks the parameters, /dev/kvm and a test guest. Anything that "        \
	"fails is taken back."

const struct command command_table[] = {
	{ .name = "status",
	  .summary = "Say what the host is: now, and at the next module load or boot",
	  .text = "Prints the processor's virtualization with the evidence for it, the state of "
		  "the "
		  "kvm module, each setting now and at the next load or boot with the file and "
		  "line "
		  "that decides it, every other place that has a say, same-page merging and "
		  "memory, "
		  "and who uses KVM. Works without root, and says what it could not see.",
	  .takes = OPTS_READ,
	  .run = cmd_status },
	{ .name = "list",
	  .summary = "List the settings: their values, and what each is now and later",
	  .text = "Prints each setting with the values that it takes, its value now and after the "
		  "next load or boot, and where kvmtune keeps it.",
	  .takes = OPTS_READ,
	  .run = cmd_list },
	{ .name = "cpu",
	  .summary = "Say what the processor can do for virtual machines, with the evidence",
	  .text = "Prints what CPUID, the model-specific registers, /proc/cpuinfo and the loaded "
		  "kvm module say of virtualization: what there is, what is switched off by the "
		  "firmware, and whether KVM may use it. --require answers for scripts: exit "
		  "status 0 yes, 4 no, 1 cannot tell. --capture DIR writes what was read, without "
		  "serial numbers, into DIR/cpuid.txt, msr.txt and cpuinfo.txt, and --cpuid judges "
		  "it anywhere. Works without root, and says what it could not see.",
	  .takes = OPTS_READ | OPTS_CPU,
	  .run = cmd_cpu },
	{ .name = "guests",
	  .summary = "Say who uses KVM now, whatever the program is called",
	  .text = "Lists every process that holds /dev/kvm, a virtual machine or a virtual "
		  "processor. Without root only one's own processes can be seen.",
	  .takes = OPTS_READ,
	  .run = cmd_guests },
	{ .name = "ept",
	  .operands = "[on|off]",
	  .summary = "Turn Intel's extended page tables on or off; without a word: print their "
		     "state",
	  .text = RELOAD_TEXT("kvm_intel"),
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "npt",
	  .operands = "[on|off]",
	  .summary = "Turn AMD's nested page tables on or off; without a word: print their state",
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
	  .summary =
		  "Turn same-page merging off or on, or take merged pages apart; without a word: "
		  "print its state",
	  .text = "off: disables and stops ksmtuned and ksm, and stops merging; merged pages stay "
		  "merged. unmerged: takes them apart, too, where there is the memory for it, and "
		  "watches for swapping. on: brings back what the last off found, or else starts "
		  "the "
		  "services, or else has the kernel merge, now and at boot. Anything that fails is "
		  "taken back.",
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_setting },
	{ .name = "apply",
	  .operands = "SETTING=VALUE...",
	  .summary = "Change several settings as one",
	  .text = "`kvmtune apply ept=off` is `kvmtune ept off`. Either all of it is done, or "
		  "nothing: `kvmtune apply ept=off ksm=off`.",
	  .takes = OPTS_CHANGE,
	  .changes = true,
	  .run = cmd_apply },
	{ .name = "audit",
	  .operands = "SETTING=VALUE...",
	  .summary = "Compare the host with what it should be, and change nothing",
	  .text = "Exit status 0: now and at the next load or boot it is so. 7: it differs.",
	  .takes = OPTS_READ,
	  .run = cmd_audit },
	{ .name = "undo",
	  .summary = "Take back the last change, then the one before",
	  .text = "An interrupted change comes first. With --list it prints what can be taken "
		  "back. With --skip it leaves the last change as it is, so that the next undo "
		  "comes to the one before.",
	  .takes = OPTS_CHANGE | OPT_LIST | OPT_SKIP,
	  .changes = true,
	  .run = cmd_undo },
	{ .name = "bench",
	  .operands = "VARIANT... -- COMMAND",
	  .summary = "Run a load under variants of the host, and say which is faster, and how sure "
		     "that is",
	  .text = "A variant is a list of settings, as ept=off or ept=off,ksm=off, or `current`: "
		  "the host as it is. The host is switched between the variants, in drawn order, "
		  "and is as it was at the end. COMMAND is run without a shell; "
		  "KVMTUNE_BENCH_VARIANT tells it the variant. `kvmtune bench --analyse FILE...` "
		  "judges what --export wrote before: files of one host are taken together; of "
		  "several hosts, each counts once.",
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
