# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A profile of tuned made on site, which includes another, that writes 1.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
memory 64 48
two_guests
ksm 1
merged pages_shared=12000 pages_sharing=700000 41922=420000 41987=292000
unit tuned.service active enabled
folder /run/tuned
put /etc/tuned/active_profile site-kvm
put /etc/tuned/site-kvm/tuned.conf '[main]' 'include=site-base'
put /etc/tuned/site-base/tuned.conf '[sysfs]' '/sys/kernel/mm/ksm/run=1'
