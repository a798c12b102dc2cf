# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Somebody else loads the module just now.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
put /sys/module/kvm_intel/initstate coming
