#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# audit: is the host as it should be? 0 yes, 7 no, 4 it cannot be.

# shellcheck source=tests/lib/fake.sh
. tests/lib/fake.sh

# audit HOST OFF-STATUS ON-STATUS
audit()
{
	host "$1"
	read_all before
	run kvmtune audit ept=off
	status_is "$2" "$1: audit ept=off"
	[[ ! $2 =~ ^[07]$ ]] || like "$out" "ept=off +$([ "$2" = 0 ] && echo ok || echo DIFFERS)" \
		"$1: audit ept=off says so"
	run kvmtune audit ept=on
	status_is "$3" "$1: audit ept=on"
	nothing_changed "$1: audit changes nothing"
}

audit intel-ept-on 7 0
audit intel-ept-off 0 7
audit intel-ept-off-by-hand 7 5
audit conf-conflict 7 0
audit conf-conflict-off 0 7
audit conf-earlier 7 0
audit cmdline 7 0
audit in-use 7 0
audit in-use-hidden 7 0
audit nixos 7 0
audit read-only-etc 7 0
audit modules-disabled 7 0
audit not-root 7 0
audit install-line 7 0
audit vmx-no-ept 0 4
audit amd 4 4
audit no-vtx 4 4
audit no-module 4 4
audit parameter-unreadable 4 4
audit not-loaded 7 0

# Built in: it can differ, though it cannot be changed.
audit builtin 7 0

# On its way: how it will be is not known yet.
audit module-coming 3 3

host intel-ept-on
run kvmtune audit ept=on --quiet
is "$status$out$err" 0 'quiet: nothing to say where nothing differs'
run kvmtune audit ept=off --quiet
like "$status $out" '^7 ept=off +DIFFERS +now on +next load on' 'quiet: what differs'
run kvmtune ept off
run kvmtune audit ept=off
golden audit-off.txt 'audit after ept off'
run kvmtune undo
run kvmtune audit ept=off
status_is 7 'audit after undo'

done_testing
