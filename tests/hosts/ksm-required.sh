# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Another unit requires ksm.service: with a mask it would not start.
hypervisor
two_guests_merged
both_units active disabled
put /etc/systemd/system/site.service '[Unit]' 'Requires=ksm.service' '[Service]' 'ExecStart=/bin/true'
