# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The host has memory enough, but the limit of one guest is close.
hypervisor
two_guests_merged
both_units active enabled
cgroup_limit '/machine.slice/machine-qemu\x2d1\x2dweb-01.scope' 4831838208 4294967296
cgroup_limit '/machine.slice/machine-qemu\x2d1\x2ddb-01.scope' 17179869184 4294967296
cgroup_limit /machine.slice max 9663676416
