#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Same-page merging and its services, as Debian ships them; the links that start them at boot.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg mode=systemd limit=1800
scenarios ksm-services ksm-bus interference-ksm ksm-links
