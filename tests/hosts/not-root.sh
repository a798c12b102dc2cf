# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An ordinary user looks: no registers, and other users' descriptors are hidden.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
about root no
