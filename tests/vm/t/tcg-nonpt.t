#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A processor with SVM but without NPT.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC,-npt
scenarios module-reload no-ept cpu
