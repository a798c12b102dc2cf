# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The services are there, and disabled; nothing is or will be merged.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
memory 64 48
ksmd
ksm 0
both_units inactive disabled
