# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A kernel without KSM.
hypervisor
both_units inactive enabled
