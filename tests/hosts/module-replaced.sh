# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An upgrade replaced the file of the loaded module by that of another build.
hypervisor
about reload 'its file was replaced since it was loaded'
