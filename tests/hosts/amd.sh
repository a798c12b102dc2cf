# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# An EPYC: kvm_amd is loaded, nobody has said anything about NPT.
epyc_host
