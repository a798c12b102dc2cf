#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Same-page merging: other units that a start or a stop of its services has to do with.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg mode=systemd limit=1200
scenarios ksm-jobs
