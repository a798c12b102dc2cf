# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# CPUID shows VT-x, the kernel does not: clearcpuid=vmx took the flag away.
machine dom0 6.1.0-28-amd64
cpuinfo GenuineIntel 6 79 'Intel(R) Xeon(R) CPU E5-2680 v4 @ 2.40GHz' \
	'est ssse3 sse4_1 sse4_2'
about vmx yes
about svm no
about hypervisor no
about virt unknown
about ept yes
module_loadable
cmdline 'root=/dev/vda1 ro clearcpuid=smap,vmx'
