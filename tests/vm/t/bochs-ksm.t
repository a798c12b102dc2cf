#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# EPT and same-page merging as one change, with a real kvm_intel.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=bochs cpu=corei7_sandy_bridge_2600k mode=systemd
scenarios ksm-ept
