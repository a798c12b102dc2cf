# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# RHEL 7: fewer words, the kernel command line says never, and that is how it is.
machine rhel7 3.10.0-1160.el7.x86_64
cpu_broadwell
module_loaded
cmdline BOOT_IMAGE=/vmlinuz-3.10.0-1160.el7.x86_64 root=/dev/mapper/rhel-root ro transparent_hugepage=never
put /sys/kernel/mm/transparent_hugepage/enabled 'always madvise [never]'
put /sys/kernel/mm/transparent_hugepage/defrag '[always] madvise never'
folder /run/systemd/system
folder /etc/tmpfiles.d
