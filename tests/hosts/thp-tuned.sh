# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# The profile of tuned for hosts of virtual machines has huge pages for all.
hypervisor
thp always madvise
unit tuned.service active enabled
put /etc/tuned/active_profile virtual-host
put /usr/lib/tuned/virtual-host/tuned.conf '[main]' 'include=throughput-performance'
put /usr/lib/tuned/throughput-performance/tuned.conf '[vm]' 'transparent_hugepages=always'
folder /run/systemd/system
folder /etc/tmpfiles.d
