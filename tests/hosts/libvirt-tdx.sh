# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A host with TDX and libvirt, not affected by L1TF.
machine hv200 6.16.3-amd64
cpu_broadwell
l1tf 'Not affected'
more_params tdx=N:bool
module_loaded tdx=Y
conf tdx.conf 'options kvm_intel tdx=1'
put /var/cache/libvirt/qemu/capabilities/3c76bc41.xml '<qemuCaps/>'
