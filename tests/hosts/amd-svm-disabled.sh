# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# SVM is there (CPUID), but the firmware switched it off: VM_CR says so, the flags of this kernel do not.
machine hv103 6.1.0-28-amd64
cpu_epyc
about virt no
about msr 0xc0010114 0x18
module_loadable
