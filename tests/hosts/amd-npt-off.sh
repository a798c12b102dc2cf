# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# NPT off, by our own file.
epyc_host
own_conf 'options kvm_amd npt=0'
parameters "${NPT_OFF[@]}"
