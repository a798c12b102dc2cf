#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A processor with VMX and EPT: the machine itself, and what changes.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=bochs cpu=corei7_sandy_bridge_2600k
scenarios module-reload ept-change cpu
