# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A kernel whose shadow paging is broken: with EPT off the test guest does not run.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
about guest_needs_ept yes
