# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The kernel demands signatures since the module was loaded, which has none.
hypervisor
about reload 'its file has no signature that this kernel trusts'
