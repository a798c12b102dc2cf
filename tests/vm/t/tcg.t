#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A processor without VMX but with SVM and NPT: the machine itself, changes, failures, kills.

# shellcheck source-path=SCRIPTDIR source=common.sh
. "$(dirname "$0")/common.sh"

machine kind=tcg cpu=EPYC limit=1200
scenarios no-vmx no-vtx module-reload ept-change nested cpu ept-fail interrupted read-only
