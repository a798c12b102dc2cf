# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A file that is read before ours says ept=1: ours wins, and nested=0 stays where it is.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded nested=N
conf kvm.conf '# for the lab' 'options kvm_intel nested=0 ept=1'
