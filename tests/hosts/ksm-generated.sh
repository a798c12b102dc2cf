# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An init script: systemd makes a unit of it at each boot.
hypervisor
two_guests_merged
unit ksmtuned.service active generated
drop /lib/systemd/system/ksmtuned.service
put /run/systemd/generator.late/ksmtuned.service '[Unit]' 'SourcePath=/etc/init.d/ksmtuned'
