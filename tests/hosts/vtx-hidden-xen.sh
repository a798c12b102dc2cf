# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# CPUID shows VT-x, the kernel does not: dom0 of Xen keeps it.
vtx_hidden hypervisor
put /sys/hypervisor/type xen
