# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The common case: Debian 12 on a Broadwell Xeon, nobody has said anything about EPT.
machine hv042 6.1.0-28-amd64
cpu_broadwell
about msr 0x3a 0x5
about msr 0x482 0xfff9fffe0401e172
about msr 0x48b 0x000277ff00000000
about msr 0x48c 0x00000f0106334141
module_loaded
