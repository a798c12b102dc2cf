# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A line of tmpfiles.d of the administrator turns merging on at boot.
hypervisor
two_guests
no_units
ksm 1
merged pages_shared=12000 pages_sharing=700000 41922=420000 41987=292000
put /etc/tmpfiles.d/ksm.conf '# guests are much alike' '' 'w /sys/kernel/mm/ksm/run - - - - 1'
