# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # host_dir is of hosts.sh
# Devuan: no systemd. KSM was turned on by hand; the script of ksmtuned is not enabled.
hypervisor
ksm 1
merged pages_shared=2000 pages_sharing=90000
process 1 0 init / /sbin/init
put /etc/init.d/ksmtuned '#!/bin/sh'
chmod 755 "$host_dir/root/etc/init.d/ksmtuned"
folder /etc/rc2.d
ln -s ../init.d/ksmtuned "$host_dir/root/etc/rc2.d/K01ksmtuned"
