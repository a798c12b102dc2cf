# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# tuned's cpu-partitioning has masked both services.
hypervisor
ksm 2
both_units inactive masked masked
masked ksm.service
masked ksmtuned.service
