#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What is refused with kvm_amd, and waiting.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC
scenarios ept-refuse ept-wait
