# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Another module sits on top of kvm_intel.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
folder /sys/module/kvm_intel/holders/kvmgt
