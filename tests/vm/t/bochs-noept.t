#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A processor with VMX but without EPT.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=bochs cpu=core2_penryn_t9600
scenarios module-reload no-ept cpu
