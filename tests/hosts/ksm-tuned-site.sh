# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A profile of tuned made on site, which includes another, that writes 1.
hypervisor
two_guests_merged
unit tuned.service active enabled
folder /run/tuned
put /etc/tuned/active_profile site-kvm
put /etc/tuned/site-kvm/tuned.conf '[main]' 'include=site-base'
put /etc/tuned/site-base/tuned.conf '[sysfs]' '/sys/kernel/mm/ksm/run=1'
