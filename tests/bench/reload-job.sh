#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# reload-job.sh - inside the machine: reloads kvm_intel in different ways, there and back, in
# ROUNDS rounds. One line each: ARM TOTAL_US AWAY_US, with a header for the reader of the log.

rounds=${ROUNDS:-5}

# arm NAME COMMAND...: from a freshly loaded module with EPT on
arm()
{
	name=$1
	shift
	[ "$(cat /sys/module/kvm_intel/parameters/ept)" = Y ] || reload_bare ept=1
	echo "$name $(devwatch "$@" 2>&1)"
	rm -f /etc/modprobe.d/zz-kvmtune.conf
}

all()
{
	arm bare reload_bare ept=0
	arm libkmod reload_libkmod
	arm rmmod+modprobe sh -c 'rmmod kvm_intel && modprobe kvm_intel'
	arm kvmtune kvmtune -q ept off
	arm kvmtune kvmtune -q ept off
	arm rmmod+modprobe sh -c 'rmmod kvm_intel && modprobe kvm_intel'
	arm libkmod reload_libkmod
	arm bare reload_bare ept=0
}

modprobe kvm_intel
all >/dev/null # the first time everything comes from the disk
for _ in $(seq "$rounds"); do
	all
done
arm modprobe-r+modprobe sh -c 'modprobe -r kvm_intel && modprobe kvm_intel'
