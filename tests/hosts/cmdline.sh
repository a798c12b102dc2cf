# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The kernel command line says ept=1 and beats every file.
machine hv042 6.1.0-28-amd64
cpu_broadwell
cmdline BOOT_IMAGE=/boot/vmlinuz-6.1.0-28-amd64 root=/dev/mapper/vg0-root ro kvm-intel.ept=1 quiet
module_loaded
