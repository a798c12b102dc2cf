#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# audit: is the host as it should be? 0 yes, 7 no, 5 saved, 4 it cannot be, 1 unknown, 6 in between.

# shellcheck source=tests/lib/faults.sh
. tests/lib/faults.sh

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
# The next load is on; what is now is not known.
audit parameter-unreadable 7 1
audit not-loaded 7 0

# Built in: it can differ, though it cannot be changed.
audit builtin 7 0

# On its way: how it will be is not known yet.
audit module-coming 7 1

# Each setting has a row, whatever is wrong with another.
host ksm-no-bus
run kvmtune audit ept=off ksm=off nested=off npt=off
is "$status" 7 'all rows: the worst of them'
like "$out" 'ept=off +(DIFFERS|not here)' 'all rows: ept'
like "$out" 'ksm=off +DIFFERS' 'all rows: KSM, though systemd does not answer'
like "$out" 'npt=off +not here +this processor has no SVM' 'all rows: another vendor'
like "$out" 'note: It has VT-x, with EPT in place of NPT. Use:  kvmtune ept' 'all rows: and its right name'
host intel-ept-on
run kvmtune audit npt=off
status_is 4 "another vendor's alone"
run kvmtune audit npt=off ept=on
status_is 4 "another vendor's, the rest is as wanted"
run kvmtune audit npt=off ept=off
status_is 7 "another vendor's, the rest is not"
run kvmtune audit nested=on
is "$status" 1 'nested: by default, which is not known'
like "$out" 'nested=on +unknown +on; unknown at the next load +default' 'nested: it is said'
run kvmtune nested off
run kvmtune audit nested=off ept=on
is "$status" 0 'nested off: now and at the next load'
run kvmtune undo
# Guests are no matter.
host in-use
run kvmtune audit ept=on
status_is 0 'in use'

# In the middle of a change that was killed.
host intel-ept-on
call_number load ept off
KVMTUNE_FAKE_KILL=$n run kvmtune ept off
run kvmtune audit ept=off
status_is 6 'interrupted'
like "$out" 'interrupted: kvmtune ept off did not end' 'interrupted: it is said'
run kvmtune audit ept=off --json
like "$status $out" '^6 .*"interrupted": ?\{' 'interrupted: in JSON'

host intel-ept-on
run kvmtune audit ept=on --quiet
is "$status$out$err" 0 'quiet: nothing to say where nothing differs'
run kvmtune audit ept=off --quiet
like "$status $out" '^7 ept=off +DIFFERS +on, now and at the next load' 'quiet: what differs'
run kvmtune ept off
run kvmtune audit ept=off
golden audit-off.txt 'audit after ept off'
run kvmtune undo
run kvmtune audit ept=off
status_is 7 'audit after undo'

done_testing
