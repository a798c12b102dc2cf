# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Somebody has written 1 into run; there is no service for it.
hypervisor
two_guests
no_units
ksm 1
merged pages_shared=12000 pages_sharing=700000 41922=420000 41987=292000
