# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A file that is read after ours says ept=1.
machine hv042 6.1.0-28-amd64
cpu_broadwell
module_loaded
conf zzz-site.conf '# site policy' 'options kvm_intel ept=1'
