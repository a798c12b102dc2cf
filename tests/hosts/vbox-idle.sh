# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# VirtualBox is installed and none of its machines runs: its two network modules hold vboxdrv.
hypervisor
put /sys/module/vboxdrv/initstate live
put /sys/module/vboxdrv/refcnt 2
folder /sys/module/vboxdrv/holders/vboxnetadp
folder /sys/module/vboxdrv/holders/vboxnetflt
