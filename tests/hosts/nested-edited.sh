# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# nested=0 was written to a file after the module was loaded: the reload will bring it into force.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
conf kvm.conf '# since today' 'options kvm_intel nested=0'
