# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# CPUID shows VT-x, the kernel does not: clearcpuid=vmx took the flag away.
vtx_hidden
cmdline 'root=/dev/vda1 ro clearcpuid=smap,vmx'
