# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A value that the kernel refuses was written to a file after the module was loaded.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
conf kvm.conf 'options kvm_intel vpid=maybe'
