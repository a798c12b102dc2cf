# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# So little memory that unmerging does not fit.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
memory 8 3 0
two_guests_merged
both_units active enabled
