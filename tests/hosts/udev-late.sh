# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# udev takes its time to set owner and mode of /dev/kvm.
machine hv042 6.1.0-28-amd64
cpu_broadwell
about udev_late yes
module_loaded
