#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# bench switches a real kvm_amd between runs.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC limit=240
scenarios bench
