# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An init script: systemd makes a unit of it at each boot.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
memory 64 48
two_guests
ksm 1
merged pages_shared=12000 pages_sharing=700000 41922=420000 41987=292000
unit ksmtuned.service active generated
drop /lib/systemd/system/ksmtuned.service
put /run/systemd/generator.late/ksmtuned.service '[Unit]' 'SourcePath=/etc/init.d/ksmtuned'
