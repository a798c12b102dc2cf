#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A processor without VMX.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC
scenarios no-vmx no-vtx
