# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# kvm_intel is part of the kernel: sysfs has its parameters, but neither initstate nor refcnt.
machine hv050 6.6.63-gentoo
cpu_broadwell
module_loaded
about kind builtin
drop /sys/module/kvm_intel/{initstate,refcnt,coresize,holders}
