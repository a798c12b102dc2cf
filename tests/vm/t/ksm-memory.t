#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Same-page merging where memory is short.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg mode=systemd memory=256
scenarios ksm-unmerge ksm-memory
