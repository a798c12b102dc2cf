# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A line of tmpfiles.d with a pattern: to systemd it is a path of its own, and ours cannot hide it.
hypervisor
no_units
ksm 1
put /etc/tmpfiles.d/ksm.conf 'w /sys/kernel/mm/ksm/ru[n] - - - - 1'
