# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An EPYC: kvm_amd is loaded and in use, kvm_intel only lies on the disk.
machine hv100 6.1.0-28-amd64
cpu_epyc
module_loadable
put /sys/module/kvm_amd/initstate live
put /sys/module/kvm_amd/refcnt 3
put /sys/module/kvm_amd/parameters/npt Y
device 0660
