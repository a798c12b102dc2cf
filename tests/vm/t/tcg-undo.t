#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What undo leaves alone, and how it goes on where a part is gone, with a real kvm_amd.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC
scenarios undo-edit undo-gone
