# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Ubuntu: qemu-kvm.service turns merging on at boot, unless it is told not to.
hypervisor
ksm 1
unit qemu-kvm.service active enabled
put /etc/default/qemu-kvm '# Set to 1 to enable KSM, 0 to disable KSM, and AUTO to use default settings.' \
	KSM_ENABLED=AUTO SLEEP_MILLISECS=200
