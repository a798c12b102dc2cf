# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Somebody added an option of his own to kvmtune's file.
machine hv042 6.1.0-28-amd64
cpu_broadwell
l1tf 'Mitigation: PTE Inversion; VMX: EPT disabled'
own_conf 'options kvm_intel ept=0' '# mine' 'options kvm_intel nested=0'
module_loaded "${EPT_OFF[@]}" nested=N
