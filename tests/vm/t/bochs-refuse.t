#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is refused, and waiting.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=bochs cpu=corei7_sandy_bridge_2600k
scenarios ept-refuse ept-wait
