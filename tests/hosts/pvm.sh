# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Another module than kvm_intel makes /dev/kvm: kvm_pvm, on a processor with VT-x.
machine hv051 6.12.33-cloud
cpu_broadwell
module_loadable
other_kvm_module kvm_pvm 2
user 812 0 root cloud-hyperviso 1 1 0 / cloud-hypervisor --cpus boot=2
