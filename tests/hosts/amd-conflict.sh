# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# Another file wins.
epyc_host
conf zzz-site.conf '# site policy' 'options kvm_amd npt=1'
