# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The module was loaded with nested=0 by hand: no file says so.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded nested=N
