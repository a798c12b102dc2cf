# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A virtual machine whose host gives it no VT-x.
machine vm017 6.1.0-28-cloud-amd64
cpuinfo GenuineIntel 6 85 'Intel Xeon Processor (Cascadelake)' \
	'rdtscp lm constant_tsc pni ssse3 cx16 sse4_1 sse4_2 x2apic hypervisor lahf_lm'
about vmx no
about svm no
about hypervisor yes
about hypervisor_name KVM
about virt no
about ept no
l1tf 'Mitigation: PTE Inversion'
module_loadable
