# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Services without an [Install] section: something else starts them.
hypervisor
two_guests_merged
both_units active static
unit_file ksm.service
unit_file ksmtuned.service
