#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Same-page merging where memory is so short that the host swaps.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg mode=systemd memory=256 limit=1200
scenarios ksm-swap
