# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# CPUID shows VT-x, the kernel does not: it runs under a hypervisor.
machine dom0 6.1.0-28-amd64
cpuinfo GenuineIntel 6 79 'Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz' \
	'est ssse3 sse4_1 sse4_2 hypervisor'
about vmx yes
about svm no
about hypervisor yes
about virt unknown
about ept yes
module_loadable
cmdline 'root=/dev/vda1 ro -- clearcpuid=vmx'
