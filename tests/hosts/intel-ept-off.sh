# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# EPT was turned off by kvmtune before; its journal is not there any more.
machine hv043 6.1.0-28-amd64
cpu_broadwell
l1tf 'Mitigation: PTE Inversion; VMX: EPT disabled'
own_conf 'options kvm_intel ept=0'
module_loaded "${EPT_OFF[@]}"
