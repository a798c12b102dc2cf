# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# RHEL 8: nested is shown as 1 or 0, and /dev/kvm is for everybody.
machine rhel8 4.18.0-553.el8_10.x86_64
cpu_broadwell
params_el8
module_loaded nested=0
device 0666
conf kvm.conf '# Setting modprobe kvm_intel/kvm_amd nested = 1 is for nested guests' \
	'options kvm_intel nested=0'
