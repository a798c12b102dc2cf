# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The module is loaded, but what its parameter says is no bool that any kernel writes.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded 'ept=?'
