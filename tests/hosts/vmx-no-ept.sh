# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An old processor: VT-x, but no EPT.
machine hv006 6.1.0-28-amd64
cpu_penryn
module_loaded "${EPT_OFF[@]}" vpid=N enable_apicv=N enable_shadow_vmcs=N preemption_timer=N
