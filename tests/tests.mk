# SPDX-License-Identifier: GPL-2.0-or-later
# What tests kvmtune. Each tool that is missing skips its tests with a reason, and fails instead
# where KVMTUNE_TESTS_MUST_RUN=1.

CLANG ?= clang
TESTS := $(BUILD)/tests

UNIT := $(patsubst tests/unit/test_%.c,%,$(wildcard tests/unit/test_*.c))
UNIT_SHARED := $(patsubst %.c,$(TESTS)/%.o,$(filter-out tests/unit/test_%.c,$(wildcard tests/unit/*.c)))
# Of an archive the linker takes only what a test needs: no test gets doors that it did not ask for.
ARCHIVE := $(TESTS)/kvmtune.a

.PHONY: check check-unit check-bus check-diff check-cli check-asan check-valgrind check-lint check-vm
.SECONDARY:

## check: all quick tests: unit, differential, command line, bus, sanitizers, lint
check:
	$(Q)$(MAKE) --no-print-directory -j2 -Otarget check-parts
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
	$(Q)tests/lib/run-unit.sh -- $^

# A service manager of our own, on a bus of our own: it alone is linked with libsystemd.
$(TESTS)/bus/manager: $(TESTS)/tests/bus/manager.o
	$(call say,LD   $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(SYSTEMD_LIBS)

$(TESTS)/bus/test_units: $(TESTS)/tests/bus/test_units.o $(ARCHIVE)
	$(call say,LD   $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(CMOCKA_LIBS) $(PKG_LIBS)

## check-bus: the service manager's door, before a made-up manager on a bus of its own
check-bus: $(TESTS)/bus/test_units $(TESTS)/bus/manager
	$(Q)tests/lib/run-unit.sh -- $<

# The test's own open() must be seen by libkmod.so, and sees paths that FORTIFY would hide.
$(TESTS)/modconf_libkmod: tests/diff/modconf_libkmod.c $(ARCHIVE)
	$(call say,LD   $@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -rdynamic -o $@ $^ $(PKG_LIBS)

## check-diff: our reading of modprobe.d against libkmod's, on 10,000 trees (DIFF_ARGS)
check-diff: $(TESTS)/modconf_libkmod
	$(Q)prove -e '' $(TESTS)/modconf_libkmod :: $(DIFF_ARGS)

# The production code before a made-up kernel: see tests/lib/fake_ports.c.
$(BUILD)/kvmtune-fake: $(TESTS)/tests/lib/fake_ports.o $(call obj,main sys/files sys/write sys/lock) $(ARCHIVE)
	$(call say,LD   $@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

## check-cli: the command line, on made-up hosts (prove)
check-cli: $(BUILD)/kvmtune $(BUILD)/kvmtune-fake
	$(Q)KVMTUNE=$(BUILD)/kvmtune KVMTUNE_FAKE=$(BUILD)/kvmtune-fake prove -Q -j2 $(CLI_TESTS)
CLI_TESTS ?= tests/cli/*.t

## check-asan: unit, bus and command line under AddressSanitizer and UBSan (clang)
ASAN := BUILD=build/asan CC=$(CLANG) SAN='-fsanitize=address,undefined -fno-sanitize-recover=all' \
	FORTIFY=-U_FORTIFY_SOURCE CFLAGS='-O1 -g'
# The long loops over all hosts are left out: the same code runs, only slower.
ASAN_CLI := t0450-undo t0300-ept t0400-faults t0100-status t0350-refusals t0950-output t0500-wait \
	    t0000-usage t0700-image t1050-ksm-image
check-asan:
	$(Q)KVMTUNE_HOSTS='hand-loaded-nested ksm-only' $(MAKE) --no-print-directory $(ASAN) \
		CLI_TESTS='$(ASAN_CLI:%=tests/cli/%.t)' check-unit check-bus check-cli

## check-valgrind: unit tests under valgrind; .ci/run has them, beside check
VALGRIND := valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite
check-valgrind: $(UNIT:%=$(TESTS)/unit/test_%)
	$(Q)tests/lib/run-unit.sh $(VALGRIND) -- $^

## check-lint: format, static analysis, layers, man page, spelling
check-lint: all
	$(Q)tests/lint/lint.sh
	$(Q)tests/lint/rooms.sh $(BUILD)

## check-vm: the scenarios in the emulated machines: some fifteen minutes
check-vm: $(BUILD)/kvmtune
	$(Q)KVMTUNE=$(BUILD)/kvmtune prove -j2 --timer tests/vm/t/*.t

## vm-shell: a shell in an emulated machine with kvm_intel (VM=tcg: without VT-x)
vm-shell: $(BUILD)/kvmtune
	$(Q)tests/vm/shell.sh $(if $(VM),kind=$(VM))

## demo: the whole story, in an emulated machine
demo: $(BUILD)/kvmtune
	$(Q)tests/vm/demo.sh

## fuzz: every fuzz target for FUZZ_SECONDS each (60)
FUZZ_SECONDS ?= 60
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
$(BUILD)/fuzz/%: tests/fuzz/%.c $(wildcard src/*/*.c)
	@mkdir -p $(@D)
	$(Q)$(CLANG) -std=gnu11 -D_GNU_SOURCE -Iinclude -g -O1 -fsanitize=fuzzer,address,undefined \
		-o $@ $< src/model/modconf.c $(wildcard src/model/cpu*.c) src/base/base.c src/base/err.c
.PHONY: fuzz vm-shell demo bench
fuzz: $(FUZZ:%=$(BUILD)/fuzz/%)
	$(Q)for f in $^; do $$f -max_total_time=$(FUZZ_SECONDS) -verbosity=0 || exit 1; done

## bench: what kvmtune costs, beside other ways to the same end; tables of ratios
BENCH := $(BUILD)/bench
$(BENCH)/%: $(TESTS)/tests/bench/%.o $(ARCHIVE)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

bench: $(BUILD)/kvmtune $(patsubst tests/bench/%.c,$(BENCH)/%,$(wildcard tests/bench/*.c))
	$(Q)KVMTUNE=$(BUILD)/kvmtune tests/bench/bench.sh $(BUILD)
