# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A container: sysfs cannot be written.
hypervisor
ksm 1
no_units
about read_only /sys
