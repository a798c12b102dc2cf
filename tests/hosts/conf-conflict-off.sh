# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A file that is read after ours says ept=0.
machine hv042 6.1.0-28-amd64
cpu_broadwell
l1tf 'Mitigation: PTE Inversion; VMX: EPT disabled'
module_loaded "${EPT_OFF[@]}"
conf zzz-site.conf '# site policy' '' "options kvm-intel nested=1 \\" '  ept=0'
