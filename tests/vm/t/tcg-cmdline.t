#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The kernel command line sets npt, too.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC words=kvm_amd.npt=1
scenarios cmdline
