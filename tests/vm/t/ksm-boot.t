#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Same-page merging from one boot to the next.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg mode=systemd
boots 4 ksm-boot
