#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A processor with VMX and EPT: the machine itself, changes, failures, refusals, waiting.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=bochs cpu=corei7_sandy_bridge_2600k limit=1800
scenarios module-reload ept-change nested cpu ept-fail read-only ept-refuse ept-wait
