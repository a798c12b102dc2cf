#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# systemd and udev, as on a real host; EPT and same-page merging as one change.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=bochs cpu=corei7_sandy_bridge_2600k mode=systemd limit=1200
scenarios systemd ksm-ept
