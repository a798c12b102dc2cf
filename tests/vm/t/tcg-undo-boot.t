#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Changes undone after a boot, with a real kvm_amd.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC
boots 5 undo-boot
