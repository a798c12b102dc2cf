# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Somebody has taken all pages apart.
hypervisor
two_guests
ksm 2
merges pages_shared=12000 pages_sharing=700000 41922=420000 41987=292000
both_units inactive disabled
