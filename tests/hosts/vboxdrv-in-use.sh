# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# VirtualBox runs a machine, and has VT-x for itself.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
put /sys/module/vboxdrv/initstate live
put /sys/module/vboxdrv/refcnt 2
