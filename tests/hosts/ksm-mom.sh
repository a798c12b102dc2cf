# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# oVirt: its memory manager turns merging on and off by a policy.
hypervisor
two_guests_merged
unit mom-vdsm.service active enabled
