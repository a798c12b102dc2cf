#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# systemd and udev, as on a real host; NPT and same-page merging as one change; an ordinary user whose
# processes cannot be read.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC mode=systemd limit=1200
scenarios systemd ksm-ept thp hold-up
