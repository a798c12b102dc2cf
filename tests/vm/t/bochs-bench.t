#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bench switches a real kvm_intel between runs.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=bochs cpu=corei7_sandy_bridge_2600k
scenarios bench
