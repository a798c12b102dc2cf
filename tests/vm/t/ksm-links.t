#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Same-page merging: the links that start its services at boot.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg mode=systemd limit=1200
scenarios ksm-links
