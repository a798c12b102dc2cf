# SPDX-License-Identifier: GPL-2.0-or-later
# What tests kvmtune. Each tool that is missing skips its tests with a reason, and fails instead
# where KVMTUNE_TESTS_MUST_RUN=1.

CLANG ?= clang
TESTS := $(BUILD)/tests

UNIT := $(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c))
UNIT_SHARED := $(patsubst %.c,$(TESTS)/%.o,$(filter-out tests/unit/test_%.c,$(wildcard tests/unit/*.c)))
# Of an archive the linker takes only what a test needs: no test gets ports that it did not ask for.
ARCHIVE := $(TESTS)/kvmtune.a

.PHONY: check check-unit check-bus check-diff check-cli check-asan check-valgrind check-lint check-vm
.SECONDARY:

# A line for each part; what it printed, and its counts, are in RESULTS.
RESULTS ?= $(BUILD)/check
RUN_TESTS = tests/lib/run_tests.py --results $(RESULTS)

## check: all quick tests: unit, differential, command line, bus, sanitizers, lint
check:
	@echo "Some ten minutes on two cores, and building before, the first time. All output is kept in $(RESULTS)."
	@rm -rf $(RESULTS)
	$(Q)status=0; $(MAKE) --no-print-directory -k -j3 -Otarget check-parts || status=1; \
		tests/lib/run_tests.py --sum $(RESULTS) || status=1; exit $$status
.PHONY: check-parts
check-parts: all check-cli check-asan check-lint check-unit check-bus check-diff

$(ARCHIVE): $(call obj,$(INNER) $(SYS:%=sys/%))
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)$(AR) rc $@ $^

$(TESTS)/%.o: %.c Makefile tests/tests.mk
	$(call say,CC   $<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Isrc -MMD -MP -c -o $@ $<

$(TESTS)/unit/test_%: $(TESTS)/tests/unit/test_%.o $(UNIT_SHARED) $(ARCHIVE)
	$(call say,LD   $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CMOCKA_LIBS) $(PKG_LIBS)

## check-unit: unit tests (cmocka)
check-unit: $(UNIT:%=$(TESTS)/unit/test_%)
	$(Q)$(RUN_TESTS) $(PART)unit $^

# A service manager of our own, on a bus of our own: it alone is linked with libsystemd.
$(TESTS)/bus/manager: $(TESTS)/tests/bus/manager.o
	$(call say,LD   $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(SYSTEMD_LIBS)

$(TESTS)/bus/test_units: $(TESTS)/tests/bus/test_units.o $(UNIT_SHARED) $(ARCHIVE)
	$(call say,LD   $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CMOCKA_LIBS) $(PKG_LIBS)

## check-bus: the service manager's port, with a fake manager on a bus of its own
check-bus: $(TESTS)/bus/test_units $(TESTS)/bus/manager
	$(Q)$(RUN_TESTS) $(PART)bus $<

# The test's own open() must be seen by libkmod.so, and sees paths that FORTIFY would hide.
$(TESTS)/modconf_libkmod: tests/diff/modconf_libkmod.c $(ARCHIVE)
	$(call say,LD   $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -rdynamic -o $@ $^ $(KMOD_LIBS) $(PKG_LIBS)

## check-diff: our reading of modprobe.d against libkmod's, on 10,000 trees (DIFF_ARGS)
check-diff: $(TESTS)/modconf_libkmod
	$(Q)$(RUN_TESTS) diff '$< $(DIFF_ARGS)'

## check-boot: what a boot starts, against systemd's own reading (300 trees), and by real boots; as root
.PHONY: check-boot check-boot-diff
check-boot: check-boot-diff
	$(Q)KVMTUNE=$(BUILD)/kvmtune prove -Q tests/boot/boots.t
check-boot-diff: $(BUILD)/kvmtune $(BUILD)/kvmtune-fake
	$(Q)python3 tests/diff/boot_systemd.py $(BUILD)/kvmtune $(BOOT_DIFF_ARGS)

# The production code before a made-up kernel: see tests/lib/fake_ports.c.
$(BUILD)/kvmtune-fake: $(TESTS)/tests/lib/fake_ports.o $(call obj,main sys/files sys/write sys/lock) $(ARCHIVE)
	$(call say,LD   $@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

## check-cli: the command line, on made-up hosts; long loops on some that differ
check-cli: $(BUILD)/kvmtune $(BUILD)/kvmtune-fake
	$(Q)KVMTUNE=$(BUILD)/kvmtune KVMTUNE_FAKE=$(BUILD)/kvmtune-fake KVMTUNE_HOSTS='$(CLI_HOSTS)' \
		$(RUN_TESTS) --jobs 2 $(or $(LONG),$(PART)cli) $(CLI_TESTS)
CLI_TESTS ?= tests/cli/*.t
# check-asan has two more, check-long has all
CLI_HOSTS ?= intel-ept-on no-udev amd ksm-tuned ksm-chroot

## check-long: the long loops on the hosts that check leaves out, the largest inputs; .ci/run has them, beside check
# The longest first: two run side by side, and the last of them would run alone.
LONG_CLI := long/t1320-growth t0410-kills t0400-faults long/t1310-large-input t0420-signals t0200-dry-run t0450-undo
.PHONY: check-long
check-long: all
	$(Q)KVMTUNE_HOSTS_DONE='$(CLI_HOSTS)' $(MAKE) --no-print-directory check-cli CLI_HOSTS= LONG=long \
		CLI_TESTS='$(LONG_CLI:%=tests/cli/%.t) \
			$(filter-out $(LONG_CLI:%=tests/cli/%.t),$(wildcard tests/cli/long/*.t))'

## check-asan: unit, bus and command line under AddressSanitizer and UBSan (clang)
ASAN := BUILD=build/asan CC=$(CLANG) SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' \
	FORTIFY=-U_FORTIFY_SOURCE CFLAGS='-O1 -g'
# The long loops over all hosts are left out: the same code runs, only slower.
ASAN_CLI := t0450-undo t0460-interrupted t0300-ept t0400-faults t0100-status t0350-refusals \
	    t0950-output t0500-wait t0000-usage t0700-image t1050-ksm-image t1060-ksm-boot t0360-causes \
	    t1600-bench-analyse t1610-bench-run t1620-bench-host
check-asan:
	$(Q)$(MAKE) --no-print-directory $(ASAN) RESULTS=$(RESULTS) PART=asan- CLI_HOSTS='hand-loaded-nested ksm-only' \
		CLI_TESTS='$(ASAN_CLI:%=tests/cli/%.t)' check-unit check-bus check-cli

## check-valgrind: unit tests under valgrind; .ci/run has them, beside check
VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite
check-valgrind: $(UNIT:%=$(TESTS)/unit/test_%)
	$(Q)$(RUN_TESTS) --jobs 2 --runner '$(VALGRIND)' valgrind $^

## check-lint: format, static analysis, layers, man page, spelling, how the program is linked
check-lint: all
	$(Q)$(RUN_TESTS) lint tests/lint/lint.sh 'tests/lint/layers.sh $(BUILD)' 'tests/lint/hardened.sh $(BUILD)'

## check-vm: the scenarios in the emulated machines: some fifteen minutes
VM_TESTS := $(patsubst tests/vm/t/%.t,%,$(wildcard tests/vm/t/*.t))
# The longest first
VM_LONG := bochs bochs-reloadable ksm faults ksm-jobs bochs-systemd tcg tcg-reloadable tcg-systemd tcg-refuse bochs-smp
check-vm: $(BUILD)/kvmtune
	$(Q)KVMTUNE=$(BUILD)/kvmtune prove -j2 --timer \
		$(patsubst %,tests/vm/t/%.t,$(VM_LONG) $(filter-out $(VM_LONG),$(VM_TESTS)))

## cpu-models: kvmtune cpu on every processor of the emulators: some forty minutes; writes the page
.PHONY: cpu-models
cpu-models: $(BUILD)/kvmtune
	$(Q)KVMTUNE=$(BUILD)/kvmtune tests/vm/cpu-models.sh >$(BUILD)/cpu-models.md
	$(Q)cp $(BUILD)/cpu-models.md tests/vm/cpu-models.md

## check-debian: all quick tests in a bare Debian, SUITE=trixie (bookworm); as root, with a network
SUITE ?= trixie
check-debian:
	$(Q)tests/compat/debian.sh $(SUITE) $(BUILD)/debian

## check-compat: with each version of libkmod and libcpuid whose sources are in COMPAT_SOURCES
check-compat:
	$(Q)tests/compat/libraries.sh $(COMPAT_SOURCES) $(BUILD)/compat
.PHONY: check-debian check-compat

## fault-matrix: every system call fails in turn, or is the last: an hour; its table is tests/vm/fault-matrix.md
.PHONY: fault-matrix
fault-matrix: $(BUILD)/kvmtune
	$(Q)KVMTUNE=$(BUILD)/kvmtune tests/vm/fault-matrix.sh

## power-cuts: 200 power cuts in the middle of changes: half an hour; the table goes to tests/vm/power-cuts.md
power-cuts: $(BUILD)/kvmtune
	$(Q)KVMTUNE=$(BUILD)/kvmtune tests/vm/powercut.sh report=tests/vm/power-cuts.md $(CUTS) build/vm/power-cuts

## races: 50 kvmtune at once for a minute; the table goes to tests/vm/races.md
races: $(BUILD)/kvmtune
	$(Q)KVMTUNE=$(BUILD)/kvmtune tests/vm/races.sh $(RACES) build/vm/races
## walk: 2,000 random commands and edits; each must be what the host says (tests/vm/walk.md): hours. WALK_SEED, WALK_STEPS
WALK_SEED ?= 1
WALK_STEPS ?= 2000
walk: $(BUILD)/kvmtune
	$(Q)KVMTUNE=$(BUILD)/kvmtune tests/vm/walk.sh seed=$(WALK_SEED) steps=$(WALK_STEPS) build/vm/walk
.PHONY: power-cuts races walk

## vm-shell: a shell in an emulated machine with kvm_intel (VM=tcg: without VT-x)
vm-shell: $(BUILD)/kvmtune
	$(Q)tests/vm/shell.sh $(if $(VM),kind=$(VM))

## demo: shows kvmtune on two emulated hosts, in a minute; keeps what it showed in build/demo.txt
demo: $(BUILD)/kvmtune
	$(Q)tests/vm/demo.sh

## picture: draws docs/demo.svg from what the last demo showed, its steps PICTURE (2 4)
PICTURE ?= 2 4
.PHONY: picture
picture:
	$(Q)tests/vm/picture.py build/demo.txt $(PICTURE) >build/demo.svg && mv build/demo.svg docs/demo.svg

$(TESTS)/bench-truth: $(TESTS)/tests/truth/bench_truth.o $(ARCHIVE)
	$(call say,LD   $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

## bench-truth: is what `kvmtune bench` claims true? On 500,000 made-up benches: a minute
.PHONY: bench-truth
bench-truth: $(TESTS)/bench-truth
	$(Q)$<

## fuzz: every fuzz target for FUZZ_SECONDS each (60), or FUZZ_RUNS times; FUZZ chooses some of them
FUZZ_SECONDS ?= 60
FUZZ ?= $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_DIR := $(BUILD)/fuzz
FUZZ_SAN := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CFLAGS = -std=gnu11 -D_GNU_SOURCE -pthread -Iinclude -Isrc -Itests $(WARNINGS) $(PKG_CFLAGS) -g -O1 \
	      $(FUZZ_SAN) -fsanitize=fuzzer-no-link
FUZZ_ARCHIVE := $(FUZZ_DIR)/kvmtune.a

$(FUZZ_DIR)/obj/%.o: %.c Makefile tests/tests.mk
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(FUZZ_CFLAGS) -MMD -MP -c -o $@ $<

$(FUZZ_ARCHIVE): $(patsubst %,$(FUZZ_DIR)/obj/src/%.o,$(INNER) sys/bus sys/library sys/units) \
		$(patsubst %,$(FUZZ_DIR)/obj/tests/%.o,unit/fake fuzz/journal_input)
	@rm -f $@
	$(Q)$(AR) rc $@ $^

$(FUZZ_DIR)/fuzz_%: $(FUZZ_DIR)/obj/tests/fuzz/fuzz_%.o $(FUZZ_ARCHIVE)
	$(call say,LD   $@)
	$(Q)$(CLANG) $(FUZZ_SAN) -fsanitize=fuzzer -pthread -o $@ $^ $(PKG_LIBS)

.PHONY: fuzz vm-shell demo bench
fuzz: $(FUZZ:%=$(FUZZ_DIR)/%)
	$(Q)FUZZ_SECONDS=$(FUZZ_SECONDS) FUZZ_RUNS=$(FUZZ_RUNS) tests/fuzz/run.sh $(FUZZ_DIR) $(FUZZ)
-include $(shell find $(FUZZ_DIR)/obj -name '*.d' -type f 2>/dev/null)

## bench: what kvmtune costs, beside other ways to the same end; tables of ratios
BENCH := $(BUILD)/bench
$(BENCH)/reload_libkmod: PKG_LIBS += $(KMOD_LIBS)
$(BENCH)/%: $(TESTS)/tests/bench/%.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

bench: $(BUILD)/kvmtune $(patsubst tests/bench/%.c,$(BENCH)/%,$(wildcard tests/bench/*.c))
	$(Q)KVMTUNE=$(BUILD)/kvmtune tests/bench/bench.sh $(BUILD)
