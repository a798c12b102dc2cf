# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A disk that was in an Intel host before: our file has a line for each vendor.
epyc_host
own_conf 'options kvm_intel ept=0' 'options kvm_amd npt=0'
parameters "${NPT_OFF[@]}"
