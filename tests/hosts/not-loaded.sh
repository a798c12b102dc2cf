# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The module is there and nobody has loaded it.
machine hv060 6.1.0-28-amd64
cpu_broadwell
module_loadable
