#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What rights a change takes with a real kvm_amd, and what ordinary users can do to it.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC
scenarios rights
