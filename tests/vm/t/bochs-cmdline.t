#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel command line sets the option.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=bochs cpu=corei7_sandy_bridge_2600k words=kvm_intel.ept=1
scenarios cmdline
