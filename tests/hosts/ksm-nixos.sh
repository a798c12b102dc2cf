# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154 # host_dir is of hosts.sh
# NixOS with hardware.ksm.enable: a unit that is generated with the system writes 1 at each boot.
machine nix1 6.6.63
cpu_broadwell
module_loaded
memory 64 48
put /etc/NIXOS ''
no_units
ksm 1
merged pages_shared=2000 pages_sharing=90000
put /etc/systemd/system/enable-ksm.service '[Service]' \
	'ExecStart=/nix/store/0000-enable-ksm-start/bin/enable-ksm-start'
folder /etc/systemd/system/multi-user.target.wants
ln -s ../enable-ksm.service \
	"$host_dir/root/etc/systemd/system/multi-user.target.wants/enable-ksm.service"
