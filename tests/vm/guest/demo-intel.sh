#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo-intel.sh - the first part of `make demo`: a host with EPT, and guests on it

# shellcheck source-path=SCRIPTDIR source=demo.sh
. /io/demo.sh

parameter=/sys/module/kvm_intel/parameters/ept
conf=/etc/modprobe.d/site.conf

status_of_host()
{
	say "An Intel host, with the real kvm_intel. Its state:"
	show 0 kvmtune status
	expect "^ept +on, now and at the next load"
}

plan()
{
	say "Which steps would turn EPT off? A dry run changes nothing."
	show 0 kvmtune ept off --dry-run
	expect "^Nothing was changed"
}

refusal()
{
	say "A guest is running. kvmtune refuses, and names it."
	kvmhold --argv0 qemu-system-x86_64 --vcpus 1 guest -- -name guest=web-01 -smp 1 >/dev/null 2>&1 &
	guest=$!
	until [ "$(cat /sys/module/kvm_intel/refcnt)" != 0 ]; do sleep 0.1; done
	show 3 kvmtune ept off
	expect "web-01"
}

waiting()
{
	say "The guest shuts down in three seconds. kvmtune waits for it."
	(sleep 3; kill "$guest") &
	show 0 kvmtune ept off --wait
	show 0 cat $parameter
	expect "^N$"
}

failure()
{
	say "The change back to on fails half-way: somebody's option is wrong. It is rolled back."
	shows 0 "echo 'options kvm_intel ple_gap=banana' >$conf" \
		sh -c "echo 'options kvm_intel ple_gap=banana' >$conf"
	show 1 kvmtune ept on
	expect "banana"
	show 0 cat $parameter
	expect "^N$"
	rm $conf
}

undoing()
{
	say "Undo: the host is as it was at the beginning."
	show 0 kvmtune undo
	show 0 kvmtune ept
	expect "on, now and at the next load"
}

# In the order in which they are shown; each begins on the host as the one before left it
modprobe kvm_intel
tell status_of_host plan refusal waiting failure undoing
