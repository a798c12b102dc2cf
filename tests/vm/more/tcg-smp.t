#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Two processors with SVM.

# shellcheck source-path=SCRIPTDIR source=../t/common.sh
. "$(dirname "$0")/../t/common.sh"

machine kind=tcg cpu=EPYC cpus=2 limit=300
scenarios ept-change
