#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A kvm_intel that could not be loaded again is not removed; /dev/kvm comes back as it was. enforced is the last:
# its kernel takes no module any more.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=bochs limit=1800
pack_modules
scenarios not-reloadable device enforced
