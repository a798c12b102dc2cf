#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# kvm_intel stays where the kernel would take no unsigned module any more.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=bochs limit=1800
scenarios enforced
