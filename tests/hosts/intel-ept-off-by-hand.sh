# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Somebody loaded the module with ept=0 by hand: at the next load EPT is on again.
machine hv044 6.1.0-28-amd64
cpu_broadwell
l1tf 'Mitigation: PTE Inversion; VMX: EPT disabled'
module_loaded "${EPT_OFF[@]}"
