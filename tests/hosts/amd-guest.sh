# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A virtual machine on an EPYC whose host gives it no SVM.
machine vm018 6.1.0-28-cloud-amd64
cpu_epyc
cpuinfo AuthenticAMD 23 49 'AMD EPYC-Rome Processor' 'hypervisor'
about svm no
about hypervisor yes
about hypervisor_name KVM
about virt no
module_loadable
