# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# A node of KubeVirt: its virt-handler may turn merging on, as its cluster is configured.
hypervisor
no_units
ksm 0
folder /run/kubevirt
