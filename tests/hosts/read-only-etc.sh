# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An immutable system: /etc cannot be written.
machine core7 6.11.5-300.fc41.x86_64
cpu_broadwell
module_loaded
about read_only /etc/modprobe.d
