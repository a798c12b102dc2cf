# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Two guests run, and a monitoring agent holds /dev/kvm without running one.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
in_use 12
guest 41922 web-01 8
guest 41987 db-01 4
user 55310 0 root pmdakvm 1 0 0 /system.slice/pmcd.service /usr/libexec/pcp/pmdas/kvm/pmdakvm -d 120
