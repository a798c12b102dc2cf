# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A blacklist line: it stops only the loading by alias at boot, and is no obstacle.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
conf blacklist-kvm.conf 'blacklist kvm_intel'
