# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# CPUID shows VT-x, the kernel does not: it runs under a hypervisor.
vtx_hidden hypervisor
about hypervisor yes
cmdline 'root=/dev/vda1 ro -- clearcpuid=vmx'
