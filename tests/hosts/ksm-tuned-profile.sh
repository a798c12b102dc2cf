# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The profile of tuned for real-time guests writes 2 when it starts.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
memory 64 48
ksm 2
unit tuned.service active enabled
folder /run/tuned
put /etc/tuned/active_profile realtime-virtual-host
put /usr/lib/tuned/realtime-virtual-host/tuned.conf '[main]' 'summary=Optimize for KVM guests running realtime workloads' \
	'' '[sysfs]' '/sys/kernel/mm/ksm/run=2'
