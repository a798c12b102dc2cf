#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kvm_amd: what is refused, waiting, the rights that a change needs, and what undo leaves alone.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC limit=1200
scenarios ept-refuse ept-wait rights undo-edit undo-gone
