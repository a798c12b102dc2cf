# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# RHEL 8: few counters, nothing by process.
machine rhel8 4.18.0-553.el8_10.x86_64
cpu_broadwell
params_el8
module_loaded
device 0666
memory 64 48
drop /proc/pressure/memory
ksm 1
merged pages_shared=12000 pages_sharing=700000
both_units active enabled
