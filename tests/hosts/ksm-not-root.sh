# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An ordinary user looks.
hypervisor
two_guests_merged
both_units active enabled
about root no
