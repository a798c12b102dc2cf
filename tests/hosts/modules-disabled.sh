# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# kernel.modules_disabled=1: nothing is loaded or removed until the next boot.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
put /proc/sys/kernel/modules_disabled 1
