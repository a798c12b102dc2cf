#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# demo-job.sh - the story that `make demo` shows, inside the machine; everything goes to the console
# between two marks, from where demo.sh takes it.

say() { printf '\n%s\n' "$*"; }

# A command as a person would type it, what it prints, and how it ended
show()
{
	printf '\n# %s\n' "$*"
	"$@" 2>&1
	status=$?
	[ $status = 0 ] || echo "[exit status $status]"
}

story()
{
	say "== A hypervisor with a real kvm_intel, emulated. What is it?"
	show kvmtune status
	say "== What would turning EPT off do? A dry run changes nothing."
	show kvmtune ept off --dry-run
	say "== A guest is running: kvmtune refuses, and says who it is."
	kvmhold --argv0 qemu-system-x86_64 --vcpus 1 guest -- -name guest=web-01 -smp 1 >/dev/null &
	guest=$!
	sleep 1
	show kvmtune ept off
	say "== The guest ends after a while: kvmtune waits for it, then goes on."
	(sleep 3; kill $guest) &
	show kvmtune -q ept off --wait
	show cat /sys/module/kvm_intel/parameters/ept
	show kvmtune status -q
	say "== Is the host as it should be? For scripts: the exit status."
	show kvmtune audit ept=off
	show kvmtune audit ept=on
	say "== Take it back."
	show kvmtune undo --list
	show kvmtune -q undo
	show kvmtune ept
	say "== That was it."
}

modprobe kvm_intel
echo "kvmtune-demo: begin" >/dev/console
story 2>&1 | tee /dev/console
echo "kvmtune-demo: end" >/dev/console
