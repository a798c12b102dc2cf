# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An upgrade removed the modules of the running kernel; the module is loaded.
hypervisor
about reload 'the modules of the running kernel were removed'
