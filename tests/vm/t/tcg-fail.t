#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What goes wrong half-way with kvm_amd, or is interrupted; and commands that only look.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC
scenarios ept-fail interrupted read-only
