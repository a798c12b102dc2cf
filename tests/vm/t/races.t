#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Many kvmtune at once, and another tool in the middle of one.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC
scenarios interference races
