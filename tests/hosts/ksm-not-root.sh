# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An ordinary user looks.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
memory 64 48
two_guests
ksm 1
merged pages_shared=12000 pages_sharing=700000 41922=420000 41987=292000
both_units active enabled
about root no
