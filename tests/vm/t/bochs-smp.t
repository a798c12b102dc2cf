#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two processors.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=bochs cpu=corei7_sandy_bridge_2600k cpus=2 limit=900
scenarios ept-change
