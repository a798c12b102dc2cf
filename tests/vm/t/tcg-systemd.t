#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# systemd and udev, as on a real host; NPT and same-page merging as one change.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC mode=systemd
scenarios systemd ksm-ept
