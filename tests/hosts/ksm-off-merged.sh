# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Merging was stopped, but what is merged was kept.
hypervisor
two_guests
ksm 0
merged pages_shared=12000 pages_sharing=700000 41922=420000 41987=292000
both_units inactive disabled
