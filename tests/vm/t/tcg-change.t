#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A processor with SVM and NPT: the machine itself, and what changes, with a real kvm_amd.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC
scenarios module-reload ept-change cpu
