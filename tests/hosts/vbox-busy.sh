# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The same with a machine running: the count is above that of the modules.
hypervisor
put /sys/module/vboxdrv/initstate live
put /sys/module/vboxdrv/refcnt 4
folder /sys/module/vboxdrv/holders/vboxnetadp
folder /sys/module/vboxdrv/holders/vboxnetflt
