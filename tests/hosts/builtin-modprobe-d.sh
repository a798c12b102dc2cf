# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# kvm_intel is built in, and somebody wrote a file in modprobe.d: it is never read.
machine wsl1 6.6.87.2-microsoft-standard-WSL2
cpu_broadwell
about kind builtin
module_loaded
drop /sys/module/kvm_intel/initstate /sys/module/kvm_intel/refcnt
conf kvm-nested.conf 'options kvm-intel nested=1' 'options kvm-intel ept=0'
