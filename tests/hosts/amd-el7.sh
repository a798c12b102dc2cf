# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# RHEL 7: the parameters of kvm_amd are numbers.
machine hv101 3.10.0-1160.el7.x86_64
cpu_epyc
params_amd_el7
module_loaded
conf kvm.conf 'options kvm_amd nested=1'
parameters nested=1
