# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# kvm_pvm in a cloud's guest, which has no VT-x; KVM is built in, and counts nothing.
machine hv052 6.12.33-cloud
cpuinfo GenuineIntel 6 85 'Intel(R) Xeon(R) Platinum 8175M CPU @ 2.50GHz' 'hypervisor'
about vmx no
about svm no
about hypervisor yes
about virt unknown
about kind absent
other_kvm_module kvm_pvm
drop /sys/module/kvm_pvm/initstate /sys/module/kvm/{initstate,holders}
