# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Behind "--" on the kernel command line are the words of init.
machine hv1 6.6.63-gentoo
cpu_broadwell
about kind builtin
module_loaded
drop /sys/module/kvm_intel/initstate /sys/module/kvm_intel/refcnt
cmdline 'root=/dev/vda1 ro quiet kvm-intel.nested=1 -- kvm_intel.ept=0'
