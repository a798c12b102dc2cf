# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An old processor: VT-x, but no EPT.
machine hv006 6.1.0-28-amd64
cpu_penryn
more_params vpid=N:bool enable_apicv=N:bool enable_shadow_vmcs=N:bool preemption_timer=N:bool
module_loaded "${EPT_OFF[@]}" vpid=N enable_apicv=N enable_shadow_vmcs=N preemption_timer=N
