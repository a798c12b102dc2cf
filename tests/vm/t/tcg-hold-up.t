#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An ordinary user whose processes cannot be read, and root's commands.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC mode=systemd
scenarios hold-up
