# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# VT-x is there (CPUID), but the firmware locked it off: the kernel shows no vmx flag.
machine hv011 6.1.0-28-amd64
cpuinfo GenuineIntel 6 79 'Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz' 'est tm2 ssse3 sse4_1 sse4_2'
about vmx yes
about svm no
about hypervisor no
about virt no
about ept yes
l1tf 'Mitigation: PTE Inversion; VMX: vulnerable, SMT vulnerable'
module_loadable
