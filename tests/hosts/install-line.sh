# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An install line answers the loading of the module with a command.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
conf kvm-local.conf 'install kvm_intel /sbin/modprobe --ignore-install kvm_intel && /usr/local/sbin/kvm-up'
