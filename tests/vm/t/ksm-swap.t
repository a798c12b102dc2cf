#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Same-page merging where memory is so short that the host swaps.
#
# On a busy host a machine that swaps is so slow that its kernel takes it for locked up after 20 s.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg mode=systemd memory=256 limit=1200 words=watchdog_thresh=60
scenarios ksm-swap
