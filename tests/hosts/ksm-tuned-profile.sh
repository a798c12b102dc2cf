# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The profile of tuned for real-time guests writes 2 when it starts.
hypervisor
ksm 2
unit tuned.service active enabled
folder /run/tuned
put /etc/tuned/active_profile realtime-virtual-host
put /usr/lib/tuned/realtime-virtual-host/tuned.conf '[main]' 'summary=Optimize for KVM guests running realtime workloads' \
	'' '[sysfs]' '/sys/kernel/mm/ksm/run=2'
