#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# /dev/kvm comes back as it was where there is no udev.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC limit=1800 words=kvmtune.udev=off
scenarios device
