#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Some of the calls of each command fail, or are its last. `make fault-matrix` has them all.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg mode=systemd
scenarios faults-module faults-ksm
