# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# ksmtuned.service is wanted by a drop-in of another unit.
hypervisor
two_guests_merged
both_units active disabled
put /etc/systemd/system/libvirtd.service.d/ksm.conf '[Unit]' 'Wants=ksmtuned.service'
