# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A container: sysfs cannot be written.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
memory 64 48
ksm 1
no_units
about read_only /sys
