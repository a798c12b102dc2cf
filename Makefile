# SPDX-License-Identifier: GPL-2.0-or-later
# kvmtune: `make help` lists what can be made.

PREFIX  ?= /usr/local
BINDIR  ?= $(PREFIX)/bin
MANDIR  ?= $(PREFIX)/share/man
DATADIR ?= $(PREFIX)/share
COMPDIR ?= $(DATADIR)/bash-completion/completions
ZSHDIR  ?= $(DATADIR)/zsh/site-functions
FISHDIR ?= $(DATADIR)/fish/vendor_completions.d
CC      ?= gcc
CFLAGS  ?= -O2 -g
SCDOC   ?= scdoc
V       ?= 0

# A variant (asan...) has a build directory of its own.
BUILD   ?= build
VERSION := $(shell sed -n 's/^\#define KVMTUNE_VERSION "\(.*\)"/\1/p' include/kvmtune/version.h)

PACKAGES      := libcpuid json-c
# Of these only the headers are used: src/sys/library.c loads them when they are needed.
LOADED        := libkmod libsystemd liblzma libzstd zlib

# Names the first missing library by its Debian package, before the compiler fails.
ifneq ($(filter-out help clean uninstall,$(or $(MAKECMDGOALS),all)),)
ifeq ($(shell command -v pkg-config),)
$(error pkg-config is not installed: install it, or run ./bootstrap deps)
endif
MISSING := $(firstword $(shell for p in $(PACKAGES) $(LOADED); do pkg-config --exists $$p || echo $$p; done))
ifneq ($(MISSING),)
$(error $(MISSING) is missing: install $(patsubst libzlib%,zlib1g%,lib$(MISSING:lib%=%)-dev), or run ./bootstrap deps)
endif
endif

PKG_CFLAGS    := $(shell pkg-config --cflags $(PACKAGES) $(LOADED))
PKG_LIBS      := $(shell pkg-config --libs $(PACKAGES)) -ldl -lm
KMOD_LIBS      = $(shell pkg-config --libs libkmod)
SYSTEMD_LIBS   = $(shell pkg-config --libs libsystemd)
CMOCKA_LIBS    = $(shell pkg-config --libs cmocka)

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wvla
# Where nothing may be skipped, no warning may stand.
ifeq ($(KVMTUNE_TESTS_MUST_RUN),1)
WARNINGS += -Werror
endif
HARDEN   := -fPIE -fstack-protector-strong -fcf-protection=full
FORTIFY  ?= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2
ALL_CFLAGS  = -std=gnu11 -D_GNU_SOURCE -pthread -Iinclude $(WARNINGS) $(HARDEN) $(FORTIFY) $(PKG_CFLAGS) \
	      $(CPPFLAGS) $(CFLAGS) $(SAN)
ALL_LDFLAGS = -pie -pthread -Wl,-z,relro,-z,now,-z,noexecstack,-z,text -Wl,--as-needed $(LDFLAGS) $(SAN)

# Every file of a layer is part of the program.
sources = $(sort $(basename $(notdir $(wildcard src/$(1)/*.c))))
BASE   := $(call sources,base)
MODEL  := $(call sources,model)
ENGINE := $(call sources,engine)
SYS    := $(call sources,sys)
REPORT := $(call sources,report)
# BENCH is where `make bench` builds.
LOADS  := $(call sources,bench)
CLI    := $(call sources,cli)

# All but the ports: a test links these with ports of its own.
INNER := $(BASE:%=base/%) $(MODEL:%=model/%) $(ENGINE:%=engine/%) $(REPORT:%=report/%) $(LOADS:%=bench/%) \
	 $(CLI:%=cli/%)
obj = $(1:%=$(BUILD)/obj/%.o)

ifeq ($(V),0)
Q := @
say = @echo "  $(1)"
endif

.DELETE_ON_ERROR:
.PHONY: all help clean install uninstall man completions
all: $(BUILD)/kvmtune man completions

help:
	@sed -n 's/^\#\# //p' Makefile tests/tests.mk

## all: the program, its man page and completions, in build/
$(BUILD)/kvmtune: $(call obj,$(INNER) $(SYS:%=sys/%) main)
	$(call say,LD   $@)
	$(Q)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/obj/%.o: src/%.c Makefile
	$(call say,CC   $<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

man: $(BUILD)/kvmtune.8
$(BUILD)/kvmtune.8: man/kvmtune.8.scd
	$(call say,MAN  $@)
	@mkdir -p $(@D)
	@command -v $(SCDOC) >/dev/null || { echo "scdoc is missing: install scdoc, or run ./bootstrap deps" >&2; exit 1; }
	$(Q)$(SCDOC) <$< >$@

completions: $(BUILD)/kvmtune.bash $(BUILD)/_kvmtune $(BUILD)/kvmtune.fish
$(BUILD)/kvmtune.bash $(BUILD)/_kvmtune $(BUILD)/kvmtune.fish: $(BUILD)/%: completions/%
	@mkdir -p $(@D)
	$(Q)cp $< $@

SCHEMAS := $(wildcard schema/*.json)

## install, uninstall: with PREFIX (/usr/local), BINDIR, MANDIR, DATADIR, COMPDIR, ZSHDIR, FISHDIR, DESTDIR
install: all
	install -D -m 0755 $(BUILD)/kvmtune $(DESTDIR)$(BINDIR)/kvmtune
	install -D -m 0644 $(BUILD)/kvmtune.8 $(DESTDIR)$(MANDIR)/man8/kvmtune.8
	install -D -m 0644 $(BUILD)/kvmtune.bash $(DESTDIR)$(COMPDIR)/kvmtune
	install -D -m 0644 $(BUILD)/_kvmtune $(DESTDIR)$(ZSHDIR)/_kvmtune
	install -D -m 0644 $(BUILD)/kvmtune.fish $(DESTDIR)$(FISHDIR)/kvmtune.fish
	install -D -m 0644 -t $(DESTDIR)$(DATADIR)/kvmtune/schema $(SCHEMAS)

uninstall:
	rm -f $(DESTDIR)$(BINDIR)/kvmtune $(DESTDIR)$(MANDIR)/man8/kvmtune.8 \
		$(DESTDIR)$(COMPDIR)/kvmtune $(DESTDIR)$(ZSHDIR)/_kvmtune $(DESTDIR)$(FISHDIR)/kvmtune.fish
	rm -rf $(DESTDIR)$(DATADIR)/kvmtune
	@echo "Settings that kvmtune made stay in force. To undo them: make install, kvmtune undo --all, make uninstall."

## dist: the sources of the last commit as a tarball in build/; the same commit gives the same bytes
DIST := $(BUILD)/kvmtune-$(VERSION).tar.gz
.PHONY: dist
dist:
	@git rev-parse HEAD >/dev/null || { echo "make dist needs a checkout of git" >&2; exit 1; }
	@git diff --quiet HEAD || echo "kvmtune: what is not committed is left out" >&2
	@mkdir -p $(BUILD)
	$(Q)git -c tar.umask=0022 archive --format=tar --prefix=kvmtune-$(VERSION)/ HEAD | gzip -n9 >$(DIST)
	$(call say,DIST $(DIST))

## clean: remove all that was built, but keep the images of the emulated machines
clean:
	[ ! -d $(BUILD) ] || find $(BUILD) -mindepth 1 -maxdepth 1 ! -name vm -exec rm -rf {} +

include tests/tests.mk
-include $(shell find $(BUILD)/obj $(BUILD)/tests -name '*.d' -type f 2>/dev/null)
