# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The services are there, and disabled; nothing is or will be merged.
hypervisor
ksmd
ksm 0
both_units inactive disabled
