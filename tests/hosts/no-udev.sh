# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# No systemd and no udev: a start script gave /dev/kvm to everybody.
machine alpine1 6.6.63-0-lts
cpu_broadwell
module_loaded
device 0666
no_udev
