# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Debian with ksmtuned: both services are enabled and active, and two guests have merged pages.
hypervisor
two_guests_merged
both_units active enabled
