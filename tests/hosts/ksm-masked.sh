# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tuned's cpu-partitioning has masked both services.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
memory 64 48
ksm 2
both_units inactive masked masked
masked ksm.service
masked ksmtuned.service
